"""One look tells: is it working, what is wrong, what is to be done."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests import models
from tests.browser.chromium import Complaints, is_live, open_page
from tests.browser.conftest import Site
from tests.own.server import free_port
from tests.processes import running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

PATIENCE = 20_000


@pytest.fixture
def page(browser: Browser, site: Site) -> Iterator[Page]:
    made = open_page(browser)
    made.goto(site.url)
    yield made
    made.close()


def test_it_says_that_all_is_well(page: Page, site: Site) -> None:
    site.start_daemon()
    expect(page.locator("#headline")).to_have_text("All is well", timeout=PATIENCE)
    expect(page.locator("#live-words")).to_have_text("Live")
    expect(page.locator("#parts li")).to_have_count(5)


def test_it_follows_what_happens(page: Page, site: Site) -> None:
    site.start_daemon()
    is_live(page)
    for n in range(30):
        site.room.tell(f"number {n} was good", id=f"m-{n}")
    site.room.send("{broken")
    expect(page.locator("#legend b").first).to_have_text(re.compile(r"\d+ %"), timeout=PATIENCE)
    expect(page.locator("#parked")).to_contain_text("json", timeout=PATIENCE)
    expect(page.locator("#incidents")).to_contain_text("were parked: json", timeout=PATIENCE)
    assert page.locator("#chart rect[data-tone]").count() > 0


@pytest.fixture
def english_site(tmp_path: Path) -> Iterator[Site]:
    """One whose model reads English alone."""
    from daemon.model.tone_model import ToneModel  # noqa: PLC0415 - torch is slow to import

    where = models.save(tmp_path / "model")
    card = json.loads((where / "tonebus.json").read_text(encoding="utf-8"))
    (where / "tonebus.json").write_text(json.dumps(card | {"languages": ["en"]}), encoding="utf-8")
    made = Site(where, ToneModel.load(models.settings(where)))
    yield made
    made.close()


def test_it_shows_the_languages_and_the_texts_that_no_model_reads(
    browser: Browser, english_site: Site
) -> None:
    english_site.start_daemon()
    page = open_page(browser)
    page.goto(english_site.url)
    expect(page.locator("#languages")).to_have_text("No event yet.", timeout=PATIENCE)
    for text in (
        "The parcel came on Monday.", "Nobody answers my mails.", "注文した商品がまだ届きません。",
    ):  # fmt: skip
        english_site.room.tell(text)
    expect(page.locator("#languages .meter-row")).to_have_text(["en2", "ja1"], timeout=PATIENCE)
    expect(page.locator("#languages p")).to_have_text(
        "1 without a tone, since no model reads the language."
    )
    page.close()


def test_without_a_daemon_it_says_what_to_do(page: Page) -> None:
    expect(page.locator("#headline")).to_have_text(
        "Messages are not being labelled", timeout=PATIENCE
    )
    # a daemon may be starting too: for some seconds the page says only that none was heard of
    expect(page.locator("#advice")).to_contain_text("tonebus daemon", timeout=PATIENCE)


def test_a_text_can_be_tried(page: Page) -> None:
    is_live(page)
    page.fill("#text", "the app is good")
    page.get_by_role("button", name="Label it").click()
    expect(page.locator("#answer .tone-row")).to_have_count(3, timeout=PATIENCE)
    expect(page.locator("#answer p")).to_contain_text("tokens")


def test_a_text_is_shown_as_text_and_never_as_markup(page: Page, site: Site) -> None:
    complaints = Complaints(page, site.url)
    is_live(page)
    page.fill("#text", "<img src=x onerror=alert(1)>")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#answer .tone-row")).to_have_count(3, timeout=PATIENCE)
    assert page.locator("main img").count() == 0
    assert complaints == []


def test_it_says_when_what_it_shows_is_old(page: Page, site: Site) -> None:
    site.start_daemon()
    expect(page.locator("#headline")).to_have_text("All is well", timeout=PATIENCE)
    site.stop_api()
    expect(page.locator("#live-words")).to_contain_text("Stale", timeout=PATIENCE)
    expect(page.locator("#headline")).to_have_text("The API does not answer")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_has_no_accessibility_fault(
    browser: Browser, site: Site, scheme: Literal["light", "dark"]
) -> None:
    site.start_daemon()
    site.room.tell("good", id="m-1")
    site.room.send("{broken")
    page = open_page(browser, scheme=scheme)
    page.goto(site.url)
    expect(page.locator("#incidents")).to_contain_text("json", timeout=PATIENCE)
    found = Axe().run(page)
    page.close()
    assert found.violations_count == 0, found.generate_report()


def test_it_fits_a_phone_and_asks_nobody_else(browser: Browser, site: Site) -> None:
    page = open_page(browser, width=360, height=740)
    complaints = Complaints(page, site.url)
    page.goto(site.url)
    is_live(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert complaints == []
    page.close()


def test_it_can_be_used_by_keyboard(page: Page) -> None:
    is_live(page)
    seen = []
    for _ in range(12):
        page.keyboard.press("Tab")
        seen.append(page.evaluate("document.activeElement.id || document.activeElement.tagName"))
    assert seen[0] == "A"
    assert {"text", "BUTTON", "svg"} <= set(seen)


def test_a_killed_daemon_is_told_within_seconds(
    browser: Browser, own_broker_url: str, redis_url: str, model_directory: Path
) -> None:
    port = free_port()
    env = {
        "TONEBUS_BROKER_URL": own_broker_url,
        "TONEBUS_REDIS_URL": redis_url,
        "TONEBUS_MODEL": str(model_directory),
        "TONEBUS_API_PORT": str(port),
    }
    with (
        running("worker", env=env),
        running("daemon", env=env) as daemon,
        running("api", env=env),
    ):
        page = open_page(browser)
        page.goto(f"http://127.0.0.1:{port}/")
        expect(page.locator("#headline")).to_have_text("All is well", timeout=30_000)
        daemon.kill()
        expect(page.locator("#advice")).to_contain_text("stopped reporting", timeout=10_000)
        page.close()


def test_where_a_token_is_asked_for_so_does_the_page(
    browser: Browser, own_broker_url: str, model_directory: Path
) -> None:
    port = free_port()
    env = {
        "TONEBUS_BROKER_URL": own_broker_url,
        "TONEBUS_MODEL": str(model_directory),
        "TONEBUS_API_PORT": str(port),
        "TONEBUS_API_TOKEN": "s3cret",
    }
    with running("api", env=env):
        page = open_page(browser)
        page.goto(f"http://127.0.0.1:{port}/")
        page.get_by_label("This Tonebus asks for its token").fill("wrong")
        page.keyboard.press("Enter")
        expect(page.locator("#token-form")).to_be_visible()
        page.fill("#token", "s3cret")
        page.keyboard.press("Enter")
        is_live(page)
        expect(page.locator("#token-form")).to_be_hidden()
        page.close()
