"""What is left of the mails of the collection in `mails/`."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from connectors.mapping.mail import clean

MAILS = Path(__file__).parent / "mails"


GIVEN_AWAY = {"A text that is only a sign-off", "Only quoted lines, and nobody who said them"}
"""These are nothing of the writer's own above a quote."""


def load(file: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = tomllib.loads(
        (MAILS / f"{file}.toml").read_text(encoding="utf-8")
    )["mail"]
    return found


def mails(file: str) -> list[Any]:
    return [pytest.param(each, id=f"{file}: {each['name']}") for each in load(file)]


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


def beneath() -> list[str]:
    """What stands beneath the writer's words in the mails of the collection: quotes, signatures."""
    found = []
    for mail in (each for file in ("replies", "languages", "signatures") for each in load(file)):
        body, left = mail["body"].strip(), mail["left"].strip()
        if left and body.startswith(left):
            found.append(body.removeprefix(left))
    return found


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(each["body"].strip(), id=each["name"])
        for each in load("whole")
        if "left" not in each and each["name"] not in GIVEN_AWAY
    ],
)
def test_no_text_loses_a_word_by_what_stands_beneath_it(text: str) -> None:
    for tail in beneath():
        assert clean(text + tail, quotes=True, signature=True).text == text
