"""The training loop: batches in, weights changed in place."""

import time
from argparse import Namespace
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from torch.optim.swa_utils import AveragedModel
from transformers import PreTrainedModel

from training.checkpoint import Checkpoint, Progress
from training.data import Batch, batches
from training.hints import Hints
from training.network import Dropout, Optimizer, logits
from training.noise import Noise
from training.objective import Objective
from training.showing import display

_SHOWN_EVERY = 100
_AVERAGED_EVERY = 10


def rate_share(done: float, warmup: float, floor: float) -> float:
    """The share of the peak rate when `done` of the run is done: linear up, then linear down.

    It never falls below the floor, since the averaging of weights needs steps that still move.
    """
    if done < warmup:
        return done / warmup
    return max(floor, (1 - done) / (1 - warmup))


def endless(tokens: list[list[int]], token_budget: int, seed: int) -> Iterator[Batch]:
    """Batches of one shuffled epoch after another, the same ones for a seed."""
    epoch = 0
    while True:
        rng = np.random.default_rng([seed, epoch])
        order = rng.permutation(len(tokens)).tolist()
        yield from batches(tokens, order, token_budget=token_budget, rng=rng)
        epoch += 1


def fit(
    model: PreTrainedModel,
    tokens: list[list[int]],
    objective: Objective,
    noise: Noise,
    args: Namespace,
    dtype: torch.dtype,
    hints: Hints | None = None,
) -> Progress:
    """Train in place, ending with the mean of the last weights.

    A run with `args.minutes` ends after that time at the latest, however fast the machine is: its
    learning rate follows the clock.
    """
    optimizer = Optimizer(
        model, args.rate, layer_decay=args.layer_decay, weight_decay=args.weight_decay
    )
    mean = AveragedModel(model)
    parts = {"model": model, "optimizer": optimizer, "mean": mean}
    checkpoint = Checkpoint(Path(args.out, "checkpoint.pt"), parts, args.checkpoint_minutes * 60)
    progress = checkpoint.restore()
    epoch = sum(1 for _ in batches(tokens, range(len(tokens)), token_budget=args.token_budget))
    total = max(1, int(args.epochs * epoch))

    def done() -> float:
        by_time = progress.seconds / (args.minutes * 60) if args.minutes else 0.0
        return max(progress.step / total, by_time)

    # dropout need not repeat across a restart, but must not start with the same masks
    drop = Dropout(args.dropout, args.seed + progress.step)
    rng = np.random.default_rng([args.seed, progress.step])
    begun = time.monotonic() - progress.seconds
    lost = torch.zeros((), device=model.device)  # read seldom: a GPU would have to be waited for
    model.train()
    coming = islice(endless(tokens, args.token_budget, args.seed), progress.step, None)
    with display(done()) as show:
        for batch in coming:
            if done() >= 1:
                break
            progress.step += 1
            ids, lengths = noise(batch.ids, rng).to(model.device), batch.lengths.to(model.device)
            states: list[torch.Tensor] = []
            found = logits(model, ids, lengths, drop, dtype=dtype, states=states)
            loss = objective(found, batch.rows)
            if hints:
                loss = loss + hints(states, ids, lengths)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step(rate_share(done(), args.warmup, args.floor))
            progress.seconds = time.monotonic() - begun
            if done() > 1 - args.average and progress.step % _AVERAGED_EVERY == 0:
                mean.update_parameters(model)
            progress.texts += len(batch.rows)
            lost += loss.detach()
            if progress.step % _SHOWN_EVERY == 0:
                progress.loss = lost.item() / _SHOWN_EVERY
                lost.zero_()
                pace = progress.texts / progress.seconds
                text = f"step {progress.step}, loss {progress.loss:.4f}, {pace:.0f} texts/s"
                show(done(), text)
            checkpoint.save_if_due(progress)
    if mean.n_averaged:
        model.load_state_dict(mean.module.state_dict())
    return progress
