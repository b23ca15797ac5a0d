"""Cleaning is pure, bounded and linear, and loses nothing without a count, whatever it is given."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.mapping import Mapped, Mapper, MappingConfig
from connectors.mapping.mail import STEPS_OF_CLEANING, Cleaned, clean, programs
from connectors.mapping.mapper import MAX_STEPS
from connectors.text import is_blank
from tests.fuzzing import fuzzed
from tests.messages import delivery

MOST_LINES = MAX_STEPS // STEPS_OF_CLEANING
PARTS = {"quote", "signature", "disclaimer", "hidden", "markup"}


def cleaned(text: str, budget: int = MOST_LINES) -> Cleaned:
    return clean(text, quotes=True, signature=True, budget=budget)


PIECES = st.sampled_from([
    "\n", "\n\n", "\r\n", " ", "> ", ">> ", "-- \n", "--\n", "----", "_____\n", ":", ",",
    "Ann Lee", "I", "On Mon, 3 Jun 2024 at 10:11, Ann <a@b.example> wrote:",
    "Am 03.06.2024 schrieb Ann:", "a@b.example", "-----Original Message-----\n",
    "---------- Forwarded message ---------\n", "10:11", "2024", "From: Ann <a@b.example>\n",
    "Sent: Monday, June 3, 2024 10:11 AM\n", "To: b\n", "Subject: c\n", "Best regards,\n",
    "Thanks,\n", "Mit freundlichen Grüßen\n", "Sent from my iPhone\n", "P.S. ", "FYI\n",
    "This e-mail is confidential and intended for the recipient. ", "CAUTION: external",
    "The box is late.", "<p>", "</p>", "<div>", "</div>", "<br>", "<blockquote type=cite>",
    "</blockquote>", "<hr>", "<pre>", '<div class="gmail_quote">', '<div id="divRplyFwdMsg">',
    '<span style="display:none">', "</span>", '<div class="gmail_signature">', "<t><frameset>",
    "<table><tr><td>", "</td>", "<style>", "</style>", "<style>.a{display:none}</style>",
    "<p class=a>", "@media{", "{", "}", "/*", "*/", "|-----+----->", "| 10:11 |", "<!--", "-->",
    "<![CDATA[", "<?", "<", ">", "</", "<a x='", '"', "&nbsp;", "&#", "&#99999999999;", "&",
    "<svg>", "<title>", "<@U061F7AUR", "|", "<https://a.example|",
    "<img alt='\U0001f600'>", "\u200b", "\0", "\u2028", "\ufffe", "é", "写道\uff1a", ">>> a 1 >>>",
])  # fmt: skip


@fuzzed
@given(st.lists(PIECES | st.text(max_size=8), max_size=40), st.integers(0, 60))
def test_no_text_raises_or_grows_or_is_lost_uncounted(pieces: list[str], budget: int) -> None:
    text = "".join(pieces)
    for found in (cleaned(text), cleaned(text, budget)):
        assert len(found.text) <= 2 * len(text)
        assert found.removed.keys() <= PARTS
        assert all(count > 0 for count in found.removed.values())
        if is_blank(found.text) and not is_blank(text):
            assert found.removed or found.cut
        found.text.encode()


@fuzzed
@given(st.lists(PIECES, max_size=30))
def test_what_is_left_alone_keeps_every_word(pieces: list[str]) -> None:
    text = "".join(pieces)
    found = clean(text, quotes=False, signature=False)
    if "<" not in text and "&" not in text:
        assert found.text.split() == text.split() or "\u200b" in text or ">" in text


HOSTILE = [
    "<div>", "<", '<a x="', "<!--", "<a '>", '<a x="y>"', "<p><b></p>", "</b>", "<table><td>",
    "<o:p>", "<blockquote>", "<div class=gmail_quote><blockquote>",
    "<div style='overflow:hidden'>", "<style>", "&#1111111111111111111", "&amp", "<br>", "On a\n",
    "\n", "> ", ">\n", "From: a\nx\n", "-- \n", "From: a\nTo: b\nSubject: c\nx\n\n",
    "Thanks,\nAnn\n", "Best regards,\n", "a:\n", "_____\n", "On 3.6.2024 10:11 a@b wrote:\n",
    "On 3.6.2024 10:11 a@b wrote:\n> x\n", "Sent from my iPhone\n",
    "This e-mail is confidential, intended, recipient\n\n", "-----\nFrom: a\n", "- " * 100,
    "a" * 290 + ":\n", "-----Original Message-----\n", "a@b ", "@", "1:", "\u200b" * 100 + "\n",
    "<pre>" + "a\n" * 50, "\r",
    "---------- Forwarded message ---------\nFrom: a@b\nDate: 10:11\n\n",
    "<hr>a: 10:11<br>b: c<br>d: e<br>", "<div x=y " + "class " * 50 + ">",
    "Warning:" + "\u200b" * 150 + "\n", ">>> a 1 >>>\n",
]  # fmt: skip


def seconds(text: str) -> float:
    """The shortest of three times, in CPU seconds, with a floor beneath which clocks say little."""
    times = []
    for _ in range(3):
        begun = time.process_time()
        cleaned(text, 10**9)
        times.append(time.process_time() - begun)
    return max(min(times), 0.002)


@pytest.mark.parametrize("piece", HOSTILE, ids=lambda piece: repr(piece[:24]))
def test_work_grows_as_the_text_does(piece: str) -> None:
    """Four times the text takes four times as long; a quadratic step would make it sixteen."""
    short = piece * (12_000 // len(piece))
    assert seconds(short * 4) / seconds(short) < 10


@pytest.mark.parametrize("piece", HOSTILE, ids=lambda piece: repr(piece[:24]))
def test_work_is_bounded_by_the_budget(piece: str) -> None:
    found = cleaned(piece * (1_000_000 // len(piece)), 1_000)
    # each tag that the budget pays for may end a line, and lines are counted as well
    assert found.steps <= 3 * 1_000
    assert found.cut or found.steps < 1_000 or "\n" not in piece


def test_beyond_the_budget_a_text_is_cut_and_says_so() -> None:
    found = cleaned("It is late.\n" * 100, 10)
    assert found.cut
    assert found.text == "\n".join(["It is late."] * 10)
    assert not cleaned("It is late.\n" * 9, 10).cut


def test_a_frameset_costs_nobody_anything() -> None:
    assert cleaned("<t><frameset>").text == "<t>"


@pytest.mark.parametrize("text", ["3 < 4 & 5 > 4", "Tom & Jerry", "a &notanentity; b"])
def test_what_is_no_html_is_left_as_it_is(text: str) -> None:
    assert cleaned(text) == Cleaned(text, steps=1)


def test_references_without_tags_are_resolved() -> None:
    assert cleaned("It&#39;s late &amp; broken").text == "It's late & broken"


@pytest.mark.parametrize(("quotes", "signature"), [(False, True), (True, False), (False, False)])
def test_only_what_is_asked_for_is_removed(quotes: bool, signature: bool) -> None:
    text = "Late.\n\nBest regards,\nAnn\n\nOn 3/6/2024 10:11, Tom wrote:\n> Hello"
    found = clean(text, quotes=quotes, signature=signature)
    assert ("> Hello" in found.text) is not quotes
    assert ("Best regards" in found.text) is not signature
    assert ("quote" in found.removed) is quotes


def test_what_was_removed_is_counted_in_characters() -> None:
    text = "Late.\n\nBest regards,\nAnn\n\nOn 3/6/2024 10:11, Tom wrote:\n> Hello"
    assert cleaned(text).removed == {
        "quote": len("On 3/6/2024 10:11, Tom wrote:Hello"),
        "signature": len("Best regards,Ann"),
    }


def read(texts: list[str]) -> Mapped:
    config = MappingConfig(text="texts", strip_html=True, strip_quotes=True, strip_signature=True)
    mapper = Mapper(config, max_body_bytes=1 << 20, max_text_chars=20_000)
    return mapper.read(delivery(json.dumps({"texts": texts}).encode()))


def test_forty_costly_texts_cost_no_more_than_one() -> None:
    """Their steps are counted together: what they do not pay for is parked, and says so."""
    mapped = read(["> a\n" * 5_000] * 40)
    assert mapped.bad is not None
    assert mapped.bad.code == "too-costly"
    assert len(mapped.texts) + len(mapped.bad.indexes) == 40
    assert sum(text.content.count("\n") for text in mapped.texts) <= MOST_LINES


def test_a_text_says_what_was_removed_of_it() -> None:
    [text] = read(["<p>Late.<p hidden>Great offers!"]).texts
    assert (text.content, text.removed) == ("Late.", {"hidden": len("Great offers!")})


def test_every_name_of_a_mail_program_is_looked_at() -> None:
    for part, names in programs.NAMES.items():
        for name in names:
            assert programs.part_of("div", f' class="{name}"') is part
            assert programs.part_of("div", f' id="x_{name.upper()}"') is part


@pytest.mark.parametrize("name", ["meter", "progress", "q", "td"])
def test_an_element_of_html_is_no_text(name: str) -> None:
    assert cleaned(f"rated <{name}>2</{name}> of five").text == "rated 2 of five"
