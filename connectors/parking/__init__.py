"""Parked messages: how one is made, read, and replayed."""
