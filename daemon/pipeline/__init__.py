"""The message path, from the delivery to its acknowledgement. `pipeline.py` is its story."""
