"""Whatever is asked, the answer is one that the schema names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.api.conftest import Service
from tests.serving import Serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any

    from daemon.model.tone_model import ToneModel

CHECKS = [
    not_a_server_error, status_code_conformance, content_type_conformance,
    response_schema_conformance,
]  # fmt: skip


@pytest.fixture(scope="module")
def schema(model_directory: Path, tone_model: ToneModel) -> Iterator[Any]:
    service = Service(model_directory, tone_model)
    serving = Serving(service.app())
    yield schemathesis.openapi.from_url(f"{serving.url}openapi.json")
    serving.stop()
    service.close()


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/predict"),
        ("POST", "/api/predict/"),
        ("POST", "/classify"),
        ("GET", "/v1/models"),
        ("GET", "/status"),
        ("GET", "/readyz"),
        ("GET", "/healthz"),
        ("GET", "/metrics"),
    ],
)
def test_no_request_breaks_it(schema: Any, method: str, path: str) -> None:
    @settings(
        max_examples=40,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=schema[path][method].as_strategy())
    def ask(case: Any) -> None:
        case.call_and_validate(checks=CHECKS)

    ask()
