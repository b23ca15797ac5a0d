"""The old way, rebuilt faithfully: HTTP, one Celery task for each text, one text at a time.

FastAPI hands each request to a Celery task and waits; a prefork worker looks into Redis, else runs
transformers' `pipeline()` on that one text and caches what it says; the result comes back by Redis.
"""
