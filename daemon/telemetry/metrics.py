"""Every metric of every process, in one list, with one line of meaning.

The message path counts in plain dictionaries; `prometheus_client` reads them only when somebody
scrapes. docs/reference/metrics.md is made from the list (`make reference`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Labels = tuple[str, ...]
Kind = Literal["counter", "gauge", "histogram"]

SECONDS = (
    0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3,
    0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 7.5, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0,
)  # fmt: skip
"""Bounds of a short wait, close enough for a quantile within a third."""
_AGES = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 21600.0, 86400.0)
_SIZES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0)


@dataclass(frozen=True, eq=False)
class Metric:
    """One metric.

    Attributes:
        labels: Their names; each takes few values, which settings or code bound.
        buckets: Upper bounds of a histogram.
        lasts: Whether a gauge stays true when nobody keeps it up.
    """

    name: str
    kind: Kind
    process: Literal["daemon", "worker", "api", "each"]
    meaning: str
    labels: Labels = ()
    buckets: tuple[float, ...] = ()
    lasts: bool = False


# fmt: off
BUILD = Metric(
    "tonebus_build_info", "gauge", "each",
    "Always 1; the label is the version that runs.",
    ("version",), lasts=True,
)
INCIDENTS = Metric(
    "tonebus_incidents_total", "counter", "each",
    "Incidents that were logged, by the event's name.",
    ("incident",),
)
REDIS_OPEN = Metric(
    "tonebus_redis_left_alone", "gauge", "each",
    "1 while Redis fails and is not used; every text is then scored.",
)
CONNECTED = Metric(
    "tonebus_connected", "gauge", "each",
    "1 while a daemon, or the API, is connected to RabbitMQ.",
)

DELIVERIES = Metric(
    "tonebus_deliveries_total", "counter", "daemon",
    "Messages delivered from the source queues, redeliveries included.",
    ("connector",),
)
EVENTS = Metric(
    "tonebus_events_total", "counter", "daemon",
    "Tone events that the broker confirmed; their tone may be `none` or `unsure`.",
    ("connector", "tone"),
)
PARKED = Metric(
    "tonebus_parked_total", "counter", "daemon",
    "Messages, or single texts of them, parked and confirmed, by reason code.",
    ("connector", "code"),
)
SKIPPED = Metric(
    "tonebus_skipped_total", "counter", "daemon",
    "Messages that ask for no event, by reason.",
    ("connector", "reason"),
)
LANGUAGES = Metric(
    "tonebus_event_languages_total", "counter", "daemon",
    "Tone events by the language of their text; `und` where it is not known, `other` where a "
    "message names one that cannot be detected. `read` is `no` where no model reads it.",
    ("connector", "language", "read"),
)
REMOVED = Metric(
    "tonebus_removed_characters_total", "counter", "daemon",
    "Characters that cleaning removed from texts: `quote`, `signature`, `disclaimer`, `hidden` or "
    "`markup`.",
    ("connector", "part"),
)
EMPTIED = Metric(
    "tonebus_emptied_texts_total", "counter", "daemon",
    "Texts that are empty after cleaning; their tone is `none`.",
    ("connector",),
)
DUPLICATES = Metric(
    "tonebus_duplicates_avoided_total", "counter", "daemon",
    "Texts settled without an event, since their event was published before.",
    ("connector",),
)
REPLIES = Metric(
    "tonebus_replies_total", "counter", "daemon",
    "Replies sent to the `reply_to` of a message, beside its event.",
    ("connector",),
)
CACHED = Metric(
    "tonebus_cache_hits_total", "counter", "daemon",
    "Events whose score came from the cache, or from an equal text under way.",
    ("connector",),
)
SHADOW = Metric(
    "tonebus_shadow_tones_total", "counter", "daemon",
    "Texts that a shadow model scored too: the most probable tone of the model in charge, and the "
    "shadow's.",
    ("connector", "model", "tone", "shadow"),
)
SHADOW_MISSED = Metric(
    "tonebus_shadow_missed_total", "counter", "daemon",
    "Texts left out of the comparison: `busy` where the shadow was too slow, or its failure.",
    ("connector", "model", "code"),
)
FURTHER = Metric(
    "tonebus_further_tones_total", "counter", "daemon",
    "Texts by what each further model of a connector said of them, in events.",
    ("connector", "model", "tone"),
)
FURTHER_MISSED = Metric(
    "tonebus_further_missed_total", "counter", "daemon",
    "Texts in events without the answer of a further model, with the reason that the event has.",
    ("connector", "model", "reason"),
)
SCORED = Metric(
    "tonebus_scored_texts_total", "counter", "each",
    "Texts that a worker scored for this process, or that this worker scored.",
    ("model",),
)
FAILED = Metric(
    "tonebus_failed_batches_total", "counter", "each",
    "Batches that failed and were split, or requested again.",
    ("model", "code"),
)
BATCH_TEXTS = Metric(
    "tonebus_batch_texts", "histogram", "each",
    "Texts in one request to a worker.",
    ("model",), _SIZES,
)
BATCH_TOKENS = Metric(
    "tonebus_batch_tokens_total", "counter", "each",
    "Tokens that the model read.",
    ("model",),
)
QUEUE_WAIT = Metric(
    "tonebus_queue_wait_seconds", "histogram", "each",
    "From the request for a batch until a worker took it.",
    ("model",), SECONDS,
)
SCORING = Metric(
    "tonebus_scoring_seconds", "histogram", "each",
    "Time of the model for one batch.",
    ("model",), SECONDS,
)
LATENCY = Metric(
    "tonebus_latency_seconds", "histogram", "daemon",
    "From the delivery of a message until its event, or its parked copy, was confirmed.",
    (), SECONDS,
)
AGE = Metric(
    "tonebus_message_age_seconds", "histogram", "daemon",
    "From the publisher's own timestamp, in whole seconds, until the confirm; only where "
    "there is one.",
    (), _AGES,
)
REFUSED = Metric(
    "tonebus_publish_refusals_total", "counter", "daemon",
    "Messages that the broker refused; each is sent again.",
)
RECONNECTS = Metric(
    "tonebus_connections_lost_total", "counter", "daemon",
    "Times that the connection to RabbitMQ was lost.",
)
IN_FLIGHT = Metric(
    "tonebus_in_flight", "gauge", "daemon",
    "Deliveries that are not settled yet.",
)
WAITING = Metric(
    "tonebus_waiting_texts", "gauge", "daemon",
    "Texts that wait for a score.",
)
UNCONFIRMED = Metric(
    "tonebus_unconfirmed", "gauge", "daemon",
    "Messages that the broker has not confirmed yet.",
)
WORKERS = Metric(
    "tonebus_workers", "gauge", "daemon",
    "Workers that consume a model's queue.",
    ("model",),
)
MODEL = Metric(
    "tonebus_model_info", "gauge", "each",
    "Always 1; the labels are the model that a name stands for.",
    ("model", "name", "revision"), lasts=True,
)
STATE = Metric(
    "tonebus_state", "gauge", "daemon",
    "1 for what the daemon does now: connecting, working, quarantine, paused or draining.",
    ("state",),
)
PAUSED = Metric(
    "tonebus_paused", "gauge", "daemon",
    "1 while a daemon does not consume for a connector, with the reason.",
    ("connector", "reason"),
)
REPORTED = Metric(
    "tonebus_last_report_timestamp_seconds", "gauge", "daemon",
    "When the daemon's loop last reported; while it hangs, other gauges have no value.",
    lasts=True,
)
BLOCKED = Metric(
    "tonebus_publishing_blocked", "gauge", "daemon",
    "1 while RabbitMQ, short of memory or disk, asks publishers to wait.",
)

BUSY = Metric(
    "tonebus_worker_busy_seconds_total", "counter", "worker",
    "Time spent in the model.",
    ("model",),
)
REQUESTS = Metric(
    "tonebus_http_requests_total", "counter", "api",
    "Requests answered, by route and status.",
    ("route", "status"),
)
REQUEST_SECONDS = Metric(
    "tonebus_http_request_seconds", "histogram", "api",
    "Time to answer a request.",
    ("route",), SECONDS,
)
QUEUES = Metric(
    "tonebus_queue_messages", "gauge", "api",
    "Messages ready in a queue.",
    ("queue",),
)
DAEMONS = Metric(
    "tonebus_daemons", "gauge", "api",
    "Daemons that report through Redis.",
)
# fmt: on

METRICS: tuple[Metric, ...] = tuple(
    value for value in list(globals().values()) if isinstance(value, Metric)
)
