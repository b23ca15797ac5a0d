"""`tonebus check` and `tonebus try`: what is wrong is told before anything runs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from daemon.cli import main, tonebus
from tests import models

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

HELPDESK = """
[[connectors]]
name = "helpdesk"
model = "tiny"
exchange = "helpdesk.events"
text = "comment.body"
id = "comment.id"
carry = { ticket = "ticket.id" }
when = "comment.public"
"""
GOOD_TEST = """
[[connectors.tests]]
name = "a public comment is scored"
message = { comment = { id = 7, body = "good", public = true }, ticket = { id = 4711 } }
texts = ["good"]
ids = ["7"]
carried = { ticket = 4711 }

[[connectors.tests]]
name = "an internal note is skipped"
message = { comment = { id = 7, body = "good" } }
skip = "when"

[[connectors.tests]]
name = "broken JSON is parked"
message = "{"
park = "json"
"""
BAD_TEST = """
[[connectors.tests]]
name = "wishful"
message = { comment = { id = 7, body = "good", public = true } }
texts = ["bad"]
"""


@pytest.fixture
def file(tmp_path: Path, model_directory: Path) -> Path:
    path = tmp_path / "tonebus.toml"
    model = models.toml(model_directory).partition("[[connectors]]")[0]
    path.write_text(model + HELPDESK, encoding="utf-8")
    return path


def add(file: Path, text: str) -> None:
    file.write_text(file.read_text(encoding="utf-8") + text, encoding="utf-8")


def run(*arguments: str, config: Path | None = None) -> Result:
    environment = {"TONEBUS_CONFIG": str(config) if config else ""}
    return CliRunner().invoke(tonebus, arguments, env=environment)


def check(file: Path, *options: str) -> Result:
    return run("check", *options, str(file))


def faults(file: Path, *options: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(check(file, "--json", *options).output)["faults"]
    return found


def line_with(file: Path, text: str) -> int:
    return next(
        number
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        if text in line
    )


def test_good_settings_are_called_good(file: Path) -> None:
    result = check(file)
    assert result.exit_code == 0
    assert "good: " in result.output


@pytest.mark.parametrize(
    ("line", "said", "fix"),
    [
        ('biding = ["x"]', "no such setting", "did you mean bindings?"),
        ('language = "a["', "not JMESPath, at character 3", "jmespath.org"),
        ('language = "a = b"', "not JMESPath, at character 3", "=="),
        ('template = "no field"', "has no field", "{subject}"),
        ('template = "{a}"', "both are set", "leave one out"),
        ('format = "xml"', "not one of its values", "'cloudevents'"),
        ('strip = ["htlm"]', "not one of its values", "'signature'"),
        ("prefetch = -1", ">= 0", ""),
        ('output = { routing_key = "{tune}" }', "{tune} is not one of", "{connector}.{tone}"),
        ('output = { exchange = "helpdesk.events" }', "also where events are published", ""),
        ('output = { exchange = "sentiment.parked" }', "not for events", "sentiment.results"),
        ('output = { headers = ["ce-id"] }', "taken for an attribute", "carry"),
        ('output = { headers = ["CC"] }', "delivers copies", "leave it out"),
        ('output = "x"', "a table is expected", ""),
    ],
)
def test_a_fault_is_told_with_its_line_and_its_fix(
    file: Path, line: str, said: str, fix: str
) -> None:
    add(file, line)
    found = [each for each in faults(file) if each["severity"] == "error"]
    assert any(said in each["what"] for each in found)
    assert any(fix in each["fix"] for each in found)
    told = found[0]["line"]
    assert told in {line_with(file, line), line_with(file, 'exchange = "helpdesk')}
    result = check(file)
    assert result.exit_code == 78
    assert f"{file}:{told}: error: " in result.output


def test_every_fault_is_told_at_once(file: Path) -> None:
    add(file, 'biding = 1\nfromat = "x"\nprefetch = "many"\n')
    assert len(faults(file)) == 3


def test_two_upstreams_of_one_name_are_told(file: Path) -> None:
    add(file, HELPDESK)
    [fault] = [each for each in faults(file) if "two connectors" in each["what"]]
    second = HELPDESK.strip().splitlines()
    assert fault["line"] == line_with(file, second[0]) + len(second) + 2


def test_lines_are_right_after_values_of_several_lines(file: Path) -> None:
    add(file, 'bindings = [\n  "a",\n  "name = 1",\n]\nbad = 1\n')
    [fault] = faults(file)
    assert fault["line"] == line_with(file, "bad = 1")


def test_a_secret_is_never_shown(file: Path) -> None:
    add(file, '[broker]\nurl = "amqp://bob:sekrit@rabbit.example.org/x"\n[api]\ntoken = 1\n')
    assert "sekrit" not in check(file).output
    file.write_text('[broker]\nurl = "http://bob:sekrit@x"\n[redis]\nurl = "sekrit"\n', "utf-8")
    result = check(file)
    assert result.exit_code == 78
    assert "sekrit" not in result.output


def test_unsafe_values_are_warned_of(file: Path) -> None:
    add(
        file,
        '[broker]\nurl = "amqp://guest:sekrit@rabbit.example.org/x"\n'
        '[redis]\nurl = "redis://redis.example.org/0"\n[api]\nhost = "0.0.0.0"\n',
    )
    said = "\n".join(f"{each['severity']} {each['what']}" for each in faults(file))
    assert "error not set, and host '0.0.0.0' is open to others" in said
    assert "warning texts and the password go to 'rabbit.example.org' in the clear" in said
    assert "warning RabbitMQ lets user guest in from localhost only" in said
    assert "warning goes to 'redis.example.org' in the clear" in said
    assert "warning a secret stands in the file" in said


def test_strict_takes_warnings_for_errors(file: Path) -> None:
    assert check(file, "--strict").exit_code == 78


def test_a_connectors_own_tests_are_run(file: Path) -> None:
    add(file, GOOD_TEST)
    result = check(file, "--tests")
    assert result.exit_code == 0
    assert "3 connector tests passed" in result.output
    add(file, BAD_TEST)
    result = check(file, "--tests")
    assert result.exit_code == 78
    assert "'wishful' of connector 'helpdesk' failed: texts: expected ['bad']" in result.output
    assert f":{line_with(file, 'wishful') - 1}: error" in result.output


def test_a_test_may_keep_its_message_in_a_file(file: Path) -> None:
    add(file, '[[connectors.tests]]\nname = "x"\nfile = "m.json"\ntexts = ["good"]\n')
    assert "'m.json' cannot be read" in check(file, "--tests").output
    body = '{"comment": {"body": "good", "public": true}}'
    (file.parent / "m.json").write_text(body, encoding="utf-8")
    assert check(file, "--tests").exit_code == 0


def test_try_shows_the_event_that_would_be_published(file: Path, tmp_path: Path) -> None:
    message = tmp_path / "m.json"
    message.write_text('{"comment": {"id": 7, "body": "good", "public": true}}', encoding="utf-8")
    result = run("try", "helpdesk", str(message), "--routing-key", "a.b", "--json", config=file)
    assert result.exit_code == 0, result.output
    [sent] = json.loads(result.output)["events"]
    data = sent["event"]["data"]
    assert sent["exchange"] == "sentiment.results"
    assert sent["routing_key"] == f"helpdesk.{data['tone']}"
    assert data["origin"]["routing_key"] == "a.b"
    assert run("try", "helpdesk", str(message), config=file).exit_code == 0


def test_try_says_why_a_message_would_be_parked_or_skipped(file: Path, tmp_path: Path) -> None:
    message = tmp_path / "m.json"
    message.write_text('{"comment": {"public": true}}', encoding="utf-8")
    result = run("try", "helpdesk", str(message), config=file)
    assert result.exit_code == 1
    assert "parked: no-text-field: nothing at `comment.body`" in result.output
    message.write_text("{}", encoding="utf-8")
    result = run("try", "helpdesk", str(message), config=file)
    assert (result.exit_code, "skipped: when" in result.output) == (0, True)


def test_try_names_the_connectors_there_are(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TONEBUS_CONFIG", str(file))
    monkeypatch.setattr("sys.argv", ["tonebus", "try", "chat", "/dev/null"])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 78
    assert "no connector is named 'chat'; the settings know: helpdesk" in capsys.readouterr().err


# Identity -------------------------------------------------------------------------------------

FORM = """
[[connectors]]
name = "form"
model = "tiny"
exchange = "forms"
text = "answers[].text"
id = "answers[].question"
"""
ANSWERS = {"answers": [{"question": "q-1", "text": "good"}, {"question": "q-2", "text": "bad"}]}


def tried(file: Path, connector: str, message: object, *options: str) -> tuple[list[str], str]:
    """What `tonebus try` says each text is known by, and what it prints."""
    path = file.parent / "m.json"
    path.write_text(json.dumps(message), encoding="utf-8")
    arguments = ("try", connector, str(path), "--no-score", *options)
    told = json.loads(run(*arguments, "--json", config=file).output)
    return told["identity"], run(*arguments, config=file).output


def test_check_doubts_what_is_hardly_meant(file: Path) -> None:
    add(file, 'language = "a == true"')
    [warning] = [each for each in faults(file) if each["where"] == "connectors[0].language"]
    assert (warning["severity"], warning["fix"]) == ("warning", "write `true`")
    assert warning["line"] == line_with(file, "language")


def test_check_says_what_a_message_is_known_by(file: Path) -> None:
    assert (
        "helpdesk: a message is known by its CloudEvent source and id, else `comment.id`, else "
        "AMQP message id"
    ) in check(file).output


def test_check_warns_where_ids_are_those_of_texts(file: Path) -> None:
    assert not [each for each in faults(file) if each["where"] == "connectors[0].id"]
    add(file, FORM)
    [warning] = [each for each in faults(file) if each["where"] == "connectors[1].id"]
    assert warning["severity"] == "warning"
    assert "unique within their message only" in warning["what"]
    assert "AMQP message id" in warning["fix"]
    assert check(file).exit_code == 0


def test_check_warns_that_marks_can_be_forged_without_a_secret(file: Path) -> None:
    [warning] = [each for each in faults(file) if each["where"] == "redis.secret"]
    assert "forge a mark" in warning["what"]
    add(file, '[redis]\nsecret = "of-our-own"\n')
    assert not [each for each in faults(file) if "forge" in each["what"]]


def test_try_says_what_a_message_is_known_by_and_warns_where_it_is_nothing(file: Path) -> None:
    comment = {"comment": {"id": 7, "body": "good", "public": True}}
    assert tried(file, "helpdesk", comment)[0] == ["`comment.id`"]
    del comment["comment"]["id"]
    known, said = tried(file, "helpdesk", comment, "--message-id", "m-1")
    assert known == ["AMQP message id"]
    assert "no identity" not in said
    event = {"specversion": "1.0", "source": "/desk", "id": "e-1", "data": comment}
    assert tried(file, "helpdesk", event)[0] == ["CloudEvent source and id"]
    known, said = tried(file, "helpdesk", comment)
    assert known == [None]
    assert "warning: no identity: each delivery of this message counts as a message of its" in said


def test_try_does_not_take_a_texts_id_for_its_messages(file: Path) -> None:
    add(file, FORM)
    known, said = tried(file, "form", ANSWERS)
    assert known == [None, None]
    assert said.count("no identity") == 1
    known, said = tried(file, "form", ANSWERS, "--message-id", "m-1")
    assert known == ["AMQP message id and `answers[].question`"] * 2
    assert "no identity" not in said
    assert tried(file, "form", ANSWERS, "--message-id", "m" * 255)[0] == known
