"""Text that was wrapped for transport (RFC 3676, `format=flowed`), as it was written."""

from __future__ import annotations

_DELIMITER = "-- "


def unflowed(text: str, *, delete_space: bool) -> str:
    """Return a text with its paragraphs on one line each, quoted ones behind their marks.

    Args:
        text: As it came, with line feeds between lines.
        delete_space: Whether the space at the end of a broken line is not part of the text
            (`delsp=yes`).
    """
    done: list[str] = []
    parts: list[str] = []
    depth = 0
    for raw in text.split("\n"):
        rest = raw.lstrip(">")
        line_depth = len(raw) - len(rest)
        line = rest.removeprefix(" ")
        if parts and (line_depth != depth or line == _DELIMITER):
            done.append(_marked(parts, depth))
            parts = []
        depth = line_depth
        if line.endswith(" ") and line != _DELIMITER:
            parts.append(line[:-1] if delete_space else line)
            continue
        parts.append(line)
        done.append(_marked(parts, depth))
        parts = []
    if parts:
        done.append(_marked(parts, depth))
    return "\n".join(done)


def _marked(parts: list[str], depth: int) -> str:
    line = "".join(parts)
    return f"{'>' * depth} {line}" if depth else line
