"""The Celery side: one text, one task, one forward."""

from __future__ import annotations

import os
from typing import Any

from celery import Celery, signals
from transformers import pipeline

app = Celery(
    "baseline",
    broker=os.environ["TONEBUS_BROKER_URL"],
    backend=os.environ["TONEBUS_REDIS_URL"],
)
app.conf.update(worker_proc_alive_timeout=120.0, broker_connection_retry_on_startup=True)
_loaded: list[Any] = []


@signals.worker_process_init.connect  # type: ignore[untyped-decorator]  # Celery has no types
def load_model(**_: object) -> None:
    """Load after the fork: torch does not survive one."""
    _loaded.append(pipeline("text-classification", model=os.environ["BENCH_MODEL"]))


@app.task(name="predict")  # type: ignore[untyped-decorator]  # Celery has no types
def predict(text: str) -> dict[str, Any]:
    """Score one text."""
    result: dict[str, Any] = _loaded[0](text, truncation=True)[0]
    return result
