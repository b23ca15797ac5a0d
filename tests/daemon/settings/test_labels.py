"""What the settings may say of a model's labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from connectors.errors import Misconfigured
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
