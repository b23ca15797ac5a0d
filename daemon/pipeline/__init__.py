"""The message path, from the delivery to its acknowledgement. `pipeline.py` tells the story."""
