"""The message path."""
