from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from connectors.errors import Misconfigured
from daemon.model.identity import identify
from daemon.settings import ModelSettings
from tests.daemon.model import tiny

if TYPE_CHECKING:
    from pathlib import Path

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def revision(where: Path, **more: Any) -> str:
    return identify(tiny.settings(where, **more)).model.revision


def test_a_directory_is_known_by_its_name_and_a_digest_of_its_files(shared_bert: Path) -> None:
    identity = identify(tiny.settings(shared_bert))
    assert identity.model.name == "tiny-bert"
    assert len(identity.model.revision) == 16
    assert identity.preprocessing == "none"
    assert identify(tiny.settings(shared_bert)) == identity


def test_the_models_own_description_names_it(own_bert: Path) -> None:
    tiny.edit(own_bert / "tonebus.json", name="mine", preprocessing="social-1")
    identity = identify(tiny.settings(own_bert))
    assert (identity.model.name, identity.preprocessing) == ("mine", "social-1")


@pytest.mark.parametrize(
    "name", ["config.json", "tokenizer.json", "tokenizer_config.json", "tonebus.json"]
)
def test_any_file_that_matters_changes_the_revision(own_bert: Path, name: str) -> None:
    before = revision(own_bert)
    with (own_bert / name).open("a", encoding="utf-8") as file:
        file.write("{}" if name == "tonebus.json" else "\n")
    assert revision(own_bert) != before


def test_changed_weights_change_the_revision(own_bert: Path) -> None:
    before = revision(own_bert)
    weights = own_bert / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    assert revision(own_bert) != before


def test_a_readme_changes_nothing(own_bert: Path) -> None:
    before = revision(own_bert)
    (own_bert / "README.md").write_text("a card", encoding="utf-8")
    assert revision(own_bert) == before


@pytest.mark.parametrize(
    "change",
    [
        {"temperature": 1.5},
        {"labels": {"neutral": "positive"}},
        {"long_text": "chunk"},
        {"max_tokens": 32},
        {"precision": "bf16"},
        {"preprocessing": "social-1"},
    ],
)
def test_every_setting_that_changes_scores_changes_the_revision(
    shared_bert: Path, change: dict[str, Any]
) -> None:
    assert revision(shared_bert, **change) != revision(shared_bert)


def test_speed_settings_do_not_change_the_revision(shared_bert: Path) -> None:
    assert revision(shared_bert, threads=2, token_budget=64) == revision(shared_bert)


def test_a_pinned_revision_has_to_be_the_directorys(shared_bert: Path) -> None:
    right = revision(shared_bert)
    assert revision(shared_bert, revision=right) == right
    with pytest.raises(Misconfigured, match=right):
        revision(shared_bert, revision="0" * 16)


def test_a_host_without_the_files_comes_to_the_same_revision(
    shared_bert: Path, tmp_path: Path
) -> None:
    with_files = revision(shared_bert, temperature=1.5)
    pinned = revision(shared_bert)
    elsewhere = tmp_path / "nowhere" / "tiny-bert"
    without = identify(tiny.settings(elsewhere, temperature=1.5, revision=pinned))
    assert without.model.revision == with_files
    assert without.model.name == "tiny-bert"


def test_a_missing_directory_is_refused_with_the_fix(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"no directory .*correct `source`"):
        identify(tiny.settings(tmp_path / "nowhere"))


def test_a_hub_id_needs_a_pinned_commit() -> None:
    for loose in ("", "main", "v1.0"):
        with pytest.raises(Misconfigured, match="pinned commit"):
            identify(ModelSettings(source="someone/some-model", revision=loose))
    identity = identify(ModelSettings(source="someone/some-model", revision=COMMIT))
    assert identity.model.name == "some-model"
    assert identity.model.revision == COMMIT[:16]


def test_an_unknown_preprocessing_is_refused_with_the_known_ones(shared_bert: Path) -> None:
    with pytest.raises(Misconfigured, match=r"'nosuch'.*none, social-1, social-2"):
        identify(tiny.settings(shared_bert, preprocessing="nosuch"))


def test_a_wrong_description_is_refused(own_bert: Path) -> None:
    tiny.edit(own_bert / "tonebus.json", temperature=0)
    with pytest.raises(Misconfigured, match=r"tonebus\.json"):
        identify(tiny.settings(own_bert))


def test_identifying_needs_no_torch() -> None:
    program = (
        "import sys, daemon.model.identity, daemon.model.labels, daemon.model.vetting;"
        "sys.exit(bool({'torch', 'transformers', 'tokenizers'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
