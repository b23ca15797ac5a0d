"""The manifests are valid by Kubernetes' own schemas, and agree with what the processes do."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from fastapi.routing import APIRoute

from api.routes import status
from connectors.amqp.topology import source_queue
from daemon.settings import Settings, load

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "kubernetes"
KUSTOMIZATION = FOLDER / "kustomization.yaml"
NAMES = ("daemon", "worker", "api")


def manifests() -> list[dict[str, Any]]:
    files = sorted(set(FOLDER.glob("*.yaml")) - {KUSTOMIZATION})
    return [each for file in files for each in yaml.safe_load_all(file.read_text(encoding="utf-8"))]


def one(kind: str, name: str) -> dict[str, Any]:
    [found] = [
        each for each in manifests() if (each["kind"], each["metadata"]["name"]) == (kind, name)
    ]
    return found


def pod(name: str) -> dict[str, Any]:
    found: dict[str, Any] = one("Deployment", f"tonebus-{name}")["spec"]["template"]["spec"]
    return found


def environment(name: str) -> dict[str, str]:
    [container] = pod(name)["containers"]
    own = {each["name"]: each["value"] for each in container.get("env", ())}
    shared: dict[str, str] = one("ConfigMap", "tonebus")["data"]
    return shared | own


def test_each_is_valid_by_the_schema_of_its_kind() -> None:
    known = [each for each in manifests() if each["apiVersion"] in {"v1", "apps/v1"}]
    assert {each["kind"] for each in known} == {"ConfigMap", "Deployment", "Service"}
    for each in known:
        kubernetes_validate.validate(each, "1.33", strict=True)


def test_every_manifest_is_applied() -> None:
    applied = yaml.safe_load(KUSTOMIZATION.read_text(encoding="utf-8"))["resources"]
    assert set(applied) == {file.name for file in FOLDER.glob("*.yaml")} - {KUSTOMIZATION.name}


@pytest.mark.parametrize("name", NAMES)
def test_a_pod_can_write_nowhere_and_become_nobody(name: str) -> None:
    spec = pod(name)
    [container] = spec["containers"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    user = re.search(r"^USER (\d+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert user
    assert spec["securityContext"]["runAsUser"] == int(user[1])
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert container["resources"]["limits"]["memory"]


@pytest.mark.parametrize("name", NAMES)
def test_the_environment_holds_settings_and_no_links_to_services(name: str) -> None:
    # A service named tonebus-api would put TONEBUS_API_PORT=tcp://… there, and more of its kind.
    assert pod(name)["enableServiceLinks"] is False
    ours = {key: value for key, value in environment(name).items() if key.startswith("TONEBUS_")}
    assert load(ours | {"TONEBUS_API_TOKEN": "secret"})


@pytest.mark.parametrize("name", NAMES)
def test_the_probes_ask_where_somebody_answers(name: str) -> None:
    [container] = pod(name)["containers"]
    [port] = container["ports"]
    probes = {key: probe for key, probe in container.items() if key.endswith("Probe")}
    assert {probe["httpGet"]["port"] for probe in probes.values()} == {port["name"]}
    paths = {probe["httpGet"]["path"] for probe in probes.values()}
    settings = load(environment(name) | {"TONEBUS_API_TOKEN": "secret"})
    if name == "api":
        assert port["containerPort"] == settings.api.port
        assert paths == {"/healthz", "/readyz"}
        assert paths <= {
            route.path for route in status.router.routes if isinstance(route, APIRoute)
        }
    else:
        assert (settings.metrics.host, settings.metrics.port) == ("0.0.0.0", port["containerPort"])
        assert paths == {"/healthz", "/readyz"}


def test_a_pod_has_the_time_to_drain() -> None:
    drain = Settings().daemon.drain_seconds
    assert all(pod(name)["terminationGracePeriodSeconds"] > drain for name in NAMES)


def test_workers_are_scaled_by_a_queue_that_exists() -> None:
    scaled = one("ScaledObject", "tonebus-worker")["spec"]
    assert one("Deployment", scaled["scaleTargetRef"]["name"])
    # A number of replicas in the Deployment would fight with the one that KEDA sets.
    assert "replicas" not in one("Deployment", "tonebus-worker")["spec"]
    [trigger] = scaled["triggers"]
    assert trigger["metadata"]["queueName"] == source_queue(Settings().connectors[0].name)
