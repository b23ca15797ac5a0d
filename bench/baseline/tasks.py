"""The Celery side: one text, one task; the cache, else one forward."""

from __future__ import annotations

import hashlib
import json
import os
from typing import Any

import redis
from celery import Celery, signals
from transformers import pipeline

app = Celery(
    "baseline",
    broker=os.environ["TONEBUS_BROKER_URL"],
    backend=os.environ["TONEBUS_REDIS_URL"],
)
app.conf.update(worker_proc_alive_timeout=120.0, broker_connection_retry_on_startup=True)
cache = redis.Redis.from_url(os.environ["TONEBUS_REDIS_URL"])
_loaded: list[Any] = []


@signals.worker_process_init.connect  # type: ignore[untyped-decorator]  # Celery has no types
def load_model(**_: object) -> None:
    """Load after the fork: torch does not survive one."""
    _loaded.append(pipeline("text-classification", model=os.environ["BENCH_MODEL"]))


@app.task(name="predict")  # type: ignore[untyped-decorator]  # Celery has no types
def predict(text: str) -> dict[str, Any]:
    key = hashlib.sha256(text.encode()).hexdigest()
    if found := cache.get(key):
        cached: dict[str, Any] = json.loads(found)
        return cached
    result: dict[str, Any] = _loaded[0](text, truncation=True)[0]
    cache.set(key, json.dumps(result), ex=3600)
    return result
