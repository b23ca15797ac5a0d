"""The HTTP side: the cache, else a task, and wait for it."""

from __future__ import annotations

import hashlib
import json
import os

import redis
from celery import Celery
from fastapi import FastAPI
from pydantic import BaseModel

celery = Celery(
    "baseline",
    broker=os.environ["TONEBUS_BROKER_URL"],
    backend=os.environ["TONEBUS_REDIS_URL"],
)
cache = redis.Redis.from_url(os.environ["TONEBUS_REDIS_URL"])
app = FastAPI()


class Text(BaseModel):
    """One text."""

    text: str


@app.post("/api/predict/")
def predict(body: Text) -> dict[str, object]:
    """Score one text."""
    key = hashlib.sha256(body.text.encode()).hexdigest()
    if found := cache.get(key):
        cached: dict[str, object] = json.loads(found)
        return cached
    result: dict[str, object] = celery.send_task("predict", [body.text]).get(timeout=60)
    cache.set(key, json.dumps(result), ex=3600)
    return result
