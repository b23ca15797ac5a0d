from __future__ import annotations

import json
from typing import TYPE_CHECKING

import msgspec
import pytest

from connectors.errors import Misconfigured
from connectors.messages import Fault, Score
from daemon.evaluation import figures, labelled
from daemon.evaluation.evaluation import coverage, report
from daemon.model.labels import TONES

if TYPE_CHECKING:
    from pathlib import Path


def score(tone: str, top: float = 0.8) -> Score:
    rest = (1 - top) / 2
    return Score({each: top if each == tone else rest for each in TONES}, 5)


RIGHT = ["negative", "negative", "neutral", "positive"]
GIVEN = [score("negative"), score("neutral"), score("neutral"), score("negative")]


def test_figures_are_those_of_their_definitions() -> None:
    found = report(RIGHT, GIVEN, seconds=2.0)
    assert found.accuracy == pytest.approx(2 / 4)
    assert found.macro_recall == pytest.approx((1 / 2 + 1 + 0) / 3)
    assert found.macro_f1 == pytest.approx((1 / 2 + 2 / 3 + 0) / 3)
    assert found.tones["negative"].precision == pytest.approx(1 / 2)
    assert found.texts_per_second == pytest.approx(2)
    assert found.tokens_per_second == pytest.approx(10)
    assert found.confusion == {
        "negative": {"negative": 1, "neutral": 1},
        "neutral": {"neutral": 1},
        "positive": {"negative": 1},
    }


def test_calibration_error_is_the_gap_between_score_and_share_right() -> None:
    sure = report(["negative"] * 4, [score("negative", 0.9)] * 4, 1)
    assert sure.calibration_error == pytest.approx(0.1)
    half = report(["negative"] * 4, [score("negative", 0.9), score("neutral", 0.6)] * 2, 1)
    assert half.calibration_error == pytest.approx((0.1 + 0.6) / 2)
    assert [each.texts for each in half.bins] == [2, 2]


def test_a_fault_is_never_right() -> None:
    found = report(["negative", "neutral"], [Fault("not-finite"), score("neutral")], 1)
    assert found.faults == 1
    assert found.accuracy == pytest.approx(1 / 2)
    assert found.confusion["negative"] == {"fault": 1}


def test_coverage_falls_with_doubt_and_only_what_keeps_its_tone_is_judged() -> None:
    given: list[Score | Fault] = [
        score("negative", 0.9), score("neutral", 0.6), Fault("error"), score("negative", 0.7),
    ]  # fmt: skip
    found = coverage(["negative", "negative", "neutral", "negative"], given)
    below = {each.at: (each.coverage, each.accuracy) for each in found.unsure_below}
    assert below[0.0] == below[0.6] == (3 / 4, 2 / 3)
    assert below[0.65] == below[0.7] == (2 / 4, 1.0)
    assert below[0.95] == (0.0, None)
    margin = {each.at: (each.coverage, each.accuracy) for each in found.unsure_margin}
    assert margin[0.4] == (3 / 4, 2 / 3)  # 0.6 leads 0.2
    assert margin[0.45] == (2 / 4, 1.0)


def test_tones_that_no_text_has_do_not_count() -> None:
    assert report(["negative"], [score("negative")], 1).macro_recall == 1


def test_nothing_is_no_report() -> None:
    with pytest.raises(ValueError, match="nothing"):
        report([], [], 1)


ROWS = {
    "three.tsv": 'x\tnegative\tit "broke\nx\tpositive\tlove it\n',
    "two.tsv": 'NEG\tit "broke\nPOS\tlove it\n',
    "plain.csv": 'negative,"it ""broke"\npositive,love it\n',
    "headed.csv": 'text,id,label\n"it ""broke",1,negative\nlove it,2,positive\n',
    "lines.jsonl": (
        '{"text": "it \\"broke", "label": "negative"}\n\n{"text": "love it", "tone": "Positive"}\n'
    ),
    "mark.tsv": '\ufeffnegative\tit "broke\r\npositive\tlove it\r\n',
}


@pytest.mark.parametrize("name", ROWS)
def test_every_format_reads_the_same(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(ROWS[name], encoding="utf-8", newline="")
    found = [(example.tone, example.text) for example in labelled.read(tmp_path / name)]
    assert found == [("negative", 'it "broke'), ("positive", "love it")]


def test_a_tab_in_a_text_stays_in_it(tmp_path: Path) -> None:
    (tmp_path / "x.tsv").write_text("x\tnegative\tone\ttwo\n", encoding="utf-8")
    assert labelled.read(tmp_path / "x.tsv")[0].text == "one\ttwo"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("x.txt", "negative\tbad", "rename or convert"),
        ("x.tsv", "negative\tbad\nangry\tsecret\n", "line 2: its label is none of"),
        ("x.tsv", "negative\tbad\nsecret\n", "line 2: 1 columns"),
        ("x.jsonl", '{"label": "negative"}', "line 1: no text"),
        ("x.jsonl", "secret", "line 1: not JSON"),
        ("x.jsonl", "[]", "line 1: no object"),
        ("x.tsv", "", "no labelled text"),
    ],
)
def test_a_bad_line_is_named_and_never_quoted(
    tmp_path: Path, name: str, content: str, said: str
) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(Misconfigured, match=said) as refused:
        labelled.read(tmp_path / name)
    assert "secret" not in str(refused.value)


def test_a_file_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.tsv").write_bytes(b"negative\t\xff\n")
    with pytest.raises(Misconfigured, match="not UTF-8"):
        labelled.read(tmp_path / "x.tsv")


def test_the_picture_is_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    figures.draw(report(RIGHT, GIVEN, 1), "a model", tmp_path / "out.png")
    assert (tmp_path / "out.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(Misconfigured, match="cannot draw"):
        figures.draw(report(RIGHT, GIVEN, 1), "a model", tmp_path / "out.nosuch")


def test_without_matplotlib_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "matplotlib.figure", None)
    with pytest.raises(Misconfigured, match=r"tonebus\[plot\]"):
        figures.require()


def test_reports_travel_as_json() -> None:
    assert json.loads(msgspec.json.encode(report(RIGHT, GIVEN, 1)))["texts"] == 4
