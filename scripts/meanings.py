"""What the generated pages say that the code does not: introductions, and a line for some names."""

INTRODUCTIONS = {
    "settings": """\
Every setting is a line of one TOML file; `TONEBUS_CONFIG` holds the path of the file. A setting of
a section in single brackets is also an environment variable, which overrides the file:
`TONEBUS_BROKER_URL` is `[broker] url`. `TONEBUS_MODEL` and `TONEBUS_MODEL_REVISION` are `source`
and `revision` of the first of `[[models]]`, and of the only one where the file has none.

A secret can also be a file. Where `CREDENTIALS_DIRECTORY` names a directory, the file `broker_url`
or `broker/url` in it is `[broker] url`. The secrets are {secrets}.

`tonebus check` lists every problem of a file, with its line and its fix, and needs no server.
`systemd/tonebus.toml` is a file with every setting at its default.
[Connect an upstream](../how-to/connect-an-upstream.md) explains connectors with examples.""",
    "metrics": """\
The API serves its metrics at `/metrics`. A daemon or a worker serves its metrics on the port that
`TONEBUS_METRICS_PORT` (or `[metrics] port`) names; give each process a port of its own. Every
process also has the `process_…` metrics: memory, CPU seconds, open files.
[Monitoring](../monitoring/README.md) has alert rules and a dashboard.""",
    "commands": """\
This is what `--help` prints. With `--json`, where a command has it, the output is for machines. No
command prints a password, and none prints a text unless you ask for it. All commands share the same
[exit codes](exit-codes.md).""",
    "log-events": """\
Each line of the log is an event with fields. In JSON the event's name is the member `event`; in
systemd's journal it is the field `TONEBUS_EVENT`, and each field is `TONEBUS_` and its name.""",
    "incidents": """\
An incident is also shown on the status page, in the words below, and counted by the metric
`{counter}`. `{{…}}` is a field of the event.""",
    "tone-events": """\
An event is a CloudEvent 1.0. In structured mode the body is the whole event, as below; in binary
mode the body is the member `data`, and the other members are headers that begin with `ce-`.
`tonebus schema jsonschema` prints the JSON Schema, and [Consume tone
events](../how-to/consume.md) says what a consumer may rely on.""",
    "exit-codes": """\
All commands and processes use the same codes. From 64 on they are those of `sysexits.h`.""",
}

FACTS = {
    "api_ready": "The API accepts requests.",
    "api_recovered": "The API can do its work again.",
    "api_stopped": "The API has shut down.",
    "reconnected": "The daemon is connected to RabbitMQ again.",
    "choice_not_kept": "What a worker measured at its start is not kept; `error` says why.",
    "choice_recalled": "A worker uses what an earlier start measured and kept in `file`.",
    "connector_resumed": "A paused connector consumes again; `after` is how long it was paused.",
    "connector_standby": "Another daemon reads the stream of this connector.",
    "daemon_ready": "The daemon is connected and consumes; it holds `worst_case_mb` at most.",
    "daemon_stopped": "The daemon has shut down.",
    "drain_finished": "What was in flight is settled, or was given back: `returned` deliveries.",
    "drain_started": "The daemon was asked to stop and finishes what is in flight.",
    "int8_proven": "The model gives the same tones in eight bits, and is faster.",
    "metrics_served": "The metrics port is open.",
    "precision_chosen": "Under `auto`: the number format that the worker computes in, and why.",
    "model_warmed": "The model is loaded and its speed is measured.",
    "place_dropped": "The connector reads another stream now, and begins there by its `offset`.",
    "publish_resumed": "A destination accepts messages again; `after` is how long it did not.",
    "publishing_unblocked": "RabbitMQ accepts messages again.",
    "quarantine_ended": "Messages are delivered at full speed again.",
    "redis_recovered": "Redis answers again.",
    "settings_reloaded": "The daemon uses the new settings. `restart_worker_for` and its like name "
    "the settings for which a process must be restarted.",
    "stream_opened": "The daemon reads a stream, behind `place`, or from `offset` on.",
    "supervisor_deaf": "systemd did not accept a notification.",
    "token_refused": "A request had no token, or a wrong one.",
    "tracing_started": "The process reports spans.",
    "worker_ready": "The worker accepts scoring requests.",
    "worker_stopped": "The worker has shut down.",
    "workers_counted": "The number of workers that consume a scoring queue has changed.",
}
"""Log events that are no incidents: name → meaning."""

EXIT_CODES = {
    0: "The command is done.",
    1: "The command found something: a failed check, a message that would be parked, a difference.",
    2: "The command line is wrong.",
    3: "The API could not start.",
    69: "A server does not answer: RabbitMQ or Redis.",
    70: "A part of the process failed. The process ended itself, for its supervisor to restart it.",
    78: "The settings or the permissions cannot work. The message says what to change.",
}
