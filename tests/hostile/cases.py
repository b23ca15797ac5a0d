"""Hostile messages, and what each must get; the rows are those of the list of bad inputs."""

from __future__ import annotations

import json
import pickle
import zlib
from dataclasses import dataclass, field
from typing import Any

from tests.hostile.bus import CANARY

MIB = 1024 * 1024


@dataclass(frozen=True)
class Case:
    """One message.

    Attributes:
        name: The row's number and a few words.
        code: The reason with which it must be parked; empty where it must become an event.
        tone: The tone that the event must have; empty where any will do.
    """

    name: str
    body: bytes
    code: str = ""
    tone: str = ""
    properties: dict[str, Any] = field(default_factory=dict)
    truncated: bool = False


def say(text: object = CANARY, **fields: object) -> bytes:
    return json.dumps({"text": text, **fields}).encode()


def _json(fragment: str) -> bytes:
    """A JSON object with a text, and with something beside it that `json.dumps` would not write."""
    return f'{{"text": "{CANARY}", "beside": {fragment}}}'.encode()


def _text(fragment: str) -> bytes:
    return f'{{"text": {fragment}, "beside": "{CANARY}"}}'.encode()


def _typed(content_type: str, body: bytes = say()) -> dict[str, Any]:
    return {"body": body, "properties": {"content_type": content_type}}


_BOMB = zlib.compress(say(CANARY + " " * 50 * MIB))
_EMPTY = ["", " ", "\t\n", "\u200b\u200d\ufeff", "\u00a0\u2003", "\x00\x01"]

PARKED = [
    *(
        Case(f"1: compression {value!r}", body, "encoding",
             properties={"headers": {"compression": value}})
        for value, body in (
            ("application/x-gzip", _BOMB), ("application/x-bz2", _BOMB), ("no-such", say()),
            (7, say()),
        )
    ),
    *(
        Case(f"2: encoded {value}", _BOMB, "encoding", properties={"content_encoding": value})
        for value in ("zlib", "gzip", "hex", "base64", "utf-16", "\u00fctf-8")
    ),
    *(
        Case(f"3: {value}", body, "content-type", properties={"content_type": value})
        for value, body in (
            ("application/x-python-serialize", pickle.dumps({"text": CANARY})),
            ("application/x-yaml", f"text: {CANARY}".encode()),
            ("application/x-msgpack", b"\x81\xa4text\xa4good"),
            ("application/x-yaml", say()),
            ("application/octet-stream", pickle.dumps({"text": CANARY})),
            ("application/octet-stream", zlib.compress(say())),
            ("text/html", f"<p>{CANARY}</p>".encode()),
            ("x" * 255, CANARY.encode()),
        )
    ),
    Case("4: another charset", **_typed("application/json; charset=utf-16"), code="encoding"),
    Case("7: many headers", say(), "headers",
         properties={"headers": {f"h{n}": CANARY for n in range(100)}}),
    Case("7: a huge header", say(), "headers", properties={"headers": {"h": CANARY * 2500}}),
    Case("8: too large", say(CANARY * 60_000), "too-large"),
    Case("9: empty", b"", "empty"),
    Case("11: not UTF-8", say().replace(b"zanzibar", b"\xff\xfe\xc3\x28"), "encoding"),
    Case("11: UTF-16", json.dumps({"text": CANARY}).encode("utf-16"), "encoding"),
    Case("12: broken", say()[:-1], "json"),
    Case("12: two objects", say() + say(), "json"),
    Case("12: nested 100,000 deep", _json("[" * 100_000 + "]" * 100_000), "json"),
    Case("12: objects nested", _json('{"a":' * 100_000 + "1" + "}" * 100_000), "json"),
    Case("12: two million tiny objects", _json("[" + "{}," * 2_000_000 + "{}]"), "too-large"),
    Case("12: 300,000 tiny objects", b"[" + b"{}," * 300_000 + b"{}]", "no-text-field"),
    Case("12: not an object", json.dumps([CANARY]).encode(), "no-text-field"),
    Case("13: NaN", _json("NaN"), "json"),
    Case("13: Infinity", _json("-Infinity"), "json"),
    Case("13: 5,000 digits", _json("9" * 5000), "json"),
    Case("13: a number for a text", _text("1e999"), "text-type"),
    Case("13: 5,000 digits for a text", _text("9" * 5000), "json"),
    Case("16: no text", json.dumps({"words": CANARY}).encode(), "no-text-field"),
    Case("16: null", _text("null"), "no-text-field"),
    Case("16: a number", _text("7"), "text-type"),
    Case("16: an object", _text(f'{{"a": "{CANARY}"}}'), "text-type"),
    Case("16: true", _text("true"), "text-type"),
]  # fmt: skip

LABELLED = [
    Case("4: with a charset", **_typed("application/json; charset=utf-8")),
    Case("4: in capitals", **_typed('Application/JSON; Charset="UTF-8"')),
    Case("4: a CloudEvent", **_typed("application/cloudevents+json", json.dumps(
        {"specversion": "1.0", "id": "ce-1", "source": "/x", "type": "t", "data": {"text": CANARY}}
    ).encode())),
    Case("4: plain text", **_typed("text/plain", CANARY.encode())),
    *(
        Case(f"34: {value}", **_typed(value))
        for value in (
            "application/octet-stream", "text/plain", "text/plain; charset=utf-8; format=flowed",
            "application/json; charset=utf8", "text/html", "x" * 255,
        )
    ),
    *(
        Case(f"34: encoded {value}", say(), properties={"content_encoding": value})
        for value in ("utf8", "identity", "8bit", "binary", "UTF-8")
    ),
    Case("34: flowed text", **_typed("text/plain; charset=utf-8; format=flowed", CANARY.encode())),
    Case("34: a raw line break", f'{{"text": "{CANARY}\n{CANARY}"}}'.encode()),
    Case("43: JSON in a string of JSON", json.dumps(say().decode()).encode()),
    Case("a value of AMQP 1.0", b"\x00\x53\x77\xb1" + len(say()).to_bytes(4, "big") + say(),
         properties={"type": "amqp-1.0"}),
    Case("5: no content type", say()),
    Case("10: a byte order mark", b"\xef\xbb\xbf" + say()),
    Case("13: 1e999 beside", _json("1e999")),
    Case("14: duplicate keys", f'{{"text": 7, "text": "{CANARY}"}}'.encode()),
    Case("15: an object of kombu's",
         say(__type__="datetime", __value__="2020-01-01T00:00:00")),
    *(Case(f"17: {text!r}", say(text), tone="none") for text in _EMPTY),
    *(
        Case(f"18: {text!r}", say(f"{CANARY}{text}good"))
        for text in ("\x00", "\u202e", "\x1b[31m", "\x07", "\u2028", "\r\n")
    ),
    Case("19: a lone surrogate", _text(f'"\\ud800 {CANARY}"')),
    Case("19: a lone low one", _text(f'"{CANARY} \\udfff good"')),
    Case("20: combining marks", say("a" + "\u0301" * 100_000), truncated=True),
    Case("20: U+FDFA", say("\ufdfa" * 100_000), truncated=True),
    Case("20: mixed marks", say("a\u0316\u0301" * 30_000), truncated=True),
    Case("21: a long text", say(f"{CANARY} " * 20_000), truncated=True),
    Case("21: one long word", say("x" * 900_000), truncated=True),
    Case("30: a message id of 255 bytes", say(), properties={"message_id": "m" * 255}),
    Case("29: control characters in ids", say(),
         properties={"message_id": "a\r\nb\x1b[2J"}),
]  # fmt: skip
