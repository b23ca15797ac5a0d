"""The pages of docs/reference that are made from the code: `make reference` writes them.

A test compares each committed page with what this module makes of the code.
"""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args, get_origin, get_type_hints

import click
import msgspec
from msgspec import inspect as kinds

from daemon.cli import tonebus
from daemon.contract import json_schema
from daemon.settings import DEFAULT_MODEL, Settings, example
from daemon.settings.layers import SECRETS
from daemon.status.catalogue import CATALOGUE
from daemon.telemetry.metrics import INCIDENTS, METRICS
from scripts.meanings import EXIT_CODES, FACTS, INTRODUCTIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "docs" / "reference"
_MADE = "This page is made from the code by `make reference`; do not edit it."
_WIDTH = 88
_LEVELS = ("debug", "info", "warning", "error", "critical")


def page(name: str) -> str:
    """Return one page, by its name without the suffix."""
    title, introduction = name.replace("-", " ").capitalize(), INTRODUCTIONS[name]
    if name == "settings":
        secrets = (f"`[{section}] {key}`" for section, key in SECRETS)
        introduction = introduction.format(secrets=", ".join(secrets))
    return "\n".join([f"# {title}", "", _MADE, "", introduction, *PAGES[name]()]) + "\n"


def _settings() -> Iterator[str]:
    hints = get_type_hints(Settings)
    for field in msgspec.structs.fields(Settings):
        kind = hints[field.name]
        if get_origin(kind) is tuple:
            yield from _section(f"[[{field.name}]]", get_args(kind)[0])
        else:
            yield from _section(f"[{field.name}]", kind)


def _section(head: str, kind: type[msgspec.Struct]) -> Iterator[str]:
    about, meanings = example.described(kind)
    yield from ("", f"## {head}", "", " ".join(about.split()), "")
    yield from _table("setting", "default", "values", "meaning")
    inner: list[tuple[str, type]] = []
    for field in msgspec.structs.fields(kind):
        shape = kinds.type_info(field.type)
        name, item = f"{head.strip('[]')}.{field.name}", getattr(shape, "item_type", None)
        if isinstance(shape, kinds.StructType):
            inner.append((f"[{name}]", shape.cls))
        elif isinstance(item, kinds.StructType):
            inner.append((f"[[{name}]]", item.cls))
        meaning = _cell(meanings[field.name])
        yield f"| `{field.name}` | {_default(field)} | {_values(shape)} | {meaning} |"
    for title, each in inner:
        yield from _section(title, each)


def _default(field: msgspec.structs.FieldInfo) -> str:
    if field.default == str(DEFAULT_MODEL):
        return "the model that ships"
    value = None if field.required else example.default(field)
    if value in ("", None, (), {}) or isinstance(value, msgspec.Struct):
        return "none"
    return f"`{example.toml(value)}`"


def _values(shape: kinds.Type) -> str:
    """Say what a setting takes, in the words of someone who writes TOML."""
    words = "text"
    match shape:
        case kinds.BoolType():
            words = "true or false"
        case kinds.IntType() | kinds.FloatType():
            words = "integer" if isinstance(shape, kinds.IntType) else "number"
            low = shape.ge if shape.ge is not None else shape.gt
            above = "above " if shape.gt is not None else ""
            if low is not None and shape.le is not None:
                words += f", {above}{low:,} to {shape.le:,}"
        case kinds.LiteralType():
            words = ", ".join(f"`{each}`" for each in shape.values)
        case kinds.VarTupleType():
            words = f"list of {_values(shape.item_type)}"
        case kinds.UnionType():
            given = (each for each in shape.types if not isinstance(each, kinds.NoneType))
            words = " or ".join(map(_values, given))
        case kinds.DictType() | kinds.StructType():
            words = "table"
        case kinds.AnyType():
            words = "any"
    return words


def _metrics() -> Iterator[str]:
    titles = {"each": "Every process", "daemon": "The daemon", "worker": "The worker"}
    for process, title in {**titles, "api": "The API"}.items():
        yield from ("", f"## {title}", "", *_table("metric", "kind", "labels", "meaning"))
        for each in METRICS:
            if each.process == process:
                meaning = _cell(each.meaning)
                yield f"| `{each.name}` | {each.kind} | {_code(each.labels)} | {meaning} |"


def _commands(
    command: click.Command = tonebus, path: str = "tonebus", parent: click.Context | None = None
) -> Iterator[str]:
    name = path.rpartition(" ")[2]
    context = click.Context(
        command, info_name=name, parent=parent, terminal_width=_WIDTH, **command.context_settings
    )
    yield from ("", f"## {path}", "", "```text", command.get_help(context), "```")
    if isinstance(command, click.Group):
        for each in command.list_commands(context):
            if inner := command.get_command(context, each):
                yield from _commands(inner, f"{path} {each}", context)


def _log_events() -> Iterator[str]:
    found = logged()
    yield from (
        "",
        "## Incidents",
        "",
        INTRODUCTIONS["incidents"].format(counter=INCIDENTS.name),
        "",
    )
    yield from _table("event", "level", "fields", "meaning", "what to do")
    for name, (levels, fields) in found.items():
        if told := CATALOGUE.get(name):
            fix = told.fix.replace("{fix}.", "The field `fix` says what to do.")
            words = f"{_cell(told.words)} | {_cell(fix)}"
            yield f"| `{name}` | {', '.join(levels)} | {_code(fields)} | {words} |"
    yield from ("", "## Other events", "", *_table("event", "level", "fields", "meaning"))
    for name, (levels, fields) in found.items():
        if name not in CATALOGUE:
            yield f"| `{name}` | {', '.join(levels)} | {_code(fields)} | {_cell(FACTS[name])} |"


def logged() -> dict[str, tuple[list[str], list[str]]]:
    """Find the events that the sources log: name → levels, fields."""
    found: dict[str, tuple[set[str], set[str]]] = {}
    for layer in ("api", "daemon", "connectors"):
        for path in sorted((ROOT / layer).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                for name, level, fields in _events(node):
                    levels, known = found.setdefault(name, (set(), set()))
                    levels.add(level)
                    known.update(fields)
    return {
        name: (sorted(levels, key=_LEVELS.index), sorted(fields))
        for name, (levels, fields) in sorted(found.items())
    }


def _events(node: ast.AST) -> Iterator[tuple[str, str, list[str]]]:
    """Read a call of a module's logger; the name may be one of two, by a condition."""
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Name(id="_log"), attr=level), args=[name, *_]):
            fields = [each.arg for each in node.keywords if each.arg and each.arg != "exc_info"]
            for part in ast.walk(name):
                if isinstance(part, ast.Constant):
                    yield str(part.value), level, fields


def _tone_events() -> Iterator[str]:
    schema = json_schema.event_schema()
    yield from _members("The event", schema)
    for name, part in schema["$defs"].items():
        yield from _members(f"`{name}`", part)


def _members(title: str, schema: Mapping[str, Any]) -> Iterator[str]:
    yield from ("", f"## {title}", "", str(schema["description"]), "")
    yield from _table("member", "type", "always there", "meaning")
    for name, each in schema["properties"].items():
        kind = each.get("type") or each.get("$ref", "").rpartition("/")[2]
        if "const" in each:
            kind = f"`{each['const']}`"
        always = "yes" if name in schema.get("required", ()) else "no"
        yield f"| `{name}` | {kind} | {always} | {_cell(each.get('description', ''))} |"


def _exit_codes() -> Iterator[str]:
    yield from ("", *_table("code", "meaning"))
    for code, meaning in EXIT_CODES.items():
        yield f"| {code} | {meaning} |"


def _table(*titles: str) -> list[str]:
    return [f"| {' | '.join(titles)} |", "|---" * len(titles) + "|"]


def _code(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


PAGES: dict[str, Callable[[], Iterator[str]]] = {
    "settings": _settings,
    "metrics": _metrics,
    "commands": _commands,
    "log-events": _log_events,
    "tone-events": _tone_events,
    "exit-codes": _exit_codes,
}


if __name__ == "__main__":
    for each in PAGES:
        (FOLDER / f"{each}.md").write_text(page(each), encoding="utf-8")
