"""The settings object and its sections."""

from __future__ import annotations

from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta, field

from connectors.errors import Misconfigured
from connectors.mapping.mapper import MAX_MAPPED_BYTES, MAX_STEPS
from connectors.tls import Tls
from daemon.settings.connector import ConnectorSettings
from daemon.settings.kinds import (
    Blocking,
    BodyBytes,
    Bytes,
    Characters,
    Count,
    Deadline,
    Heartbeat,
    Port,
    Prefetch,
    Seconds,
    Steps,
    Ttl,
)
from daemon.settings.models import MULTILINGUAL, ModelSettings

_Named = TypeVar("_Named", ModelSettings, ConnectorSettings)


class BrokerSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """RabbitMQ.

    Attributes:
        url: One or several AMQP URLs, separated by `;`, tried in turn. Options in a URL are
            refused: use the settings below.
        ca_file: Certificates to trust for `amqps://`; empty trusts the system's.
        cert_file: Our own certificate for `amqps://`, in PEM format; empty uses none.
        key_file: Its private key, not encrypted; empty where `cert_file` holds both.
        login: `password` takes user and password from the URL; with `certificate`, RabbitMQ takes
            the user from our certificate (SASL EXTERNAL).
        heartbeat: Seconds; a peer that sends nothing for two of them is considered lost.
        connect_timeout: Seconds after which one attempt to connect is given up.
        prefetch: Deliveries that one connector may hold unsettled; 0 takes 500, or up to 1,000 for
            a connector that is the only one, as `memory_ceiling` allows.
        manage_topology: Whether to declare exchanges and queues; if not, they must exist.
    """

    url: str = "amqp://guest:guest@localhost:5672//"
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    login: Literal["password", "certificate"] = "password"
    heartbeat: Heartbeat = 10
    connect_timeout: Blocking = 5.0
    prefetch: Prefetch = 0
    manage_topology: bool = True

    @property
    def tls(self) -> Tls:
        return Tls(self.ca_file, self.cert_file, self.key_file)

    @property
    def external(self) -> bool:
        return self.login == "certificate"


class RedisSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Redis, which saves work; without it every text is scored, also a repeat.

    Attributes:
        url: URL of Redis or Valkey: `redis://`; with TLS `rediss://`; `unix://` for a socket;
            `redis+sentinel://host,host/name/0` asks Sentinels for the primary.
        ca_file: Certificates to trust for `rediss://`; empty trusts the system's.
        cert_file: Our own certificate for `rediss://`, in PEM format; empty uses none.
        key_file: Its private key, not encrypted; empty where `cert_file` holds both.
        timeout: Seconds for one round trip; a slower one counts as a miss.
        score_ttl: Seconds that a score is kept.
        mark_ttl: Seconds for which a message with an id is published only once.
        deployment: Name under which scores and marks are kept, separate from others in the same
            Redis; empty takes the broker's hosts and virtual host. Set it where processes reach one
            broker by different addresses.
        secret: Names and seals the entries, so that nobody who reads Redis can test whether a given
            text was seen, and nobody who writes to it can forge an entry.
    """

    url: str = "redis://localhost:6379/0"
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    timeout: Blocking = 0.1
    score_ttl: Ttl = 30 * 24 * 3600
    mark_ttl: Ttl = 24 * 3600
    deployment: str = ""
    secret: str = ""

    @property
    def tls(self) -> Tls:
        return Tls(self.ca_file, self.cert_file, self.key_file)


class DaemonSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The message path.

    Attributes:
        max_body_bytes: A larger message is parked.
        max_text_chars: A longer text is cut, and its event says `truncated`.
        max_mapped_bytes: A message whose events would have more bytes (its texts, and what each
            event keeps of the message) is parked.
        max_mapping_steps: A message that takes more steps to read is parked; a step is about a
            microsecond.
        batch_texts: Texts in one request to a worker, at most.
        batch_bytes: Bytes of text in one request to a worker, at most.
        batch_seconds: Seconds of work in one request, at the measured speed of the workers.
        score_timeout: Seconds until a request without a reply is sent again.
        confirm_timeout: Seconds until a published message without a confirm is charged to its
            destination, which is then probed.
        hold_seconds: Seconds for which a delivery is held while there is no worker, or while its
            event is refused. Then it is given back, and its connector pauses until the cause is
            gone. Far below RabbitMQ's `consumer_timeout` (30 minutes).
        drain_seconds: Seconds to finish what is in flight at a stop.
        memory_ceiling: Bytes that deliveries may take when each one is as large as allowed;
            settings under which they might take more are refused.
        parked_window: Number of last messages for the next setting.
        parked_share: A connector pauses when more than this share of them was parked: then the
            deployment is wrong, not the messages.
    """

    max_body_bytes: BodyBytes = 1024 * 1024
    max_text_chars: Characters = 20_000
    max_mapped_bytes: Bytes = MAX_MAPPED_BYTES
    max_mapping_steps: Steps = MAX_STEPS
    batch_texts: Count = 256
    batch_bytes: BodyBytes = 1024 * 1024
    batch_seconds: Seconds = 0.5
    score_timeout: Deadline = 30.0
    confirm_timeout: Deadline = 30.0
    hold_seconds: Deadline = 120.0
    drain_seconds: Seconds = 20.0
    memory_ceiling: Bytes = 4 * 1024**3
    parked_window: Count = 200
    parked_share: Annotated[float, Meta(gt=0, le=1)] = 0.5


class ApiSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The HTTP service.

    Attributes:
        host: Address to listen on; beyond the loopback only with a token.
        port: Port to listen on.
        token: Bearer token for `/predict`, `/status` and others; empty needs none.
        predict_timeout: Seconds until `/predict` answers 503, or up to a quarter of a second more.
        concurrency: Predictions in progress at a time; one more is answered 429.
        waiting_texts: Texts in all of them together; more are answered 429.
        body_timeout: Seconds for the head of a request to arrive, after which the connection is
            closed, and for its body, after which it is answered 408.
        keep_alive: Seconds that an idle connection stays open. A proxy in front must close it
            first, or requests get lost.
        trusted_proxies: Addresses and networks, separated by commas, whose `X-Forwarded-For` and
            `X-Forwarded-Proto` are believed; empty believes none.
    """

    host: str = "127.0.0.1"
    port: Port = 8080
    token: str = ""
    predict_timeout: Seconds = 10.0
    concurrency: Count = 256
    waiting_texts: Count = 2048
    body_timeout: Seconds = 10.0
    keep_alive: Count = 130
    trusted_proxies: str = ""


class LogSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The log, on standard error.

    Attributes:
        format: `auto` is `console` on a terminal, the journal's own fields under systemd, and
            `json` elsewhere.
        level: Events of this level and above are logged.
    """

    format: Literal["auto", "json", "console"] = "auto"
    level: Literal["debug", "info", "warning", "error"] = "info"


class MetricsSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Metrics of a daemon or a worker, for Prometheus.

    Attributes:
        host: Address to serve them on.
        port: Port to serve them on, one for each process of a host; 0 serves none.
    """

    host: str = "127.0.0.1"
    port: Port = 0


class TracingSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Traces of a daemon and a worker, by OpenTelemetry; read once, at the start.

    Attributes:
        enabled: Whether to trace; `pip install 'tonebus[otel]'` installs what it needs.
            OpenTelemetry's own variables, such as OTEL_EXPORTER_OTLP_ENDPOINT, say where the spans
            go, and how many.
    """

    enabled: bool = False


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything a process needs to know, resolved."""

    broker: BrokerSettings = field(default_factory=BrokerSettings)
    redis: RedisSettings = field(default_factory=RedisSettings)
    daemon: DaemonSettings = field(default_factory=DaemonSettings)
    api: ApiSettings = field(default_factory=ApiSettings)
    log: LogSettings = field(default_factory=LogSettings)
    metrics: MetricsSettings = field(default_factory=MetricsSettings)
    tracing: TracingSettings = field(default_factory=TracingSettings)
    models: tuple[ModelSettings, ...] = field(
        default_factory=lambda: (
            ModelSettings(),
            ModelSettings(name=MULTILINGUAL, source=MULTILINGUAL),
        )
    )
    connectors: tuple[ConnectorSettings, ...] = field(
        default_factory=lambda: (ConnectorSettings(),)
    )

    def models_of(self, connector: ConnectorSettings) -> tuple[str, ...]:
        """Names of the models that share a connector's texts."""
        return connector.models or self.usual_models

    @property
    def usual_models(self) -> tuple[str, ...]:
        """Names of the models that texts go to where nobody names one."""
        known = {model.name for model in self.models}
        usual = tuple(name for name in ("default", MULTILINGUAL) if name in known)
        return usual or tuple(model.name for model in self.models[:1])

    def model(self, name: str) -> ModelSettings:
        """The model of that name.

        Raises:
            Misconfigured: None has it.
        """
        return _named("model", name, self.models)

    def connector(self, name: str) -> ConnectorSettings:
        """The connector of that name; the first where it is empty.

        Raises:
            Misconfigured: None has it.
        """
        if self.connectors and not name:
            return self.connectors[0]
        return _named("connector", name, self.connectors)


def _named(kind: str, name: str, known: tuple[_Named, ...]) -> _Named:
    for each in known:
        if each.name == name:
            return each
    names = ", ".join(each.name for each in known)
    raise Misconfigured(f"no {kind} is named {name!r}; the settings know: {names}")
