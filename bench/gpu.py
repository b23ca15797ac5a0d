"""The models that ship, on a GPU: `python -m bench.model --shipped` where there is one.

One process scores through `ToneModel`, as a worker does, tokenizer included; then several
processes share the GPU.
"""

from __future__ import annotations

import gc
import time
from itertools import cycle
from typing import TYPE_CHECKING, Final

import msgspec
import torch
from rich import box
from rich.console import Console
from rich.table import Table

from bench import corpus
from daemon.model.agreement import Proof, compare
from daemon.model.card import SHIPPED
from daemon.model.encoding import Encoded
from daemon.model.probes import probes
from daemon.model.tone_model import ToneModel
from daemon.settings import DEFAULT_MODEL, ModelSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PRECISIONS: Final = ("fp32", "fp16", "bf16")
BATCHES: Final = (1, 8, 32, 256, 2048)
WORKERS: Final = (1, 2, 4)
_TEXTS: Final = 4096
_WARMING: Final = 3
"""A GPU is slow at first: it loads code for shapes that are new to it."""


class Figures(msgspec.Struct, frozen=True):
    """One model in one precision.

    Attributes:
        loaded: Seconds until it is ready, the import of torch and the start of CUDA left out.
        kept: MB of the GPU's memory for the weights.
        most: MB at most, while it scored.
        seconds: Of one call, by texts in it.
        budget: Tokens of one forward.
        proof: How it agrees with fp32 on the built-in sentences.
    """

    loaded: float
    kept: float
    most: float
    seconds: dict[int, float]
    budget: int
    proof: Proof


def sources() -> dict[str, str]:
    return {"default": str(DEFAULT_MODEL), **{name: str(path) for name, path in SHIPPED.items()}}


def show(seconds: float, race: Callable[[int, str], float]) -> None:
    """Measure and print everything; `race` gives texts a second of so many workers of a model."""
    console = Console(width=160)
    begun = time.perf_counter()
    torch.zeros(1, device="cuda")
    console.print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}")
    console.print(f"CUDA started in {time.perf_counter() - begun:.1f} s")
    for name, source in sources().items():
        _print(console, name, _model(source, seconds))
        begun = time.perf_counter()
        chosen = ToneModel.load(_settings(source, "auto"), measure=True).precision
        took = time.perf_counter() - begun
        console.print(f"auto, after {took:.1f} s: {chosen.precision}, since {chosen.why}")
    table = Table(title="texts/s of workers that share the GPU", box=box.SIMPLE)
    for column in ("", *map(str, WORKERS)):
        table.add_column(column, justify="right")
    table.add_row("default", *(f"{race(count, str(DEFAULT_MODEL)):,.0f}" for count in WORKERS))
    console.print(table)


def _model(source: str, seconds: float) -> dict[str, Figures]:
    exact = ToneModel.load(_settings(source, "fp32"))
    encoded = exact._encoder.encode(probes())  # noqa: SLF001 - what a worker compares on
    windows = [each.windows[0] for each in encoded if isinstance(each, Encoded)]
    found = {}
    for precision in PRECISIONS:
        gc.collect()  # the model before
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        before, begun = torch.cuda.memory_allocated(), time.perf_counter()
        model = ToneModel.load(_settings(source, precision))
        model.warm_up()
        loaded, kept = time.perf_counter() - begun, torch.cuda.memory_allocated()
        calls = {count: _call(model, count, seconds) for count in BATCHES}
        found[precision] = Figures(
            loaded,
            (kept - before) / 1e6,
            (torch.cuda.max_memory_allocated() - before) / 1e6,
            calls,
            model.token_budget,
            compare(exact._forward, model._forward, windows),  # noqa: SLF001 - likewise
        )
        del model
    return found


def _settings(source: str, precision: str) -> ModelSettings:
    return msgspec.convert({"source": source, "precision": precision}, ModelSettings)


def _call(model: ToneModel, count: int, seconds: float) -> float:
    """The mean seconds of a call with so many texts."""
    texts = corpus.texts(_TEXTS)
    starts = cycle(range(0, _TEXTS, count))

    def mean(seconds: float) -> float:
        calls, begun = 0, time.perf_counter()
        while time.perf_counter() - begun < seconds:
            start = next(starts)
            model.score(texts[start : start + count])
            calls += 1
        return (time.perf_counter() - begun) / calls

    mean(_WARMING * seconds)
    return mean(seconds)


def _print(console: Console, name: str, found: Mapping[str, Figures]) -> None:
    table = Table(title=f"{name}: texts/s by texts in a call", title_justify="left", box=box.SIMPLE)
    columns = (*map(str, BATCHES), "one, ms", "text, µs", "loaded, s", "MB", "most", "budget")
    for column in ("", *columns, "same tone", "drift", "apart"):
        table.add_column(column, justify="right")
    for precision, each in found.items():
        many, few = each.seconds[256], each.seconds[1]
        table.add_row(
            precision,
            *(f"{count / took:,.0f}" for count, took in each.seconds.items()),
            f"{1000 * few:.2f}", f"{1e6 * (many - few) / 255:.1f}", f"{each.loaded:.1f}",
            f"{each.kept:.0f}", f"{each.most:.0f}", f"{each.budget:,}",
            f"{each.proof.same_tone:.1%}", f"{each.proof.drift:.5f}", f"{each.proof.apart:.5f}",
        )  # fmt: skip
    console.print(table)
