from __future__ import annotations

import resource
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch

from connectors.errors import Unavailable
from connectors.messages import Fault, Score
from daemon.model.tone_model import ToneModel
from tests.daemon.model import tiny
from tests.daemon.model.scoring import CLOSE, apart, scored, texts

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "\x00",
        "\ud800",
        "good \udfff day",
        "a" + "\u0301" * 100_000,
        "\ufdfa" * 100_000,
        "\u202e\u0007",
        "\U0001f600" * 50,
    ],
    ids=range(9),
)
def test_an_odd_text_is_scored_and_harms_no_neighbour(model: ToneModel, text: str) -> None:
    before, odd, after = model.score(["good", text, "bad"])
    (good, bad) = scored(model, "good", "bad")
    assert isinstance(odd, Score)
    assert isinstance(before, Score)
    assert isinstance(after, Score)
    assert apart(before, good) <= CLOSE
    assert apart(after, bad) <= CLOSE


def test_halves_of_a_surrogate_pair_are_joined(model: ToneModel) -> None:
    split, joined = scored(model, "good \ud83d\ude00 day", "good \U0001f600 day")
    assert apart(split, joined) <= CLOSE


def test_logits_that_are_not_finite_are_faults_of_their_own_texts(shared_bert: Path) -> None:
    model = ToneModel.load(tiny.settings(shared_bert))
    (awful,) = model._encoder.encode(["awful"])
    words = model._forward.network.embeddings.weight
    words.data[awful.windows[0][1]] = float("nan")  # type: ignore[union-attr]
    good, bad, also_good = model.score(["good", "awful", "nice day today"])
    assert bad == Fault("not-finite")
    assert isinstance(good, Score)
    assert isinstance(also_good, Score)


def test_spoilt_weights_never_give_a_tone(own_bert: Path) -> None:
    model = ToneModel.load(tiny.settings(own_bert))
    model._forward.network.embeddings.weight.data.fill_(float("nan"))
    assert model.score(["good", "bad"]) == [Fault("not-finite")] * 2


@pytest.mark.parametrize(
    ("raised", "fault"),
    [
        (torch.OutOfMemoryError("CUDA out of memory"), Fault("out-of-memory", "OutOfMemoryError")),
        (MemoryError(), Fault("out-of-memory", "MemoryError")),
        (
            RuntimeError("DefaultCPUAllocator: can't allocate memory"),
            Fault("out-of-memory", "RuntimeError"),
        ),
        (
            RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate`"),
            Fault("out-of-memory", "RuntimeError"),
        ),
        (
            torch.AcceleratorError("CUDA error: out of memory"),
            Fault("out-of-memory", "AcceleratorError"),
        ),
        (IndexError("index out of range"), Fault("error", "IndexError")),
    ],
)
@pytest.mark.parametrize("make", [tiny.bert, tiny.distilbert])
def test_a_text_that_fails_the_forward_is_found_and_its_neighbours_scored(
    tmp_path: Path, make: Callable[[Path], Path], raised: Exception, fault: Fault
) -> None:
    model = ToneModel.load(tiny.settings(make(tmp_path / "model"), token_budget=4096))

    def fail_on_long_texts(_: object, ids: tuple[torch.Tensor]) -> None:
        if ids[0].shape[1] > 40:
            raise raised

    model._forward.network.embeddings.register_forward_pre_hook(fail_on_long_texts)
    results = model.score(["good", "bad " * 60, "nice"])
    assert results[1] == fault
    assert isinstance(results[0], Score)
    assert isinstance(results[2], Score)


def test_a_gpu_that_failed_is_no_fault_of_any_text(shared_bert: Path) -> None:
    model = ToneModel.load(tiny.settings(shared_bert))

    def fail(*_: object) -> None:
        raise torch.AcceleratorError("CUDA error: device-side assert triggered\nadvice")

    model._forward.network.embeddings.register_forward_pre_hook(fail)
    with pytest.raises(Unavailable, match=r"GPU failed.*: CUDA error: [a-z -]+ triggered$"):
        model.score(["good", "bad"])


def test_a_text_that_is_no_text_is_a_fault_of_its_own(model: ToneModel) -> None:
    good, bad = model.score(["good", None])  # type: ignore[list-item] # what a broken caller sends
    assert isinstance(good, Score)
    assert bad == Fault("error", "TypeError")


def test_memory_stays_flat_over_texts_of_random_lengths(shared_bert: Path) -> None:
    model = ToneModel.load(tiny.settings(shared_bert, token_budget=1024))
    model.score(texts(1500, seed=1))
    before = resident()
    for seed in range(2, 6):
        model.score(texts(500, seed=seed))
    assert resident() - before < 16 * 1024 * 1024


def resident() -> int:
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * resource.getpagesize()
