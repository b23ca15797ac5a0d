"""The model limit: the worker's own scoring code in a bare loop, with perfect batches.

python -m bench.model_limit SECONDS SEED
"""

from __future__ import annotations

import sys
import time

from bench import corpus
from daemon import settings
from daemon.model.tone_model import ToneModel

_BATCH = 256
_TEXTS = 2048


def main() -> None:
    """Score for so many seconds after a line on standard input, and print texts a second."""
    seconds, seed = float(sys.argv[1]), int(sys.argv[2])
    model = ToneModel.load(settings.load().models[0], measure=True)
    model.warm_up()
    texts = corpus.texts(_TEXTS, seed)
    print("ready", flush=True)  # noqa: T201 - read by the parent process
    sys.stdin.readline()
    begun, scored = time.perf_counter(), 0
    while time.perf_counter() - begun < seconds:
        start = scored % _TEXTS
        scored += len(model.score(texts[start : start + _BATCH]))
    print(scored / (time.perf_counter() - begun), flush=True)  # noqa: T201 - as above


if __name__ == "__main__":
    main()
