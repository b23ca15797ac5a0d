"""Find words of the old language: `make lint` runs this.

One thing has one word (docs/reference/glossary.md). In Python files of the product whole lines are
read, and in tests and tools names and comments, since their strings are data: texts of customers,
mails. A line that needs an old word in its everyday sense says so where it stands, by `glossary:`
and the reason, or has one of the phrases below.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tokenize
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent
OLD = {
    "utterances?": "text",
    "letters?": "outgoing message",
    "parcels?": "pending publish",
    "recipes?": "mapping config",
    "outlets?": "output",
    "lanes?": "route",
    "sheets?": "batch result",
    "verdicts?": "outcome",
    "waiters?": "score request",
    "twins?": "original, duplicate",
    "census": "worker count",
    "careful|caution": "quarantine",
    "shelf|shelves": "parked queue",
    "sight": "status, snapshot",
    "fades?": "expires",
    "vigil": "progress monitor",
    "meters?": "registry",
    "probing": "broker probe",
    "drift(?:s|ed)?": "topology diff, different",
    "bus[ _](?:lost|regained)": "disconnected, reconnected",
    "labellers?": "scorer",
    "mend(?:s|ed|ing)?": "fix, repair",
    "anew": "again",
    "nought": "zero",
    "whoever": "name the subject",
    "goodbye": "shut down",
}
ALLOWED = (
    r"dead[ _-]letter",  # RabbitMQ's own term
    r"letter-spacing|style ?sheets?",  # CSS
    r"(?:Latin|lower-case|type|use|allows|of) letters?|letter writers",  # of the alphabet, the post
    r"(?:The|the|no) parcel\b",  # in a customer's text
)
SUFFIXES = {".py", ".md", ".yml", ".service", ".target", ".sh"}
DATA = {
    "CHANGELOG.md": "the old names stand beside the new ones",
    "docs/reference/glossary.md": "lists the old words",
    "docs/upgrade.md": "the old names stand beside the new ones",
    "scripts/glossary.py": "lists the old words",
    "daemon/cli/demo_messages.py": "texts of customers",
    "daemon/model": "texts that probe a model, and cards that describe texts and figures",
    "training": "labels, recipes and figures in the words of that trade",
}
_WORDS = {
    re.compile(rf"(?<![a-z])(?:{word})(?![a-z])", re.IGNORECASE): say for word, say in OLD.items()
}
_HUMPS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_PRODUCT = ("api", "connectors", "daemon", "scripts")


def found(text: str) -> Iterator[tuple[str, str]]:
    """Yield each old word of a line, and what to say instead."""
    text = _HUMPS.sub("_", re.sub("|".join(ALLOWED), "", text))
    if "glossary: " in text:
        return
    for word, say in _WORDS.items():
        if match := word.search(text):
            yield match[0], say


def lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield what of a file is language of ours, by line."""
    if path.suffix != ".py" or path.relative_to(ROOT).parts[0] in _PRODUCT:
        yield from enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        return
    with path.open("rb") as file:
        for token in tokenize.tokenize(file.readline):
            if token.type in {tokenize.NAME, tokenize.COMMENT}:
                yield token.start[0], token.string


def files() -> Iterator[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],  # noqa: S607
        cwd=ROOT, check=True, capture_output=True, text=True,
    )  # fmt: skip
    for name in listed.stdout.splitlines():
        path = ROOT / name
        data = any(name == each or name.startswith(f"{each}/") for each in DATA)
        if path.suffix in SUFFIXES and path.is_file() and not data:
            yield path


def main() -> int:
    """Print every old word, and return how many there are, for the exit code."""
    count = 0
    for path in files():
        for number, text in lines(path):
            for word, say in found(text):
                print(f"{path.relative_to(ROOT)}:{number}: {word!r} is an old word; say: {say}")  # noqa: T201 - the findings are the output
                count += 1
    return min(count, 1)


if __name__ == "__main__":
    sys.exit(main())
