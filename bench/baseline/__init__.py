"""The old way, rebuilt faithfully: HTTP, one Celery task for each text, one text at a time.

FastAPI hands each request to a Celery task, a prefork worker runs transformers' `pipeline()` on
that one text, and the result comes back by Redis, which also caches it.
"""
