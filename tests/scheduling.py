"""Several tests at a time, by pytest-xdist: which stay together, and which begin.

The tests of a file stay together, in their order, and so do the files of a group. The folders whose
tests are long come first, so that no long one is left for the end.
"""

from __future__ import annotations

from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

HOUSE = "house"
GROUPS = {
    f"tests/{folder}/test_{name}.py": group
    for folder, group, names in (
        ("hostile", HOUSE, "bad_upstreams bodies frames messages lists own_errors requests canary"),
        ("hostile", "impatient", "destinations outages"),
        ("hostile", "node", "redis topology turns worker_death"),
        ("systemd", "machine", "running hardening"),
    )
    for name in names.split()
}
"""Files whose tests share servers or processes that are dear to start."""
LONG = tuple(f"tests/{name}/" for name in ("chaos", "hostile", "systemd", "e2e", "training", "tls"))


class ByGroup(LoadScopeScheduling):
    """Hands out groups, in the order in which they were collected."""

    def _split_scope(self, nodeid: str) -> str:
        return group(nodeid)


def group(nodeid: str) -> str:
    """Return the name of what a test stays together with."""
    file = nodeid.partition("::")[0]
    return GROUPS.get(file, file)


def order(items: list[pytest.Item]) -> None:
    """Sort tests, the long ones first; groups and files stay whole.

    The canary of the hostile inputs is searched for when all of them have been sent.

    Raises:
        pytest.UsageError: A file uses the shared house, and is not in its group.
    """
    at_home = [item for item in items if "house" in getattr(item, "fixturenames", ())]
    if strays := {item.path.name for item in at_home if group(item.nodeid) != HOUSE}:
        raise pytest.UsageError(f"name in {__name__} what uses the fixture `house`: {strays}")
    items.sort(
        key=lambda item: (
            next((n for n, each in enumerate(LONG) if item.nodeid.startswith(each)), len(LONG)),
            group(item.nodeid) != HOUSE,
            item.path.name == "test_canary.py",
        )
    )


def scheduler(config: pytest.Config, log: Any) -> ByGroup:
    """Return what xdist asks for."""
    config.option.loadscopereorder = False
    return ByGroup(config, log)
