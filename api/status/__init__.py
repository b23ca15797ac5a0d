"""How the whole deployment stands: read from the snapshots, summed up, judged."""
