"""`python -m tests.chaos`: the long form, with a table at its end."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from pathlib import Path

from tests.chaos.run import run


def main() -> int:
    """Return 0 where nothing was lost."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--messages", type=int, default=3000)
    parser.add_argument("--faults", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=100.0, help="messages a second")
    parser.add_argument("--only", default="", help="only faults with this in their names")
    parser.add_argument("--keep", type=Path, help="keep the logs in this new directory")
    options = parser.parse_args()
    # what was started must be ended, however this ends
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with tempfile.TemporaryDirectory(prefix="tonebus-chaos-") as directory:
        where = options.keep or Path(directory)
        where.mkdir(parents=True, exist_ok=True)
        report = run(
            where, messages=options.messages, faults=options.faults, seed=options.seed,
            rate=options.rate, only=options.only, say=lambda line: print(line, flush=True),
        )  # fmt: skip
    print(f"\n{report}")
    return 0 if report.sound else 1


if __name__ == "__main__":
    sys.exit(main())
