"""Bad inputs against the real thing: each gets what it must, and never takes a neighbour along."""
