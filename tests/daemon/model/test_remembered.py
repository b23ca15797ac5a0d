"""What a start chose holds for the next one, on the same CPU with the same software."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
import structlog
import torch

from daemon.model import agreement, int8, precision, remembered, tone_model
from daemon.model.tone_model import ToneModel
from tests.daemon.model import tiny

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host without choices; on its CPU, with VNNI and otherwise idle, any format is fast."""
    monkeypatch.setenv("CACHE_DIRECTORY", str(tmp_path / "cache"))
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_vnni": True})
    monkeypatch.setattr(agreement, "SAME_TONE", 0.0)
    monkeypatch.setattr(precision, "_FASTER", 0.0)
    monkeypatch.setattr(precision, "_SECONDS", float("inf"))
    monkeypatch.setattr(remembered, "_UNDISTURBED", 0.0)


def start(where: Path, **more: Any) -> ToneModel:
    model = ToneModel.load(tiny.settings(where, **({"token_budget": 0} | more)), measure=True)
    model.warm_up()
    return model


def started(where: Path, **more: Any) -> set[str]:
    """Start, and return what was logged."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("info"))
    with structlog.testing.capture_logs() as logs:
        start(where, **more)
    structlog.configure(**before)
    return {str(each["event"]) for each in logs}


def kept() -> list[Path]:
    """Return the files of this test's choices."""
    return [*remembered._directory().iterdir()]


def test_the_next_start_takes_format_and_budget_without_measuring(
    shared_bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = start(shared_bert)
    monkeypatch.setattr(tone_model, "fastest", None)
    monkeypatch.setattr(tone_model, "_TRIED", {})
    second = start(shared_bert)
    assert first.precision.precision == second.precision.precision == "int8"
    assert second.precision.why == "chosen at an earlier start"
    assert first.token_budget == second.token_budget
    texts = ["great app", "it was late again"]
    assert first.score(texts) == second.score(texts)


def test_eight_bits_that_were_asked_for_are_proven_once(shared_bert: Path) -> None:
    assert "int8_proven" in started(shared_bert, precision="int8")
    events = started(shared_bert, precision="int8")
    assert "choice_recalled" in events
    assert "int8_proven" not in events


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"\xff" * 2000, b"[]", b'{"precision": "fp8", "token_budget": 512}',
        b'{"precision": "int8", "token_budget": 1000000}',
        b'{"precision": "int8", "token_budget": 512, "source": "/etc"}', b'{"precision": "\xff"}',
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_measured_and_written_again(
    shared_bert: Path, content: bytes
) -> None:
    start(shared_bert)
    [file] = kept()
    file.write_bytes(content)
    assert "precision_chosen" in started(shared_bert)
    assert "choice_recalled" in started(shared_bert)


@pytest.mark.parametrize("other", ["bf16", "fp16", ""])
def test_a_format_that_this_cpu_cannot_have_is_not_taken(shared_bert: Path, other: str) -> None:
    start(shared_bert)
    [file] = kept()
    file.write_text(f'{{"precision": "{other}", "token_budget": 512}}')
    assert start(shared_bert).precision.precision == "int8"


def test_a_format_that_cannot_be_made_any_more_is_not_taken(
    shared_bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(shared_bert)
    [file] = kept()
    file.write_text('{"precision": "int8", "token_budget": 512}')

    def fail(*_: object) -> None:
        raise RuntimeError("its ranges are gone")

    monkeypatch.setattr(int8, "rounded", fail)
    assert start(shared_bert).precision.precision != "int8"


def test_a_choice_never_replaces_the_format_that_was_set(shared_bert: Path) -> None:
    start(shared_bert, precision="int8")
    [file] = kept()
    file.write_text('{"precision": "fp32", "token_budget": 512}')
    assert "int8_proven" in started(shared_bert, precision="int8")


def test_a_pipe_in_its_place_holds_no_start_up(shared_bert: Path) -> None:
    start(shared_bert)
    [file] = kept()
    file.unlink()
    os.mkfifo(file)
    assert "precision_chosen" in started(shared_bert)
    assert file.is_file()


@pytest.mark.parametrize("places", [{}, {"HOME": "relative"}, {"XDG_CACHE_HOME": "/dev/null"}])
def test_without_a_place_to_write_each_start_measures(
    shared_bert: Path, monkeypatch: pytest.MonkeyPatch, places: dict[str, str]
) -> None:
    for name in ("CACHE_DIRECTORY", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in places.items():
        monkeypatch.setenv(name, value)
    for _ in range(2):
        assert {"precision_chosen", "choice_not_kept"} <= started(shared_bert)


def test_what_was_measured_beside_other_work_is_not_kept(
    shared_bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remembered, "_UNDISTURBED", 100.0)
    assert "choice_not_kept" in started(shared_bert)
    assert "precision_chosen" in started(shared_bert)


def test_another_cpu_model_thread_count_or_setting_measures_again(
    shared_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(shared_bert)
    assert "choice_recalled" in started(shared_bert)
    assert "choice_recalled" not in started(tiny.bert(tmp_path / "other", positions=48))
    assert "choice_recalled" not in started(shared_bert, max_tokens=16)
    assert "choice_recalled" not in started(shared_bert, threads=2)
    with monkeypatch.context() as patch:
        patch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
        assert "choice_recalled" not in started(shared_bert)
    monkeypatch.setattr(remembered, "_cpu", lambda: ["another"])
    assert "choice_recalled" not in started(shared_bert)


def test_only_a_start_that_measures_remembers(shared_bert: Path) -> None:
    model = ToneModel.load(tiny.settings(shared_bert, token_budget=0))
    model.warm_up()
    assert not remembered._directory().exists()
