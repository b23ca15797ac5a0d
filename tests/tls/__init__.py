"""Servers that are reached by TLS, with an authority of the tests' own."""
