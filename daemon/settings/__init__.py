"""One frozen settings object, read once at the entry points.

Four layers, the later over the earlier: defaults for localhost, one TOML file, secrets in
`$CREDENTIALS_DIRECTORY`, and `TONEBUS_…` variables. `[broker] url` is `TONEBUS_BROKER_URL` in the
environment and the file `broker_url`, or `broker/url`, among the credentials.
"""

from daemon.settings.connector import ConnectorSettings, ConnectorTest
from daemon.settings.loading import load
from daemon.settings.models import DEFAULT_MODEL, ModelSettings
from daemon.settings.sections import (
    ApiSettings,
    BrokerSettings,
    DaemonSettings,
    LogSettings,
    MetricsSettings,
    RedisSettings,
    Settings,
    TracingSettings,
)

__all__ = [
    "DEFAULT_MODEL",
    "ApiSettings",
    "BrokerSettings",
    "ConnectorSettings",
    "ConnectorTest",
    "DaemonSettings",
    "LogSettings",
    "MetricsSettings",
    "ModelSettings",
    "RedisSettings",
    "Settings",
    "TracingSettings",
    "load",
]
