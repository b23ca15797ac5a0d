"""One text of several fields."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_FIELD = re.compile(r"\{([^{}]+)\}")


def expressions_in(template: str) -> list[str]:
    """Return what stands between the braces of a template, in order."""
    return _FIELD.findall(template)


class Template:
    """Puts fields together, by a text with JMESPath expressions in braces, such as `{subject}`.

    A line is left out where none of its fields has anything.
    """

    def __init__(self, template: str) -> None:
        # what stands between the fields, and the fields, alternate
        self._lines = [_FIELD.split(line) for line in template.split("\n")]

    def fill(self, values: Sequence[str]) -> str:
        """Return the text of these values, one for each of `expressions_in`, empty for none."""
        left = iter(values)
        filled = []
        for line in self._lines:
            parts = [next(left) if place % 2 else part for place, part in enumerate(line)]
            if len(parts) == 1 or any(parts[1::2]):
                filled.append("".join(parts))
        return "\n".join(filled).strip()
