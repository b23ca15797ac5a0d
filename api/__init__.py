"""The HTTP service: status and predictions, beside the bus."""
