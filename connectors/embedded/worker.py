"""A worker in a thread of this process."""

from __future__ import annotations

import threading
import uuid
from collections import deque
from typing import TYPE_CHECKING, Any

from connectors.messages import Fault
from connectors.ports import NO_HEADERS
from connectors.scoring.protocol import Failed, Scored, Started

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from connectors.scoring.protocol import BatchResult, Reply

    Work = Callable[[Sequence[str], Mapping[str, Any]], BatchResult]
    """Texts and headers of a request in, the result with the scores out."""
    _Request = tuple[str, list[str], Mapping[str, str], Callable[[Reply], None]]

WORKER = "embedded"


class EmbeddedWorker:
    """Scores in a thread of this process, as a Celery worker would in its own."""

    def __init__(self, score: Work) -> None:
        self._score = score
        self._requests: deque[_Request] = deque()
        self._ready = threading.Semaphore(0)
        threading.Thread(target=self._work, name="embedded-worker", daemon=True).start()

    def submit(
        self, texts: list[str], *, urgent: bool, reply: Callable[[Reply], None],
        headers: Mapping[str, str] = NO_HEADERS,
    ) -> str:  # fmt: skip
        """Queue a batch; `reply` is called from the worker's thread."""
        request = uuid.uuid4().hex
        put = self._requests.appendleft if urgent else self._requests.append
        put((request, texts, headers, reply))
        self._ready.release()
        return request

    def _work(self) -> None:
        while self._ready.acquire():
            request, texts, headers, reply = self._requests.popleft()
            reply(Started(request, WORKER))
            try:
                result = self._score(texts, headers)
            except Exception as error:  # noqa: BLE001 - the asker decides, as with a real worker
                reply(Failed(request, Fault("error", type(error).__name__)))
            else:
                reply(Scored(request, WORKER, result.model, result.outcomes(), result.seconds))
