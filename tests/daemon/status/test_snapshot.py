"""One model of the status: a process writes it, Redis carries it, the page shows it."""

from __future__ import annotations

import json

from pydantic import TypeAdapter

from daemon.status import snapshot
from daemon.status.snapshot import Daemon, HourSnapshot, Incident, Minute
from tests.snapshots import daemon

INCIDENT = Incident(code="c", words="w", fix="f", first=1, last=2)


def test_a_snapshot_is_read_as_it_was_written() -> None:
    for written in (daemon(incidents=[INCIDENT]), HourSnapshot(minutes=[Minute(60, {"none": 1})])):
        assert list(snapshot.decode([snapshot.encode(written)])) == [written]


def test_fields_of_a_newer_release_are_passed_over() -> None:
    fields = json.loads(snapshot.encode(daemon(incidents=[INCIDENT])))
    fields["incidents"][0]["severity"] = fields["invented"] = "new"
    assert list(snapshot.decode([json.dumps(fields).encode()])) == [daemon(incidents=[INCIDENT])]


def test_fields_that_an_older_release_lacks_have_their_defaults() -> None:
    fields = json.loads(snapshot.encode(daemon()))
    for name in ("shadow", "languages", "unread", "pauses", "uid", "patience", "silent", "lost"):
        del fields[name]
    assert list(snapshot.decode([json.dumps(fields).encode()])) == [daemon(shadow={})]


def test_what_is_no_snapshot_is_passed_over() -> None:
    values = [b"", b"{}", b'{"type":"api"}', b'{"type":"daemon"}', b"[1]"]
    assert list(snapshot.decode([*values, snapshot.encode(daemon())])) == [daemon()]


def test_the_page_shows_a_daemon_without_the_numbers_that_are_added_up() -> None:
    shown = TypeAdapter(list[Daemon]).dump_python([daemon(incidents=[INCIDENT])], mode="json")[0]
    assert shown["pid"] == 7
    assert shown["rates"]["events"] == 2
    assert not {"incidents", "latency", "parked"} & shown.keys()
