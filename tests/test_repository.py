"""The repository keeps its promises to those who read it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from scripts import glossary

ROOT = Path(__file__).parent.parent

FOLDERS = {
    *{"api", "connectors", "daemon", "tests", "systemd"},
    *{".ci", "bench", "docs", "scripts", "training"},
}
MOST_LINES = 300
FENCED = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ +(.+?) *$", re.MULTILINE)
# "word: what is to be done, and why it was not" passes. The brackets keep this line itself out.
UNREASONED = re.compile(r"\b(?:[T]ODO|[F]IXME|[X]XX)\b(?!(?:\([^)]+\))?: .{15,})")


def files() -> list[Path]:
    """Every file that is, or would be, under version control."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    paths = [ROOT / name for name in listed.stdout.split("\0") if name]
    return [path for path in paths if path.is_file()]


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def documents() -> list[Path]:
    return [path for path in files() if path.suffix == ".md"]


def anchors(path: Path) -> set[str]:
    """The fragments that a document's headings make, by GitHub's rule."""
    words = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in HEADING.findall(read(path)))
    return {word.replace(" ", "-") for word in words}


def test_the_top_level_folders_are_the_fixed_ones() -> None:
    inside = [path.relative_to(ROOT).parts for path in files()]
    assert {parts[0] for parts in inside if len(parts) > 1} <= FOLDERS


def test_no_python_file_is_longer_than_a_reader_bears() -> None:
    lengths = {path: len(read(path).splitlines()) for path in files() if path.suffix == ".py"}
    long = {str(path.relative_to(ROOT)): n for path, n in lengths.items() if n > MOST_LINES}
    assert not long


def test_nothing_is_left_to_be_done_without_a_reason() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in files()
        if path.suffix in {".py", ".sh", ".md", ".toml", ".yml", ".service", ".js", ".html", ""}
        for number, line in enumerate(read(path).splitlines(), 1)
        if UNREASONED.search(line)
    ]
    assert not wrong


@pytest.mark.parametrize("document", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(document: Path) -> None:
    broken = []
    for target in LINK.findall(FENCED.sub("", read(document))):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, fragment = target.partition("#")
        path = document.parent / name if name else document
        if not path.exists() or (fragment and fragment not in anchors(path)):
            broken.append(target)
    assert not broken


def test_every_make_target_that_the_documents_name_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", read(ROOT / "Makefile"), re.MULTILINE))
    named = {
        target
        for document in documents()
        for target in re.findall(
            r"(?:`|^|&& )(?:sudo )?make ([a-z-]+)", read(document), re.MULTILINE
        )
    }
    assert {"demo", "test"} <= named <= targets


def test_the_constraints_pin_every_dependency() -> None:
    pinned = {line.partition("==")[0] for line in read(ROOT / "constraints.txt").splitlines()}
    wanted = re.findall(r'^  "([a-z0-9-]+)[\[<>=]', read(ROOT / "pyproject.toml"), re.MULTILINE)
    assert {name.lower() for name in wanted} <= {name.lower().replace("_", "-") for name in pinned}


def test_every_decision_is_dated() -> None:
    decisions = re.findall(
        r"^\*\*[^*]+\*\*.{0,14}", read(ROOT / "docs" / "decisions.md"), re.MULTILINE
    )
    undated = [each for each in decisions if not re.search(r"\*\* \(20\d\d-\d\d-\d\d\)", each)]
    assert len(decisions) > 40
    assert not undated, "write the date in brackets after the decision's name"


def test_no_old_word_is_used(capsys: pytest.CaptureFixture[str]) -> None:
    assert glossary.main() == 0, capsys.readouterr().out


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "docs/architecture.md"])
def test_every_file_that_a_map_names_exists(page: str) -> None:
    missing, folder = [], ROOT
    for line in read(ROOT / page).splitlines():
        for name in re.findall(r"`([\w./-]+(?:/|\.(?:py|md|html|js|toml|sh|json|txt)))`", line):
            # a name alone is a file beside the one before it
            path = ROOT / name if "/" in name or (ROOT / name).exists() else folder / name
            folder = path if path.is_dir() else path.parent
            missing += [name] if not path.exists() else []
    assert not missing


def test_one_version_stands_everywhere() -> None:
    [version] = re.findall(r'^version = "([^"]+)"', read(ROOT / "pyproject.toml"), re.MULTILINE)
    assert f"## [{version}] - 20" in read(ROOT / "CHANGELOG.md")
    assert f"to {version.rpartition('.')[0]}\n" in read(ROOT / "docs" / "upgrade.md")
    for name in ("README.md", "kustomization.yaml"):
        tags = re.findall(
            r'tonebus:(\d[\d.]+\d)|newTag: "([^"]+)"', read(ROOT / "docs" / "kubernetes" / name)
        )
        assert tags
        assert {tag for pair in tags for tag in pair if tag} == {version}
