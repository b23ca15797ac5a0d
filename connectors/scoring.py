"""Ask Celery workers for scores without blocking: requests go out, answers are collected."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import amqp
import kombu
import msgspec
from celery import Celery

from connectors import topology
from connectors.broker import tls_options
from connectors.edges import NO_HEADERS
from connectors.errors import BadInput
from connectors.events import Fault, Model, Score

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from connectors.broker import Broker

TASK = "score"
LOST = "LOST"
"""State of a request that another worker had taken up, and did not live to answer."""


class Started(msgspec.Struct, frozen=True):
    """A worker has taken the request up."""

    request: str
    worker: str


class Scored(msgspec.Struct, frozen=True):
    """A worker has done the request.

    Attributes:
        verdicts: One for each text, in the order asked; a batch names its failed members.
        seconds: Time that the model took.
    """

    request: str
    worker: str
    model: Model
    verdicts: list[Score | Fault]
    seconds: float


class Failed(msgspec.Struct, frozen=True):
    """The request as a whole came to nothing; which of its texts is to blame is not known."""

    request: str
    fault: Fault


Answer = Started | Scored | Failed


class Sheet(msgspec.Struct, array_like=True):
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
        verdicts: Sequence[Score | Fault],
        *,
        worker: str,
        model: Model,
        seconds: float,
        tones: Sequence[str],
    ) -> Sheet:
        """Pack the verdicts on one batch."""
        return cls(
            worker,
            model,
            seconds,
            list(tones),
            [
                ([], 0, False)
                if isinstance(each, Fault)
                else ([each.scores[tone] for tone in tones], each.tokens, each.truncated)
                for each in verdicts
            ],
            {place: each for place, each in enumerate(verdicts) if isinstance(each, Fault)},
        )

    def verdicts(self) -> list[Score | Fault]:
        """Unpack them again."""
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


_decode_message = msgspec.json.Decoder(_Message).decode
_decode_start = msgspec.json.Decoder(_Start).decode
_decode_sheet = msgspec.json.Decoder(Sheet).decode


def celery_app(broker_url: str, ca_file: str = "") -> Celery:
    """Return the Celery application that daemon and workers share: what they must agree on."""
    app = Celery("tonebus", broker=broker_url, set_as_current=False)
    app.conf.update(
        broker_use_ssl=tls_options(broker_url.partition(";")[0], ca_file) or None,
        result_backend="rpc://",
        result_persistent=False,
        task_serializer="json",
        result_serializer="json",
        accept_content=["json"],
        task_default_delivery_mode="transient",
        task_create_missing_queues=False,
        task_track_started=True,
        # a worker gets its next request when it has done the one before, so that none waits behind
        # a busy worker while another is idle
        task_acks_late=True,
        task_store_errors_even_if_ignored=True,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        worker_enable_remote_control=False,
        worker_prefetch_multiplier=1,
        worker_send_task_events=False,
    )
    return app


def celery_queue(model: str) -> kombu.Queue:
    """Return a model's scoring queue in kombu's terms, as `topology` declares it."""
    queue = topology.scoring_queue(model)
    return kombu.Queue(
        queue.name,
        exchange=kombu.Exchange("", type="direct"),
        routing_key=queue.name,
        durable=True,
        queue_arguments=queue.arguments,
    )


def liveness_queue(worker: str) -> str:
    """The queue that exists exactly as long as a worker's connection does."""
    return f"sentiment.worker.{worker}"


class Scoring:
    """The requesting channel of one connection, with its own exclusive reply queue."""

    def __init__(self, broker: Broker, app: Celery) -> None:
        """Open the channel and listen for replies."""
        self._broker = broker
        # replies come to the queue below; Celery's own backend would declare one more before each
        # request, wait for the answer, and go on when there is none
        app.conf.result_backend = "disabled"
        self._app = app
        self._channel = broker.channel()
        self._producer = kombu.Producer(self._channel)
        self._queues: dict[str, kombu.Queue] = {}
        self._answers: list[Answer] = []
        self._gone: list[str] = []
        self._channel.events["basic_return"].add(self._on_return)
        declared = broker.attempt(self._channel.queue_declare, "", exclusive=True)
        self._reply_to = declared.queue
        broker.attempt(
            self._channel.basic_consume, self._reply_to, no_ack=True, callback=self._on_reply
        )

    def ask(
        self, model: str, texts: Sequence[str], *, urgent: bool, timeout: float,
        headers: Mapping[str, str] = NO_HEADERS,
    ) -> str:  # fmt: skip
        """Send a batch to the workers of a model.

        Args:
            model: The model's name in the settings.
            texts: What to score.
            urgent: Whether it may overtake the backlog.
            timeout: Seconds after which nobody waits for it any more, so that it need not be done.
            headers: Of the task's message, beside Celery's own.

        Returns:
            The id that its answers will carry.
        """
        request = uuid.uuid4().hex
        queue = self._queues.setdefault(model, celery_queue(model))
        self._broker.attempt(
            self._app.send_task,
            TASK,
            [list(texts)],
            task_id=request,
            reply_to=self._reply_to,
            queue=queue,
            declare=[],
            producer=self._producer,
            priority=topology.URGENT if urgent else topology.BULK,
            # the broker's clock decides, for the clocks of two hosts may differ
            expiration=timeout,
            headers=dict(headers),
            argsrepr="…",
            kwargsrepr="…",
            retry=False,
        )
        return request

    def answers(self) -> list[Answer]:
        """Take what the workers have said since the last call."""
        taken, self._answers = self._answers, []
        return taken

    def workers(self, model: str) -> int:
        """Count the workers that listen for a model's requests just now: one round trip."""
        name = topology.scoring_queue(model).name
        declared = self._broker.attempt(self._channel.queue_declare, name, passive=True)
        return int(declared.consumer_count)

    def probe(self, worker: str) -> None:
        """Find out whether a worker still lives; if not, `gone` will name it.

        The worker's liveness queue vanishes with its connection, and RabbitMQ then returns what
        is sent to it.
        """
        self._broker.attempt(
            self._channel.basic_publish,
            amqp.Message(b""),
            routing_key=liveness_queue(worker),
            mandatory=True,
        )

    def gone(self) -> list[str]:
        """Take the workers that were found dead since the last call."""
        taken, self._gone = self._gone, []
        return taken

    def _on_return(self, _error: object, _exchange: str, key: str, _message: object) -> None:
        self._gone.append(key.removeprefix(liveness_queue("")))

    def _on_reply(self, message: Any) -> None:  # noqa: ANN401 - py-amqp has no types
        try:
            self._answers.append(read_reply(message.body))
        except BadInput:
            # not a worker's: whoever knows the queue's name can write to it
            return


def read_reply(body: bytes | str) -> Answer:
    """Read one reply of Celery's.

    Raises:
        BadInput: It is not a reply to a scoring request.
    """
    try:
        message = _decode_message(body)
        if message.status == "STARTED":
            return Started(message.task_id, _decode_start(message.result).hostname)
        if message.status == "SUCCESS":
            sheet = _decode_sheet(message.result)
            return Scored(
                message.task_id, sheet.worker, sheet.model, sheet.verdicts(), sheet.seconds
            )
    except (msgspec.MsgspecError, ValueError) as error:
        raise BadInput("reply", type(error).__name__) from error
    if message.status == LOST:
        return Failed(message.task_id, Fault("worker-lost"))
    return Failed(message.task_id, Fault("error", message.status))
