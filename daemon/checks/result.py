"""What a live check came to."""

from __future__ import annotations

from typing import Literal

import msgspec


class Result(msgspec.Struct, frozen=True):
    """What came of one check.

    Attributes:
        fix: What to do about it; empty where all is well.
    """

    check: str
    state: Literal["ok", "warning", "failure"]
    detail: str
    fix: str = ""
