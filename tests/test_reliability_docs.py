"""The page of reason codes knows every reason for which a message can be parked."""

from __future__ import annotations

import re
from pathlib import Path

from connectors.parking import entry

_ROOT = Path(__file__).parent.parent
_RAISED = re.compile(r'(?:BadInput|Reason)\(\s*"([a-z-]+)"')
_ROW = re.compile(r"^\| `([a-z-]+)` \|", re.MULTILINE)


def test_every_reason_code_is_documented_and_no_other() -> None:
    packages = "connectors/mapping", "daemon/pipeline"
    sources = [path for package in packages for path in (_ROOT / package).rglob("*.py")]
    raised = {code for path in sources for code in _RAISED.findall(path.read_text())}
    shown = {code for code, _ in entry.BY_BROKER.values()} | {entry.OTHER, entry.FOREIGN}
    documented = set(_ROW.findall((_ROOT / "docs" / "reference" / "parking.md").read_text()))
    assert raised
    assert raised | shown == documented, "list the codes in docs/reference/parking.md"
