"""Weights of four and eight bits come back as what they stand for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from safetensors.torch import load_file

from daemon.model import loading
from daemon.model.bert import Bert
from daemon.model.packed import unpack
from daemon.model.tone_model import ToneModel
from daemon.model.vetting import PACKED
from tests.daemon.model import tiny
from tests.daemon.model.scoring import apart, scored
from training.packing import eight_bits, four_bits, pack

if TYPE_CHECKING:
    from pathlib import Path

ROUNDING = 0.01
TEXTS = ("good service, thanks", "bad app", "the order is late again")


def of_four_bits(rows: int, columns: int) -> torch.Tensor:
    """Weights as they come from blocks of 32 four-bit numbers, each with -8 in it."""
    random = torch.Generator().manual_seed(0)
    whole = torch.randint(-8, 8, (rows, columns // 32, 32), generator=random)
    whole[:, :, 5] = -8
    scale = torch.randn((rows, columns // 32, 1), generator=random).half()
    return (whole * scale.float()).view(rows, columns)


def test_a_packed_model_scores_as_the_whole_one(own_bert: Path) -> None:
    whole = scored(ToneModel.load(tiny.settings(own_bert)), *TEXTS)
    pack(load_file(own_bert / "model.safetensors"), own_bert)
    (own_bert / "model.safetensors").unlink()
    packed = scored(ToneModel.load(tiny.settings(own_bert)), *TEXTS)
    assert all(apart(one, other) < ROUNDING for one, other in zip(whole, packed, strict=True))
    assert packed != whole


def test_the_table_of_words_stays_packed(own_bert: Path) -> None:
    pack(load_file(own_bert / "model.safetensors"), own_bert)
    (own_bert / "model.safetensors").unlink()
    state = unpack(own_bert, torch.float32)
    assert state is not None
    network = loading.load(tiny.settings(own_bert)).network
    assert isinstance(network, Bert)
    assert network.words.weight.dtype == torch.int8
    ids = torch.tensor([[3, 0], [7, 3]])
    assert torch.equal(network.words(ids), state["bert.embeddings.word_embeddings.weight"][ids])


def test_four_bits_lose_nothing_of_what_came_from_four_bits(tmp_path: Path) -> None:
    words = of_four_bits(10, 96)
    words[3] = 0
    pack({"words": words}, tmp_path)
    assert load_file(tmp_path / PACKED)["words"].shape == (10, 48)
    state = unpack(tmp_path, torch.float32)
    assert state is not None
    assert torch.equal(state["words"], words)


def test_other_weights_get_eight_bits_with_a_scale_for_each_row() -> None:
    weight = torch.randn((4, 64), generator=torch.Generator().manual_seed(0))
    assert four_bits(weight) is None
    whole, scale = eight_bits(weight)
    assert whole.dtype == torch.int8
    torch.testing.assert_close(whole * scale, weight, rtol=0, atol=float(scale.max()) / 2)


def test_a_directory_without_packed_weights_has_none(own_bert: Path) -> None:
    assert unpack(own_bert, torch.float32) is None
