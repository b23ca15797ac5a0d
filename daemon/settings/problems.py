"""What is wrong with settings, and where in the file it stands."""

from __future__ import annotations

import re
from typing import Literal

import msgspec

Path = tuple[str | int, ...]
_TOKEN = re.compile(
    r'''"""(?:\\.|[^\\])*?""""{0,2}|"(?:\\.|[^"\\\n])*"|'''
    r"""'''.*?''''{0,2}|'[^'\n]*'|"""
    r"""#[^\n]*|[\[\]{}]|\n""",
    re.DOTALL,
)
"""What matters to where a value ends: strings, comments, brackets and lines."""
_HEADER = re.compile(r"^\s*(\[\[?)\s*([^\[\]]+?)\s*\]\]?\s*(#.*)?$")
_LOGIN = re.compile(r"://\S*@")
_KEY = re.compile(
    r"""^\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*="""
)


class Problem(msgspec.Struct, frozen=True):
    """One thing that is wrong with settings.

    Attributes:
        path: Keys and positions that lead to it.
        what: What is wrong; never a secret.
        severity: With an error no process starts.
    """

    path: Path
    what: str
    fix: str = ""
    severity: Literal["error", "warning"] = "error"

    def __post_init__(self) -> None:
        """Take out the login of a URL: one may stand where a file or a name is expected."""
        msgspec.structs.force_setattr(self, "what", _LOGIN.sub("://…@", self.what))

    @property
    def where(self) -> str:
        """The path as people write it: `connectors[1].output.mode`."""
        written = "".join(
            f"[{part}]" if isinstance(part, int) else f".{part}" for part in self.path
        ).lstrip(".")
        return _LOGIN.sub("://…@", written)

    def __str__(self) -> str:
        said = f"{self.where}: {self.what}" if self.path else self.what
        return f"{said}. Fix: {self.fix}" if self.fix else said


def lines(source: str) -> dict[Path, int]:
    """Return the line, counted from 1, of each table and key of a valid TOML document."""
    found: dict[Path, int] = {}
    counts: dict[Path, int] = {}
    table: Path = ()
    line, at = 1, 0
    while at < len(source):
        end = _line_end(source, at)
        text = source[at:end]
        if header := _HEADER.match(text):
            table = _resolve(_split(header[2]), counts, appends=header[1] == "[[")
            found[table] = line
        elif key := _KEY.match(text):
            found[(*table, *_split(key[1]))] = line
            end = _value_end(source, at + key.end())
        line += source.count("\n", at, end) + 1
        at = end + 1
    return found


def line_of(path: Path, known: dict[Path, int]) -> int:
    """Return the line of a path, or of what it is a part of; 0 where the file has none of it."""
    while path and path not in known:
        path = path[:-1]
    return known.get(path, 0)


def _split(dotted: str) -> Path:
    parts = re.findall(r"""[\w-]+|"[^"]*"|'[^']*'""", dotted)
    return tuple(part.strip("\"'") for part in parts)


def _resolve(names: Path, counts: dict[Path, int], *, appends: bool) -> Path:
    """Put positions into a header's path: it means the last element of each array."""
    path: Path = ()
    for place, name in enumerate(names):
        path = (*path, name)
        if appends and place == len(names) - 1:
            counts[path] = counts.get(path, -1) + 1
        if path in counts:
            path = (*path, counts[path])
    return path


def _line_end(source: str, at: int) -> int:
    # not splitlines(): TOML knows fewer ends of a line than Unicode
    end = source.find("\n", at)
    return len(source) if end < 0 else end


def _value_end(source: str, at: int) -> int:
    """Return where the line ends that a value ends on: brackets go on for several, and strings."""
    depth = 0
    for token in _TOKEN.finditer(source, at):
        if token[0] in "[{":
            depth += 1
        elif token[0] in "]}":
            depth -= 1
        elif token[0] == "\n" and not depth:
            return token.start()
    return len(source)
