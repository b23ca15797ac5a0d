"""E-mails through the whole daemon: what of them is scored, and that none ends it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from connectors.events.output import OutputConfig
from daemon.settings import ConnectorSettings
from tests.daemon.rooms import Room

if TYPE_CHECKING:
    from pathlib import Path

    from daemon.model.tone_model import ToneModel

MAIL = ConnectorSettings(
    strip=("html", "quotes", "signature"), output=OutputConfig(include_text=True)
)
COMPLAINT = "Thanks, but the second parcel never arrived and I am furious about it."
OUTLOOK = (
    "<div>It is <b>bad</b>.</div><hr><div id=divRplyFwdMsg><b>From:</b> Tom &lt;t@x.example&gt;<br>"
    "<b>Sent:</b> Monday, 3 June 2024 10:11<br><b>To:</b> Ann</div><div>What a good day!</div>"
)
FORWARDED = (
    "---------- Forwarded message ---------\nFrom: Ann <ann@lee.example>\n"
    "Date: Mon, 3 Jun 2024 at 10:11\nSubject: Lamp\nTo: <help@x.example>\n\nIt is bad."
)


@pytest.mark.parametrize(
    ("text", "scored"),
    [
        (f"Hello,\n{COMPLAINT}", f"Hello,\n{COMPLAINT}"),
        ("My parcel was due <Tuesday and it never came.",) * 2,
        (OUTLOOK, "It is bad."),
        (FORWARDED, "It is bad."),
        ('<p style="display:none">good good good</p><p>bad</p>', "bad"),
    ],
    ids=["thanks-but", "less-than", "outlook", "forwarded", "hidden"],
)
def test_what_the_writer_wrote_is_scored(
    text: str, scored: str, model_directory: Path, tone_model: ToneModel
) -> None:
    room = Room(model_directory, tone_model, MAIL)
    room.tell(text)
    room.settle()
    assert [event["data"]["text"] for event in room.events()] == [scored]


def test_no_mail_ends_the_daemon_or_holds_up_the_next(
    model_directory: Path, tone_model: ToneModel
) -> None:
    room = Room(model_directory, tone_model, MAIL)
    hostile = [
        "<t><frameset>", "<div>" * 100_000, '<a x="' * 100_000, "<!--" * 100_000, "> a\n" * 100_000,
        "&#" + "1" * 5_000 + ";<br>", "On a\n" * 50_000, "<blockquote>" * 50_000, "\0<p>\0",
    ]  # fmt: skip
    for text in hostile:
        room.tell(text)
    room.send(b"\xff\xfe<p>", content_type="message/rfc822")
    room.send(b"From: a@b.example\nContent-Type: multipart/mixed; boundary=b\n\n" + b"--b\n" * 900,
        content_type="message/rfc822")  # fmt: skip
    room.tell("good")
    room.settle()
    assert len(room.events()) + len(room.parked()) == len(hostile) + 3


def test_a_mail_as_it_travels_is_scored_by_its_text(
    model_directory: Path, tone_model: ToneModel
) -> None:
    room = Room(model_directory, tone_model, MAIL)
    mail = (
        "From: ann@lee.example\nMessage-ID: <1@lee.example>\n"
        "Content-Type: text/plain; charset=windows-1252; format=flowed\n\nIt is \nbad \x85\n"
    )
    room.send(mail.encode("latin-1"), content_type="message/rfc822")
    room.settle()
    [event] = room.events()
    assert (event["data"]["text"], event["subject"]) == ("It is bad …", "<1@lee.example>")
