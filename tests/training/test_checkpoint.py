"""A run that was cut off goes on from its checkpoint, to the same weights."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

import pytest
import torch
from transformers import AutoTokenizer, BertForSequenceClassification

from tests.daemon.model import tiny
from training.data import Row
from training.fitting import fit, rate_share
from training.noise import Noise
from training.objective import Objective

if TYPE_CHECKING:
    from pathlib import Path

ROWS = [Row("shop", number % 3, "good bad fine"[: 4 + number % 9]) for number in range(60)]
CUT_AFTER = 7


class CutOffError(Exception):
    """Stands for a machine that is switched off."""


class Cut(Objective):
    """An objective that ends the run at a step."""

    def __init__(self, after: int) -> None:
        super().__init__(ROWS, smoothing=0.05, balance=1.0)
        self._left = after

    def __call__(self, logits: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        self._left -= 1
        if self._left < 0:
            raise CutOffError
        return super().__call__(logits, rows)


def train(base: Path, out: Path, steps: int, *, freeze: bool) -> BertForSequenceClassification:
    """Train until the end or the cut, as a process of its own would."""
    network: BertForSequenceClassification = BertForSequenceClassification.from_pretrained(base)
    network.get_input_embeddings().weight.requires_grad_(not freeze)
    tokenizer = AutoTokenizer.from_pretrained(base)
    tokens = tokenizer([row.text for row in ROWS])["input_ids"]
    args = Namespace(
        out=out,
        rate=1e-3,
        layer_decay=0.9,
        weight_decay=0.01,
        minutes=0,
        epochs=2,
        token_budget=32,
        checkpoint_minutes=0,
        dropout=0.0,
        seed=5,
        warmup=0.1,
        floor=0.1,
        average=0.5,
    )
    fit(network, tokens, Cut(steps), Noise(tokenizer, 0.0), args, torch.float32)
    return network


@pytest.mark.parametrize("freeze", [True, False])
def test_a_run_that_was_cut_off_ends_as_one_that_was_not(tmp_path: Path, *, freeze: bool) -> None:
    base = tiny.bert(tmp_path / "base")
    whole = train(base, tmp_path / "whole", 1000, freeze=freeze)
    with pytest.raises(CutOffError):
        train(base, tmp_path / "cut", CUT_AFTER, freeze=freeze)
    resumed = train(base, tmp_path / "cut", 1000, freeze=freeze)
    for name, value in whole.state_dict().items():
        torch.testing.assert_close(resumed.state_dict()[name], value, msg=name)
    words = BertForSequenceClassification.from_pretrained(base).get_input_embeddings().weight
    assert torch.equal(whole.get_input_embeddings().weight, words) is freeze


def test_the_rate_rises_falls_and_stays_above_its_floor() -> None:
    shares = [rate_share(done / 20, warmup=0.2, floor=0.1) for done in range(21)]
    assert shares[:5] == pytest.approx([0, 0.25, 0.5, 0.75, 1])
    assert shares[4:] == sorted(shares[4:], reverse=True)
    assert shares[-1] == 0.1
