"""Eight bits serve a model only where they do it no harm."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch
from safetensors.torch import load_file, save_file

from connectors.errors import Misconfigured
from connectors.messages import Fault, Score
from daemon.model import agreement, int8, loading
from daemon.model.encoding import Encoded
from daemon.model.probes import probes
from daemon.model.tone_model import ToneModel
from daemon.settings import DEFAULT_MODEL
from tests.daemon.model import tiny
from tests.daemon.model.scoring import CLOSE, apart, scored
from training import ranges

if TYPE_CHECKING:
    from collections.abc import Callable

with_vnni = pytest.mark.skipif(
    "vnni" not in Path("/proc/cpuinfo").read_text(encoding="ascii"),
    reason="this CPU has no instructions for products of eight bits",
)


@with_vnni
@pytest.mark.slow
def test_the_default_model_keeps_its_tones() -> None:
    exact = ToneModel.load(tiny.settings(DEFAULT_MODEL, token_budget=0))
    quick = ToneModel.load(tiny.settings(DEFAULT_MODEL, token_budget=0, precision="int8"))
    assert quick.identity.model.revision != exact.identity.model.revision
    pairs = list(zip(scored(exact, *probes()), scored(quick, *probes()), strict=True))
    assert sum(one.tone == other.tone for one, other in pairs) >= 0.99 * len(pairs)
    assert max(apart(one, other) for one, other in pairs) < 0.1
    # it is another computation, not the same one under another name
    assert max(apart(one, other) for one, other in pairs) > CLOSE
    for text, (_, together) in zip(probes()[::20], pairs[::20], strict=True):
        assert apart(scored(quick, text)[0], together) <= CLOSE


def test_a_model_that_it_would_harm_is_refused_with_the_figures(
    shared_bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(int8, "_STEPS", 3)
    with pytest.raises(Misconfigured, match=r"same tone \d.*drift .*precision = .auto."):
        ToneModel.load(tiny.settings(shared_bert, precision="int8"))


def test_a_model_that_gains_nothing_is_served_all_the_same(
    shared_bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = agreement.Proof(1.0, 0.0, 0.0, 0.5)
    monkeypatch.setattr(int8, "compare", lambda *_: slow)
    (good,) = ToneModel.load(tiny.settings(shared_bert, precision="int8")).score(["good"])
    assert isinstance(good, Score)


def test_an_architecture_without_such_a_form_is_refused(tmp_path: Path) -> None:
    where = tiny.distilbert(tmp_path / "model")
    with pytest.raises(Misconfigured, match="BERT and RoBERTa"):
        ToneModel.load(tiny.settings(where, precision="int8"))


@pytest.mark.parametrize("make", [tiny.bert, tiny.roberta])
def test_what_is_not_finite_is_a_fault_of_its_own_text(
    tmp_path: Path, make: Callable[[Path], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agreement, "SAME_TONE", 0.0)  # random weights, whose tones nearly tie
    model = ToneModel.load(tiny.settings(make(tmp_path / "model"), precision="int8"))
    (awful,) = model._encoder.encode(["awful"])
    assert isinstance(awful, Encoded)
    words = model._forward.network.embeddings.weight
    with torch.no_grad():
        words[awful.windows[0][1]] = float("nan")
    good, bad = model.score(["good", "awful"])
    assert isinstance(good, Score)
    assert bad == Fault("not-finite")


@pytest.mark.parametrize("name", ["default", "small", "multilingual"])
def test_the_ranges_that_ship_are_those_of_the_weights(name: str) -> None:
    where = DEFAULT_MODEL.parent / name
    model, loaded = whole(where)
    shipped = int8._kept(loaded)
    assert shipped, f"made for other weights: python -m training.ranges {where}"
    for part, columns in int8.measured(loaded, windows(model)).items():
        assert torch.allclose(columns, shipped[part], rtol=1e-3, atol=1e-4)


def test_ranges_beside_the_weights_spare_the_measurement(own_bert: Path) -> None:
    model, loaded = whole(own_bert)
    before = int8.rounded(loaded, windows(model))
    ranges.measure(own_bert)
    after = int8.rounded(loaded, [])
    some = windows(model)[:9]
    assert before.over(some, 512) == after.over(some, 512)


def test_ranges_of_other_weights_are_not_used(own_bert: Path) -> None:
    ranges.measure(own_bert)
    file = own_bert / "model.safetensors"
    weights = load_file(file)
    weights["bert.encoder.layer.0.output.dense.weight"][0, 0] += 1
    save_file(weights, file, metadata={"format": "pt"})
    _, loaded = whole(own_bert)
    assert int8._kept(loaded) == {}


def whole(where: Path) -> tuple[ToneModel, loading.Loaded]:
    settings = tiny.settings(where, precision="fp32")
    return ToneModel.load(settings), loading.load(settings)


def windows(model: ToneModel) -> list[list[int]]:
    encoded = model._encoder.encode(probes())
    return [each.windows[0] for each in encoded if isinstance(each, Encoded)]
