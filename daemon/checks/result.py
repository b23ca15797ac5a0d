"""The result of a live check."""

from __future__ import annotations

from typing import Literal

import msgspec


class Result(msgspec.Struct, frozen=True):
    """What came of one check.

    Attributes:
        state: `unknown` is neither ok nor a failure: nothing could be asked.
        fix: What to do about it; empty where all is well.
    """

    check: str
    state: Literal["ok", "warning", "failure", "unknown"]
    detail: str
    fix: str = ""
