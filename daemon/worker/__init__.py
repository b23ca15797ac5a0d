"""The Celery worker: one task, `score`, around its models."""
