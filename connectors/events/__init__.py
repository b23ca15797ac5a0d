"""Tone events: their content, and the form in which they leave."""
