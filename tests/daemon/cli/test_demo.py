"""`tonebus demo` without servers: each language is labelled by the model that reads it."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from daemon.cli.demo_messages import MESSAGES
from tests.own.server import free_port
from tests.processes import ROOT

LINE = re.compile(r"(negative|neutral|positive|none) +0\.\d\d  (?:scored|cached| {6}) +\d+  (\w+)")


@pytest.mark.slow
def test_with_nothing_set_texts_of_many_languages_have_a_tone() -> None:
    nobody = free_port()
    done = subprocess.run(
        [sys.executable, "-m", "daemon.cli", "demo"], cwd=ROOT, check=False, text=True,
        capture_output=True, timeout=300,
        env={
            "TONEBUS_BROKER_URL": f"amqp://127.0.0.1:{nobody}//",
            "TONEBUS_REDIS_URL": f"redis://127.0.0.1:{nobody}/0", "PYTHONIOENCODING": "utf-8",
        },
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert f"{len(MESSAGES)} messages, {len(MESSAGES)} events" in done.stdout
    found = LINE.findall(done.stdout)
    assert len(found) == len(MESSAGES)
    languages = {"es", "it", "ar", "de", "fr", "pt"}
    assert {language for tone, language in found if tone == "none"} == {"ja", "und"}
    assert languages <= {language for tone, language in found if tone != "none"}
    assert re.search(r"scored by tone-\S+, revision \w+ and tone-\S+, revision \w+", done.stdout)
