"""Alert rules and dashboard."""
