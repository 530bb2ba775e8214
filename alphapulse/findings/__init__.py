"""What counts as wrong, and in which words it is told: facts in, alerts out. Pure."""
