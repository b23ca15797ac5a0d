"""One suite over every implementation of an edge."""
