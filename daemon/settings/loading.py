"""Read the settings: defaults, the file, the credentials, the environment."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from connectors.errors import Misconfigured
from daemon.settings import problems, rules
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
from daemon.settings.shape import shape_faults, suggestion, told

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from daemon.settings.problems import Fault

_SECTIONS: dict[str, type[msgspec.Struct]] = {
    "broker": BrokerSettings,
    "redis": RedisSettings,
    "daemon": DaemonSettings,
    "api": ApiSettings,
    "log": LogSettings,
    "metrics": MetricsSettings,
    "tracing": TracingSettings,
}
_FIRST_MODEL = {"TONEBUS_MODEL": "source", "TONEBUS_MODEL_REVISION": "revision"}
_VARIABLES = {
    f"TONEBUS_{section}_{key}".upper(): (section, key)
    for section, kind in _SECTIONS.items()
    for key in kind.__struct_fields__
}


class Read(msgspec.Struct, frozen=True):
    """What was found where settings are kept.

    Attributes:
        path: The file; None where there is none.
        lines: Line of each key in it.
        faults: What is wrong with them.
        settings: The settings; None where they are of the wrong shape.
    """

    path: Path | None
    lines: dict[problems.Path, int]
    faults: list[Fault]
    settings: Settings | None

    def told(self, which: Iterable[Fault]) -> list[str]:
        """Put faults into words, with file and line."""
        place = str(self.path or "settings")
        told = []
        for fault in which:
            line = problems.line_of(fault.path, self.lines)
            told.append(f"{place}:{line}: {fault}" if line else f"{place}: {fault}")
        return told


def load(environ: Mapping[str, str] = os.environ, path: Path | None = None) -> Settings:
    """Return the settings.

    Args:
        environ: Variables; `TONEBUS_CONFIG` names the file where `path` is None.
        path: The TOML file.

    Raises:
        Misconfigured: The file is missing or wrong, or a variable is unknown or wrong; the
            message names it and never shows a secret.
    """
    found = read(environ, path)
    if found.faults or found.settings is None:
        raise Misconfigured("\n".join(found.told(found.faults)))
    return found.settings


def read(environ: Mapping[str, str] = os.environ, path: Path | None = None) -> Read:
    """Return the settings and all that is wrong with them; arguments as those of `load`.

    Raises:
        Misconfigured: The file cannot be read or is not TOML, or a variable is unknown or wrong.
    """
    if path is None and environ.get("TONEBUS_CONFIG"):
        path = Path(environ["TONEBUS_CONFIG"])
    source = _read_file(path) if path else ""
    tables = _parse(path, source)
    if directory := environ.get("CREDENTIALS_DIRECTORY"):
        _lay_credentials(tables, Path(directory))
    _lay_environment(tables, environ)
    wrong = list(shape_faults(tables, Settings))
    settings = None
    if not wrong:
        try:
            settings = msgspec.convert(tables, Settings, strict=True)
        except msgspec.ValidationError as error:
            wrong = [problems.Fault((), told(error))]
        else:
            wrong = list(rules.faults(settings))
    known = problems.lines(source)
    wrong.sort(key=lambda each: problems.line_of(each.path, known))
    return Read(path, known, wrong, settings)


def _read_file(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise Misconfigured(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise Misconfigured(f"{path}: not valid TOML: it is not UTF-8") from None


def _parse(path: Path | None, source: str) -> dict[str, Any]:
    try:
        return tomllib.loads(source)
    except tomllib.TOMLDecodeError as error:
        raise Misconfigured(f"{path}: not valid TOML: {error}") from None


def _lay_credentials(tables: dict[str, Any], directory: Path) -> None:
    for variable, (section, key) in _VARIABLES.items():
        # The first as systemd hands them over, the second as they lie on its disk.
        for secret in (directory / f"{section}_{key}", directory / section / key):
            if secret.is_file():
                value = secret.read_text(encoding="utf-8").strip()
                _lay(tables, section, key, _typed(variable, value))


def _lay_environment(tables: dict[str, Any], environ: Mapping[str, str]) -> None:
    for variable, value in environ.items():
        if not variable.startswith("TONEBUS_") or variable == "TONEBUS_CONFIG" or not value:
            continue
        if key := _FIRST_MODEL.get(variable):
            tables.setdefault("models", [{}])[0][key] = value
        elif variable in _VARIABLES:
            section, key = _VARIABLES[variable]
            _lay(tables, section, key, _typed(variable, value))
        else:
            hint = suggestion(variable, [*_VARIABLES, *_FIRST_MODEL])
            raise Misconfigured(f"{variable}: no such setting" + (f"; {hint}" if hint else ""))


def _lay(tables: dict[str, Any], section: str, key: str, value: object) -> None:
    table = tables.setdefault(section, {})
    # what is no table is a fault, and found as one later
    if isinstance(table, dict):
        table[key] = value


def _typed(variable: str, value: str) -> Any:  # noqa: ANN401 - a setting has the type of its field
    section, key = _VARIABLES[variable]
    kinds = {item.name: item.type for item in msgspec.structs.fields(_SECTIONS[section])}
    try:
        return msgspec.convert(value, kinds[key], strict=False)
    except msgspec.ValidationError as error:
        raise Misconfigured(f"{variable}: {told(error)}") from None
