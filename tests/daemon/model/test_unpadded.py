"""The faster forward of BERT and RoBERTa: taken where it gives what the stock network gives."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

import pytest
import torch
from transformers import AutoModelForSequenceClassification, BertForSequenceClassification

from daemon.model import products
from daemon.model.padded import Padded
from daemon.model.tone_model import ToneModel
from daemon.model.unpadded import Unpadded, unpadded
from tests.daemon.model import tiny
from tests.daemon.model.scoring import apart, scored, texts

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def stock(where: Path) -> Any:
    return AutoModelForSequenceClassification.from_pretrained(where).eval()


@pytest.mark.parametrize(
    ("make", "kind"),
    [(tiny.bert, Unpadded), (tiny.roberta, Unpadded), (tiny.distilbert, Padded)],
)
def test_berts_kin_is_not_padded(tmp_path: Path, make: Callable[[Path], Path], kind: type) -> None:
    model = ToneModel.load(tiny.settings(make(tmp_path / "model")))
    assert isinstance(model._forward.network, kind)


@torch.inference_mode()
def test_texts_of_any_lengths_in_any_order_keep_their_own_logits(shared_bert: Path) -> None:
    network = stock(shared_bert)
    fast = Unpadded(network, products.exact)
    windows = [
        [2, 9, 8, 7, 3],
        [2, 3],
        [2, 11, 12, 13, 3],
        [2, 5, 3],
        [2, 6, 3],
        list(range(2, 60)),
    ]
    for window, logits in zip(windows, fast(windows), strict=True):
        theirs = network(input_ids=torch.tensor([window])).logits[0]
        assert torch.allclose(logits, theirs, atol=1e-5)


@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
def test_every_precision_scores(shared_bert: Path, precision: str) -> None:
    exact = ToneModel.load(tiny.settings(shared_bert))
    model = ToneModel.load(tiny.settings(shared_bert, precision=precision))
    items = texts(10)
    for one, other in zip(scored(exact, *items), scored(model, *items), strict=True):
        assert apart(one, other) < 0.1


@torch.inference_mode()
def test_products_are_the_same_without_onednn(
    shared_bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    windows = [[2, 9, 8, 7, 3], [2, 3]]
    before = Unpadded(stock(shared_bert), products.exact)(windows)
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    after = Unpadded(stock(shared_bert), products.exact)(windows)
    assert torch.allclose(before, after, atol=1e-5)


def test_the_weights_that_it_replaces_are_let_go(shared_bert: Path) -> None:
    network = stock(shared_bert)
    gone = weakref.ref(network.base_model.encoder.layer[0].intermediate.dense)
    fast = unpadded(network)
    del network
    assert fast
    assert gone() is None


def test_a_network_that_says_something_else_is_not_replaced(shared_bert: Path) -> None:
    network = stock(shared_bert)
    network.classifier.register_forward_hook(
        lambda _module, rows, logits: logits + rows[0].shape[0]
    )
    assert unpadded(network) is None


def test_a_network_of_unknown_make_is_not_replaced(shared_bert: Path) -> None:
    class Changed(BertForSequenceClassification):  # type: ignore[misc]  # it has no types
        pass

    network: Any = Changed.from_pretrained(shared_bert).eval()
    assert unpadded(network) is None
