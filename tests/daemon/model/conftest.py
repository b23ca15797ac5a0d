from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from daemon.model.tone_model import ToneModel
from tests.daemon.model import tiny

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def shared_bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT that no test may change."""
    return tiny.bert(tmp_path_factory.mktemp("models") / "tiny-bert")


@pytest.fixture
def own_bert(tmp_path: Path) -> Path:
    """A BERT to spoil."""
    return tiny.bert(tmp_path / "tiny-bert")


@pytest.fixture(scope="session")
def model(shared_bert: Path) -> ToneModel:
    """A model that no test may change."""
    return ToneModel.load(tiny.settings(shared_bert))
