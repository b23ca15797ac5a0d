"""The connector's format decides how a body is read, not what its publisher calls it."""

from __future__ import annotations

import zlib

import pytest

from connectors.errors import Skip
from connectors.mapping import MappingConfig
from connectors.mapping.labels import Labels
from tests.connectors.mapping.reading import read, refused, texts
from tests.messages import delivery

BODY = b'{"id": "m-1", "text": "good", "public": true}'
TYPES = [
    None, "", "application/octet-stream", "binary/octet-stream", "text/plain", "text/json", "json",
    "application/x-www-form-urlencoded", "text/html; charset=UTF-8", "application/data",
    "APPLICATION/JSON ; Charset = 'utf8'", "application/octet-stream; charset=binary", "*/*",
    "text/plain; charset=utf-8; format=flowed; delsp=yes", "application/vnd.masstransit+json",
    'application/json; profile="https://example.org/x;y"; charset="UTF_8"', "unknown",
]  # fmt: skip
ENCODINGS = [
    None, "", "utf8", "UTF-8", "utf_8", "identity", "Identity", "8bit", "7bit", "binary", "none",
    "us-ascii", "ANSI_X3.4-1968", " utf-8 ", "utf-8-sig", "cp65001",
]  # fmt: skip


@pytest.mark.parametrize("content_type", TYPES)
def test_json_is_recognised_whatever_it_is_called(content_type: str | None) -> None:
    [found] = read(MappingConfig(), BODY, content_type=content_type).texts
    assert (found.content, found.subject) == ("good", "m-1")


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_an_encoding_that_changes_no_byte_is_read(encoding: str | None) -> None:
    for content_type in ("application/json", "text/plain", "application/octet-stream"):
        assert texts(
            MappingConfig(), BODY, content_type=content_type, content_encoding=encoding
        ) == ["good"]
    if encoding:
        label = f"application/json; charset={encoding}"
        assert texts(MappingConfig(), BODY, content_type=label) == ["good"]


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "utf-16", "latin-1", "x"])
def test_an_encoding_that_does_is_parked(encoding: str) -> None:
    assert (
        refused(MappingConfig(), zlib.compress(BODY), content_encoding=encoding).code == "encoding"
    )
    assert (
        refused(MappingConfig(), BODY, content_type=f"a/b; charset={encoding}").code == "encoding"
    )


@pytest.mark.parametrize("kind", ["application/octet-stream", "application/x-protobuf", "a/b"])
@pytest.mark.parametrize("body", [zlib.compress(BODY), b"\x00\x01\x02", b"just words", b'"text"'])
def test_what_is_no_document_is_parked_under_a_label_that_promises_none(
    kind: str, body: bytes
) -> None:
    bad = refused(MappingConfig(), body, content_type=kind)
    assert bad.code == "content-type"
    assert kind in bad.detail


def test_a_condition_is_asked_of_json_whatever_it_is_called() -> None:
    config = MappingConfig(when="public")
    assert texts(config, BODY, content_type="text/plain") == ["good"]
    with pytest.raises(Skip, match="when"):
        read(config, b'{"text": "good", "public": false}', content_type="text/plain")


@pytest.mark.parametrize(
    ("body", "content_type"),
    [(b"just words", "text/plain"), (b"12", None), (b'"words"', None), (b"null", None)],
)
def test_what_is_no_document_is_never_skipped_by_a_condition(
    body: bytes, content_type: str | None
) -> None:
    for when in ("public", "!deleted"):
        bad = refused(MappingConfig(when=when), body, content_type=content_type)
        assert bad.code == "json"
        assert "`when`" in bad.detail


def test_a_connector_says_which_labels_mean_nothing() -> None:
    assert refused(MappingConfig(), BODY, content_type="application/x-yaml").code == "content-type"
    for trusted in ("application/x-yaml", "*"):
        config = MappingConfig(content_types=(trusted,))
        assert texts(config, BODY, content_type="application/x-yaml; charset=utf-8") == ["good"]
        assert refused(config, b"text: good", content_type="application/x-yaml").code == "json"
    for trusted in ("latin-1", "*"):
        config = MappingConfig(content_encodings=(trusted,))
        assert texts(config, BODY, content_encoding="latin-1") == ["good"]
        assert texts(config, BODY, content_type="text/plain; charset=Latin-1") == ["good"]
        assert refused(config, b"\xe4", content_encoding="latin-1").code == "encoding"


@pytest.mark.parametrize(
    "kind", [None, "text/plain", "text/html", "application/octet-stream", "text/markdown"]
)
def test_a_connector_for_text_takes_the_body_as_it_is(kind: str | None) -> None:
    for body in (b"good", b'{"text": "x"}', b'[{"text": "x"}]', b'{"specversion": "1.0"}'):
        assert texts(MappingConfig(format="text"), body, content_type=kind) == [body.decode()]


def test_a_connector_for_text_can_be_told_to_take_what_is_called_json() -> None:
    assert refused(MappingConfig(format="text"), BODY, content_type="application/json").code == (
        "content-type"
    )
    config = MappingConfig(format="text", content_types=("application/json",))
    assert texts(config, b"good", content_type="application/json") == ["good"]


def test_labels_of_strangers_do_not_pile_up() -> None:
    labels = Labels(MappingConfig())
    for number in range(1000):
        labels.reading(delivery(BODY, content_type=f"application/x-{number}"))
    assert labels._decided.cache_info().currsize <= 256
