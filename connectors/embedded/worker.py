"""A worker in a thread of this process."""

from __future__ import annotations

import threading
import uuid
from collections import deque
from typing import TYPE_CHECKING

from connectors.events import Fault
from connectors.scoring import Failed, Scored, Sheet, Started

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from connectors.scoring import Answer

WORKER = "embedded"


class EmbeddedWorker:
    """Scores in a thread of this process, as a Celery worker would in its own."""

    def __init__(self, score: Callable[[Sequence[str]], Sheet]) -> None:
        """Start the thread.

        Args:
            score: What a worker does with a batch.
        """
        self._score = score
        self._requests: deque[tuple[str, list[str], Callable[[Answer], None]]] = deque()
        self._ready = threading.Semaphore(0)
        threading.Thread(target=self._work, name="embedded-worker", daemon=True).start()

    def submit(self, texts: list[str], *, urgent: bool, reply: Callable[[Answer], None]) -> str:
        """Queue a batch; `reply` is called from the worker's thread."""
        request = uuid.uuid4().hex
        put = self._requests.appendleft if urgent else self._requests.append
        put((request, texts, reply))
        self._ready.release()
        return request

    def _work(self) -> None:
        while self._ready.acquire():
            request, texts, reply = self._requests.popleft()
            reply(Started(request, WORKER))
            try:
                sheet = self._score(texts)
            except Exception as error:  # noqa: BLE001 - the asker decides, as with a real worker
                reply(Failed(request, Fault("error", type(error).__name__)))
            else:
                reply(Scored(request, WORKER, sheet.model, sheet.verdicts(), sheet.seconds))
