"""The faster forward of BERT and RoBERTa: taken where it gives what the stock network gives."""

from __future__ import annotations

import subprocess
import sys
import weakref
from typing import TYPE_CHECKING, Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForSequenceClassification

from daemon.model import bert, products
from daemon.model import unpadded as unpadded_module
from daemon.model.padded import Padded
from daemon.model.tone_model import ToneModel
from daemon.model.unpadded import Unpadded, unpadded
from daemon.settings import DEFAULT_MODEL
from tests.daemon.model import tiny
from tests.daemon.model.scoring import apart, scored, texts

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def stock(where: Path) -> Any:
    return AutoModelForSequenceClassification.from_pretrained(where).eval()


def bare(where: Path) -> bert.Bert:
    found = bert.read(where, AutoConfig.from_pretrained(where), torch.float32)
    assert found
    return found


@pytest.mark.parametrize(
    ("make", "kind"),
    [(tiny.bert, Unpadded), (tiny.roberta, Unpadded), (tiny.distilbert, Padded)],
)
def test_berts_kin_is_not_padded(tmp_path: Path, make: Callable[[Path], Path], kind: type) -> None:
    model = ToneModel.load(tiny.settings(make(tmp_path / "model")))
    assert isinstance(model._forward.network, kind)


@pytest.mark.parametrize("act", sorted(bert.ACTIVATIONS))
@pytest.mark.parametrize("make", [tiny.bert, tiny.roberta])
@torch.inference_mode()
def test_texts_of_any_lengths_in_any_order_keep_their_own_logits(
    tmp_path: Path, make: Callable[..., Path], act: str
) -> None:
    where = make(tmp_path / "model")
    tiny.edit(where / "config.json", hidden_act=act)
    network = stock(where)
    windows = [
        [2, 9, 8, 7, 3],
        [2, 3],
        [2, 11, 12, 13, 3],
        [2, 5, 3],
        [2, 6, 3],
        list(range(2, 60)),
    ]
    for product in (products.exact, products.plain):
        fast = Unpadded(bare(where), product)
        for window, logits in zip(windows, fast(windows), strict=True):
            theirs = network(input_ids=torch.tensor([window])).logits[0]
            assert torch.allclose(logits, theirs, atol=1e-5)


@pytest.mark.parametrize(
    ("act", "extra"), [("silu", {}), ("gelu", {"is_decoder": True})], ids=["act", "decoder"]
)
def test_a_bert_of_another_make_is_left_to_transformers(
    own_bert: Path, act: str, extra: dict[str, Any]
) -> None:
    tiny.edit(own_bert / "config.json", hidden_act=act, **extra)
    model = ToneModel.load(tiny.settings(own_bert))
    assert isinstance(model._forward.network, Padded)


def test_weights_by_their_old_names_are_known(own_bert: Path) -> None:
    before = scored(ToneModel.load(tiny.settings(own_bert)), "good", "bad")
    path = own_bert / "model.safetensors"
    old = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}
    weights = load_file(path)
    for new, name in old.items():
        weights = {key.replace(new, name): value for key, value in weights.items()}
    save_file(weights, path, metadata={"format": "pt"})
    model = ToneModel.load(tiny.settings(own_bert))
    assert isinstance(model._forward.network, Unpadded)
    assert scored(model, "good", "bad") == before


def test_weights_in_several_files_are_read(own_bert: Path) -> None:
    before = scored(ToneModel.load(tiny.settings(own_bert)), "good", "bad")
    weights = load_file(own_bert / "model.safetensors")
    (own_bert / "model.safetensors").unlink()
    places = {name: f"model-{number % 2}.safetensors" for number, name in enumerate(weights)}
    for file in set(places.values()):
        part = {name: value for name, value in weights.items() if places[name] == file}
        save_file(part, own_bert / file, metadata={"format": "pt"})
    tiny.edit(own_bert / "model.safetensors.index.json", weight_map=places)
    model = ToneModel.load(tiny.settings(own_bert))
    assert isinstance(model._forward.network, Unpadded)
    assert scored(model, "good", "bad") == before


def test_a_worker_of_berts_kind_imports_no_network_of_transformers(shared_bert: Path) -> None:
    assert imported(shared_bert) == {"transformers"}


def test_a_worker_of_a_model_that_ships_imports_nothing_of_transformers() -> None:
    assert imported(DEFAULT_MODEL) == set()


def imported(model: Path) -> set[str]:
    """Return the large modules that a process has which scores with a model."""
    program = (
        "import sys; from daemon.model.tone_model import ToneModel;"
        "from daemon.settings import ModelSettings;"
        "model = ModelSettings(source=sys.argv[1], precision='fp32', threads=1);"
        "ToneModel.load(model, measure=True).score(['a']);"
        "print(*sys.modules, sep='\\n')"
    )
    command = [sys.executable, "-c", program, str(model)]
    ran = subprocess.run(command, check=True, capture_output=True, text=True)
    large = {"transformers", "transformers.modeling_utils", "torch._dynamo", "sympy"}
    return large & set(ran.stdout.splitlines())


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
    before = Unpadded(bare(shared_bert), products.exact)(windows)
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    after = Unpadded(bare(shared_bert), products.exact)(windows)
    assert torch.allclose(before, after, atol=1e-5)


def test_the_weights_that_it_replaces_are_let_go(shared_bert: Path) -> None:
    network = bare(shared_bert)
    gone = weakref.ref(network.weights["encoder.layer.0.intermediate.dense.weight"])
    fast = unpadded(network)
    del network
    assert fast
    assert gone() is None


@torch.inference_mode()
def test_products_that_say_something_else_are_not_used(
    shared_bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = unpadded(bare(shared_bert))([[2, 9, 3]])

    def wrong(weight: torch.Tensor, bias: torch.Tensor, part: str) -> products.Product:
        return products.plain(weight, bias + 1, part)

    monkeypatch.setattr(products, "exact", wrong)
    assert torch.allclose(unpadded(bare(shared_bert))([[2, 9, 3]]), right, atol=1e-5)


def test_rows_are_filled_up_to_few_counts_and_by_little() -> None:
    counts = {count: len(unpadded_module._filled([1] * count)) for count in range(1, 2049)}
    assert len({filled for count, filled in counts.items() if count <= 512}) == 24
    for count, filled in counts.items():
        assert 0 <= filled - count < max(8, filled / 4)
    assert max(counts[count] - count for count in range(257, 513)) == 31
