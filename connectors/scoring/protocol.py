"""What daemon and workers say to each other about scoring requests.

A request is one Celery task, `score`. All that a daemon is told about it, and what each proves:

- `Started`: that worker has the request. No forward begins before this was sent. The same worker
  says it once more where RabbitMQ has closed its channel and the forward goes on: the request
  comes back to another worker then, and nothing is proved by that.
- `Scored`: it is done. Texts that failed in it are named, with their faults.
- `Failed` with the code `error`: the model raised on the batch as a whole. The worker lives.
- `Failed` with the code `worker-lost`: the request came back to another worker. The one that
  `Started` named has died, or has lost its connection. Without a `Started` it proves nothing: a
  worker that shuts down returns the request that it was just given.
- `Unreadable`: a reply came that cannot be read. The worker that `Started` named is at fault.
- nothing in time: the worker that `Started` named hangs or is cut off. Without a `Started` no
  worker took the request up.

A worker's name stands for one process: its successor after a crash has another name. `Scored` may
follow any of the others, even late, for a worker that was only cut off finishes what it has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from connectors.errors import BadInput
from connectors.messages import Fault, Model, Score

if TYPE_CHECKING:
    from collections.abc import Sequence

TASK = "score"
TRANSIENT = 1
"""Delivery mode of requests and replies: after a restart of RabbitMQ, nobody waits for them."""
_NOTHING_ELSE = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}
_MAX_CLASS_CHARS = 100
LOST = "LOST"
"""State of a request that another worker had taken, and ended before it replied."""


class BatchFailed(Exception):  # noqa: N818 - a name that Celery puts into the reply
    """The model raised on a batch; made with the name of the error's class, and with no more.

    An error's own message may quote a text.
    """


class Started(msgspec.Struct, frozen=True):
    """A worker has taken the request up."""

    request: str
    worker: str


class Scored(msgspec.Struct, frozen=True):
    """A worker has done the request.

    Attributes:
        outcomes: One for each text, in the order asked; a batch names its failed members.
        seconds: Time that the model took.
    """

    request: str
    worker: str
    model: Model
    outcomes: list[Score | Fault]
    seconds: float


class Failed(msgspec.Struct, frozen=True):
    """The request as a whole came to nothing; which of its texts is to blame is not known."""

    request: str
    fault: Fault


class Unreadable(msgspec.Struct, frozen=True):
    """A reply came that cannot be read: the worker is broken, or of another release."""

    request: str


Reply = Started | Scored | Failed | Unreadable


class BatchResult(msgspec.Struct, array_like=True):
    """What a worker sends back for one batch: compact, since it crosses the bus.

    Attributes:
        rows: For each text its tones' probabilities, its tokens and whether it was cut.
        faults: By the text's position, why it has no score; its row is empty.
    """

    worker: str
    model: Model
    seconds: float
    tones: list[str]
    rows: list[tuple[list[float], int, bool]]
    faults: dict[int, Fault]

    @classmethod
    def of(
        cls,
        outcomes: Sequence[Score | Fault],
        *,
        worker: str,
        model: Model,
        seconds: float,
        tones: Sequence[str],
    ) -> BatchResult:
        return cls(
            worker,
            model,
            seconds,
            list(tones),
            [
                ([], 0, False)
                if isinstance(each, Fault)
                else ([each.scores[tone] for tone in tones], each.tokens, each.truncated)
                for each in outcomes
            ],
            {place: each for place, each in enumerate(outcomes) if isinstance(each, Fault)},
        )

    def outcomes(self) -> list[Score | Fault]:
        return [
            self.faults.get(place)
            or Score(dict(zip(self.tones, scores, strict=True)), tokens, truncated)
            for place, (scores, tokens, truncated) in enumerate(self.rows)
        ]


class _Message(msgspec.Struct):
    """A reply as Celery's rpc backend writes it."""

    task_id: str
    status: str
    result: msgspec.Raw


class _Start(msgspec.Struct):
    hostname: str


class _Failure(msgspec.Struct):
    """An exception, as Celery writes it: its class, and what it was raised with."""

    exc_type: str
    exc_message: list[object]


_UNREADABLE = (msgspec.MsgspecError, ValueError, RecursionError)
"""What JSON that anybody may have written raises; text that is not UTF-8 is a ValueError."""
_decode_message = msgspec.json.Decoder(_Message).decode
_decode_start = msgspec.json.Decoder(_Start).decode
_decode_failure = msgspec.json.Decoder(_Failure).decode
_decode_result = msgspec.json.Decoder(BatchResult).decode


def task_body(texts: Sequence[str]) -> bytes:
    """Return the body of a request as Celery writes it: arguments, named ones, what else to do."""
    return msgspec.json.encode(([texts], {}, _NOTHING_ELSE))


def read_reply(body: bytes | str) -> Reply:
    """Read one reply of Celery's.

    Raises:
        BadInput: It is not a reply to a scoring request.
    """
    try:
        message = _decode_message(body)
        if message.status == "STARTED":
            return Started(message.task_id, _decode_start(message.result).hostname)
        if message.status == "SUCCESS":
            result = _decode_result(message.result)
            return Scored(
                message.task_id, result.worker, result.model, result.outcomes(), result.seconds
            )
    except _UNREADABLE as error:
        raise BadInput("reply", type(error).__name__) from error
    if message.status == LOST:
        return Failed(message.task_id, Fault("worker-lost"))
    return Failed(message.task_id, Fault("error", _error_class(message)))


def _error_class(message: _Message) -> str:
    """The class of the error that a failure names; the status where it names none."""
    try:
        failure = _decode_failure(message.result)
    except _UNREADABLE:
        return message.status
    ours = failure.exc_type == BatchFailed.__name__ and failure.exc_message
    name = str(failure.exc_message[0] if ours else failure.exc_type)
    return name if name.isidentifier() and len(name) <= _MAX_CLASS_CHARS else message.status
