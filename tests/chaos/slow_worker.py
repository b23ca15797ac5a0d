"""A real worker around the real model, which takes its time while a file is there.

`python -m tests.chaos.slow_worker`: SLOW_WHILE names the file, SLOW_SECONDS the time of a batch.
"""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from daemon.model.tone_model import ToneModel
from tests.chaos import wicked_worker

if TYPE_CHECKING:
    from collections.abc import Sequence

    from connectors.messages import Fault, Score

_never = threading.Event()


class Slow(ToneModel):
    """The real model, now and then as slow as a large one."""

    def score(self, texts: Sequence[str]) -> list[Score | Fault]:
        """Score, later where the file is there."""
        if Path(os.environ["SLOW_WHILE"]).exists():
            _never.wait(float(os.environ["SLOW_SECONDS"]))
        return super().score(texts)


if __name__ == "__main__":
    sys.exit(wicked_worker.main(Slow))
