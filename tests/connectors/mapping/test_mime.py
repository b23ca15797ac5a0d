"""An e-mail as it travels: the right part, decoded, and bounded whatever comes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.errors import BadInput, Skip
from connectors.mapping import Mapper, MappingConfig
from connectors.mapping.mail import read_mail
from connectors.mapping.mail.charsets import decoded
from connectors.mapping.mail.flowed import unflowed
from tests.connectors.mapping.reading import MAX_BODY, MAX_TEXT
from tests.fuzzing import fuzzed
from tests.messages import delivery

if TYPE_CHECKING:
    from connectors.messages import Text

MAILS = Path(__file__).parent / "mails"
INLINE = (
    "--b\nContent-Disposition: inline\n"
    "Content-Type: text/plain; charset=windows-1251; name=message.txt\n\n"
)
CLEANING = MappingConfig(strip_html=True, strip_quotes=True, strip_signature=True)


def read(body: bytes, config: MappingConfig, content_type: str = "message/rfc822") -> Text:
    mapper = Mapper(config, max_body_bytes=MAX_BODY, max_text_chars=MAX_TEXT)
    [only] = mapper.read(delivery(body, content_type=content_type)).texts
    return only


def mail(name: str, config: MappingConfig | None = None) -> Text:
    return read((MAILS / f"{name}.eml").read_bytes(), config or CLEANING)


@pytest.mark.parametrize(
    ("name", "left"),
    [
        ("alternative", "The box was empty."),
        (
            "flowed",
            "It fell from the wall, and then it did not start any more.\n\nFrom then on nothing.",
        ),
        ("windows-1251", "Верните мне деньги!"),
        ("iso-2022-jp", "商品が壊れていました。"),
        ("no-charset", "Sehr ärgerlich \u2013 schon wieder!"),
        ("attached-mail", "The lamp arrived broken."),
        ("image-only-html", "It is scratched, see the photo."),
        ("signed", "Schlechter Service, drei Wochen keine Antwort!"),
        ("mixed-kinds", "The handle is < 2 mm thick:\n\nIt broke at once."),
        ("mixed-texts", "This is how it looked:\n\nAnd nobody wants to pay for it."),
    ],
)
def test_of_a_mail_the_right_part_is_read(name: str, left: str) -> None:
    assert mail(name).content == left


def test_the_headers_of_a_mail_can_be_carried() -> None:
    names = ("subject", "from", "to", "date", "in_reply_to")
    found = mail("alternative", MappingConfig(carry={each: each for each in names}))
    assert found.subject == "<CAF1@mail.lee.example>"
    assert found.carried == {
        "subject": "Re: Ärger mit der Lieferung",
        "from": "Ann Lée <ann@lee.example>",
        "to": "support@shop.example",
        "date": "2024-06-03T10:11:12+02:00",
        "in_reply_to": "<0@shop.example>",
    }
    russian = mail("windows-1251", MappingConfig(carry={"subject": "subject"}))
    assert russian.carried == {"subject": "Возврат"}


def test_a_connector_of_mails_reads_them_whatever_they_are_called() -> None:
    body = (MAILS / "alternative.eml").read_bytes()
    assert read(body, CLEANING, "message/global").content == "The box was empty."
    config = msgspec.structs.replace(CLEANING, format="mail")
    for label in ("", "application/octet-stream", "text/plain; charset=iso-8859-1"):
        assert read(body, config, label).content == "The box was empty."


def test_a_connector_of_texts_takes_the_text_of_a_mail() -> None:
    assert mail("windows-1251", MappingConfig(format="text")).content == "Верните мне деньги!\n"


def test_a_mail_of_a_connector_that_cleans_nothing_keeps_its_html() -> None:
    assert mail("alternative", MappingConfig()).content.startswith('<div dir="ltr">The box')


@pytest.mark.parametrize(
    ("charset", "data", "text"),
    [
        ("ISO-8859-1", b"\x93so\x94", "\u201cso\u201d"),
        ("gb2312", "镕".encode("gbk"), "镕"),
        ("us-ascii", "ä".encode(), "ä"),
        ("x-mac-cyrillic", "Плохо".encode("mac-cyrillic"), "Плохо"),
        ("x-cp1251", "Плохо".encode("cp1251"), "Плохо"),
        ("x-gbk", "没有到".encode("gbk"), "没有到"),
        ("windows-31j", "届きません".encode("cp932"), "届きません"),
        ("iso-2022-jp-ms", "届きません".encode("iso2022_jp"), "届きません"),
        ("x-euc-jp", "届きません".encode("euc_jp"), "届きません"),
        ("windows-949", "실망".encode("cp949"), "실망"),
        ("windows-874", "แย่มาก".encode("cp874"), "แย่มาก"),
        ("iso-8859-8-i", "מאוכזב".encode("iso8859-8"), "מאוכזב"),
        ("utf-8", b"a\xff", "a\ufffd"),
        ("zlib_codec", b"plain", "plain"),
        ("punycode", b"plain", "plain"),
        ("x" * 5000, b"plain", "plain"),
        ("../../etc/passwd", b"plain", "plain"),
        ("undefined", b"plain", "plain"),
    ],
)
def test_charsets_are_what_mails_mean_by_them(charset: str, data: bytes, text: str) -> None:
    assert decoded(data, charset) == text


@pytest.mark.parametrize(
    ("kind", "left"),
    [("text/markdown", "The *lid* is missing."), ("text/calendar", ""), ("text/x-amp-html", "")],
)
def test_a_text_of_an_unknown_kind_is_read_where_there_is_no_other(kind: str, left: str) -> None:
    raw = "From: ann@lee.example\nContent-Type: {}\n\nThe *lid* is missing.\n"
    assert read(raw.format(kind).encode(), CLEANING).content == left
    alternative = (
        "From: ann@lee.example\nContent-Type: multipart/alternative; boundary=b\n\n"
        f"--b\n\nThe lid is missing.\n--b\nContent-Type: {kind}\n\nThe *lid* is missing.\n--b--\n"
    )
    assert read(alternative.encode(), CLEANING).content == "The lid is missing."


@pytest.mark.parametrize(
    ("head", "body"),
    [
        ("Content-Type: text/html", '<html><meta charset="windows-1251"><p>Плохо</p>'),
        (
            "Content-Type: text/html",
            '<META http-equiv=x content="text/html; charset=windows-1251"><p>Плохо</p>',
        ),
        (
            "Content-Type: multipart/mixed; boundary=b",
            INLINE + "Плохо",
        ),
    ],
)
def test_a_text_is_found_and_decoded_by_what_only_its_part_says(head: str, body: str) -> None:
    raw = f"From: ann@lee.example\n{head}\n\n{body}".encode("cp1251")
    assert read(raw, CLEANING).content == "Плохо"


@pytest.mark.parametrize("before", [b"\xef\xbb\xbf", b"\n", b"\r\n\r\n"])
def test_what_stands_before_the_first_header_is_no_part_of_it(before: bytes) -> None:
    found = read(before + b"From: a@b.example\nSubject: x\n\n\xef\xbb\xbfIt is late.", CLEANING)
    assert found.content == "It is late."


@pytest.mark.parametrize(
    "kind",
    [
        "application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m",
        "application/ms-tnef; name=winmail.dat",
        'multipart/encrypted; protocol="application/pgp-encrypted"; boundary=b',
    ],
)
def test_a_mail_whose_words_are_encrypted_is_parked_not_taken_for_empty(kind: str) -> None:
    body = f"From: a@b.example\nContent-Type: {kind}\n\n--b\nContent-Type: a/b\n\nMIAG\n--b--\n"
    with pytest.raises(BadInput, match="cannot be read") as bad:
        read(body.encode(), CLEANING)
    assert bad.value.code == "mail"


def test_an_answer_of_a_machine_can_be_skipped() -> None:
    config = MappingConfig(when="!auto_submitted || auto_submitted == 'no'")
    raw = b"From: a@b.example\nAuto-Submitted: auto-replied\n\nI am away."
    with pytest.raises(Skip):
        read(raw, config)
    assert read(raw.replace(b"auto-replied", b"no"), config).content == "I am away."


def test_flowed_paragraphs_become_one_line() -> None:
    flowed = "> one \n> two\n>> three \nfour \nfive\n\n  six\n-- \nAnn \nLee"
    assert unflowed(flowed, delete_space=False).split("\n") == [
        "> one two", ">> three ", "four five", "", " six", "-- ", "Ann Lee",
    ]  # fmt: skip
    assert unflowed("天 \n地", delete_space=True) == "天地"


HEADERS = "From: a@b.example\nMIME-Version: 1.0\n"
LONG_LABEL = 'Content-Type: text/plain; x="' + '";"' * 100_000 + "\n\nx"
NESTED = "".join(
    f'Content-Type: multipart/mixed; boundary="b{n}"\n\n--b{n}\n' for n in range(5_000)
)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (HEADERS + NESTED[:4_000], "mail"),
        (HEADERS + NESTED, "too-costly"),
        ((HEADERS + NESTED[:4_000]).replace("\n", "\r"), "mail"),
        (HEADERS + LONG_LABEL, "mail"),
        ((HEADERS + LONG_LABEL).replace("\n", "\r"), "mail"),
        ((HEADERS + LONG_LABEL).replace("; ", ";\r "), "mail"),
        (HEADERS + "Content-Type: multipart/mixed; boundary=b\n\n" + "--b\n\nx\n" * 5_000, "mail"),
        ("no header at all", "mail"),
        ("\n\n", "mail"),
        (HEADERS + "Content-Type: multipart/mixed; boundary=b\n\n" + "\n" * 900_000, "too-costly"),
    ],
    ids=[
        "nested",
        "deeply-nested",
        "nested-cr",
        "long-label",
        "long-label-cr",
        "folded-label-cr",
        "many-parts",
        "no-header",
        "blank",
        "many-lines",
    ],
)
def test_a_hostile_mail_is_parked_before_it_costs_anything(body: str, code: str) -> None:
    with pytest.raises(BadInput) as bad:
        read(body.encode(), MappingConfig(format="mail"))
    assert bad.value.code == code


@pytest.mark.parametrize(
    "header",
    [
        "Subject: " + "=?utf-8?q?a" * 50_000,
        "Subject: " + "=?" * 200_000,
        "Subject: =?utf-8?b?a?=",
        "Date: " + "1" * 100_000,
        "Date: Mon, 99 Foo 99999999999999999999 99:99:99 +9999",
        "Message-ID: \udcff\udcfe",
        "Content-Type: text/plain; charset*=x-none'en'%FF%FE",
        "Content-Type: text/plain; charset*0*=utf-8''a; charset*1=b; charset*x=c",
        "Content-Type: /; =; ;;",
        "Content-Type: multipart/mixed",
        'Content-Type: multipart/mixed; boundary=""',
        "Content-Transfer-Encoding: x-uuencode",
        "Content-Disposition: attachment;" + " ;" * 400,
        "Content-Type: text/plain\n\n" + " It is late and later.\n" * 100,
    ],
    ids=lambda header: header[:40],
)
def test_an_odd_header_spoils_no_mail(header: str) -> None:
    body = f"From: a@b.example\n{header}\n\nIt is late.\n".encode("utf-8", "surrogateescape")
    assert set(read_mail(body)) >= {"text", "html", "plain"}


PIECES = st.sampled_from([
    "\n", "\n\n", "\r\n", "\r", " ", "\t", ";", ":", '"', "=", "--", "--b", "--b--", "\n--b\n",
    "Content-Type: ", "Content-Transfer-Encoding: ", "Content-Disposition: ", "Subject: ",
    "multipart/mixed; boundary=b", "multipart/alternative; boundary=b", "message/rfc822",
    "text/plain", "text/html", "; charset=", "utf-8", "utf-7", "hz", "iso-2022-jp",
    "quoted-printable", "base64", "x-uuencode", "=?utf-8?q?", "?=", "; format=flowed", "=ZZ",
    "begin 644 x\n", "%%%", "<b>", "From: a", "message/partial", "attachment; filename*0*=", "é",
    "message/delivery-status", "Date: ", "\0",
])  # fmt: skip


@fuzzed
@given(st.lists(PIECES, max_size=40), st.binary(max_size=20))
def test_no_mail_raises_anything_but_its_reason(pieces: list[str], tail: bytes) -> None:
    body = b"From: a@b.example\n" + "".join(pieces).encode() + tail
    try:
        found = read_mail(body)
    except BadInput as bad:
        assert bad.code == "mail"  # noqa: PT017 - whether it is raised is what is tried
    else:
        found["text"].encode()
