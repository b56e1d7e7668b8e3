"""How fast and how frugal the plugins are: `python -m benchmarks`, or `make bench`."""
