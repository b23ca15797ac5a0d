"""`tonebus try`, and what it and `check` say a message is known by."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from daemon.cli import main
from tests import models
from tests.daemon.cli.checking import add, check, problems, run

if TYPE_CHECKING:
    from pathlib import Path


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


def test_try_shows_what_further_models_say(file: Path, tmp_path: Path) -> None:
    moods = models.save(tmp_path / "moods", seed=8)
    add(file, f'{models.table("moods", moods)}[[connectors]]\nname = "both"\nexchange = "both"\n'
        'model = "tiny"\nalso = ["moods"]\n')  # fmt: skip
    message = tmp_path / "m.json"
    message.write_text('{"id": 7, "text": ["good", " "]}', encoding="utf-8")
    result = run("try", "both", str(message), "--json", config=file)
    assert result.exit_code == 0, result.output
    good, blank = [each["event"]["data"] for each in json.loads(result.output)["events"]]
    assert good["tones"]["moods"]["tone"] in models.TONES
    assert good["tones"]["moods"]["scores"] != good["scores"]
    assert blank["tones"]["moods"]["reason"] == "blank"


def test_try_says_why_a_message_would_be_parked_or_skipped(file: Path, tmp_path: Path) -> None:
    message = tmp_path / "m.json"
    message.write_text('{"comment": {"public": true}}', encoding="utf-8")
    result = run("try", "helpdesk", str(message), config=file)
    assert result.exit_code == 1
    assert "parked: no-text-field: nothing at `comment.body`" in result.output
    message.write_text("{}", encoding="utf-8")
    result = run("try", "helpdesk", str(message), config=file)
    assert (result.exit_code, "skipped: when" in result.output) == (0, True)


def test_try_says_what_is_removed_of_a_text(file: Path, tmp_path: Path) -> None:
    add(
        file,
        """
[[connectors]]
name = "mail"
model = "tiny"
format = "mail"
exchange = "mails"
strip = ["html", "quotes", "signature"]
""",
    )
    message = tmp_path / "m.eml"
    words = ["Late again.", "Best regards,\nAnn", "On 3/6/2024 10:11, Tom wrote:\n> Hi"]
    message.write_text("\n\n".join(["From: a@b.example", *words]), encoding="utf-8")
    result = run("try", "mail", str(message), "--no-score", config=file)
    assert "'Late again.'" in result.output
    assert "removed 31 characters of quote, 16 characters of signature" in result.output


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


def test_check_says_what_a_message_is_known_by(file: Path) -> None:
    assert (
        "helpdesk: a message is known by its CloudEvent source and id, else `comment.id`, else "
        "AMQP message id"
    ) in check(file).output


def test_check_warns_where_ids_are_those_of_texts(file: Path) -> None:
    assert not [each for each in problems(file) if each["where"] == "connectors[0].id"]
    add(file, FORM)
    [warning] = [each for each in problems(file) if each["where"] == "connectors[1].id"]
    assert warning["severity"] == "warning"
    assert "unique within their message only" in warning["what"]
    assert "AMQP message id" in warning["fix"]
    assert check(file).exit_code == 0


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


def test_try_says_of_a_text_without_an_id_of_its_own_that_its_position_counts(file: Path) -> None:
    add(file, FORM.replace('id = "answers[].question"', 'id = "survey"'))
    by_id = ["`survey`", "`survey` and its position"]
    assert tried(file, "form", ANSWERS | {"survey": "s-1"})[0] == by_id
    assert tried(file, "form", ANSWERS | {"survey": "s" * 300})[0] == by_id
