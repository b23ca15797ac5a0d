"""A student's hidden states come near a larger model's, where a run has hints."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from tests.daemon.model import tiny
from training import train
from training.hints import Hints
from training.network import NO_DROPOUT, logits
from training.scoring import load

if TYPE_CHECKING:
    from pathlib import Path

IDS = torch.tensor([[2, 7, 8, 9, 10, 3], [2, 11, 12, 3, 0, 0]])
LENGTHS = torch.tensor([6, 4])


def hidden(where: Path, ids: torch.Tensor = IDS) -> list[torch.Tensor]:
    """What each layer gives."""
    states: list[torch.Tensor] = []
    logits(load(where).eval(), ids, LENGTHS, NO_DROPOUT, dtype=torch.float32, states=states)
    return states


def another(where: Path) -> Path:
    """A model of other weights."""
    network = load(tiny.bert(where))
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for weights in network.parameters():
            weights.add_(0.2 * torch.randn(weights.shape, generator=generator))
    network.save_pretrained(where)
    return where


def hints(where: Path, layers: tuple[int, ...], weight: float = 1.0) -> Hints:
    return Hints(load(where), layers, weight=weight, dtype=torch.float32)


def test_hidden_states_are_those_of_the_stock_class(tmp_path: Path) -> None:
    where = tiny.bert(tmp_path / "bert")
    mask = (IDS != 0).long()
    output = load(where).eval()(input_ids=IDS, attention_mask=mask, output_hidden_states=True)
    first, last = hidden(where)
    torch.testing.assert_close(first[mask > 0], output.hidden_states[1][mask > 0])
    torch.testing.assert_close(last, output.hidden_states[2][:, :1])


def test_a_model_lacks_nothing_of_itself(tmp_path: Path) -> None:
    where = tiny.bert(tmp_path / "bert")
    assert hints(where, (1, 2))(hidden(where), IDS, LENGTHS).item() == pytest.approx(0)


def test_to_say_the_mean_alone_lacks_all_of_the_variance(tmp_path: Path) -> None:
    where = tiny.bert(tmp_path / "bert")
    first, last = hidden(where)
    means = [first[IDS != 0].mean().expand(first.shape), last.mean().expand(last.shape)]
    assert hints(where, (1, 2))(means, IDS, LENGTHS).item() == pytest.approx(1, abs=0.01)
    assert hints(where, (1, 2), 0.25)(means, IDS, LENGTHS).item() == pytest.approx(0.25, abs=0.01)


def test_a_text_alone_has_a_variance_too(tmp_path: Path) -> None:
    student = another(tmp_path / "student")
    states = [state[:1] for state in hidden(student)]
    assert 0 < hints(tiny.bert(tmp_path / "bert"), (1, 2))(states, IDS[:1], LENGTHS[:1]) < 100


def test_padding_says_nothing(tmp_path: Path) -> None:
    larger, student = tiny.bert(tmp_path / "larger"), another(tmp_path / "student")
    states = hidden(student)
    other = [state.clone() for state in states]
    other[0][IDS == 0] += 1
    ask = hints(larger, (1, 2))
    assert ask(other, IDS, LENGTHS) == ask(states, IDS, LENGTHS) > 0


def test_layers_that_end_elsewhere_are_compared_by_their_cls_token(tmp_path: Path) -> None:
    where = tiny.bert(tmp_path / "bert")
    first, last = hidden(where)
    lack = hints(where, (1,))
    assert lack([first[:, :1]], IDS, LENGTHS).item() == pytest.approx(0)
    whole = torch.cat([last, first[:, 1:]], 1)
    assert hints(where, (2,))([whole], IDS, LENGTHS).item() == pytest.approx(0)
    assert lack([last], IDS, LENGTHS).item() > 0


def test_hints_need_one_layer_for_each_of_the_student(tmp_path: Path) -> None:
    where = tiny.bert(tmp_path / "bert")
    with pytest.raises(ValueError, match="shorter"):
        hints(where, (2,))(hidden(where), IDS, LENGTHS)


def test_hints_come_from_a_bert_alone(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="Roberta"):
        hints(tiny.roberta(tmp_path / "roberta"), (1, 2))


def test_a_run_with_hints_comes_near_the_larger_model(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    larger, base = tiny.bert(tmp_path / "larger"), another(tmp_path / "base")
    rows = tmp_path / "rows.tsv"
    rows.write_text(
        "a\tpositive\tgood app\na\tnegative\tbad app\na\tneutral\tapp\n" * 8, encoding="utf-8"
    )
    ask = hints(larger, (1, 2))

    def lack(weight: float) -> float:
        out = tmp_path / f"run{weight}"
        command = f"train --base {base} --out {out} --train {rows} --hints {larger} --epochs 40"
        command += f" --hint-layers 1 2 --hint-weight {weight} --token-budget 64 --rate 1e-2"
        monkeypatch.setattr("sys.argv", command.split())
        train.main()
        return ask(hidden(out), IDS, LENGTHS).item()

    assert lack(10.0) < lack(0.0)
