"""The shape of the code: what may import what."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

LAYERS = {"api": {"daemon", "connectors"}, "daemon": {"connectors"}, "connectors": set[str]()}
MODEL_LIBRARIES = {"torch", "transformers", "tokenizers", "safetensors"}


def imports(path: Path) -> set[str]:
    """Names of the modules that a file imports, anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            package = path.relative_to(ROOT).parent.parts
            base = package[: len(package) - node.level + 1] if node.level else ()
            found.add(".".join([*base, *([node.module] if node.module else [])]))
    return found


def top(module: str) -> str:
    return module.partition(".")[0]


@pytest.mark.parametrize("layer", LAYERS)
def test_imports_run_only_from_api_to_daemon_to_connectors(layer: str) -> None:
    forbidden = LAYERS.keys() - LAYERS[layer] - {layer} | {"tests", "bench", "training"}
    wrong = [
        f"{path.relative_to(ROOT)} imports {module}"
        for path in (ROOT / layer).rglob("*.py")
        for module in imports(path)
        if top(module) in forbidden
    ]
    assert not wrong


def test_only_the_model_imports_the_model_libraries() -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {module}"
        for layer in LAYERS
        for path in (ROOT / layer).rglob("*.py")
        if not path.is_relative_to(ROOT / "daemon" / "model")
        for module in imports(path)
        if top(module) in MODEL_LIBRARIES
    ]
    assert not wrong


def test_only_the_tracer_imports_opentelemetry_and_nobody_needs_it() -> None:
    tracer = ROOT / "daemon" / "telemetry" / "otel.py"
    others = [path for layer in LAYERS for path in (ROOT / layer).rglob("*.py") if path != tracer]
    wrong = [path for path in others if "opentelemetry" in {top(name) for name in imports(path)}]
    assert not wrong


def test_the_wire_words_and_the_errors_import_nothing_of_ours() -> None:
    for leaf in ("errors.py", "messages.py"):
        assert not {top(name) for name in imports(ROOT / "connectors" / leaf)} & LAYERS.keys()


FLOORS = (
    {"cli"},
    {"worker", "checks", "contract"},
    {"process"},
    {"pipeline", "status"},
    {"telemetry", "evaluation"},
    {"model"},
    {"settings"},
)
"""The packages of the daemon, from the top floor down (docs/architecture.md)."""

LEVEL = {name: level for level, floor in enumerate(FLOORS) for name in floor}


def test_the_daemon_is_packages_only_and_each_has_its_floor() -> None:
    places = {path.name for path in (ROOT / "daemon").iterdir() if not path.name.startswith("__")}
    assert {place for place in places if place.endswith(".py")} == set()
    code = {path.parent.name for path in (ROOT / "daemon").glob("*/__init__.py")}
    assert code - {"catalogue"} == LEVEL.keys()


def test_imports_in_the_daemon_run_down_its_floors_and_never_up() -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {module}"
        for name, level in LEVEL.items()
        for path in (ROOT / "daemon" / name).rglob("*.py")
        for module in imports(path)
        if module.startswith("daemon.") and LEVEL.get(module.split(".")[1], level) < level
    ]
    assert not wrong


@pytest.mark.parametrize("layer", LAYERS)
def test_no_two_files_import_each_other(layer: str) -> None:
    found = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts): modules(path)
        for path in (ROOT / layer).rglob("*.py")
        if path.name != "__init__.py"
    }
    wrong = {
        tuple(sorted((name, other)))
        for name, others in found.items()
        for other in others
        if name in found.get(other, ())
    }
    assert not wrong


def modules(path: Path) -> set[str]:
    """Modules of ours that a file imports, `from package import module` included."""
    found = imports(path)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


WALK = re.compile(r"^## The path of a message\n(.*?)^## ", re.DOTALL | re.MULTILINE)
STEP = re.compile(r"^\d+\. `([\w/.]+)`: (.*?)(?=^\d+\. |^$)", re.DOTALL | re.MULTILINE)


def names(path: str) -> set[str]:
    """The classes, and the methods as `Class.method`, that a file defines."""
    classes = [
        node
        for node in ast.parse((ROOT / path).read_text(encoding="utf-8")).body
        if isinstance(node, ast.ClassDef)
    ]
    methods = {
        f"{each.name}.{node.name}"
        for each in classes
        for node in each.body
        if isinstance(node, ast.FunctionDef)
    }
    return methods | {each.name for each in classes}


def test_the_walk_from_deliver_to_ack_is_true_and_short() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    [walk] = WALK.findall(page)
    steps = STEP.findall(walk)
    files = [path for path, _ in steps]
    assert 5 <= len(set(files)) <= 8
    defined = {path: names(path) for path in files}
    everything = set().union(*defined.values())
    for path, text in steps:
        said = set(re.findall(r"`([A-Z]\w*\.\w+)`", text))
        assert said <= everything, path
        assert said & defined[path], f"nothing of {path} is named"
    assert set(re.findall(r"`([A-Z]\w*\.\w+)`", walk)) <= everything
    assert walk.index("basic.deliver") < walk.index("basic.publish") < walk.rindex("basic.ack")
