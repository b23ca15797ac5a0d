"""The bounds of one message: of its body and headers, and of the work to read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.errors import BadInput
from connectors.parking.headers import MAX_HEADER_CHARS, MAX_HEADERS, UNREADABLE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


_A_STEP = 64
"""Characters or elements that the libraries' own loops work through in the time of a step."""


class Work:
    """The steps that are left for one message: a count, since a clock would blame a busy machine.

    A step is what evaluates one part of an expression on one value, about a microsecond.

    Attributes:
        left: Steps that may still be taken.
        of_texts: Steps that the cleaning of texts has taken.
    """

    __slots__ = ("left", "of_texts")

    def __init__(self) -> None:
        self.begin(0)

    def begin(self, steps: int) -> None:
        self.left = steps
        self.of_texts = 0

    def spend_on(self, size: int) -> None:
        """Take the steps of working through so many characters or elements.

        Raises:
            BadInput: There are not so many.
        """
        self.spend(size // _A_STEP)

    def spend(self, steps: int) -> None:
        """Take steps from what is left.

        Raises:
            BadInput: There are not so many.
        """
        self.left -= steps
        if self.left < 0:
            raise too_costly()


def too_costly() -> BadInput:
    """Return the reason of a message, or a text, for which no steps are left."""
    return BadInput("too-costly", "more steps than daemon.max_mapping_steps")


def check_headers(headers: Mapping[str, Any]) -> None:
    """Refuse headers over their bounds, and one that calls the body compressed."""
    if UNREADABLE in headers:
        raise BadInput("headers", "its properties cannot be read")
    if "compression" in headers:
        raise BadInput("encoding", "header `compression`: compressed bodies are not inflated")
    if len(headers) > MAX_HEADERS:
        raise BadInput("headers", f"{len(headers)} headers")
    size = 0
    try:
        for name, value in headers.items():
            if not isinstance(name, str):
                # py-amqp gives bytes for these, whatever it promises
                raise BadInput("headers", "a header's name is not UTF-8")
            size += len(name) + (len(value) if isinstance(value, str) else len(str(value)))
    except RecursionError:
        raise BadInput("headers", "nested too deep") from None
    if size > MAX_HEADER_CHARS:
        raise BadInput("headers", f"{size} characters of headers")
