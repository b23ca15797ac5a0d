"""What a daemon's reload does not change: it and other processes read that at their start."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from daemon.settings.sections import Settings

_CONNECTION = {f"broker.{key}" for key in ("url", "ca_file", "cert_file", "key_file", "login")}
_READ_AT_START: dict[str, set[str]] = {
    "daemon": {"log", "metrics", "tracing"},
    "worker": {
        *_CONNECTION, "broker.heartbeat", "redis", "models", "daemon.score_timeout", "log",
        "metrics", "tracing",
    },
    "api": {
        *_CONNECTION, "broker.heartbeat", "broker.connect_timeout", "broker.manage_topology",
        "redis", "daemon.max_text_chars", "daemon.score_timeout", "daemon.batch_texts",
        "daemon.batch_bytes", "daemon.batch_seconds", "api", "models", "connectors", "log",
    },
}  # fmt: skip
"""Settings, or whole sections, that each process reads once."""


def restarts(old: Settings, new: Settings) -> dict[str, list[str]]:
    """Return the settings that differ and wait for a restart, by the process that wants it."""
    changed = list(_changed(old, new))
    found = {
        process: [each for each in changed if {each, each.partition(".")[0]} & once]
        for process, once in _READ_AT_START.items()
    }
    return {process: settings for process, settings in found.items() if settings}


def _changed(old: Settings, new: Settings) -> Iterator[str]:
    for section in old.__struct_fields__:
        before, after = getattr(old, section), getattr(new, section)
        if before == after:
            continue
        if isinstance(before, msgspec.Struct):
            for key in before.__struct_fields__:
                if getattr(before, key) != getattr(after, key):
                    yield f"{section}.{key}"
        else:
            yield section
