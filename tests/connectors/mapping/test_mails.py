"""What is left of the mails of the collection in `mails/`."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from connectors.mapping.mail import clean

MAILS = Path(__file__).parent / "mails"


def mails(file: str) -> list[Any]:
    found = tomllib.loads((MAILS / f"{file}.toml").read_text(encoding="utf-8"))["mail"]
    return [pytest.param(each, id=f"{file}: {each['name']}") for each in found]


@pytest.mark.parametrize(
    "mail",
    [
        each
        for file in ("replies", "languages", "signatures", "forwards", "html")
        for each in mails(file)
    ],
)
def test_of_a_mail_its_writers_words_are_left(mail: dict[str, Any]) -> None:
    found = clean(mail["body"], quotes=True, signature=True)
    assert found.text == mail["left"].strip()
    assert sorted(found.removed) == mail["removed"]


@pytest.mark.parametrize("mail", mails("whole"))
def test_nothing_is_taken_that_may_not_be(mail: dict[str, Any]) -> None:
    found = clean(mail["body"], quotes=True, signature=True)
    assert found.text == mail.get("left", mail["body"]).strip()
    assert not found.removed
