"""A connector for messages of an unknown shape, proposed from one of them."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from connectors.mapping.cloudevents import is_batch
from connectors.mapping.documents import recognised
from connectors.mapping.expressions import PATH

if TYPE_CHECKING:
    from collections.abc import Iterator

Leaf = tuple[tuple[str, ...], Any]

_TEXT = ("text", "body", "comment", "content", "message", "review", "feedback", "description",
         "note", "answer", "title", "subject")  # fmt: skip
_ID = ("id", "uuid", "guid")
_LANGUAGE = ("language", "locale", "lang")
_TIME = ("created_at", "createdat", "timestamp", "time", "date", "created")
_WORDS = re.compile(r"[^\W\d_]+\s+[^\W\d_]+")
_TAG = re.compile(r"<[^<>]*>")
_MARKUP = re.compile(r"</?(p|div|br|span|b|i|a|ul|li)\b", re.IGNORECASE)


def connector(document: object, name: str) -> str:
    """Return a connector for a message as TOML, or nothing where no field looks like a text."""
    found = _proposed(recognised(document) if isinstance(document, str) else document)
    if not found:
        return ""
    settings = {"name": name, "exchange": name, **found}
    lines = [f"{key} = {json.dumps(value)}" for key, value in settings.items()]
    return "\n".join(["[[connectors]]", *lines, ""])


def _proposed(document: object) -> dict[str, Any]:
    """Return what reads a document: itself, what is in a string of it, else a list in it."""
    if is_batch(document):
        return _proposed(document[0])
    if isinstance(document, list):
        return _of_elements("[]", document)
    if not isinstance(document, dict):
        return {}
    if "specversion" in document:
        return _of_event(document)
    found, inside = _settings(document), _in_a_string(document)
    if inside and (not found or _rank_of(inside) < _rank_of(found)):
        found = inside
    lists = (_of_elements(f"{_shown(path)}[]", each) for path, each in _lists(document))
    return found or next(filter(None, lists), {})


def _of_event(event: dict[str, Any]) -> dict[str, Any]:
    """Return what reads a CloudEvent: expressions look at its data, and it has its own id."""
    data = event.get("data")
    data = recognised(data) if isinstance(data, str) else data
    found = {"text": "@"} if isinstance(data, str) and data.strip() else _proposed(data)
    left = {name: each for name, each in found.items() if name != "id" and each != "@"}
    return {"format": "cloudevents", **left} if found else {}


def _in_a_string(document: dict[str, Any]) -> dict[str, Any]:
    """Return what reads the JSON that stands in a string, or in a string in that."""
    for path, inner in _strings(document):
        found = _proposed(inner)
        place = _shown(path)
        if event := found.pop("format", ""):
            place = f"parse_json({place}).data"
        elif deeper := found.pop("document", ""):
            place = f"parse_json({place}).{deeper}"
        if found or event:
            return {"document": place, **found}
    return {}


def _of_elements(each: str, elements: list[Any]) -> dict[str, Any]:
    for element in elements:
        if found := _settings(element):
            return {"each": each, **found}
        for path, inner in _strings(element):
            if found := _settings(inner):
                return {"each": f"{each}.parse_json({_shown(path)})", **found}
    return {}


def _settings(part: object) -> dict[str, Any]:
    leaves = list(_leaves(part))
    texts = [each for each in leaves if _looks_like_text(each)]
    if not texts:
        return {}
    text = min(texts, key=lambda each: (_rank(each, _TEXT), -len(each[1])))
    found: dict[str, Any] = {"text": _shown(text[0])}
    if _MARKUP.search(text[1]):
        found["strip"] = ["html"]
    if own := [each for each in leaves if _rank(each, _ID) < len(_ID)]:
        # that beside the text is the text's own; else the outermost
        own.sort(key=lambda each: (each[0][:-1] != text[0][:-1], len(each[0])))
        found["id"] = _shown(own[0][0])
    for setting, names in (("language", _LANGUAGE), ("time", _TIME)):
        if named := [each for each in leaves if _rank(each, names) < len(names)]:
            found[setting] = _shown(min(named, key=lambda each: _rank(each, names))[0])
    return found


def _looks_like_text(leaf: Leaf) -> bool:
    value = leaf[1]
    return (
        isinstance(value, str)
        and isinstance(recognised(value), str)
        and bool(
            _WORDS.search(_TAG.sub("", value))
            or (value.strip() and _rank(leaf, _TEXT[:2]) < len(_TEXT[:2]))
        )
    )


def _rank(leaf: Leaf, names: tuple[str, ...]) -> int:
    """Place of a field's name among the usual ones; their number where it is none of them."""
    name = leaf[0][-1].lower() if leaf[0] else ""
    return names.index(name) if name in names else len(names)


def _rank_of(found: dict[str, Any]) -> int:
    return _rank((tuple(found.get("text", "text").split(".")), ""), _TEXT)


def _leaves(part: object, path: tuple[str, ...] = ()) -> Iterator[Leaf]:
    if isinstance(part, dict):
        for name, value in part.items():
            yield from _leaves(value, (*path, name))
    elif path and not isinstance(part, list) and part is not None:
        yield path, part


def _strings(part: object) -> Iterator[Leaf]:
    """Yield the strings that hold JSON, as what they hold."""
    for path, value in _leaves(part):
        inner = recognised(value) if isinstance(value, str) else value
        if isinstance(inner, dict | list):
            yield path, inner


def _lists(part: object, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], list[Any]]]:
    if isinstance(part, dict):
        for name, value in part.items():
            yield from _lists(value, (*path, name))
    elif path and isinstance(part, list):
        yield path, part


def _shown(path: tuple[str, ...]) -> str:
    return ".".join(name if PATH.fullmatch(name) else json.dumps(name) for name in path)
