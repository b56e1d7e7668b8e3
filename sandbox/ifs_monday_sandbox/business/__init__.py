"""A believable manufacturer, generated from a seed, and how its business moves on."""
