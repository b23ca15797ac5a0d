"""Under `auto` a worker takes the fastest number format that agrees with fp32, and never fails."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from daemon.model import agreement, int8, precision
from daemon.model.tone_model import ToneModel
from daemon.settings import DEFAULT_MODEL
from tests.daemon.model import tiny
from tests.daemon.model.scoring import CLOSE, apart, scored

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

WITH_VNNI = {"avx512_vnni": True}
WITH_AMX = {"amx_bf16": True}
WITH_BF16 = {"avx512_bf16": True}


@pytest.fixture
def cpu(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """A CPU with these instructions, on which any format is fast enough and takes no time."""

    def have(**features: bool) -> None:
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: features)
        monkeypatch.setattr(precision, "_FASTER", 0.0)
        monkeypatch.setattr(precision, "_SECONDS", float("inf"))

    return have


def start(where: Path, **more: Any) -> ToneModel:
    return ToneModel.load(tiny.settings(where, **more), measure=True)


def test_eight_bits_serve_the_default_model_under_the_revision_of_fp32(
    cpu: Callable[..., None],
) -> None:
    cpu(**WITH_VNNI)
    quick = start(DEFAULT_MODEL)
    assert quick.precision.precision == "int8"
    assert quick.precision.why.startswith("int8 agrees: same tone ")
    exact = ToneModel.load(tiny.settings(DEFAULT_MODEL))
    assert exact.precision.precision == "fp32"
    assert exact.identity == quick.identity
    by_hand = ToneModel.load(tiny.settings(DEFAULT_MODEL, precision="fp32"))
    assert by_hand.identity != exact.identity
    [one], [other] = scored(exact, "It was late"), scored(quick, "It was late")
    assert CLOSE < apart(one, other) < 0.1


@pytest.mark.parametrize("features", [WITH_AMX, WITH_BF16])
def test_half_of_the_bits_serve_where_the_cpu_multiplies_them(
    cpu: Callable[..., None],
    shared_bert: Path,
    monkeypatch: pytest.MonkeyPatch,
    features: dict[str, bool],
) -> None:
    cpu(**features)
    monkeypatch.setattr(agreement, "SAME_TONE", 0.0)  # random weights, whose tones nearly tie
    quick = start(shared_bert)
    assert quick.precision.precision == "bf16"
    [one] = scored(ToneModel.load(tiny.settings(shared_bert)), "great app")
    assert 0 < apart(one, scored(quick, "great app")[0]) < 0.05


def test_what_gains_too_little_is_left_alone(
    cpu: Callable[..., None], shared_bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cpu(**WITH_VNNI, **WITH_AMX)
    monkeypatch.setattr(precision, "_FASTER", 1000.0)
    chosen = start(shared_bert).precision
    assert chosen.precision == "fp32"
    assert chosen.why.count("times as fast as fp32 (at least 1000.0)") == 2


def test_what_differs_is_left_alone(
    cpu: Callable[..., None], shared_bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cpu(**WITH_VNNI)
    monkeypatch.setattr(int8, "_STEPS", 3)
    chosen = start(shared_bert).precision
    assert chosen.precision == "fp32"
    assert chosen.why.startswith("int8 differs: same tone ")


def test_what_fails_is_left_alone(
    cpu: Callable[..., None], shared_bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cpu(**WITH_VNNI)

    def fail(*_: object) -> None:
        raise RuntimeError("no such product")

    monkeypatch.setattr(int8, "rounded", fail)
    chosen = start(shared_bert).precision
    assert (chosen.precision, chosen.why) == ("fp32", "int8 failed: RuntimeError")


def test_what_would_take_long_to_measure_is_not_tried(
    cpu: Callable[..., None], shared_bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cpu(**WITH_VNNI)
    monkeypatch.setattr(precision, "_SECONDS", 0.0)
    chosen = start(shared_bert).precision
    assert chosen.precision == "fp32"
    assert "not tried" in chosen.why


def test_a_model_without_such_a_form_and_a_cpu_without_instructions_have_fp32(
    cpu: Callable[..., None], shared_bert: Path, tmp_path: Path
) -> None:
    cpu(**WITH_VNNI)
    assert start(tiny.distilbert(tmp_path / "model")).precision.precision == "fp32"
    cpu()
    chosen = start(shared_bert).precision
    assert (chosen.precision, chosen.why) == ("fp32", "this CPU has neither bf16 nor VNNI")


def test_a_precision_that_was_set_is_not_measured(
    cpu: Callable[..., None], shared_bert: Path
) -> None:
    cpu(**WITH_VNNI)
    chosen = start(shared_bert, precision="fp32").precision
    assert (chosen.precision, chosen.why) == ("fp32", "precision = fp32")


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """A GPU, as far as the choice goes; what it computes, this CPU does."""
    monkeypatch.setattr(precision, "_on_gpu", lambda _: True)
    monkeypatch.setattr(precision, "_FASTER", 0.0)
    monkeypatch.setattr(precision, "_SECONDS", float("inf"))


@pytest.mark.usefixtures("gpu")
def test_a_gpu_takes_half_of_the_bits_where_they_agree(tmp_path: Path) -> None:
    where = tiny.distilbert(tmp_path / "model")
    quick = start(where)
    assert quick.precision.precision == "fp16"
    assert quick.precision.why.startswith("fp16 agrees: same tone ")
    [one] = scored(ToneModel.load(tiny.settings(where)), "great app")
    assert 0 < apart(one, scored(quick, "great app")[0]) < 0.05


@pytest.mark.usefixtures("gpu")
def test_a_gpu_keeps_the_range_of_fp32_for_a_model_whose_values_outgrow_fp16(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = tiny.distilbert(tmp_path / "model")
    weights = load_file(where / "model.safetensors")
    wide = "distilbert.transformer.layer.0.ffn.lin"
    weights[f"{wide}1.weight"] *= 1e6
    weights[f"{wide}2.weight"] *= 1e-6
    save_file(weights, where / "model.safetensors", metadata={"format": "pt"})
    monkeypatch.setattr(agreement, "SAME_TONE", 0.0)  # random weights, whose tones nearly tie
    monkeypatch.setattr(agreement, "DRIFT", 0.1)
    monkeypatch.setattr(agreement, "APART", 0.1)
    chosen = start(where).precision
    assert chosen.precision == "bf16"
    assert chosen.why.startswith("fp16 differs: ")
    assert "; bf16 agrees: " in chosen.why
