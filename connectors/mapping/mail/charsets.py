"""Decode the bytes of a mail, whatever charset it names."""

from __future__ import annotations

import codecs
import re

_NAME = re.compile(r"[a-z0-9][a-z0-9:._-]{0,40}")
_WIDER = {
    "ascii": "", "iso8859-1": "cp1252", "gb2312": "gb18030", "gbk": "gb18030",
    "shift_jis": "cp932", "euc_kr": "cp949", "iso8859-9": "cp1254", "iso8859-11": "cp874",
    "tis-620": "cp874",
}  # fmt: skip
"""What these names mean in mails: https://encoding.spec.whatwg.org/#names-and-labels."""
_LABELS = {
    "x-mac-cyrillic": "mac-cyrillic", "x-mac-ukrainian": "mac-cyrillic", "x-mac-roman": "mac-roman",
    "x-gbk": "gbk", "x-x-big5": "big5", "windows-31j": "cp932", "x-sjis": "cp932",
    "x-ms-cp932": "cp932", "x-euc-jp": "euc_jp", "iso-2022-jp-ms": "iso2022_jp_ext",
    "windows-949": "cp949", "windows-874": "cp874", "dos-874": "cp874",
    "iso-8859-8-i": "iso8859-8", "iso-8859-8-e": "iso8859-8", "iso-8859-6-i": "iso8859-6",
    "unicode-1-1-utf-7": "utf-7",
}  # fmt: skip
"""Names of mails and browsers that Python's codecs do not have."""
_KNOWN = frozenset({
    "utf-8", "utf-7", "utf-16", "utf-16-be", "utf-16-le", "utf-32", "big5", "big5hkscs", "cp950",
    "gb18030", "hz", "cp932", "euc_jp", "iso2022_jp", "iso2022_jp_1", "iso2022_jp_2",
    "iso2022_jp_ext", "shift_jis_2004", "cp949", "johab", "iso2022_kr", "koi8-r", "koi8-u", "cp866",
    "cp437", "cp850", "cp852", "cp855", "cp874", "mac-roman", "mac-cyrillic", "mac-latin2",
    *(f"cp{number}" for number in range(1250, 1259)), *(f"iso8859-{n}" for n in range(2, 17)),
})  # fmt: skip
"""The charsets of mails. Python's other codecs are no charsets, and some take quadratic time."""


def decoded(data: bytes, charset: str) -> str:
    """Return bytes as text, by the charset that a mail names; what it cannot be is replaced.

    Without a known charset it is UTF-8 if it can be, else Windows-1252.
    """
    name = _codec(charset)
    if name:
        return data.decode(name, "replace")
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def _codec(charset: str) -> str:
    lowered = charset.strip().lower()
    if not _NAME.fullmatch(lowered):
        return ""
    if re.fullmatch(r"x-cp125\d", lowered):
        lowered = lowered.removeprefix("x-")
    try:
        name = codecs.lookup(_LABELS.get(lowered, lowered)).name
    except LookupError:
        return ""
    name = _WIDER.get(name, name)
    return name if name in _KNOWN else ""
