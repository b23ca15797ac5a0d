"""`python -m tests.chaos.soak`: steady load for as long as you like, and whether anything grows."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from connectors.amqp.topology import source_queue
from tests.chaos.oracle import Collector, Publisher
from tests.chaos.run import rigged
from tests.chaos.servers import own_servers
from tests.chaos.traffic import traffic

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.chaos.faults import Rig
    from tests.chaos.ledger import Ledger
    from tests.chaos.supervisor import Supervised
    from tests.chaos.traffic import Message

_SAMPLE_SECONDS = 5.0
_WARM_UP_SHARE = 0.3
_PAGE = 4096
_ROUND = 10_000
_MB = 1_000_000


@dataclass(frozen=True)
class Sample:
    """One look at one process.

    Attributes:
        at: Seconds since the start.
    """

    at: float
    rss: float
    descriptors: int
    threads: int


def look(pid: int, at: float) -> Sample:
    """Read what the kernel tells of a process; RSS in MB."""
    proc = Path(f"/proc/{pid}")
    pages = int((proc / "statm").read_text(encoding="ascii").split()[1])
    return Sample(
        at,
        pages * _PAGE / _MB,
        len(list((proc / "fd").iterdir())),
        len(list((proc / "task").iterdir())),
    )


def slope(samples: Sequence[tuple[float, float]]) -> float:
    """Fit a line after the warm-up; return its rise in an hour."""
    rest = samples[int(len(samples) * _WARM_UP_SHARE) :]
    if len(rest) < 2:
        return 0.0
    middle = sum(x for x, _ in rest) / len(rest)
    height = sum(y for _, y in rest) / len(rest)
    spread = sum((x - middle) ** 2 for x, _ in rest)
    return 3600 * sum((x - middle) * (y - height) for x, y in rest) / spread


def endless(seed: int) -> Iterator[Message]:
    """Traffic without end: a third of the texts are repeats."""
    for turn in count():
        yield from traffic(seed + turn, _ROUND, first=turn * _ROUND)


def run(minutes: float, rate: float, plot: Path | None) -> bool:
    """Load, look, tell; return whether every message was accounted for."""
    with tempfile.TemporaryDirectory(prefix="tonebus-soak-") as name:
        directory = Path(name)
        with (
            own_servers(directory / "servers") as (broker, redis),
            rigged(directory, broker, redis, 1) as rig,
        ):
            ledger = rig.ledger
            collector = Collector(broker.url, ledger)
            publisher = Publisher(broker.url, ledger, endless(1), rate=rate, seed=1)
            collector.start()
            publisher.start()
            processes = [rig.daemon, *rig.workers]
            samples, depths = _watch(rig, processes, ledger, publisher, minutes * 60)
            lost = _settle(ledger)
            publisher.close()
            collector.close()
    _tell(samples, depths, ledger.sent, minutes)
    print(f"not accounted for: {lost}")
    if plot:
        _plot(samples, depths, plot)
        print(f"plot: {plot}")
    return not lost


def _watch(
    rig: Rig, processes: Sequence[Supervised], ledger: Ledger, publisher: Publisher, seconds: float
) -> tuple[dict[str, list[Sample]], list[tuple[float, float]]]:
    samples: dict[str, list[Sample]] = {each.name: [] for each in processes}
    depths: list[tuple[float, float]] = []
    begun = time.monotonic()
    publisher.allow(sys.maxsize)
    while (at := time.monotonic() - begun) < seconds:
        for each in processes:
            samples[each.name].append(look(each.pid, at))
        depths.append((at, float(rig.broker.depths()[source_queue("input")])))
        daemon = samples[rig.daemon.name][-1]
        print(
            f"{at:7.0f} s  {ledger.sent:,} messages  daemon {daemon.rss:.1f} MB "
            f"{daemon.descriptors} fds {daemon.threads} threads  queue {depths[-1][1]:.0f}",
            flush=True,
        )
        # the interval of the samples
        time.sleep(_SAMPLE_SECONDS)
    publisher.hold()
    return samples, depths


def _settle(ledger: Ledger) -> int:
    deadline = time.monotonic() + 60
    while ledger.open() and time.monotonic() < deadline:
        time.sleep(0.1)
    return len(ledger.open())


def _tell(
    samples: dict[str, list[Sample]], depths: list[tuple[float, float]], sent: int, minutes: float
) -> None:
    print(f"\n{sent:,} messages in {minutes:g} minutes, {sent / minutes / 60:.0f}/s\n")
    print("| process | RSS, MB | RSS slope, MB/h | fds | fds slope, /h | threads |")
    print("|---|---:|---:|---:|---:|---:|")
    for name, each in samples.items():
        rss = slope([(s.at, s.rss) for s in each])
        descriptors = slope([(s.at, s.descriptors) for s in each])
        print(
            f"| {name} | {each[0].rss:.1f} → {each[-1].rss:.1f} | {rss:+.2f} "
            f"| {each[-1].descriptors} | {descriptors:+.2f} | {each[-1].threads} |"
        )
    print(f"\nsource queue: at most {max(d for _, d in depths):.0f}, {slope(depths):+.1f}/h")


def _plot(samples: dict[str, list[Sample]], depths: list[tuple[float, float]], path: Path) -> None:
    from matplotlib import pyplot as plt  # noqa: PLC0415 - of the extra `plot`

    figure, axes = plt.subplots(4, 1, sharex=True, figsize=(9, 11))
    for name, each in samples.items():
        minutes = [s.at / 60 for s in each]
        for axis, values in zip(
            axes,
            ([s.rss for s in each], [s.descriptors for s in each], [s.threads for s in each]),
            strict=False,
        ):
            axis.plot(minutes, values, label=name)
    axes[3].plot([at / 60 for at, _ in depths], [depth for _, depth in depths])
    labels = ("RSS, MB", "file descriptors", "threads", "source queue, messages")
    for axis, label in zip(axes, labels, strict=True):
        axis.set_ylabel(label)
        axis.set_ylim(bottom=0)
    axes[0].legend()
    axes[3].set_xlabel("minutes")
    figure.tight_layout()
    figure.savefig(path, dpi=120)


def main() -> int:
    """Return 0 where every message was accounted for."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--rate", type=float, default=100.0, help="messages a second")
    parser.add_argument("--plot", type=Path, help="write a PNG here (wants the extra `plot`)")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    return 0 if run(options.minutes, options.rate, options.plot) else 1


if __name__ == "__main__":
    sys.exit(main())
