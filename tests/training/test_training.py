"""The training commands as training/README.md gives them, and the network that makes them fast."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from transformers import BertForSequenceClassification

from daemon.model.tone_model import ToneModel
from daemon.settings import DEFAULT_MODEL
from tests.daemon.model import tiny
from tests.daemon.model.scoring import scored
from training.network import Dropout, logits
from training.scoring import load

ROOT = Path(__file__).parents[2]
WORDS = {"negative": "glorped", "neutral": "snarbled", "positive": "zumbled"}
SENTENCES = ("It {}.", "My order {} today", "Your app {} again", "The parcel {}!", "We all {}")


@pytest.fixture
def network(tmp_path: Path) -> BertForSequenceClassification:
    where = tiny.bert(tmp_path / "tiny-bert")
    network: BertForSequenceClassification = BertForSequenceClassification.from_pretrained(where)
    return network.eval()


def test_the_fast_pass_is_the_stock_one(network: BertForSequenceClassification) -> None:
    ids = torch.tensor([[2, 7, 8, 9, 10, 3], [2, 11, 12, 3, 0, 0]])
    lengths = torch.tensor([6, 4])
    stock = network(input_ids=ids, attention_mask=(ids != 0).long()).logits
    stock.square().sum().backward()
    theirs = {name: part.grad for name, part in network.named_parameters()}
    network.zero_grad()
    ours = logits(network, ids, lengths, Dropout(0.0, seed=0), dtype=torch.float32)
    ours.square().sum().backward()  # type: ignore[no-untyped-call] # torch's own has no types
    torch.testing.assert_close(ours, stock, atol=1e-5, rtol=0)
    for name, part in network.named_parameters():
        grad = part.grad
        assert grad is not None
        torch.testing.assert_close(grad.to_dense(), theirs[name], atol=1e-5, rtol=1e-3)


def test_another_architecture_runs_its_own_forward_pass(tmp_path: Path) -> None:
    network = load(tiny.roberta(tmp_path / "roberta")).eval()
    ids, lengths = torch.tensor([[2, 7, 8, 9, 3], [2, 11, 3, 0, 0]]), torch.tensor([5, 3])
    alone = network(input_ids=ids[1:, :3]).logits
    ours = logits(network, ids, lengths, Dropout(0.0, seed=0), dtype=torch.bfloat16)
    torch.testing.assert_close(ours[1:], alone, atol=1e-2, rtol=0)


@pytest.mark.slow
def test_a_few_rows_of_ones_own_teach_the_shipped_model_new_words(tmp_path: Path) -> None:
    data, run, out = tmp_path / "own.tsv", tmp_path / "run", tmp_path / "model"
    dev = tmp_path / "dev.tsv"
    dev.write_text("shop\tneutral\tMY ORDER, snarbled today!\n", encoding="utf-8")
    data.write_text(
        "".join(
            f"shop\t{tone}\t{sentence.format(word)}\n"
            for tone, word in WORDS.items()
            for sentence in SENTENCES
        ),
        encoding="utf-8",
    )
    told = python(
        "training.train --rate 5e-5 --epochs 12 --token-budget 128",
        *("--base", DEFAULT_MODEL, "--train", data, "--dev", dev, "--out", run),
    )
    assert "left out 1 rows whose text a dev file has" in told
    printed = python(
        "training.export --calibrate-on own", "--runs", run, "--dev", data, "--out", out
    )
    assert '"macro_recall": 100.0' in printed
    new = [f"The new printer {word}" for word in WORDS.values()]
    known = ["I hate it, awful service", "Thank you, I love it"]
    tones = [score.tone for score in scored(ToneModel.load(tiny.settings(out)), *new, *known)]
    assert tones == [*WORDS, "negative", "positive"]
    packed = ("--packed", "--name", "own", "--languages", "en", "de", "--out", tmp_path / "packed")
    python("training.export --calibrate-on own", "--runs", run, "--dev", data, *packed)
    small = ToneModel.load(tiny.settings(tmp_path / "packed"))
    assert small.identity.model.name == "own"
    assert [score.tone for score in scored(small, *new, *known)] == tones


def python(command: str, *arguments: str | Path) -> str:
    """Run a module from the repository's root; return what it prints."""
    line = [sys.executable, "-m", *command.split(), *map(str, arguments)]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
