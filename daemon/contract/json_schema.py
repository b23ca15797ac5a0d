"""JSON Schema (2020-12) of the words on the wire, made from the types that write and read them."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import msgspec

from connectors.mapping.expressions import PATH
from connectors.messages import EVENT_TYPE, FurtherTone, Label, Model, Origin, ToneEvent
from daemon.settings.example import described

if TYPE_CHECKING:
    from collections.abc import Mapping

    from connectors.mapping import MappingConfig

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_KINDS = (ToneEvent, Label, FurtherTone, Model, Origin)


def event_schema() -> dict[str, Any]:
    """Return the schema of a tone event in structured mode."""
    schemas = components("#/$defs/")
    return {
        "$schema": DIALECT,
        "$id": f"urn:tonebus:{EVENT_TYPE}",
        "title": EVENT_TYPE,
        **schemas["ToneEvent"],
        "$defs": {name: each for name, each in schemas.items() if name != "ToneEvent"},
    }


def components(prefix: str) -> dict[str, Any]:
    """Return the schema of each part of a tone event, to stand behind a prefix."""
    _, found = msgspec.json.schema_components(_KINDS, ref_template=prefix + "{name}")
    for kind in _KINDS:
        _document(found[kind.__name__], *described(kind))
    event = found["ToneEvent"]["properties"]
    event["specversion"] = {"const": "1.0"}
    event["type"] = {"const": EVENT_TYPE}
    event["source"] |= {"pattern": "^/tonebus/", "format": "uri-reference"}
    event["time"] |= {"format": "date-time"}
    for part, name in itertools.product(("Label", "FurtherTone"), ("score", "scores")):
        number = found[part]["properties"][name]
        number.get("additionalProperties", number).update(minimum=0, maximum=1)
    return found


def input_schema(config: MappingConfig) -> dict[str, Any]:
    """Return what a config asks of a message: that its text is there.

    Only plain paths can be told as a schema; other expressions are quoted as they are.
    """
    if config.format == "text":
        return {"type": "string", "description": "The whole body is the text."}
    if config.format == "mail":
        return {"type": "string", "description": "An e-mail as it travels (RFC 5322)."}
    schema: dict[str, Any] = {"type": "object", "x-jmespath": config.expressions()}
    elsewhere = config.document or config.each or config.template
    if elsewhere or not PATH.fullmatch(config.text):
        return {"x-jmespath": config.expressions()}
    text = {"type": "string"}
    _put(schema, config.text.split("."), {"anyOf": [text, {"type": "array", "items": text}]})
    return schema


def _put(schema: dict[str, Any], path: list[str], leaf: dict[str, Any]) -> None:
    """Require a value at a path."""
    name, *rest = path
    schema["required"] = [name]
    if rest:
        schema["properties"] = {name: {"type": "object"}}
        _put(schema["properties"][name], rest, leaf)
    else:
        schema["properties"] = {name: leaf}


def _document(schema: dict[str, Any], about: str, meanings: Mapping[str, str]) -> None:
    """Put a docstring's words where they belong: the attributes' beside the properties."""
    schema["description"] = " ".join(about.split())
    properties = schema["properties"]
    for name, each in properties.items():
        if "anyOf" in each and "default" in each:
            # what has no value is left out of an event, and so is never null
            [properties[name]] = [kind for kind in each["anyOf"] if kind != {"type": "null"}]
        if name in meanings:
            properties[name] = properties[name] | {"description": meanings[name]}
