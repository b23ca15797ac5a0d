"""`tonebus publish` speaks as an upstream does, and `tonebus tail` shows what is asked for."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from connectors.amqp import topology
from connectors.amqp.publisher import Sink
from connectors.errors import Misconfigured
from connectors.messages import OutgoingMessage
from connectors.parking import park
from connectors.parking.park import Reason
from daemon.checks import dry_run
from daemon.cli import templates, tonebus
from daemon.settings import ConnectorSettings, Settings, load
from tests.brokers import patient_broker
from tests.messages import delivery
from tests.processes import ROOT
from tests.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

EXAMPLES = ROOT / "docs" / "connectors" / "tonebus.toml"


@pytest.mark.parametrize(
    "connector",
    [
        ConnectorSettings(),
        ConnectorSettings(format="text", bindings=("room.#",)),
        ConnectorSettings(format="mail"),
        ConnectorSettings(format="cloudevents", text="review.body"),
        ConnectorSettings(text="comment.body", id="comment.id", bindings=("ticket.*.new",)),
        ConnectorSettings(text="words", id=""),
    ],
    ids=["default", "text", "mail", "cloudevents", "nested", "no-id"],
)
def test_a_published_text_is_what_its_connector_reads(connector: ConnectorSettings) -> None:
    message = templates.message(connector, "good")
    source = dry_run.delivery(
        connector, message.body,
        content_type=message.properties["content_type"],
        message_id=message.properties["message_id"],
    )  # fmt: skip
    [found] = dry_run.outcome(Settings(), connector, source).texts
    assert found.content == "good"
    assert found.source_id
    pattern = topology.topic_pattern(connector.bindings[0])
    assert pattern.fullmatch(topology.with_dots(message.routing_key))


def test_a_template_stands_for_any_shape() -> None:
    [survey] = [each for each in load({}, EXAMPLES).connectors if each.name == "survey"]
    with pytest.raises(Misconfigured, match="--template FILE"):
        templates.message(survey, "good")
    template = '{"answers": [{"type": "free-text", "id": "$id", "value": "$text"}]}'
    message = templates.message(survey, "good", template=template)
    [answer] = json.loads(message.body)["answers"]
    assert (answer["value"], answer["id"]) == ("good", message.properties["message_id"])
    with pytest.raises(Misconfigured, match="not JSON"):
        templates.message(survey, "good", template="{")


def test_publish_reaches_the_connectors_queue(own_broker_url: str, tmp_path: Path) -> None:
    file = tmp_path / "tonebus.toml"
    file.write_text(
        '[[connectors]]\nname = "desk"\nexchange = "desk"\nbindings = ["a.*"]\ntext = "c.body"\n',
        encoding="utf-8",
    )
    environment = {"TONEBUS_BROKER_URL": own_broker_url, "TONEBUS_CONFIG": str(file)}
    result = CliRunner().invoke(tonebus, ["publish", "--json", "one", "two"], env=environment)
    assert len(json.loads(result.output)["published"]) == 2
    broker = patient_broker(own_broker_url)
    broker.connect()
    message = broker.channel().basic_get(topology.source_queue("desk"), no_ack=True)
    assert json.loads(message.body)["c"] == {"body": "one"}
    broker.close()


@pytest.mark.parametrize(
    ("content", "options"),
    [
        ("Für immer…\r\nGruß\u2028zwei\n".encode(), []),
        ("\ufeffFür immer…\n\n  \nGruß\u2028zwei".encode(), []),
        ("Für immer…\nGruß\u2028zwei\n".encode("utf-16"), ["--encoding", "utf-16"]),
    ],
    ids=["windows", "mark", "utf-16"],
)
def test_a_file_is_published_whatever_program_wrote_it(
    broker_url: str, tmp_path: Path, content: bytes, options: list[str]
) -> None:
    file = tmp_path / "tonebus.toml"
    file.write_text('[[connectors]]\nname = "files"\nexchange = "files"\n', encoding="utf-8")
    texts = tmp_path / "texts.txt"
    texts.write_bytes(content)
    environment = {"TONEBUS_BROKER_URL": broker_url, "TONEBUS_CONFIG": str(file)}
    arguments = ["publish", "--file", str(texts), *options]
    assert CliRunner().invoke(tonebus, arguments, env=environment).exit_code == 0
    broker = patient_broker(broker_url)
    broker.connect()
    channel = broker.channel()
    bodies = [
        json.loads(channel.basic_get(topology.source_queue("files"), no_ack=True).body)
        for _ in range(2)
    ]
    assert [body["text"] for body in bodies] == ["Für immer…", "Gruß\u2028zwei"]
    broker.close()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--file", "texts.txt"], "texts.txt, line 2: not utf-8. Fix: say what it is, such as"),
        (["--file", "texts.txt", "--encoding", "klingon"], "no encoding is named 'klingon'"),
        (["--template", "texts.txt", "good"], "texts.txt, line 2: not utf-8"),
        (["good", "a\udcff"], "text 2 is not valid UTF-8"),
        (["--routing-key", "k" * 256, "good"], "--routing-key is longer than 255 bytes"),
        ([], "texts.txt"),
    ],
)
def test_what_cannot_be_read_is_named_and_nothing_is_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "texts.txt").write_bytes("gut\nFür immer\n".encode("latin-1"))
    given = "" if arguments else (tmp_path / "texts.txt").read_bytes()
    result = CliRunner().invoke(tonebus, ["publish", *arguments], input=given)
    assert result.exit_code == 2
    assert said.replace("texts.txt", "texts.txt" if arguments else "the standard input") in (
        result.output
    )


def event(connector: str, tone: str) -> dict[str, Any]:
    origin = {"exchange": "e", "routing_key": "k", "message_id": None, "correlation_id": None}
    data = {
        "tone": tone, "score": 0.9, "scores": {tone: 0.9}, "tokens": 3, "truncated": False,
        "model": {"name": "m", "revision": "r"}, "cached": False, "carried": {},
        "origin": origin | {"index": 0},
    }  # fmt: skip
    return {
        "specversion": "1.0", "type": "sentiment.labelled.v1", "source": f"/tonebus/{connector}",
        "id": "1", "time": "2026-01-01T00:00:00Z", "datacontenttype": "application/json",
        "data": data,
    }  # fmt: skip


def binary(connector: str, tone: str) -> OutgoingMessage:
    told = event(connector, tone)
    data = told.pop("data")
    headers = {f"ce-{name}": value for name, value in told.items() if name != "datacontenttype"}
    properties = {"application_headers": headers}
    return OutgoingMessage("store.tones", f"any.{tone}", json.dumps(data).encode(), properties)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--tone", "negative"], {("helpdesk", "negative"), ("reviews", "negative")}),
        (["--connector", "reviews"], {("reviews", "negative"), ("reviews", "positive")}),
        (["--parked"], {("input", "json")}),
    ],
    ids=["tone", "connector", "parked"],
)
def test_tail_shows_what_is_asked_for_of_every_exchange(
    broker_url: str, options: list[str], expected: set[tuple[str, str]]
) -> None:
    environment = {
        "PATH": "/usr/bin:/bin", "TONEBUS_BROKER_URL": broker_url, "TONEBUS_CONFIG": str(EXAMPLES)
    }  # fmt: skip
    count = str(len(expected))
    tail = subprocess.Popen(
        [sys.executable, "-m", "daemon.cli", "tail", "--json", "--count", count, *options],
        cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    broker = patient_broker(broker_url)
    broker.connect()
    topology.apply(broker, topology.results(["store.tones"]))
    sink: Sink[None] = Sink(broker)

    def publish() -> None:
        for tone in ("negative", "positive"):
            body = json.dumps(event("helpdesk", tone)).encode()
            sink.publish(OutgoingMessage(topology.RESULTS, f"helpdesk.{tone}", body, {}), None)
            sink.publish(binary("reviews", tone), None)
        sink.publish(park.message(delivery(b"{"), Reason("json", "map")), None)
        broker.wait(0.2)

    until(lambda: tail.poll() is not None, publish, timeout=60)
    assert tail.stdout
    told = [json.loads(line) for line in tail.stdout.read().splitlines()]
    assert len(told) == len(expected)
    shown = {
        (each["source"].removeprefix("/tonebus/"), each["data"]["tone"])
        if "data" in each
        else (each["connector"], each["code"])
        for each in told
    }
    assert shown <= expected
    broker.close()


def test_tail_passes_over_what_is_no_event_and_breaks_no_line(
    broker_url: str, tmp_path: Path
) -> None:
    environment = {"PATH": "/usr/bin:/bin", "TONEBUS_BROKER_URL": broker_url}
    complaints = [tmp_path / "json.log", tmp_path / "plain.log"]
    tails = []
    for options, complaint in zip((["--json"], []), complaints, strict=True):
        with complaint.open("wb") as log:
            tails.append(subprocess.Popen(
                [sys.executable, "-m", "daemon.cli", "tail", "--count", "1", *options],
                cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=log, text=True,
            ))  # fmt: skip
    broker = patient_broker(broker_url)
    broker.connect()
    topology.apply(broker, topology.results())
    sink: Sink[None] = Sink(broker)

    def publish(body: bytes, **properties: Any) -> None:
        message = OutgoingMessage(topology.RESULTS, "a\x1b[2Jkey", body, properties)
        sink.publish(message, None)
        broker.wait(0.2)

    # what comes before a tail has subscribed is not shown to it, so the event comes last and once
    until(
        lambda: all("but 8 bytes" in each.read_text() for each in complaints),
        lambda: publish(b"not JSON"), timeout=120,
    )  # fmt: skip
    for body in (b'{"specversion": "1.0"}', b"[" * 100_000, b"\xff", b""):
        publish(body)
    publish(b"{", application_headers={"ce-id": [1]})
    told = event("helpdesk", "negative") | {"subject": "long " * 40 + "\x1b[2J"}
    publish(json.dumps(told, indent=4).encode())
    for tail, complaint in zip(tails, complaints, strict=True):
        [line] = tail.communicate(timeout=60)[0].splitlines()
        assert tail.returncode == 0
        assert "long long" in line
        said = complaint.read_text()
        for size in (8, 22, 100_000, 1, 0):
            assert f"passed over: no tone event, but {size} bytes" in said
        assert "Traceback" not in said
        assert "\x1b" not in line + said
    broker.close()


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_tail_ends_without_a_word_when_its_reader_does(broker_url: str, options: list[str]) -> None:
    environment = {"PATH": "/usr/bin:/bin", "TONEBUS_BROKER_URL": broker_url}
    tail = subprocess.Popen(
        [sys.executable, "-m", "daemon.cli", "tail", *options],
        cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert tail.stdout
    assert tail.stderr
    tail.stdout.close()
    broker = patient_broker(broker_url)
    broker.connect()
    topology.apply(broker, topology.results())
    sink: Sink[None] = Sink(broker)
    body = json.dumps(event("helpdesk", "negative")).encode()

    def publish() -> None:
        sink.publish(OutgoingMessage(topology.RESULTS, "a.key", body, {}), None)
        broker.wait(0.2)

    until(lambda: tail.poll() is not None, publish, timeout=60)
    assert tail.returncode == 1
    assert tail.stderr.read() == ""
    broker.close()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shell_completes_commands_and_options(shell: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from daemon.cli import main; main()"],
        check=False, cwd=ROOT, capture_output=True, text=True,
        env={"PATH": "/usr/bin:/bin", "_TONEBUS_COMPLETE": f"{shell}_source"},
    )  # fmt: skip
    assert "_TONEBUS_COMPLETE" in done.stdout, done.stderr


def test_every_command_shows_an_example() -> None:
    runner = CliRunner()
    for name in tonebus.list_commands(None):  # type: ignore[arg-type]  # it needs no context
        said = runner.invoke(tonebus, [name, "--help"]).output
        assert "Example: " in said, name
