"""Training hides words and never the tokens that hold a text together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from transformers import AutoTokenizer

from tests.daemon.model import tiny
from training.noise import Noise

if TYPE_CHECKING:
    from pathlib import Path

TEXTS = ["good app", "bad late refund , again"]


def test_words_are_hidden_and_special_tokens_are_not(tmp_path: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(tiny.bert(tmp_path / "base"))
    ids = tokenizer(TEXTS, padding=True, return_tensors="pt")["input_ids"]
    special = torch.isin(ids, torch.tensor(tokenizer.all_special_ids))
    hidden = Noise(tokenizer, 1.0)(ids, np.random.default_rng(0))
    assert torch.equal(hidden[special], ids[special])
    assert (hidden[~special] == tokenizer.mask_token_id).all()
    assert torch.equal(Noise(tokenizer, 0.0)(ids, np.random.default_rng(0)), ids)


def test_a_tokenizer_without_a_mask_hides_nothing(tmp_path: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(tiny.bert(tmp_path / "base"))
    ids = tokenizer(TEXTS, padding=True, return_tensors="pt")["input_ids"]
    tokenizer.mask_token = None
    assert torch.equal(Noise(tokenizer, 1.0)(ids, np.random.default_rng(0)), ids)
