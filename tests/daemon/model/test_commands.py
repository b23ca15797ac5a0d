from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from connectors.errors import Misconfigured
from daemon.cli import tonebus
from daemon.cli.evaluate import evaluate
from daemon.cli.predict import predict
from tests.daemon.model import tiny

if TYPE_CHECKING:
    from click import Command

CONFIG = """
[[models]]
name = "first"
source = "{first}"
threads = 1

[[models]]
name = "second"
source = "{second}"
threads = 1
"""


@pytest.fixture
def environ(shared_bert: Path, tmp_path: Path) -> dict[str, str]:
    second = tiny.distilbert(tmp_path / "tiny-distilbert", ("POS", "NEU", "NEG"))
    config = tmp_path / "tonebus.toml"
    config.write_text(
        CONFIG.format(first=shared_bert, second=second)
        + '[[connectors]]\nname = "input"\nmodel = "first"\n',
        encoding="utf-8",
    )
    return {"TONEBUS_CONFIG": str(config)}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "data.tsv"
    rows = ["positive\tgreat app", "negative\tbad [red]phone[/red]", "neutral\t@user it was"] * 5
    path.write_text("\n".join(rows), encoding="utf-8")
    return path


def run(command: Command, environ: dict[str, str], *arguments: str, stdin: str = "") -> str:
    result = CliRunner().invoke(
        command,
        arguments,
        env=environ,
        input=stdin,
        catch_exceptions=False,
        # click keeps a command's help option as it was first asked for
        **tonebus.context_settings,
    )
    assert result.exit_code == 0, result.output
    return result.stdout


def test_predict_labels_each_text(environ: dict[str, str]) -> None:
    lines = run(predict, environ, "great app", "bad phone").splitlines()
    assert len(lines) == 2
    assert lines[0].endswith("great app")
    assert lines[0].split()[0] in {"negative", "neutral", "positive"}


def test_predict_reads_lines_where_no_text_is_given(environ: dict[str, str]) -> None:
    lines = run(predict, environ, "--json", stdin="great app\n\nbad phone\n").splitlines()
    found = [json.loads(line) for line in lines]
    assert [each["tone"] == "none" for each in found] == [False, True, False]
    assert found[0]["score"] == max(found[0]["scores"].values())
    assert found[0]["model"]["name"] == "tiny-bert"


def test_predict_says_that_it_cut_a_text(environ: dict[str, str]) -> None:
    environ |= {"TONEBUS_DAEMON_MAX_TEXT_CHARS": "9"}
    lines = run(predict, environ, "--json", "great app", "great app and more").splitlines()
    assert [json.loads(line)["truncated"] for line in lines] == [False, True]


def test_predict_takes_the_named_model(environ: dict[str, str]) -> None:
    found = json.loads(run(predict, environ, "--json", "--model", "second", "great"))
    assert found["model"]["name"] == "tiny-distilbert"


def test_a_model_that_does_not_exist_is_refused(environ: dict[str, str]) -> None:
    with pytest.raises(Misconfigured, match="first, second"):
        run(predict, environ, "--model", "third", "great")


def test_predict_prints_nothing_that_steers_the_terminal(environ: dict[str, str]) -> None:
    assert "\x1b" not in run(predict, environ, "\x1b[31mgreat\x1b]0;title\x07")


def test_evaluate_shows_the_figures(environ: dict[str, str], data: Path) -> None:
    shown = run(evaluate, environ, str(data))
    assert "tiny-bert" in shown
    for word in ("recall", "accuracy", "texts/s", "precision"):
        assert word in shown


def test_evaluate_gives_json_without_texts(environ: dict[str, str], data: Path) -> None:
    output = run(evaluate, environ, "--json", str(data), "--compare", "second")
    found = json.loads(output)
    assert [each["model"]["name"] for each in found["models"]] == ["tiny-bert", "tiny-distilbert"]
    assert found["models"][0]["all"]["texts"] == 15
    assert found["models"][0]["files"][str(data)]["texts"] == 15
    assert all(each["first"] != each["second"] for each in found["disagreements"])
    assert "great app" not in output


def test_evaluate_shows_its_figures_by_language(environ: dict[str, str], tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    texts = [
        "I have been waiting for my refund for three weeks now.",
        "Thank you for the quick and friendly answer to my question.",
        "Llevo tres semanas esperando la devolución de mi dinero.",
        "\ud800",
    ]
    lines = [json.dumps({"text": text, "label": "negative"}) for text in texts]
    rows.write_text("\n".join(lines), encoding="utf-8")
    [told] = json.loads(run(evaluate, environ, "--json", str(rows)))["models"]
    assert {tag: each["texts"] for tag, each in told["languages"].items()} == {
        "en": 2, "es": 1, "und": 1,
    }  # fmt: skip
    shown = run(evaluate, environ, str(rows))
    assert "language" in shown
    assert "es" in shown.split()


def test_evaluate_compares_two_models(environ: dict[str, str], data: Path) -> None:
    shown = run(evaluate, environ, str(data), "--compare", "second")
    assert "Same tone for" in shown
    assert "tiny-distilbert" in shown


def test_evaluate_shows_what_doubt_would_leave(
    environ: dict[str, str], data: Path, tmp_path: Path
) -> None:
    pytest.importorskip("matplotlib")
    out = tmp_path / "out.png"
    shown = run(evaluate, environ, str(data), "--coverage", "--plot", str(out))
    assert "unsure_below" in shown
    assert "unsure_margin" in shown
    assert out.stat().st_size > 1000
    [told] = json.loads(run(evaluate, environ, "--json", "--coverage", str(data)))["models"]
    for setting in ("unsure_below", "unsure_margin"):
        assert told["coverage"][setting][0]["coverage"] == 1.0


def test_evaluate_judges_a_models_own_labels(tmp_path: Path) -> None:
    where = tiny.bert(tmp_path / "emotions", ("joy", "very angry", "fear"))
    config = tmp_path / "tonebus.toml"
    config.write_text(
        f'[[models]]\nname = "default"\nsource = "{where}"\nlabels = "model"\n', encoding="utf-8"
    )
    data = tmp_path / "data.tsv"
    data.write_text("joy\tgreat app\nvery angry\tbad phone\n", encoding="utf-8")
    environ = {"TONEBUS_CONFIG": str(config)}
    [told] = json.loads(run(evaluate, environ, "--json", str(data)))["models"]
    assert [*told["all"]["tones"]] == ["joy", "very angry"]
    assert sum(sum(row.values()) for row in told["all"]["confusion"].values()) == 2
    assert "very angry" in run(evaluate, environ, str(data))
    [scored] = run(predict, environ, "--json", "great app").splitlines()
    assert [*json.loads(scored)["scores"]] == ["joy", "very angry", "fear"]
    data.write_text("happy\tgreat app\n", encoding="utf-8")
    with pytest.raises(Misconfigured, match="line 1: its label is none of joy, very angry, fear"):
        run(evaluate, environ, str(data))


def test_evaluate_does_not_compare_models_of_different_labels(
    environ: dict[str, str], tmp_path: Path
) -> None:
    urgency = tiny.bert(tmp_path / "urgency", ("low", "high"))
    moods = tiny.bert(tmp_path / "moods", ("joy", "anger"))
    with Path(environ["TONEBUS_CONFIG"]).open("a", encoding="utf-8") as config:
        for where in (urgency, moods):
            name = where.name
            own = f'name = "{name}"\nsource = "{where}"\nlabels = "model"\n'
            config.write(f"[[models]]\n{own}")
    data = tmp_path / "data.tsv"
    data.write_text("low\tgreat app\nhigh\tbad phone\n", encoding="utf-8")
    for other in ("moods", "first"):
        with pytest.raises(Misconfigured, match=f"{other}.*not those of.*urgency.*low, high"):
            run(evaluate, environ, str(data), "--model", "urgency", "--compare", other)


def test_evaluate_draws(environ: dict[str, str], data: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    out = tmp_path / "out.png"
    run(evaluate, environ, str(data), "--plot", str(out), "--compare", "second")
    assert out.stat().st_size > 1000
    assert (tmp_path / "out-tiny-distilbert.png").exists()
