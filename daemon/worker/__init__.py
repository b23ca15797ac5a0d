"""The Celery worker: one task, `score`, around a model."""
