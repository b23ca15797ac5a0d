"""Every warning and every error that a process logs, in an operator's words, with the fix."""

from __future__ import annotations

from typing import NamedTuple


class Words(NamedTuple):
    """How an event of the log is told to an operator; `{…}` are fields of the event."""

    words: str
    fix: str


CATALOGUE: dict[str, Words] = {
    "disconnected": Words(
        "The connection to RabbitMQ was lost: {error}",
        "Nothing is lost, and the process reconnects. If it repeats, see RabbitMQ's log."),
    "bus_unavailable": Words(
        "RabbitMQ could not be reached: {error}",
        "Start RabbitMQ, or correct `TONEBUS_BROKER_URL`. The process tries again by itself."),
    "redis_failed": Words(
        "Redis did not answer: {error}",
        "Start Redis, or correct `TONEBUS_REDIS_URL`. Until then every text is scored again."),
    "workers_gone": Words(
        "No worker is running for model “{model}”",
        "Start one: `tonebus worker --model {model}`. Messages wait in their queues until then."),
    "workers_silent": Words(
        "The {workers} workers of model “{model}” are connected, and take no request up",
        "See their log, and restart them: they hang, are stopped, or may not reply. If that "
        "changes nothing, a policy may drop their requests: see `tonebus doctor`. Messages wait in "
        "their queues until then."),
    "further_model_left_out": Words(
        "No worker has served the further model “{model}” for too long",
        "Start one: `tonebus worker --model {model}`. Until then events go without its answer."),
    "connector_paused": Words(
        "Connector “{connector}” stopped consuming ({reason}) {destination}{models}", "{fix}."),
    "consumer_ended": Words(
        "RabbitMQ ended the consumer of “{connector}”: {reason} {detail}", "{fix}."),
    "stream_cut": Words(
        "The stream “{stream}” of “{connector}” lost what was not read between {place} and {first}",
        "Its retention took it away: have it keep messages for longer, or start more workers."),
    "stream_message_skipped": Words(
        "Message {offset} of the stream “{stream}” of “{connector}” was passed over: RabbitMQ "
        "cannot hand it over",
        "Have its publisher send no properties that AMQP 0-9-1 does not have, such as a UUID. The "
        "message is still in the stream, for a client of AMQP 1.0."),
    "stream_replaced": Words(
        "The stream “{stream}” of “{connector}” is not the one that was read before",
        "It was deleted and made again, and is read from its first message. None needed."),
    "consumer_refused": Words(
        "RabbitMQ allows no consumer for “{connector}”: {error}", "{fix}."),
    "redeclare_refused": Words(
        "An exchange for events is gone, and must not be declared again: {error}",
        "Declare it: `tonebus topology apply`, or let the daemon's user configure it."),
    "prefetch_lowered": Words(
        "Messages of “{connector}” waited {waited} s; it now holds {prefetch} at most",
        "Start more workers, or lower the connector's `prefetch`."),
    "quarantine_started": Words(
        "The connection was lost again and again, so one message is delivered at a time",
        "RabbitMQ parks a message that no daemon can read: see `tonebus parked list`."),
    "internal_error": Words(
        "A setting or a bug stopped consuming: {error} at {where}", "{fix}."),
    "reply_refused": Words(
        "A worker of model “{model}” sends replies that cannot be read ({error})",
        "Install one release on daemons and workers."),
    "delivery_rejected": Words(
        "Messages of “{connector}” were left to RabbitMQ, which parks them as they are: {reason}",
        "See what they are: `tonebus parked list`. Correct their publisher."),
    "message_parked": Words(
        "Messages of “{connector}” were parked: {code}",
        "See what is wrong: `tonebus parked list --reason {code}`. Fix it, then replay."),
    "daemon_lost": Words(
        "The daemon with process id {pid} on {host} stopped reporting without shutting down",
        "It was killed, or its host is gone: see its log. Nothing is lost."),
    "publish_refused": Words(
        "RabbitMQ refuses messages for {destination}: {reason} {detail}", "{fix}."),
    "publishing_blocked": Words(
        "RabbitMQ asked publishers to wait",
        "It is short of memory or disk: free some. Tonebus continues by itself."),
    "worker_missed": Words(
        "A worker of model “{model}” ended, was cut off or did not answer in time ({code})",
        "The daemon's log names it (`worker_missed`): see the worker's own. If `timeout` repeats, "
        "find out what slows it down, or raise `daemon.score_timeout`."),
    "batch_split": Words(
        "A batch failed ({code}) and was split to find the text that causes it",
        "Nothing to do. If it repeats, see the worker's log."),
    "text_given_up": Words(
        "A text failed alone, twice ({code}), and was given up",
        "See `tonebus parked list --reason poison`, and the worker's log."),
    "batch_failed": Words(
        "The model failed on a batch: {error}",
        "Nothing to do for a single one. If it repeats, see the worker's log."),
    "gpu_lost": Words(
        "A worker ended, since it could not use its GPU any more: {error}",
        "Its supervisor restarts it, and nothing is lost. If it repeats, look for the driver's own "
        "errors (`Xid`) in the kernel's log."),
    "reply_unreadable": Words(
        "A worker's reply could not be read ({error})",
        "Install one release on daemons and workers. Another worker scores the texts."),
    "reload_refused": Words(
        "New settings were refused: {error}",
        "Correct the file and send SIGHUP again; the old settings stay in force."),
    "thread_died": Words(
        "The thread “{thread}” failed, and its process ended itself",
        "Nothing to do for a single one. If it repeats, see the process's log and report it."),
    "metrics_not_served": Words(
        "Metrics cannot be served at {host}, port {port}: {error}",
        "Give each process a port of its own, `TONEBUS_METRICS_PORT`, at an address of this "
        "machine, `TONEBUS_METRICS_HOST`."),
    "progress_missed": Words(
        "The daemon has work and does none ({state}, {in_flight} in flight)",
        "Its supervisor restarts it, and nothing is lost. See its log for what it did last."),
    "request_refused": Words(
        "A worker dropped a message that is no scoring request ({reason})",
        "See who else publishes to `sentiment.score.*`. If it was a daemon, install one release on "
        "daemons and workers."),
    "reply_not_sent": Words(
        "RabbitMQ takes no replies from a worker: {error}",
        "Let the worker's user write to the default exchange: see docs/how-to/permissions.md."),
    "channel_closed": Words(
        "RabbitMQ closed the channel of a worker: {error}", "{fix}."),
    "request_lost": Words(
        "A worker ended: Celery itself failed on a request ({error})",
        "Its supervisor restarts it, and another worker scores the texts. If it repeats, install "
        "the release of Celery in constraints.txt."),
    "unpadded_forward_refused": Words(
        "The fast forward gives other scores for {architecture}, so the slow one is used",
        "Scores are right. Install the release of torch in constraints.txt for speed."),
    "report_failed": Words(
        "A process could not report its state ({error})",
        "Messages flow nevertheless, and it tries again every second. Please report this bug."),
    "watch_failed": Words(
        "The API could not read the state of the others ({error})",
        "It tries again every second. If it repeats, install one release everywhere."),
    "api_unhealthy": Words(
        "The API cannot do its work: {error}",
        "See the incident beside this one. Where a part of the API has ended, its supervisor "
        "restarts it."),
    "request_malformed": Words(
        "A client at {client} sent the API what is no HTTP request",
        "If it is yours, have it speak plain HTTP/1.1: a proxy ends TLS. Others scan ports: let "
        "them not reach this one."),
    "predictor_died": Words(
        "The part of the API that answers `/predict` has ended: {error}",
        "The API ends too, and its supervisor restarts it. Please report this bug."),
}  # fmt: skip
