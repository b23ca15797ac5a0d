"""How fast the scorer is, beside transformers' own pipeline and the machine's peak.

    python -m bench.model [--model DIRECTORY] [--seconds 6] [--json]
    python -m bench.model --shipped         # each model that ships, in each precision; on a GPU too

Every contender runs in processes of its own, which load, warm up and start together. The peak is
the best of many large fp32 matrix products in the same run. Run it on an idle machine.
"""

from __future__ import annotations

import json
import os
import sys
import time
from itertools import cycle
from typing import TYPE_CHECKING, Any, Final

import click
import msgspec
from rich import box
from rich.console import Console
from rich.table import Table

from bench import corpus
from bench.processes import race
from bench.report import cpu
from daemon.model.card import SHIPPED
from daemon.settings import DEFAULT_MODEL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

CONTENDERS: Final = {
    # name: (kind, processes, threads of each)
    "pipeline one by one, 1 thread": ("one", 1, 1),
    "pipeline one by one, all threads": ("one", 1, 0),
    "pipeline in 32s, all threads": ("batched", 1, 0),
    "tonebus, 1 thread": ("ours", 1, 1),
    "tonebus, all threads": ("ours", 1, 0),
    "tonebus, a process per core": ("ours", 0, 1),
}
PRECISIONS: Final = ("fp32", "bf16", "int8")
_TEXTS: Final = 2048
_REQUEST: Final = 256
"""Texts of one request: what a daemon sends to a worker at most."""


class Result(msgspec.Struct, frozen=True):
    """One contender, over all of its processes: tokens without padding, and their fp32 work.

    Attributes:
        peak: Share of the peak measured with the same processes and threads.
    """

    name: str
    texts_per_second: float
    tokens_per_second: float
    gflops: float
    peak: float


@click.command()
@click.option("--model", default=str(DEFAULT_MODEL), show_default="the default model")
@click.option("--precision", default="fp32", type=click.Choice(["fp32", "bf16", "fp16", "int8"]))
@click.option("--seconds", default=6.0, help="For each contender.")
@click.option("--json", "as_json", is_flag=True)
@click.option("--shipped", is_flag=True, help="Compare the models that ship, in each precision.")
@click.option("--child", hidden=True, nargs=2, type=(str, int))
def main(
    model: str,
    precision: str,
    seconds: float,
    as_json: bool,
    shipped: bool,
    child: tuple[str, int] | None,
) -> None:
    """Measure all contenders, one after the other."""
    if child:
        _child(child[0], child[1], model, precision, seconds)
        return
    cores = len(os.sched_getaffinity(0))
    load = os.getloadavg()[0]
    if shipped and (on_gpu := _gpu()):
        on_gpu.show(
            seconds,
            lambda count, source: sum(
                run["texts"] for run in _race("ours", count, 1, source, "fp16", 2 * seconds)
            ),
        )
        return
    if shipped:
        _show_shipped(_shipped(cores, seconds), f"{cpu()}, {cores} cores, load {load:.1f} before")
        return
    results = []
    peaks: dict[tuple[int, int], float] = {}
    for name, (kind, processes, threads) in CONTENDERS.items():
        shape = (processes or cores, threads or cores)
        if shape not in peaks:
            peaks[shape] = sum(
                each["gflops"] for each in _race("peak", *shape, model, precision, seconds / 3)
            )
        runs = _race(kind, *shape, model, precision, seconds)
        tokens = sum(each["tokens"] for each in runs)
        gflops = sum(each["gflops"] for each in runs)
        texts = sum(each["texts"] for each in runs)
        results.append(Result(name, texts, tokens, gflops, gflops / peaks[shape]))
    if as_json:
        facts = {"cpu": cpu(), "cores": cores, "load": load, "precision": precision}
        click.echo(msgspec.json.encode({**facts, "results": results}))
        return
    _show(results, f"{cpu()}, {cores} cores, {precision}, load {load:.1f} before the run")


def _gpu() -> ModuleType | None:
    """What measures on this machine's GPU, if it has one."""
    import torch  # noqa: PLC0415 - the parent stays small

    if not torch.cuda.is_available():
        return None
    from bench import gpu  # noqa: PLC0415 - it loads models

    return gpu


def _shipped(cores: int, seconds: float) -> dict[str, list[float]]:
    """Texts a second of each model in each precision, a process per core; 0 where it is refused.

    Two rounds, the better one counts, so that a short disturbance does not decide.
    """
    sources = {"default": str(DEFAULT_MODEL), **{name: str(path) for name, path in SHIPPED.items()}}
    found = {name: [0.0] * len(PRECISIONS) for name in sources}
    for _ in range(2):
        for name, source in sources.items():
            for place, precision in enumerate(PRECISIONS):
                try:
                    runs = _race("ours", cores, 1, source, precision, seconds)
                except SystemExit:  # this machine or this model has no such precision
                    continue
                found[name][place] = max(found[name][place], sum(run["texts"] for run in runs))
    return found


def _race(kind: str, processes: int, threads: int, *options: Any) -> list[dict[str, float]]:  # noqa: ANN401
    """Run processes of one kind that start measuring together; give what each reports."""
    model, precision, seconds = map(str, options)
    command = [
        *(sys.executable, "-m", "bench.model", "--child", kind, str(threads)),
        *("--model", model, "--precision", precision, "--seconds", seconds),
    ]
    environ = os.environ | {"OMP_NUM_THREADS": str(threads), "TOKENIZERS_PARALLELISM": "false"}
    return [json.loads(each) for each in race([command] * processes, environ)]


def _child(kind: str, threads: int, model: str, precision: str, seconds: float) -> None:
    import torch  # noqa: PLC0415 - the parent stays small

    torch.set_num_threads(threads)
    work = _peak() if kind == "peak" else _contender(kind, model, precision, threads)
    next(work)
    click.echo("ready")
    sys.stdin.readline()
    texts = tokens = flops = best = 0.0
    begun = time.perf_counter()
    while (spent := time.perf_counter() - begun) < seconds:
        step = time.perf_counter()
        done = next(work)
        best = max(best, done[2] / (time.perf_counter() - step))
        texts, tokens, flops = texts + done[0], tokens + done[1], flops + done[2]
    rates = {"texts": texts / spent, "tokens": tokens / spent, "gflops": flops / spent / 1e9}
    if kind == "peak":
        rates["gflops"] = best / 1e9  # undisturbed, whatever else this machine does
    click.echo(json.dumps(rates))


def _peak() -> Iterator[tuple[int, int, float]]:
    import torch  # noqa: PLC0415

    size = 2048
    one, other, out = (torch.rand(size, size) for _ in range(3))
    while True:
        torch.mm(one, other, out=out)
        yield 0, 0, 2.0 * size**3


def _contender(
    kind: str, model: str, precision: str, threads: int
) -> Iterator[tuple[int, int, float]]:
    """Score the corpus over and over, each time yielding texts, tokens and operations."""
    from daemon.model.encoding import Encoded  # noqa: PLC0415
    from daemon.model.tone_model import ToneModel  # noqa: PLC0415
    from daemon.settings import ModelSettings  # noqa: PLC0415

    texts = corpus.texts(_TEXTS)
    options = {"source": model, "threads": threads, "precision": precision}
    chosen = msgspec.convert(options, ModelSettings)
    ours = ToneModel.load(chosen)
    # The tokens that our scorer reads are counted for every contender.
    encoded = ours._encoder.encode(texts)  # noqa: SLF001
    lengths = [len(each.windows[0]) for each in encoded if isinstance(each, Encoded)]
    per_token = _flops_per_token(model, sum(lengths) // len(lengths))
    if kind == "ours":
        ours.warm_up()
        score: Callable[[list[str]], object] = ours.score
    else:
        score = _pipeline(model, precision, ours.max_tokens, kind)
    request = 1 if kind == "one" else _REQUEST
    requests = [slice(start, start + request) for start in range(0, _TEXTS, request)]
    score(texts[:request])
    yield 0, 0, 0.0
    for part in cycle(requests):
        score(texts[part])
        tokens = sum(lengths[part])
        yield len(texts[part]), tokens, tokens * per_token


def _pipeline(
    model: str, precision: str, max_tokens: int, kind: str
) -> Callable[[list[str]], object]:
    import torch  # noqa: PLC0415
    import transformers  # noqa: PLC0415

    dtypes = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
    pipe = transformers.pipeline("text-classification", model=model, dtype=dtypes[precision])
    options = {"truncation": True, "max_length": max_tokens, "top_k": None}
    if kind == "batched":
        return lambda texts: pipe(texts, batch_size=32, **options)
    return lambda texts: pipe(texts[0], **options)


def _flops_per_token(model: str, length: int) -> float:
    import torch  # noqa: PLC0415
    from torch.utils.flop_counter import FlopCounterMode  # noqa: PLC0415
    from transformers import AutoConfig, AutoModelForSequenceClassification  # noqa: PLC0415

    config = AutoConfig.from_pretrained(model)
    # what a stock network computes depends on its shape alone
    network: Any = AutoModelForSequenceClassification.from_config(config).eval()
    with torch.inference_mode(False), torch.no_grad(), FlopCounterMode(display=False) as counter:
        network(input_ids=torch.full((1, length), 100, device=network.device))
    return float(counter.get_total_flops()) / length


def _show_shipped(found: dict[str, list[float]], title: str) -> None:
    table = Table(title=title, title_justify="left", box=box.SIMPLE, pad_edge=False)
    table.add_column("texts/s", no_wrap=True)
    for precision in PRECISIONS:
        table.add_column(precision, justify="right")
    base = found["default"][0]
    for name, rates in found.items():
        shown = [f"{rate:.0f} ({rate / base:.2f})" if rate else "refused" for rate in rates]
        table.add_row(name, *shown)
    Console().print(table)


def _show(results: list[Result], title: str) -> None:
    # The faster of the two, so that nobody's threads flatter us.
    base = max(results[:2], key=lambda each: each.texts_per_second)
    table = Table(title=title, title_justify="left", box=box.SIMPLE, pad_edge=False)
    table.add_column("", no_wrap=True)
    for column in ("texts/s", "tokens/s", "GFLOP/s", "of peak", "times"):
        table.add_column(column, justify="right")
    for each in results:
        table.add_row(
            each.name,
            f"{each.texts_per_second:.0f}",
            f"{each.tokens_per_second:.0f}",
            f"{each.gflops:.0f}",
            f"{each.peak:.0%}",
            f"{each.texts_per_second / base.texts_per_second:.2f}",
        )
    Console().print(table)


if __name__ == "__main__":
    main()
