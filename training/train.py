"""Fine-tune a BERT encoder to tell three tones: `python -m training.train --help`."""

import json
import time
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    BertForSequenceClassification,
)

from training import options
from training.data import LABELS, Batch, batches, load, read_tsv, tokenise
from training.emoji import sprinkle
from training.metrics import report
from training.network import Dropout, Optimizer, fastest_dtype, logits
from training.objective import Objective
from training.scoring import score

# Of BERT's uncased vocabulary; below the first word are [PAD], [CLS], [SEP] and unused ids.
_MASK_ID = 103
_FIRST_WORD_ID = 999


class RunningMean:
    """The mean of the weights seen so far."""

    def __init__(self) -> None:
        """Start with nothing seen."""
        self._mean: dict[str, torch.Tensor] = {}
        self._seen = 0

    @torch.no_grad()
    def add(self, model: torch.nn.Module) -> None:
        """Take in the model's present weights."""
        self._seen += 1
        for name, value in model.state_dict().items():
            held = self._mean.setdefault(name, torch.zeros_like(value))
            held.lerp_(value, 1 / self._seen)

    def apply(self, model: torch.nn.Module) -> None:
        """Give the model the mean, if anything was seen."""
        if self._mean:
            model.load_state_dict(self._mean)


def rate_share(step: int, total: int, warmup: float, floor: float) -> float:
    """The share of the peak rate at a step: linear up, linear down, never below the floor.

    The floor is there for the averaging of weights, which needs steps that still move.
    """
    warm = max(1, int(warmup * total))
    if step < warm:
        return step / warm
    return max(floor, 1 - (step - warm) / max(1, total - warm))


def endless(
    tokens: list[list[int]], token_budget: int, rng: np.random.Generator
) -> Iterator[Batch]:
    """Batches of one shuffled epoch after another."""
    while True:
        order = rng.permutation(len(tokens)).tolist()
        yield from batches(tokens, order, token_budget=token_budget, rng=rng)


def fit(
    model: BertForSequenceClassification,
    tokens: list[list[int]],
    objective: Objective,
    args: Namespace,
    rng: np.random.Generator,
    dtype: torch.dtype,
) -> None:
    """Train in place, ending with the mean of the last weights."""
    optimizer = Optimizer(
        model, args.rate, layer_decay=args.layer_decay, weight_decay=args.weight_decay
    )
    drop = Dropout(args.dropout, args.seed)
    mean = RunningMean()
    epoch = sum(1 for _ in batches(tokens, range(len(tokens)), token_budget=args.token_budget))
    total = int(args.epochs * epoch)
    stream = endless(tokens, args.token_budget, rng)
    started, seen, shown = time.monotonic(), 0, 0.0
    for step in range(1, total + 1):
        batch = next(stream)
        hidden = torch.from_numpy(rng.random(batch.ids.shape) < args.mask)
        ids = batch.ids.masked_fill(hidden & (batch.ids >= _FIRST_WORD_ID), _MASK_ID)
        scores = logits(model, ids, batch.lengths, drop, dtype=dtype)
        loss = objective(scores, batch.rows)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step(rate_share(step, total, args.warmup, args.floor))
        if step > total * (1 - args.average) and step % 10 == 0:
            mean.add(model)
        seen += len(batch.rows)
        shown += (loss.item() - shown) / min(step, 100)
        if step % 100 == 0:
            pace = seen / (time.monotonic() - started)
            print(f"step {step}/{total} loss {shown:.4f} {pace:.0f} texts/s", flush=True)
    mean.apply(model)


def main() -> None:
    """Train, report on the dev files, save."""
    args = options.parse()
    torch.set_num_threads(args.threads)
    dtype = fastest_dtype()
    print(f"matrix products in {dtype}", flush=True)
    # The head's first weights are equal in all runs, so that runs can be averaged.
    torch.manual_seed(0)
    rng = np.random.default_rng(args.seed)
    tokenizer = AutoTokenizer.from_pretrained(args.base)
    names = dict(enumerate(LABELS))
    model: BertForSequenceClassification = AutoModelForSequenceClassification.from_pretrained(
        args.base, num_labels=len(LABELS), id2label=names, label2id={v: k for k, v in names.items()}
    )
    rows = load(args.train, skip=args.skip_source)
    texts = [row.text for row in sprinkle(rows, args.emoji, rng)]
    how = {"preprocessing": args.preprocessing, "max_tokens": args.max_tokens}
    objective = Objective(rows, smoothing=args.smoothing, balance=args.balance)
    fit(model, tokenise(texts, tokenizer, **how), objective, args, rng, dtype)

    figures = {}
    for path in args.dev:
        dev = read_tsv(path)
        labels = np.array([row.label for row in dev])
        found = score(model, tokenizer, [row.text for row in dev], dtype=dtype, **how)
        figures[path.stem] = report(labels, found)
        print(path.stem, json.dumps(figures[path.stem]), flush=True)
    model.save_pretrained(args.out)
    tokenizer.save_pretrained(args.out)
    record = {key: str(value) for key, value in vars(args).items()}
    Path(args.out, "run.json").write_text(json.dumps(record | {"dev": figures}, indent=1) + "\n")


if __name__ == "__main__":
    main()
