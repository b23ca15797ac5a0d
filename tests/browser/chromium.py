"""Debian's Chromium without a head, driven by Playwright."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

from playwright.sync_api import sync_playwright

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

_FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--force-color-profile=srgb",
]  # fmt: skip


def missing() -> str:
    """Why there is no browser; empty where there is one."""
    return "" if shutil.which("chromium") else "no Chromium: apt-get install chromium"


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser with a profile of its own."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=_FLAGS)
        try:
            yield browser
        finally:
            browser.close()


class Complaints(list[str]):
    """What a page complains of on its console, and every request that leaves for elsewhere."""

    def __init__(self, page: Page, origin: str) -> None:
        super().__init__()
        page.on("pageerror", lambda error: self.append(str(error)))
        page.on(
            "console",
            lambda said: self.append(said.text) if said.type in {"error", "warning"} else None,
        )
        page.on(
            "request",
            lambda asked: None if asked.url.startswith(origin) else self.append(asked.url),
        )


def open_page(
    browser: Browser,
    *,
    width: int = 1200,
    height: int = 900,
    scheme: Literal["light", "dark"] = "light",
) -> Page:
    """A window on nothing yet; nothing in it moves."""
    return browser.new_page(
        viewport={"width": width, "height": height}, color_scheme=scheme, reduced_motion="reduce"
    )


def is_live(page: Page) -> None:
    """Wait until the page follows the status.

    Raises:
        playwright.sync_api.TimeoutError: It does not.
    """
    page.wait_for_selector('html[data-live="live"]', timeout=20_000)
