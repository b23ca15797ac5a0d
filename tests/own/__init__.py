"""Servers of the tests' own, which they may kill, stop and starve."""
