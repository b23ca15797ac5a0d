"""Unknown keys and values of the wrong kind: all of them, not only the first."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

import msgspec

from daemon.settings.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from daemon.settings.problems import Path

_LISTED_AT_MOST = 20
_KINDS = {
    "int": "an integer",
    "float": "a number",
    "str": "a string",
    "bool": "true or false",
    "array": "a list",
    "object": "a table",
}
"""msgspec's words for kinds of values, in TOML's."""


def shape_faults(table: object, kind: type[msgspec.Struct], path: Path = ()) -> Iterator[Problem]:
    """Find what of a table does not fit the structure of the settings; `path` leads to it."""
    if not isinstance(table, dict):
        yield Problem(path, f"a table is expected, not {type(table).__name__}")
        return
    kinds = kinds_of(kind)
    for each in msgspec.structs.fields(kind):
        if each.required and each.name not in table:
            yield Problem(path, f"it has no {each.name!r}", f"set {each.name}")
    for key, value in table.items():
        here = (*path, key)
        if key not in kinds:
            yield Problem(here, "no such setting", suggestion(key, kinds))
        elif is_struct(kinds[key]):
            yield from shape_faults(value, kinds[key], here)
        elif element := _element(kinds[key]):
            yield from _each(value, element, here)
        else:
            yield from _value(value, kinds[key], here)


def suggestion(name: str, known: Iterable[str]) -> str:
    """Name the nearest of the known names, or all of them."""
    known = sorted(known)
    near = difflib.get_close_matches(name, known, n=1)
    if near:
        return f"did you mean {near[0]}?"
    return f"known are {', '.join(known)}" if len(known) <= _LISTED_AT_MOST else ""


def _each(value: object, element: type[msgspec.Struct], path: Path) -> Iterator[Problem]:
    if not isinstance(value, list):
        yield Problem(path, "one table is given where several may be", f"write [[{path[-1]}]]")
        return
    for place, each in enumerate(value):
        yield from shape_faults(each, element, (*path, place))


def _value(value: object, kind: Any, path: Path) -> Iterator[Problem]:  # noqa: ANN401 - a type expression
    if isinstance(value, str) and kind is not Any and "\0" in value:
        yield Problem(path, "holds a NUL character", "take it out")
        return
    try:
        msgspec.convert(value, kind, strict=True)
    except msgspec.ValidationError as error:
        yield Problem(path, told(error), choices(kind))


def told(error: msgspec.ValidationError) -> str:
    """Say what is wrong without the value: a secret may have gone into the wrong place."""
    said = re.sub(r"Invalid enum value .*?(?= - at |$)", "not one of its values", str(error))
    if "matching regex" in said:
        return "only lower-case letters, digits, `-` and `_`, and none of the last two at an end"
    said = re.sub(r"`(\w+)( \| null)?`", lambda kind: _KINDS.get(kind[1], kind[0]), said)
    return said.replace(" - at `$", " at `").replace("`", "'")


def choices(kind: Any) -> str:  # noqa: ANN401 - a type expression
    """Name the values that a setting takes, where they are few."""
    if get_origin(kind) is not Literal:
        kind = next((each for each in get_args(kind) if get_origin(each) is Literal), None)
    return f"it takes {', '.join(map(repr, get_args(kind)))}" if kind else ""


def kinds_of(kind: type[msgspec.Struct]) -> dict[str, Any]:
    """Return the kind of each setting of a section."""
    return {each.name: each.type for each in msgspec.structs.fields(kind)}


def is_struct(kind: Any) -> bool:  # noqa: ANN401 - a type expression
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _element(kind: Any) -> type[msgspec.Struct] | None:  # noqa: ANN401 - a type expression
    """Return the kind of the elements, where a setting is a list of tables."""
    inside = get_args(kind)
    return inside[0] if inside and is_struct(inside[0]) else None
