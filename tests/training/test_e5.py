"""The four-bit base becomes a stock model with a vocabulary of its own size."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from tests.training import four_bits
from training import e5
from training.e5_file import read

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    path = tmp_path / "texts.tsv"
    path.write_text("en\tpositive\tgood, not bad\nde\tpositive\tgut\n", encoding="utf-8")
    return path


def test_the_tensors_come_back_as_they_were(tmp_path: Path) -> None:
    tensors = four_bits.write(tmp_path / "base.bin")
    source = read(tmp_path / "base.bin")
    assert source.pieces == list(four_bits.PIECES)
    assert source.scores == list(four_bits.PIECES.values())
    for name, value in tensors.items():
        np.testing.assert_array_equal(source.tensor(name), value)


def test_what_is_no_such_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.bin"
    path.write_bytes(b"GGUF" + bytes(100))
    with pytest.raises(ValueError, match="expected an E5S1 file"):
        read(path)


def test_a_stock_model_loads_with_the_pieces_that_the_texts_use(
    tmp_path: Path, texts: Path
) -> None:
    tensors = four_bits.write(tmp_path / "base.bin")
    source = read(tmp_path / "base.bin")
    ids = e5.cut(source, [texts], rarest=1)
    e5.write(source, ids, [1], tmp_path / "base")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "base")
    assert tokenizer.tokenize("good bad gut") == ["▁good", "▁bad", "▁gut"]
    assert tokenizer("\uff47\uff4f\uff4f\uff44").input_ids == tokenizer("good").input_ids
    assert "悪" not in tokenizer.get_vocab()
    assert "o" in tokenizer.get_vocab()
    network, report = AutoModelForSequenceClassification.from_pretrained(
        tmp_path / "base", output_loading_info=True
    )
    assert not report["missing_keys"]
    assert not report["unexpected_keys"]
    old = list(four_bits.PIECES).index("▁gut")
    new = tokenizer.convert_tokens_to_ids("▁gut")
    words = network.get_input_embeddings().weight
    np.testing.assert_array_equal(words[new].detach(), tensors["emb.word"][old])
    inner = network.bert.encoder.layer[0].intermediate.dense.weight
    np.testing.assert_array_equal(inner.detach(), tensors["l1.fi.w"])
    assert torch.equal(network.bert.pooler.dense.weight, torch.eye(four_bits.HIDDEN))
