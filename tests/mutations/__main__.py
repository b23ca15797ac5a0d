"""Make each mistake in a copy of the sources, and see that a test fails.

Run by hand, for it takes minutes: `make mutations`, or `make mutations ONLY=parked-twice`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent.parent
COPIED = ("connectors", "daemon", "api", "tests", "pyproject.toml")
TESTS = (
    "tests/daemon/pipeline/test_confirms.py", "tests/daemon/pipeline/test_charges.py",
    "tests/daemon/pipeline/test_destinations.py", "tests/daemon/pipeline/test_ledger.py",
)  # fmt: skip
_TURNS = "tests/hostile/test_turns.py::test_"
HOSTILE = f"{_TURNS}500_hostile_messages_are_worked_off_in_bounded_turns_and_bounded_memory"
OVERSIZE = f"{_TURNS}bodies_over_their_bound_are_not_held"
COSTLY = f"{_TURNS}mapping_that_takes_long_costs_no_delivery"
BOUNDS = ("tests/daemon/pipeline/test_inbox.py", "tests/daemon/pipeline/test_destinations.py")
FAILED = 1
"""What pytest ends with where a test failed; anything else is an error of another kind."""


class Mutation(NamedTuple):
    """A mistake: a piece of a source file, what stands there instead, and the tests that run."""

    name: str
    file: str
    right: str
    wrong: str
    tests: tuple[str, ...] = TESTS


MUTATIONS = (
    Mutation(
        "acked-early", "daemon/pipeline/pipeline.py",
        "        self._publisher.put(pending)\n",
        "        self._publisher.put(pending)\n"
        "        item.delivery.ack()\n",
    ),
    Mutation(
        "acked-before-its-copy-is-safe", "daemon/pipeline/pipeline.py",
        "            self._publisher.put(PendingCopy(settlement, reason))\n",
        "            self._publisher.put(PendingCopy(settlement, reason))\n"
        "            delivery.ack()\n",
    ),
    Mutation(
        "complete-with-one-text-open", "daemon/pipeline/settlement.py",
        "return not self._open", "return self._open <= 1",
    ),
    Mutation(
        "duplicates-acked-at-once", "daemon/pipeline/pipeline.py",
        "original.duplicates.append(item.settlement)", "self._duplicate(item.settlement)",
    ),
    Mutation(
        "one-mark-too-many", "daemon/pipeline/pipeline.py",
        "        self._publisher.put(pending)\n",
        "        self._publisher.put(pending)\n"
        "        self._cache.remember_mark(item.mark_key)\n",
    ),
    Mutation(
        "a-return-taken-for-a-confirm", "daemon/pipeline/publisher.py",
        "if fate is Fate.CONFIRMED:", "if fate in {Fate.CONFIRMED, Fate.UNROUTED}:",
    ),
    Mutation(
        "what-was-void-is-forgotten", "daemon/pipeline/publisher.py",
        "                    self._ready.appendleft(pending)\n", "",
    ),
    Mutation(
        "parked-twice", "daemon/pipeline/pipeline.py",
        "            self._publisher.put(PendingCopy(settlement, reason))\n",
        "            self._publisher.put(PendingCopy(settlement, reason))\n"
        "            self._publisher.put(PendingCopy(settlement, reason))\n",
    ),
    Mutation(
        "a-lost-worker-charged-to-the-text", "daemon/pipeline/charges.py",
        '"worker-lost": Charged.SUSPICION', '"worker-lost": Charged.TEXT',
    ),
    Mutation(
        "an-unreadable-reply-charged-to-the-text", "daemon/pipeline/charges.py",
        '"unreadable": Charged.WORKER', '"unreadable": Charged.TEXT',
    ),
    Mutation(
        "two-suspects-are-enough", "daemon/pipeline/charges.py", "SUSPECTS = 3", "SUSPECTS = 2",
    ),
    Mutation(
        "the-probe-is-lost-with-its-channel", "daemon/pipeline/publisher.py",
        "                refusal.waiting.appendleft(pending)\n                return refusal\n",
        "                return refusal\n",
    ),
    Mutation(
        "a-list-fills-the-room-of-all", "daemon/pipeline/inbox.py",
        "HELD_ITEMS // connectors", "HELD_ITEMS",
    ),
    Mutation(
        "a-forbidden-probe-among-all-else", "daemon/pipeline/publisher.py",
        "apart = refusal.reason == Fate.FORBIDDEN.value", "apart = False",
    ),
    Mutation(
        "a-consumer-that-ended-stays-ended", "daemon/pipeline/intake.py",
        "        self._start(ended.connector, prefetch=connector.prefetch)\n", "",
    ),
    Mutation(
        "answered-before-the-event-is-safe", "daemon/pipeline/pipeline.py",
        "        self._publisher.put(pending)\n",
        "        self._publisher.put(pending)\n"
        "        pending.message()\n"
        "        if pending.event and (\n"
        "            sent := item.route.output.reply(pending.event, item.delivery)\n"
        "        ):\n"
        "            self._edges.sink.reply(sent)\n",
    ),
    Mutation(
        "answered-before-the-message-is-acknowledged", "daemon/pipeline/pipeline.py",
        "        self._edges.source.flush()\n        self._reply()\n",
        "        self._reply()\n        self._edges.source.flush()\n",
    ),
    Mutation(
        "a-turn-without-end", "daemon/pipeline/limits.py",
        "MAP_SECONDS = 0.02", "MAP_SECONDS = 3600.0", (COSTLY,),
    ),
    Mutation(
        "mapping-without-end", "connectors/mapping/bounds.py",
        "        self.left = steps\n", "        self.left = 10**12\n", (HOSTILE,),
    ),
    Mutation(
        "events-without-end", "connectors/mapping/mapper.py",
        "if size > self._max_mapped_bytes:", "if size > 10**12:", (HOSTILE,),
    ),
    Mutation(
        "bodies-without-end", "connectors/amqp/source.py",
        "hold_bytes=0 if loses else prefetch * self._max_body_bytes", "hold_bytes=10**12",
        (OVERSIZE,),
    ),
    Mutation(
        "a-window-without-end-in-bytes", "daemon/pipeline/publisher.py",
        "self._sent_bytes < WINDOW_BYTES and ", "", BOUNDS,
    ),
    Mutation(
        "a-window-without-end-in-messages", "daemon/pipeline/publisher.py",
        " and len(self._sent) < WINDOW_MESSAGES", "", BOUNDS,
    ),
    Mutation(
        "items-without-end", "daemon/pipeline/inbox.py",
        "connector, weight = item.delivery.connector, sign * item.weight\n",
        "connector, weight = item.delivery.connector, sign * item.weight\n"
        "        sign = 0\n", BOUNDS,
    ),
    Mutation(
        "texts-without-end", "daemon/pipeline/inbox.py",
        "sign * item.weight", "0", BOUNDS,
    ),
)  # fmt: skip


def caught(mutation: Mutation) -> bool:
    """Make the mistake, and run the tests.

    Raises:
        SystemExit: The right piece stands in no such place, or the tests could not run.
    """
    with tempfile.TemporaryDirectory(prefix="tonebus-mutation-") as directory:
        copy = Path(directory)
        for name in COPIED:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, copy / name)
        file = copy / mutation.file
        text = file.read_text(encoding="utf-8")
        if text.count(mutation.right) != 1:
            sys.exit(f"{mutation.name}: {mutation.file} has changed; write the mutation again")
        file.write_text(text.replace(mutation.right, mutation.wrong), encoding="utf-8")
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *mutation.tests],
            check=False, cwd=copy, env={**os.environ, "PYTHONPATH": directory, "UNSHRUNK": "yes"},
            capture_output=True, text=True,
        )  # fmt: skip
    if done.returncode not in {0, FAILED}:
        sys.exit(f"{mutation.name}: the tests could not run:\n{done.stdout}{done.stderr}")
    return done.returncode == FAILED


def main() -> int:
    """Make every mistake, or the one that is named; return 1 where one was not noticed."""
    named = sys.argv[1:]
    missed = 0
    for mutation in MUTATIONS:
        if named and mutation.name not in named:
            continue
        noticed = caught(mutation)
        missed += not noticed
        print(f"{'caught' if noticed else 'NOT NOTICED':12} {mutation.name}", flush=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
