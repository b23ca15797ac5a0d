"""The edges of Tonebus, and the words that travel on the wire."""
