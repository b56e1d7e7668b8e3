"""What a tenant offers, and the settings that read it: the parts of `tap-ifs-cloud-explore`."""
