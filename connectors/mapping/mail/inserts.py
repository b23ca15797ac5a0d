"""What mail programs put between the lines: the names of images, and blocks of encoded bytes.

A block is one by what is in it, not by its words: PGP's signatures, keys and messages (RFC 9580,
section 6.2), certificates.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from connectors.mapping.mail.lines import MAX_PATTERN, Line

if TYPE_CHECKING:
    from collections.abc import Iterator

_IMAGES = re.compile(r"(?:\[(?:cid|image):[^\[\]]++\]\s*+)+")
_SIGNED = "-----BEGIN PGP SIGNED MESSAGE-----"
_BEGIN, _END = "-----BEGIN ", "-----END "
_ENCODED = re.compile(r"[A-Za-z0-9+/=]*+|[A-Z][A-Za-z-]{1,20}: [^\n]*+")
"""A line of base64, or a header such as `Version: GnuPG v2`."""
_DASHED = "- -"
"""What stands for a dash at the beginning of a line that is signed."""


def without_inserts(lines: list[Line]) -> list[Line]:
    """Return lines without those that no writer wrote."""
    if not any(each.text.startswith((_BEGIN, "[cid:", "[image:")) for each in lines):
        return lines
    return list(_written(lines))


def _written(lines: list[Line]) -> Iterator[Line]:
    at = 0
    signed = False
    while at < len(lines):
        line = lines[at]
        if line.text == _SIGNED:
            signed = True
            while at < len(lines) and not lines[at].blank:
                at += 1
        elif line.text.startswith(_BEGIN) and (end := _end_of_block(lines, at)):
            signed = False
            at = end
        elif len(line.text) <= MAX_PATTERN and _IMAGES.fullmatch(line.text):
            yield Line("", line.depth)
        elif signed and line.text.startswith(_DASHED):
            yield line._replace(text=line.text[2:], raw=line.raw[2:])
        else:
            yield line
        at += 1


def _end_of_block(lines: list[Line], at: int) -> int:
    """Return where a block ends that begins at a line; 0 where it is none."""
    end = lines[at].text.replace(_BEGIN, _END, 1)
    for after in range(at + 1, len(lines)):
        text = lines[after].text
        if text == end:
            return after
        if not _ENCODED.fullmatch(text):
            return 0
    return 0
