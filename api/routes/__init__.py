"""The routes: what callers may ask of the service."""
