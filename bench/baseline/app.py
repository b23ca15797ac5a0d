"""The HTTP side: a task for each request, and wait for it."""

from __future__ import annotations

import os

from celery import Celery
from fastapi import FastAPI
from pydantic import BaseModel

celery = Celery(
    "baseline",
    broker=os.environ["TONEBUS_BROKER_URL"],
    backend=os.environ["TONEBUS_REDIS_URL"],
)
app = FastAPI()


class Text(BaseModel):
    """One text."""

    text: str


@app.post("/api/predict/")
def predict(body: Text) -> dict[str, object]:
    result: dict[str, object] = celery.send_task("predict", [body.text]).get(timeout=60)
    return result
