"""The alert rules fire where they should; the dashboard asks only for what there is."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from connectors.amqp import topology
from daemon.telemetry.metrics import METRICS

FOLDER = Path(__file__).parents[2] / "docs" / "monitoring"
TESTS = Path(__file__).parent / "alerts_test.yml"


def promtool(*arguments: str, where: Path) -> str:
    """Run promtool; skip where it is missing, and fail so in CI."""
    if not shutil.which("promtool"):
        reason = "no promtool: apt-get install prometheus"
        if os.environ.get("CI") == "true":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    done = subprocess.run(
        ["promtool", *arguments], cwd=where, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def alerts() -> set[str]:
    return set(re.findall(r"- alert: (\w+)", (FOLDER / "alerts.yml").read_text(encoding="utf-8")))


def test_prometheus_accepts_the_rules() -> None:
    promtool("check", "rules", "alerts.yml", where=FOLDER)


def test_each_alert_fires_where_it_should_and_not_where_all_is_well(tmp_path: Path) -> None:
    # the messages of an alert are for people; the tests compare labels alone
    rules = (FOLDER / "alerts.yml").read_text(encoding="utf-8")
    bare = re.sub(r"\n        annotations:\n(?:          .*\n)+", "\n", rules)
    (tmp_path / "alerts.yml").write_text(bare, encoding="utf-8")
    shutil.copy(TESTS, tmp_path)
    assert "SUCCESS" in promtool("test", "rules", TESTS.name, where=tmp_path)


def test_no_alert_is_left_untried() -> None:
    text = TESTS.read_text(encoding="utf-8")
    fired = set(re.findall(r"alertname: (\w+)\n\s+exp_alerts: \[\{", text))
    quiet = set(re.findall(r"\{eval_time: 50m, alertname: (\w+)\}", text))
    assert fired == quiet == alerts()


def outages() -> dict[str, list[str]]:
    """The alerts that docs/reliability.md names for each outage; none where it says why."""
    page = (FOLDER.parent / "reliability.md").read_text(encoding="utf-8")
    table = page.partition("| fault | outcome | alert |\n|---|---|---|\n")[2].partition("\n\n")[0]
    found = {}
    for row in table.splitlines():
        cells = [cell.strip() for cell in row.strip("|").split(" | ")]
        assert len(cells) == len(("fault", "outcome", "alert")), f"no alert is named for: {row}"
        fault, _, told = cells
        found[fault] = re.findall(r"`(Tonebus\w+)`", told)
        assert found[fault] or told.startswith("none: "), fault
    return found


def test_every_outage_of_the_reliability_page_is_tried_on_the_alert_that_it_names() -> None:
    tried = {
        outage: alert
        for outages, alert in re.findall(
            r"# outage: (.+)\n +alertname: (\w+)\n +exp_alerts: \[\{", TESTS.read_text("utf-8")
        )
        for outage in outages.split("; ")
    }
    named = outages()
    assert named
    assert {fault for fault, told in named.items() if told} == tried.keys()
    for fault, alert in tried.items():
        assert alert in named[fault], fault
        assert set(named[fault]) <= alerts(), fault


def test_the_alert_of_a_full_queue_knows_its_bound() -> None:
    queues = {queue.name: queue.arguments for queue in topology.results().queues}
    bound = queues[topology.UNROUTED]["x-max-length"]
    rules = (FOLDER / "alerts.yml").read_text(encoding="utf-8")
    assert f'{{queue="{topology.UNROUTED}"}}) > {bound * 9 // 10}' in rules
    assert f"beyond {bound}." in rules


def test_every_alert_says_what_to_do() -> None:
    rules = (FOLDER / "alerts.yml").read_text(encoding="utf-8")
    assert rules.count("summary:") == rules.count("description:") == len(alerts())


def names() -> set[str]:
    found = {metric.name for metric in METRICS}
    for metric in METRICS:
        if metric.kind == "histogram":
            found |= {f"{metric.name}_{part}" for part in ("bucket", "sum", "count")}
    return found


@pytest.mark.parametrize("file", ["alerts.yml", "dashboard.json"])
def test_only_metrics_that_exist_are_asked_for(file: str) -> None:
    text = (FOLDER / file).read_text(encoding="utf-8")
    asked = set(re.findall(r"\btonebus_\w+", text))
    assert asked
    assert asked <= names()


def test_the_dashboard_has_a_meaning_for_each_panel() -> None:
    panels = json.loads((FOLDER / "dashboard.json").read_text(encoding="utf-8"))["panels"]
    assert all(panel["description"] and panel["targets"] for panel in panels)
    assert len({panel["id"] for panel in panels}) == len(panels)
