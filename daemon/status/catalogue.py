"""Every warning and every error that a process logs, in words for an operator, with the fix."""

from __future__ import annotations

from typing import NamedTuple


class Words(NamedTuple):
    """How an event of the log is told to an operator; `{…}` are fields of the event."""

    words: str
    fix: str


CATALOGUE: dict[str, Words] = {
    "disconnected": Words(
        "The connection to RabbitMQ was lost: {error}",
        "Nothing is lost, and it connects again by itself. If it repeats, see RabbitMQ's log."),
    "bus_unavailable": Words(
        "RabbitMQ could not be reached: {error}",
        "Start RabbitMQ, or correct `TONEBUS_BROKER_URL`; it is tried again by itself."),
    "redis_failed": Words(
        "Redis did not serve: {error}",
        "Start Redis, or correct `TONEBUS_REDIS_URL`. Until then every text is scored again."),
    "workers_gone": Words(
        "No worker is running for model “{model}”",
        "Start one: `tonebus worker --model {model}`. Messages wait in their queues until then."),
    "connector_paused": Words(
        "Connector “{connector}” stopped consuming ({reason}) {destination}", "{fix}."),
    "consumer_ended": Words(
        "RabbitMQ ended the consumer of “{connector}”: {reason} {detail}", "{fix}."),
    "consumer_refused": Words(
        "RabbitMQ allows no consumer for “{connector}”: {error}", "{fix}."),
    "redeclare_refused": Words(
        "What messages leave by is gone, and may not be declared again: {error}",
        "Declare it: `tonebus topology apply`, or grant the daemon's user the right to."),
    "prefetch_lowered": Words(
        "Messages of “{connector}” waited {waited} s, so it holds {prefetch} from now on",
        "Start more workers, or lower the connector's `prefetch`."),
    "quarantine_started": Words(
        "The connection was lost again and again, so one message is delivered at a time",
        "RabbitMQ puts a message away that no daemon can read: see `tonebus parked list`."),
    "internal_error": Words(
        "A setting or a bug stopped consuming: {error} at {where}", "{fix}."),
    "reply_refused": Words(
        "A worker of model “{model}” sends replies that cannot be read ({error})",
        "Install one release on daemons and workers."),
    "message_parked": Words(
        "Messages of “{connector}” were parked: {code}",
        "See what was wrong: `tonebus parked list --reason {code}`. Repair it, then replay."),
    "daemon_lost": Words(
        "The daemon with process id {pid} on {host} stopped reporting without shutting down",
        "It was killed, or its host is gone: see its log. Nothing is lost."),
    "publish_refused": Words(
        "RabbitMQ does not take messages for {destination}: {reason} {detail}", "{fix}."),
    "publishing_blocked": Words(
        "RabbitMQ asked publishers to wait",
        "It is short of memory or disk: free some. Tonebus goes on by itself."),
    "batch_split": Words(
        "A batch failed ({code}) and was split to find the text that is to blame",
        "None needed; if it repeats, see the worker's log."),
    "text_given_up": Words(
        "A text failed alone, twice ({code}), and was parked as poison",
        "See `tonebus parked list --reason poison`, and the worker's log."),
    "batch_failed": Words(
        "The model failed on a batch: {error}",
        "None needed for a single one; if it repeats, see the worker's log."),
    "reply_unreadable": Words(
        "A worker's reply could not be read ({error})",
        "See that daemon and workers are of one release; its texts are asked of another worker."),
    "reload_refused": Words(
        "New settings were refused: {error}",
        "Correct the file and send SIGHUP again; the old settings stay in force."),
    "thread_died": Words(
        "The thread “{thread}” failed, and its process ended itself",
        "None needed for a single one; if it repeats, see the process's log and report it."),
    "metrics_not_served": Words(
        "The metrics port {port} could not be opened: {error}",
        "Give each process a port of its own: `TONEBUS_METRICS_PORT`."),
    "progress_missed": Words(
        "The daemon has work and gets nothing done ({state}, {in_flight} in flight)",
        "Where a supervisor watches it, it is started again; nothing is lost. See its log for what "
        "it did last."),
    "request_refused": Words(
        "A worker's queue held what is no scoring request ({reason}); it was dropped",
        "See who else publishes to `sentiment.score.*`. If it was a daemon, give daemons and "
        "workers the same release."),
    "request_lost": Words(
        "A worker ended: Celery itself failed on a request ({error})",
        "Its supervisor starts it again, and the texts are asked of another worker. If it repeats, "
        "see that the release of Celery is the one in constraints.txt."),
    "unpadded_forward_refused": Words(
        "The fast forward does not give the scores of {architecture}, so the slow one serves",
        "Scores are right meanwhile. Install the release of transformers in constraints.txt."),
    "report_failed": Words(
        "A process could not report its state ({error})",
        "Messages flow nevertheless, and it tries again each second. Please report it as a bug."),
    "watch_failed": Words(
        "The API could not read the state of the others ({error})",
        "It tries again each second. If it repeats, see that all processes are of one release."),
    "api_unhealthy": Words(
        "The API cannot do its work: {error}",
        "See the incident beside this one; where a part of it has ended, its supervisor starts it "
        "again."),
    "predictor_died": Words(
        "The part of the API that answers `/predict` has ended: {error}",
        "The API ends with it, and its supervisor starts it again. Please report it as a bug."),
}  # fmt: skip
