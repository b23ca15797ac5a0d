"""The layers of the settings, each laid over the one before: file, credentials, environment."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

import msgspec

from connectors.errors import Misconfigured
from daemon.settings.problems import Path as Keys
from daemon.settings.sections import Settings
from daemon.settings.shape import choices, is_struct, kinds_of, suggestion, told

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

SECRETS = (("broker", "url"), ("redis", "url"), ("redis", "secret"), ("api", "token"))
"""Settings that are secrets, or hold one."""

_SECTIONS = {name: kinds_of(kind) for name, kind in kinds_of(Settings).items() if is_struct(kind)}
_FIRST_MODEL = {"TONEBUS_MODEL": "source", "TONEBUS_MODEL_REVISION": "revision"}
_VARIABLES = {
    f"TONEBUS_{section}_{key}".upper(): (section, key)
    for section, kinds in _SECTIONS.items()
    for key in kinds
}
_MISSING = (FileNotFoundError, NotADirectoryError)

Origins = dict[Keys, str]
"""Where a value that is not the file's comes from, by section and key."""


def read_file(path: Path) -> str:
    """Return the text of a TOML file.

    Raises:
        Misconfigured: It cannot be read, or is not UTF-8.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise Misconfigured(f"{path}: cannot be read: {error.strerror}") from None
    if b"\0" in content:
        raise Misconfigured(f"{path}: not valid TOML: it is not UTF-8. Fix: save it as UTF-8")
    try:
        # some editors begin a file with a byte order mark
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise Misconfigured(
            f"{path}:{line}: not valid TOML: it is not UTF-8. Fix: save it as UTF-8"
        ) from None


def parse(path: Path | None, source: str) -> dict[str, Any]:
    """Return the tables of a TOML document.

    Raises:
        Misconfigured: It is not TOML.
    """
    try:
        return tomllib.loads(source)
    except RecursionError:
        raise Misconfigured(f"{path}: not valid TOML: it is nested too deeply") from None
    except ValueError as error:
        # tomllib's own errors say the line and quote no value; int()'s on too many digits does not
        raise Misconfigured(f"{path}: not valid TOML: {error}") from None


def lay_credentials(tables: dict[str, Any], directory: Path) -> Origins:
    """Lay the files of a credentials directory over the tables.

    Raises:
        Misconfigured: There is no such directory; a file cannot be read, is empty, or holds what is
            of the wrong kind.
    """
    origins: Origins = {}
    try:
        next(directory.iterdir(), None)
    except OSError as error:
        raise Misconfigured(
            f"CREDENTIALS_DIRECTORY: {directory} cannot be read: {error.strerror}"
        ) from None
    for section, key in _VARIABLES.values():
        # the first as systemd hands them over, the second as they lie on its disk
        for secret in (directory / f"{section}_{key}", directory / section / key):
            value = _read_credential(secret)
            if value is not None:
                _lay(tables, section, key, value, str(secret))
                origins[section, key] = str(secret)
    return origins


def lay_environment(tables: dict[str, Any], environ: Mapping[str, str]) -> Origins:
    """Lay the variables over the tables; an empty one counts as not set.

    Raises:
        Misconfigured: A variable is unknown, or of the wrong kind.
    """
    origins: Origins = {}
    for variable, value in _ours(environ):
        if key := _FIRST_MODEL.get(variable):
            _lay_first_model(tables, key, value)
        elif variable in _VARIABLES:
            section, key = _VARIABLES[variable]
            _lay(tables, section, key, value, variable)
            origins[section, key] = variable
        else:
            hint = suggestion(variable, [*_VARIABLES, *_FIRST_MODEL])
            raise Misconfigured(f"{variable}: no such setting" + (f"; {hint}" if hint else ""))
    return origins


def trim_secrets(tables: dict[str, Any]) -> None:
    """Strip blanks and a byte order mark from each secret, wherever it stands.

    Files end with a newline, and a secret that one process trims and another does not is two.
    """
    for section, key in SECRETS:
        table = tables.get(section)
        if isinstance(table, dict) and isinstance(table.get(key), str):
            table[key] = table[key].strip().removeprefix("\ufeff").strip()


def _ours(environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for variable, given in environ.items():
        if not variable.startswith("TONEBUS_") or variable == "TONEBUS_CONFIG":
            continue
        try:
            value = given.encode("utf-8").decode("utf-8").strip()
        except UnicodeEncodeError:
            raise Misconfigured(f"{ascii(variable)[1:-1]}: not valid UTF-8") from None
        if value:
            yield variable, value


def _read_credential(path: Path) -> str | None:
    """Return what a file holds; None where there is none."""
    try:
        value = path.read_text(encoding="utf-8-sig").strip()
    except OSError as error:
        # a link that leads nowhere is there, and a default must not stand for its secret
        if isinstance(error, _MISSING) and not path.is_symlink():
            return None
        raise Misconfigured(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise Misconfigured(f"{path}: not valid UTF-8. Fix: save it as UTF-8") from None
    if not value:
        raise Misconfigured(f"{path}: empty. Fix: write the value into it, or remove the file")
    return value


def _lay(tables: dict[str, Any], section: str, key: str, value: str, origin: str) -> None:
    try:
        typed = msgspec.convert(value, _SECTIONS[section][key], strict=False)
    except msgspec.ValidationError as error:
        takes = choices(_SECTIONS[section][key])
        raise Misconfigured(f"{origin}: {told(error)}" + (f"; {takes}" if takes else "")) from None
    table = tables.setdefault(section, {})
    # what is no table is a problem, and found as one later
    if isinstance(table, dict):
        table[key] = typed


def _lay_first_model(tables: dict[str, Any], key: str, value: str) -> None:
    models = tables.setdefault("models", [])
    if models == []:
        models.append({})
    # as above
    if isinstance(models, list) and isinstance(models[0], dict):
        models[0][key] = value
