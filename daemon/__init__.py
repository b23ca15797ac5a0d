"""The message path, the model worker and the command line."""
