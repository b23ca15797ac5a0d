"""docker-compose.yml is valid by the official schema, and starts what the documents promise."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from fastapi.routing import APIRoute

from api.routes import status

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docker-compose.yml"
OURS = ("daemon", "worker", "api")


def check(file: Path) -> subprocess.CompletedProcess[str]:
    """Hold a file against the Compose Specification's own schema."""
    return subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", file],
        check=False, capture_output=True, text=True,
    )  # fmt: skip


@pytest.fixture(scope="module")
def services() -> Mapping[str, Any]:
    found: Mapping[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))["services"]
    return found


def test_it_is_valid_by_the_specification() -> None:
    done = check(FILE)
    assert done.returncode == 0, done.stdout


def test_a_slip_of_the_pen_would_be_found(tmp_path: Path) -> None:
    wrong = tmp_path / "docker-compose.yml"
    wrong.write_text(FILE.read_text(encoding="utf-8").replace("read_only:", "readonly:"))
    assert "readonly" in check(wrong).stdout


def test_one_start_brings_servers_daemon_two_workers_and_api(services: Mapping[str, Any]) -> None:
    assert set(services) == {"rabbitmq", "redis", *OURS}
    assert services["rabbitmq"]["image"] == "rabbitmq:4-management"
    assert services["worker"]["deploy"]["replicas"] == 2
    assert [services[name]["command"] for name in OURS] == [[name] for name in OURS]
    assert not any("profiles" in service for service in services.values())


def test_the_image_is_built_once_and_run_by_all_of_ours(services: Mapping[str, Any]) -> None:
    assert [name for name in services if "build" in services[name]] == ["daemon"]
    assert {services[name]["image"] for name in OURS} == {"tonebus"}
    build_args = set(services["daemon"]["build"]["args"])
    assert build_args == set(
        re.findall(r"^ARG (\w+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    )


@pytest.mark.parametrize("name", OURS)
def test_ours_can_write_nowhere_and_become_nobody(services: Mapping[str, Any], name: str) -> None:
    service = services[name]
    assert service["read_only"] is True
    assert service["tmpfs"] == ["/tmp"]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


def test_ours_wait_for_servers_that_are_healthy(services: Mapping[str, Any]) -> None:
    for name in OURS:
        awaited = services[name]["depends_on"]
        assert {server: how["condition"] for server, how in awaited.items()} == {
            "rabbitmq": "service_healthy",
            "redis": "service_healthy",
        }


def test_redis_forgets_the_oldest_within_a_limit(services: Mapping[str, Any]) -> None:
    command = services["redis"]["command"]
    options = dict(zip(command[1::2], command[2::2], strict=True))
    assert re.fullmatch(r"\d+mb", options["--maxmemory"])
    assert options["--maxmemory-policy"] == "allkeys-lru"


def test_every_service_is_asked_how_it_is_at_an_endpoint_that_exists(
    services: Mapping[str, Any],
) -> None:
    assert all("healthcheck" in service for service in services.values())
    probed = {name: urls(services[name]) for name in OURS}
    metrics = services["daemon"]["environment"]["TONEBUS_METRICS_PORT"]
    assert probed["daemon"] == probed["worker"] == [("127.0.0.1", metrics, "/healthz")]
    assert probed["api"] == [
        ("127.0.0.1", services["api"]["environment"]["TONEBUS_API_PORT"], "/healthz")
    ]
    assert "/healthz" in {
        route.path for route in status.router.routes if isinstance(route, APIRoute)
    }


def urls(service: Mapping[str, Any]) -> list[tuple[str, ...]]:
    return re.findall(r"http://([\d.]+):(\d+)(/\w+)", service["healthcheck"]["test"][-1])


def test_no_port_is_open_beyond_the_loopback(services: Mapping[str, Any]) -> None:
    ports = [port for service in services.values() for port in service.get("ports", ())]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)
