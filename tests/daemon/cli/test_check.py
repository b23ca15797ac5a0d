"""`tonebus check`: what is wrong is told before anything runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.daemon.cli.checking import HELPDESK, add, check, line_with, problems

if TYPE_CHECKING:
    from pathlib import Path

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
    found = [each for each in problems(file) if each["severity"] == "error"]
    assert any(said in each["what"] for each in found)
    assert any(fix in each["fix"] for each in found)
    told = found[0]["line"]
    assert told in {line_with(file, line), line_with(file, 'exchange = "helpdesk')}
    result = check(file)
    assert result.exit_code == 78
    assert f"{file}:{told}: error: " in result.output


def test_every_fault_is_told_at_once(file: Path) -> None:
    add(file, 'biding = 1\nfromat = "x"\nprefetch = "many"\n')
    assert len(problems(file)) == 3


def test_two_upstreams_of_one_name_are_told(file: Path) -> None:
    add(file, HELPDESK)
    [problem] = [each for each in problems(file) if "two connectors" in each["what"]]
    second = HELPDESK.strip().splitlines()
    assert problem["line"] == line_with(file, second[0]) + len(second) + 2


def test_lines_are_right_after_values_of_several_lines(file: Path) -> None:
    add(file, 'bindings = [\n  "a",\n  "name = 1",\n]\nbad = 1\n')
    [problem] = problems(file)
    assert problem["line"] == line_with(file, "bad = 1")


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
    said = "\n".join(f"{each['severity']} {each['what']}" for each in problems(file))
    assert "error not set, and host '0.0.0.0' is open to others" in said
    assert "warning texts and the password go to 'rabbit.example.org' in the clear" in said
    assert "warning RabbitMQ lets user guest in from localhost only" in said
    assert "warning goes to 'redis.example.org' in the clear" in said
    assert "warning a secret stands in the file" in said


def test_a_proxy_before_an_api_without_a_token_is_warned_of(file: Path) -> None:
    add(file, '[api]\ntrusted_proxies = "10.0.0.0/8, ::1"\n')
    found = [each for each in problems(file) if each["where"] == "api.token"]
    assert "a proxy in front" in found[0]["what"]


def test_a_trusted_proxy_that_is_no_address_is_refused(file: Path) -> None:
    add(file, '[api]\ntrusted_proxies = "proxy.example.org"\n')
    assert "is no address and no network" in check(file).output
    assert check(file).exit_code == 78


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


def test_check_doubts_what_is_hardly_meant(file: Path) -> None:
    add(file, 'language = "a == true"')
    [warning] = [each for each in problems(file) if each["where"] == "connectors[0].language"]
    assert (warning["severity"], warning["fix"]) == ("warning", "write `true`")
    assert warning["line"] == line_with(file, "language")


def test_check_warns_that_marks_can_be_forged_without_a_secret(file: Path) -> None:
    [warning] = [each for each in problems(file) if each["where"] == "redis.secret"]
    assert "forge a mark" in warning["what"]
    add(file, '[redis]\nsecret = "of-our-own"\n')
    assert not [each for each in problems(file) if "forge" in each["what"]]


def test_check_warns_where_one_broker_may_be_taken_for_several(file: Path) -> None:
    def warned() -> bool:
        return "redis.deployment" in {each["where"] for each in problems(file)}

    assert not warned()
    add(file, '[redis]\nurl = "rediss://shared.example:6379/0"\n')
    assert warned()
    add(file, 'deployment = "shop"\n')
    assert not warned()


@pytest.mark.parametrize("name", ["hold_seconds", "score_timeout"])
def test_check_warns_where_deliveries_may_be_held_longer_than_rabbitmq_waits(
    file: Path, name: str
) -> None:
    add(file, f"[daemon]\n{name} = 1200\n")
    [warning] = [each for each in problems(file) if each["where"] == f"daemon.{name}"]
    assert (warning["severity"], warning["line"]) == ("warning", line_with(file, name))
    assert "consumer_timeout" in warning["fix"]
