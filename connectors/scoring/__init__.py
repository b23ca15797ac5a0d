"""Asking workers for scores: what both sides say, how Celery is set up, and the asking side."""
