"""`make docs`: the documents are a site without a broken link, which opens without a network."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.processes import ROOT

if TYPE_CHECKING:
    from pathlib import Path

# what a browser fetches by itself; a link that a reader follows may lead anywhere
pytestmark = pytest.mark.slow
FETCHED = re.compile(
    r"""<(?:script|img|iframe|source)\b[^>]*?\bsrc="(https?:|//)|<link\b[^>]*?\bhref="(https?:|//)"""
)
IMPORTED = re.compile(r"""url\(\s*["']?(?:https?:|//)|@import\s+["'](?:https?:|//)""")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", "-q", "--fail-on-warning", "--keep-going",
         "--builder", "html", "--doctree-dir", folder / "doctrees", ROOT / "docs", folder / "html"],
        check=False, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder / "html"


def test_every_page_is_in_the_site_and_reached_from_the_index(site: Path) -> None:
    index = (site / "index.html").read_text(encoding="utf-8")
    pages = {path.relative_to(ROOT / "docs") for path in (ROOT / "docs").rglob("*.md")}
    missing = [str(page) for page in pages if f'href="{page.with_suffix(".html")}"' not in index]
    assert set(missing) <= {"README.md"}


def test_nothing_is_fetched_from_a_network(site: Path) -> None:
    pages = [path for path in site.rglob("*") if path.suffix in {".html", ".css"}]
    assert len(pages) > 20
    for path in pages:
        text = path.read_text(encoding="utf-8")
        assert not (FETCHED if path.suffix == ".html" else IMPORTED).search(text), path
