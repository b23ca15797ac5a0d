"""The generated pages of docs/reference agree with the code."""

from __future__ import annotations

import os
import re

import pytest

from daemon.status.catalogue import CATALOGUE
from scripts import reference
from scripts.meanings import EXIT_CODES, FACTS


@pytest.mark.parametrize("name", reference.PAGES)
def test_a_page_is_what_the_code_says(name: str) -> None:
    committed = (reference.FOLDER / f"{name}.md").read_text(encoding="utf-8")
    assert committed == reference.page(name), "run `make reference`"


def test_every_log_event_has_one_meaning() -> None:
    assert reference.logged().keys() == CATALOGUE.keys() | FACTS.keys()
    assert not CATALOGUE.keys() & FACTS.keys()


def test_every_exit_code_of_the_code_is_documented() -> None:
    sources = [
        path.read_text(encoding="utf-8")
        for layer in ("api", "daemon")
        for path in (reference.ROOT / layer).rglob("*.py")
    ]
    named = {name for text in sources for name in re.findall(r"\bEX_[A-Z]+\b", text)}
    exits = (call for text in sources for call in re.findall(r"sys\.exit\(([^)]*)\)", text))
    plain = {int(code) for call in exits for code in re.findall(r"\b\d+\b", call)}
    assert named
    # 2 is click's own, and 3 uvicorn's
    assert {getattr(os, name) for name in named} | plain | {2, 3} == EXIT_CODES.keys()
