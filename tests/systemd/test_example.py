"""The example configuration says the truth about every setting."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import msgspec

from daemon import settings
from daemon.settings import example

FILE = Path(__file__).parent.parent.parent / "systemd" / "tonebus.toml"


def test_the_example_is_made_from_the_settings() -> None:
    assert FILE.read_text(encoding="utf-8") == example.document(), (
        "run: python -m daemon.settings.example > systemd/tonebus.toml"
    )


def test_the_example_as_it_stands_sets_nothing() -> None:
    assert settings.load({}, FILE) == settings.Settings()


def test_every_line_of_the_example_loads_and_is_the_default(tmp_path: Path) -> None:
    text = re.sub(r"^#(\w+ = )", r"\1", FILE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    live = tmp_path / "tonebus.toml"
    live.write_text(text, encoding="utf-8")
    loaded = settings.load({}, live)
    first, *others = loaded.models
    assert first.source == "/path/to/a/model"
    default = msgspec.structs.replace(first, source=settings.ModelSettings().source)
    assert msgspec.structs.replace(loaded, models=(default, *others)) == settings.Settings()


def test_no_meaning_is_missing() -> None:
    lines = FILE.read_text(encoding="utf-8").splitlines()
    bare = [
        line
        for before, line in itertools.pairwise(lines)
        if re.match(r"#\w+ = ", line) and not before.startswith("# ")
    ]
    assert not bare
