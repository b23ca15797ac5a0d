"""The site of `make docs`: Sphinx, reading the Markdown as it stands.

The index page is also the site's navigation: each heading there with a list of links becomes a
section of the sidebar.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "Tonebus"
extensions = ["myst_parser"]
root_doc = "README"
exclude_patterns = ["conf.py"]
html_theme = "furo"
html_title = "Tonebus"
html_show_copyright = False
html_show_sourcelink = False
# it would fetch each page found, which no browser allows from a folder
html_show_search_summary = False
myst_heading_anchors = 4
# the highlighter knows JSON without the ellipses that stand for ids
suppress_warnings = ["misc.highlighting_failure"]

_DOCS = Path(__file__).parent
_SECTION = re.compile(r"^##? (.+)\n((?:(?!^## )[\s\S])*)", re.MULTILINE)
_LISTED = re.compile(r"^- \[([^\]]+)\]\(([^)#]+)\.md\)", re.MULTILINE)
_INDICES = (root_doc, "connectors/README")
_LINK = re.compile(r"\[([^\]]+)\]\((\.\.?/[^)#\s]+)(?:#[^)\s]*)?\)")


def navigation(index: str) -> str:
    """Make the site's navigation of an index page: a table of contents for each heading."""
    parts = []
    for title, body in _SECTION.findall(index):
        if pages := _LISTED.findall(body):
            entries = "\n".join(f"{name} <{page}>" for name, page in pages)
            parts.append(f"```{{toctree}}\n:hidden:\n:caption: {title}\n\n{entries}\n```\n")
    return "\n".join(parts)


def without_links_outside(text: str, folder: Path) -> str:
    """Put the path in place of a link to a file of the repository that the site does not hold."""

    def replaced(link: re.Match[str]) -> str:
        target = (folder / link[2]).resolve()
        if target.is_relative_to(_DOCS) or not target.exists():
            return link[0]
        return f"{link[1]} (`{target.relative_to(_DOCS.parent)}`)"

    return _LINK.sub(replaced, text)


def _read(app: Sphinx, name: str, source: list[str]) -> None:
    folder = Path(app.env.doc2path(name)).parent
    source[0] = without_links_outside(source[0], folder)
    if name in _INDICES:
        source[0] += "\n" + navigation(source[0])


def _written(app: Sphinx, error: Exception | None) -> None:
    if not error:
        shutil.copy(app.outdir / f"{root_doc}.html", app.outdir / "index.html")


def setup(app: Sphinx) -> None:
    """Have Sphinx read each page through the functions above."""
    app.connect("source-read", _read)
    app.connect("build-finished", _written)
