"""What a process writes of itself for the status page."""
