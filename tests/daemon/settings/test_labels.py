"""What the settings may say of a model's labels."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from connectors.errors import Misconfigured
from daemon.pipeline.limits import HELD_ITEMS
from daemon.process.wiring import worst_case_bytes
from daemon.settings import load

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "tonebus.toml"


def test_labels_are_a_table_or_the_models_own(file: Path) -> None:
    file.write_text("[[models]]\nlabels = 'model'\n", encoding="utf-8")
    assert load({}, file).models[0].labels == "model"
    file.write_text("[[models]]\nlabels = 'own'\n", encoding="utf-8")
    with pytest.raises(Misconfigured, match=r"models\[0\]\.labels"):
        load({}, file)


def test_a_shadow_must_have_labels_of_the_same_kind(file: Path) -> None:
    models = "[[models]]\n[[models]]\nname = 'moods'\nlabels = 'model'\n"
    file.write_text("[[connectors]]\nshadow = 'moods'\n" + models, encoding="utf-8")
    with pytest.raises(Misconfigured, match="labels of its own"):
        load({}, file)
    own = models.replace("[[models]]\n", "[[models]]\nlabels = 'model'\n", 1)
    file.write_text("[[connectors]]\nshadow = 'moods'\n" + own, encoding="utf-8")
    assert load({}, file).connectors[0].shadow == "moods"


def test_a_further_model_may_have_labels_of_its_own(file: Path) -> None:
    models = "[[models]]\n[[models]]\nname = 'moods'\nlabels = 'model'\n"
    file.write_text("[[connectors]]\nalso = ['moods']\n" + models, encoding="utf-8")
    assert load({}, file).connectors[0].also == ("moods",)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("also = ['mood']", "no model is named 'mood'"),
        ("also = ['default']", "'default' scores this connector already"),
        ("also = ['moods', 'moods']", "'moods' scores this connector already"),
        ("also = ['moods']\nunsupported = 'moods'", "'moods' scores this connector already"),
        ("also = ['moods']\nshadow = 'moods'", "'moods' scores this connector already"),
        (f"also = {list('abcdefghi')}", "`also`|also"),
    ],
)
def test_further_models_are_known_ones_that_do_not_score_the_connector_already(
    file: Path, lines: str, said: str
) -> None:
    models = "[[models]]\n[[models]]\nname = 'moods'\n"
    file.write_text(f"[[connectors]]\n{lines}\n{models}", encoding="utf-8")
    with pytest.raises(Misconfigured, match=said):
        load({}, file)


def test_what_further_models_say_counts_in_the_memory_that_a_daemon_may_take(file: Path) -> None:
    models = "[[models]]\n[[models]]\nname = 'moods'\n"
    file.write_text(f"[[connectors]]\n{models}", encoding="utf-8")
    without = worst_case_bytes(load({}, file))
    file.write_text(f"[[connectors]]\nalso = ['moods']\n{models}", encoding="utf-8")
    # a hundred labels of 64 characters each, of as many texts as are held
    label = sys.getsizeof("x" * 64) + sys.getsizeof(0.5)
    said = sys.getsizeof(dict.fromkeys(range(100))) + 100 * label
    assert worst_case_bytes(load({}, file)) - without >= HELD_ITEMS * said
