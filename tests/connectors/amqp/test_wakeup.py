"""A wake-up is never lost, whoever sends it and whenever."""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import TYPE_CHECKING

import pytest

from connectors.amqp.wakeup import Wakeup

if TYPE_CHECKING:
    from collections.abc import Iterator

LONG = 3600.0


@pytest.fixture
def wakeup() -> Iterator[Wakeup]:
    made = Wakeup()
    yield made
    made.close()


def test_a_wake_up_before_the_sleep_ends_it_at_once(wakeup: Wakeup) -> None:
    wakeup.set()
    wakeup.wait(LONG)


def test_a_wake_up_from_another_thread_ends_the_sleep(wakeup: Wakeup) -> None:
    threading.Timer(0.05, wakeup.set).start()
    wakeup.wait(LONG)


def test_a_wake_up_from_a_signal_handler_ends_the_sleep(wakeup: Wakeup) -> None:
    before = signal.signal(signal.SIGUSR1, lambda *_: wakeup.set())
    try:
        threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGUSR1)).start()
        wakeup.wait(LONG)
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_a_wait_clears_the_wake_ups_that_it_took(wakeup: Wakeup) -> None:
    wakeup.set()
    wakeup.set()
    wakeup.wait(LONG)
    begun = time.monotonic()
    wakeup.wait(0.1)
    assert time.monotonic() - begun >= 0.09


def test_any_number_of_wake_ups_never_blocks(wakeup: Wakeup) -> None:
    for _ in range(200_000):
        wakeup.set()
    wakeup.wait(LONG)
    begun = time.monotonic()
    wakeup.wait(0.1)
    assert time.monotonic() - begun >= 0.09
