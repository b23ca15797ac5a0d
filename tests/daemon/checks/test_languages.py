"""What `tonebus doctor` says of texts that no model reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from daemon.checks.doctor import languages
from daemon.process import wiring
from daemon.settings import RedisSettings, Settings
from daemon.status import snapshot
from tests.snapshots import daemon

if TYPE_CHECKING:
    from connectors.cache.store import RedisStore


def post(store: RedisStore, **counts: Any) -> None:
    store.post(snapshot.INDEX, [(snapshot.KEY + b"d1", snapshot.encode(daemon(1, **counts)), 60)])


@pytest.mark.parametrize(
    ("events", "unread", "warned"), [(100, 40, True), (100, 5, False), (10, 9, False)]
)
def test_many_texts_that_no_model_reads_are_a_warning(
    redis_url: str, events: int, unread: int, *, warned: bool
) -> None:
    configuration = Settings(redis=RedisSettings(url=redis_url))
    store = wiring.redis_store(configuration)
    post(store, events=events, unread=unread)
    store.close()
    found = list(languages(configuration))
    assert [each.state for each in found] == ["warning"] * warned
    assert all(str(unread) in each.detail for each in found)
