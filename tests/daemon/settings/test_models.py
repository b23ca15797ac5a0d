"""Settings: which models there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from connectors.errors import Misconfigured
from daemon.settings import DEFAULT_MODEL, load

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "tonebus.toml"


def test_with_nothing_given_each_language_has_the_model_that_reads_it_best() -> None:
    settings = load({})
    assert [each.source for each in settings.models] == [str(DEFAULT_MODEL), "multilingual"]
    assert settings.models_of(settings.connectors[0]) == ("default", "multilingual")


@pytest.mark.parametrize(
    ("environ", "content"),
    [
        ({}, "[[models]]"),
        ({}, '[[models]]\nname = "own"'),
        ({"TONEBUS_MODEL": "org/model"}, ""),
        ({"TONEBUS_MODEL_REVISION": "0123456789abcdef"}, ""),
    ],
)
def test_who_names_a_model_has_that_one_alone(
    file: Path, environ: dict[str, str], content: str
) -> None:
    file.write_text(content, encoding="utf-8")
    settings = load(environ, file)
    assert len(settings.models) == 1
    assert settings.models_of(settings.connectors[0]) == (settings.models[0].name,)


def test_the_model_variables_set_the_first_model(file: Path) -> None:
    file.write_text(
        '[[models]]\nname = "default"\nprecision = "bf16"\n[[models]]\nname = "other"\n',
        encoding="utf-8",
    )
    environ = {"TONEBUS_MODEL": "org/model", "TONEBUS_MODEL_REVISION": "abc123"}
    settings = load(environ, file)
    first, second = settings.models
    assert (first.source, first.revision, first.precision) == ("org/model", "abc123", "bf16")
    assert second.source == str(DEFAULT_MODEL)
    assert load(environ).models[0].source == "org/model"


def test_two_models_of_one_name_are_refused(file: Path) -> None:
    file.write_text("[[models]]\n[[models]]\n", encoding="utf-8")
    with pytest.raises(Misconfigured, match="two models are named 'default'"):
        load({}, file)


@pytest.mark.parametrize("models", ["models = []", "[models]\nname = 'a'", "models = 7"])
@pytest.mark.parametrize("environ", [{}, {"TONEBUS_MODEL": "org/model"}])
def test_models_that_are_no_list_of_models_are_refused(
    file: Path, models: str, environ: dict[str, str]
) -> None:
    file.write_text(models, encoding="utf-8")
    if models == "models = []" and environ:
        assert load(environ, file).models[0].source == "org/model"
    else:
        with pytest.raises(Misconfigured, match=r"tonebus\.toml:1: models: "):
            load(environ, file)
