"""Ready connectors, one file each: settings, and tests with messages of the shape that they read.

The first line of a file names the system and what is read of it; the second says what the body of a
message is, and where its system documents that; the third, when and with what that was compared, or
`Shape not verified`, where nothing public was found.
"""

from __future__ import annotations

import json
import re
from importlib import resources
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEAD = re.compile(
    r"# (?P<system>[^:\n]+): (?P<reads>[^\n]+)\n# (?P<body>[^\n]+)\n"
    r"# (?P<source>Compared on [\d-]{10} with [^\n]+|Shape not verified[^\n]*)\n"
)
_DATE = re.compile(r"[\d-]{10}")


class CatalogueEntry(msgspec.Struct, frozen=True):
    """A ready connector.

    Attributes:
        name: Of its file, and of the connector.
        system: Whose messages it reads.
        reads: What of them is text.
        body: What the body of a message is.
        source: When its shape was compared, and with what.
    """

    name: str
    system: str
    reads: str
    body: str
    source: str
    toml: str

    @property
    def compared(self) -> str:
        found = _DATE.search(self.source)
        return found.group() if found else "not verified"

    def named(self, name: str = "", exchange: str = "", bindings: tuple[str, ...] = ()) -> str:
        """Return the file with another name, exchange or bindings; empty ones stay as they are."""
        text = self.toml
        for setting, value in (("name", name), ("exchange", exchange), ("bindings", bindings)):
            if value:
                text = _with(text, setting, json.dumps(value))
        return text


def entries() -> Iterator[CatalogueEntry]:
    files = [each for each in resources.files(__name__).iterdir() if each.name.endswith(".toml")]
    for file in sorted(files, key=lambda each: each.name):
        toml = file.read_text(encoding="utf-8")
        if head := _HEAD.match(toml):
            yield CatalogueEntry(
                name=file.name.removesuffix(".toml"), toml=toml, **head.groupdict()
            )


def _with(text: str, setting: str, value: str) -> str:
    """Set what stands on a line of its own in the connector's table, before its tests."""
    return re.sub(
        rf"^{setting} = .*$", lambda _: f"{setting} = {value}", text, count=1, flags=re.MULTILINE
    )
