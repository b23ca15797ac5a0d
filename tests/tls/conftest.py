from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.certificates import Authority

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Whom our clients trust."""
    return Authority(_readable(tmp_path_factory.mktemp("authority")))


def _readable(directory: Path) -> Path:
    # a server that is not root's has to get here
    for each in (directory, *list(directory.parents)[:2]):
        each.chmod(0o755)
    return directory
