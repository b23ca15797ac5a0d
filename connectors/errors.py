"""What can go wrong at an edge, sorted by what is to be done about it.

The class alone decides: bad input is parked, what is unavailable is tried again, and a deployment
that can never work ends the process.
"""

from __future__ import annotations


class TonebusError(Exception):
    """Base of every error that Tonebus raises on purpose."""


class BadInput(TonebusError):  # noqa: N818 - named for what it is; it never ends a process
    """A message that can never be scored: park it with this reason.

    Attributes:
        code: The reason code on the parked message and in the metrics (`json`, `too-large`, …).
        detail: What an operator needs to find the cause; never a part of the text.
        indexes: Which of the message's texts it is about; none for the message as a whole.
    """

    def __init__(self, code: str, detail: str = "", indexes: tuple[int, ...] = ()) -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code = code
        self.detail = detail
        self.indexes = indexes


class Skip(TonebusError):  # noqa: N818 - as above
    """A message that asks for no event: settle it and count it under this reason."""


class Unavailable(TonebusError):  # noqa: N818 - as above
    """A server does not answer at present: wait, connect again, lose nothing."""


class Misconfigured(TonebusError):  # noqa: N818 - as above
    """Settings or a deployment that can never work: say what and how to fix it; exit 78."""
