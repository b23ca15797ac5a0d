"""A real worker around the real model, which a few marked texts can kill, hang or confuse.

`python -m tests.chaos.wicked_worker`; what the texts do here, some text does to some model.
"""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from daemon import settings
from daemon.model.tone_model import ToneModel
from daemon.status import incidents
from daemon.telemetry import logs
from daemon.worker import app

if TYPE_CHECKING:
    from collections.abc import Sequence

    from connectors.messages import Fault, Score

EXIT, ALLOCATE, HANG, RAISE, DAWDLE = (
    "please exit now", "please allocate now", "please hang now", "please raise now",
    "please dawdle now",
)  # fmt: skip
NOT_FINITE = "refund refund refund"
_SPOILT_WORD = "refund"
_MIB = 1024 * 1024
_log = structlog.get_logger("daemon.wicked")
_never = threading.Event()


def _misbehave(text: str) -> None:
    match text:
        case _ if text.startswith(EXIT):
            os._exit(3)
        case _ if text.startswith(ALLOCATE):
            hoard = []
            while True:
                hoard.append(b"\1" * 16 * _MIB)
        case _ if text.startswith(HANG):
            _never.wait()
        case _ if text.startswith(RAISE):
            raise RuntimeError(text)
        case _:
            return


class Wicked(ToneModel):
    """The real model; it looks for marked texts before it scores."""

    def score(self, texts: Sequence[str]) -> list[Score | Fault]:
        """Misbehave where a text asks for it, else score."""
        for text in texts:
            _misbehave(text)
        seconds = float(os.environ.get("WICKED_DAWDLE_SECONDS", "0"))
        if seconds and texts[0].startswith(DAWDLE):
            # a test's own texts, and the only way to know which batch this worker holds
            _log.info("dawdling", texts=list(texts))
            _never.wait(seconds)
        return super().score(texts)

    def warm_up(self) -> None:
        """Make the logits of one word infinite, as an overflow does."""
        super().warm_up()
        (encoded,) = self._encoder.encode([_SPOILT_WORD])
        weights = self._forward.network.embeddings.weight
        weights.data[encoded.windows[0][1]] = float("nan")  # type: ignore[union-attr]


def main(kind: type[ToneModel] = Wicked) -> int:
    """Serve the first model of the settings, in the control group `WICKED_CGROUP` if set."""
    if group := os.environ.get("WICKED_CGROUP"):
        (Path(group) / "cgroup.procs").write_text(str(os.getpid()), encoding="utf-8")
    configuration = settings.load()
    logs.configure(configuration.log.format, configuration.log.level, incidents.remember)
    sys.modules["daemon.model.tone_model"].ToneModel = kind  # type: ignore[attr-defined]
    return app.run(configuration, [configuration.models[0].name])


if __name__ == "__main__":
    sys.exit(main())
