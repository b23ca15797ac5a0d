"""The contract of the running configuration can be read without reading JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser.chromium import Complaints, open_page

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.browser.conftest import Site

PATIENCE = 20_000


def test_the_status_page_leads_to_exchanges_queues_and_messages(
    browser: Browser, site: Site
) -> None:
    page = open_page(browser)
    complaints = Complaints(page, site.url)
    page.goto(site.url)
    page.get_by_role("link", name="The contract, readable").click()
    expect(page.locator("#exchanges")).to_contain_text("sentiment.results", timeout=PATIENCE)
    expect(page.locator("#exchanges")).to_contain_text("{connector}.{tone}")
    expect(page.locator("#queues")).to_contain_text("sentiment.parked")
    assert complaints == []
    page.close()


def test_a_schema_opens_by_keyboard_and_shows_its_fields(browser: Browser, site: Site) -> None:
    page = open_page(browser)
    page.goto(f"{site.url}static/contract.html")
    page.locator("#schema-ToneEvent summary").focus(timeout=PATIENCE)
    expect(page.locator("#schema-ToneEvent table")).to_be_hidden()
    page.keyboard.press("Enter")
    expect(page.locator("#schema-ToneEvent table")).to_be_visible()
    row = page.locator("#schema-ToneEvent tr", has_text="specversion")
    expect(row).to_contain_text('"1.0"')
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_has_no_accessibility_fault_and_fits_a_phone(
    browser: Browser, site: Site, scheme: Literal["light", "dark"]
) -> None:
    page = open_page(browser, width=360, height=740, scheme=scheme)
    page.goto(f"{site.url}static/contract.html")
    page.locator("#schema-ToneEvent summary").click(timeout=PATIENCE)
    found = Axe().run(page)
    wide = page.evaluate("document.documentElement.scrollWidth")
    page.close()
    assert found.violations_count == 0, found.generate_report()
    assert wide <= 360
