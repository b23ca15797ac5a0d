"""`python -m tests.browser.screenshot URL FILE`: a picture of a running status page."""

from __future__ import annotations

import argparse
from pathlib import Path

from tests.browser.chromium import chromium, is_live, open_page


def main() -> None:
    """Take one picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("file", type=Path)
    parser.add_argument("--dark", action="store_true")
    parser.add_argument("--width", type=int, default=1200)
    parser.add_argument("--height", type=int, default=900)
    parser.add_argument("--whole", action="store_true", help="the page, not only the window")
    parser.add_argument("--text", default="", help="what to type into the box")
    options = parser.parse_args()
    with chromium() as browser:
        page = open_page(
            browser,
            width=options.width,
            height=options.height,
            scheme="dark" if options.dark else "light",
        )
        page.goto(options.url)
        is_live(page)
        if options.text:
            page.fill("#text", options.text)
            page.keyboard.press("Control+Enter")
            page.wait_for_selector("#answer p")
            page.locator("#text").blur()
        page.screenshot(path=options.file, full_page=options.whole)


if __name__ == "__main__":
    main()
