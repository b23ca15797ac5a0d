"""A connector for messages of an unknown shape, proposed from one of them."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

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
    """Return a connector as TOML, or nothing where no field looks like a text.

    Args:
        document: A message.
        name: Of the connector and of its exchange.
    """
    each, part = "", document
    if isinstance(document, list):
        each, part = "@", _first(document)
    found = _settings(part)
    if not found:
        for path, element in _lists(document):
            if found := _settings(element):
                each = f"{_shown(path)}[]"
                break
    if not found:
        return ""
    settings = {"name": name, "exchange": name, **({"each": each} if each else {}), **found}
    lines = [f"{key} = {json.dumps(value)}" for key, value in settings.items()]
    return "\n".join(["[[connectors]]", *lines, ""])


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
    return isinstance(value, str) and bool(
        _WORDS.search(_TAG.sub("", value))
        or (value.strip() and _rank(leaf, _TEXT[:2]) < len(_TEXT[:2]))
    )


def _rank(leaf: Leaf, names: tuple[str, ...]) -> int:
    """Place of a field's name among the usual ones; their number where it is none of them."""
    name = leaf[0][-1].lower() if leaf[0] else ""
    return names.index(name) if name in names else len(names)


def _leaves(part: object, path: tuple[str, ...] = ()) -> Iterator[Leaf]:
    if isinstance(part, dict):
        for name, value in part.items():
            yield from _leaves(value, (*path, name))
    elif path and not isinstance(part, list) and part is not None:
        yield path, part


def _lists(part: object, path: tuple[str, ...] = ()) -> Iterator[Leaf]:
    if isinstance(part, dict):
        for name, value in part.items():
            yield from _lists(value, (*path, name))
    elif path and isinstance(part, list):
        yield path, _first(part)


def _first(elements: list[Any]) -> object:
    """Return an element that has a text, where one has."""
    return next((each for each in elements if _settings(each)), None)


def _shown(path: tuple[str, ...]) -> str:
    return ".".join(name if PATH.fullmatch(name) else json.dumps(name) for name in path)
