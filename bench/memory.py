"""Whether a worker's memory stays flat over many texts of random lengths.

python -m bench.memory [--model DIRECTORY] [--texts 100000]
"""

from __future__ import annotations

import os
import random

import click
import msgspec

from bench import corpus
from bench.cost import rss
from daemon.model.tone_model import ToneModel
from daemon.settings import DEFAULT_MODEL, ModelSettings

_REQUEST = 256


@click.command()
@click.option("--model", default=str(DEFAULT_MODEL), show_default="the default model")
@click.option("--precision", default="fp32", type=click.Choice(["fp32", "bf16", "fp16", "int8"]))
@click.option("--texts", default=100_000)
def main(model: str, precision: str, texts: int) -> None:
    """Score texts, every twentieth up to 20,000 characters, and print the resident memory."""
    options = {"source": model, "threads": 1, "precision": precision}
    scorer = ToneModel.load(msgspec.convert(options, ModelSettings))
    scorer.warm_up()
    dice = random.Random(1)  # noqa: S311 - no secret is made
    for done in range(0, texts, _REQUEST):
        request = corpus.texts(_REQUEST, seed=done)
        for index in range(0, _REQUEST, 20):
            request[index] = " ".join(request)[: dice.randint(1, 20_000)]
        scorer.score(request)
        if done % (_REQUEST * max(1, texts // _REQUEST // 10)) == 0:
            click.echo(f"{done + _REQUEST:>8} texts  {rss(os.getpid()) / 2**20:8.1f} MiB")


if __name__ == "__main__":
    main()
