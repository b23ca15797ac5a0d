"""The example configuration: every setting, its meaning and its default.

`python -m daemon.settings.example > systemd/tonebus.toml` makes it from the settings themselves.
"""

from __future__ import annotations

import inspect
import re
import textwrap
from typing import TYPE_CHECKING, get_args, get_origin, get_type_hints

import msgspec

from daemon.settings import DEFAULT_MODEL, Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

_WIDTH = 96
_HEAD = """\
# Tonebus's settings. Each one is here with its default, behind a #: remove the # to set it.
#
# TONEBUS_<SECTION>_<KEY> in the environment sets [section] key and overrides this file. Passwords
# and other secrets need not be here: the file /etc/tonebus/credentials/broker/url sets
# [broker] url, and likewise for redis and api.
#
# Made from daemon/settings by `python -m daemon.settings.example`; a test compares them."""


def document() -> str:
    parts = [_HEAD]
    hints = get_type_hints(Settings, include_extras=False)
    for field in msgspec.structs.fields(Settings):
        kind = hints[field.name]
        if get_origin(kind) is tuple:
            head = f"[[{field.name}]]"
            parts.append(_table(head, get_args(kind)[0]))
            parts += [_another(head, each) for each in field.default_factory()[1:]]
        else:
            parts.append(_table(f"[{field.name}]", kind))
    return "\n\n".join(parts) + "\n"


def _table(head: str, kind: type[msgspec.Struct]) -> str:
    about, meanings = described(kind)
    lines, inner = [*_comment(about), head], []
    for field in msgspec.structs.fields(kind):
        value = default(field)
        if isinstance(value, msgspec.Struct):
            # within TOML, a table of the table: it must come after its plain values
            inner.append(_table(f"[{head.strip('[]')}.{field.name}]", type(value)))
            continue
        lines += _comment(meanings[field.name])
        lines.append(f"#{field.name} = {toml(value)}")
    return "\n\n".join(["\n".join(lines), *inner])


def _another(head: str, item: msgspec.Struct) -> str:
    """One more that is there by default: what sets it apart, in force."""
    usual = msgspec.structs.asdict(type(item)())
    apart = {
        name: value for name, value in msgspec.structs.asdict(item).items() if value != usual[name]
    }
    return "\n".join([
        f"# There by default too; without these lines there is only the {head} above.", head,
        *(f"{name} = {toml(value)}" for name, value in apart.items()),
    ])  # fmt: skip


def described(kind: type[msgspec.Struct]) -> tuple[str, dict[str, str]]:
    """Read the docstring of a class: what it is about, and what each attribute means."""
    text = inspect.cleandoc(kind.__doc__ or "")
    about, _, attributes = text.partition("Attributes:\n")
    entries = re.findall(r"^    (\w+): (.*(?:\n {8}.*)*)", attributes, re.MULTILINE)
    return about.strip(), {name: " ".join(meaning.split()) for name, meaning in entries}


def _comment(text: str) -> Iterator[str]:
    return (f"# {line}" for line in textwrap.wrap(" ".join(text.split()), _WIDTH))


def default(field: msgspec.structs.FieldInfo) -> object:
    """Return a setting's default; a path on this machine is not shown."""
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    return "/path/to/a/model" if field.default == str(DEFAULT_MODEL) else field.default


def toml(value: object) -> str:
    """Write a value as TOML, on one line."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (tuple, list)):
        return f"[{', '.join(map(toml, value))}]"
    if isinstance(value, dict):
        inside = ", ".join(f"{name} = {toml(item)}" for name, item in value.items())
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(value, (int, float)):
        return str(value)
    # a JSON string is a TOML string
    return msgspec.json.encode(str(value)).decode()


if __name__ == "__main__":
    print(document(), end="")  # noqa: T201 - the document is the output
