"""HTML as the lines that a reader sees, each with how deeply it is quoted."""

from __future__ import annotations

import re
from typing import NamedTuple

from connectors.mapping.mail.boundaries import begins_forward
from connectors.mapping.mail.lines import Line, Mark, line, plain_lines
from connectors.mapping.mail.programs import MailPart, hidden_names, part_of
from connectors.mapping.mail.tokens import BLOCKS, Raw, Tag, Text, has_blocks, tokens, unescaped

_VOID = frozenset({
    "area", "base", "basefont", "br", "col", "embed", "frame", "hr", "img", "input", "link", "meta",
    "param", "source", "track", "wbr",
})  # fmt: skip
_SPACED = frozenset({
    "p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "dl", "blockquote", "pre",
})  # fmt: skip
"""Elements with an empty line above and below."""
_NO_MARGIN = re.compile(r"Mso|margin(?:-top)?:\s?0", re.IGNORECASE)
_PRE = re.compile(r"white-space:\s?(?:pre|break-spaces)", re.IGNORECASE)
_CELLS = frozenset({"td", "th"})
_UNSEEN = frozenset({"svg", "template", "select", "datalist"})
_ENDED_BY = {
    "li": {"li", "p"}, "tr": {"tr", "td", "th", "p"}, "td": {"td", "th", "p"},
    "th": {"td", "th", "p"}, "dt": {"dt", "dd", "p"}, "dd": {"dt", "dd", "p"}, "br": set[str](),
}  # fmt: skip
"""Which innermost elements a start tag ends; any other block ends a paragraph."""
_EMOJI = re.compile(r"\balt\s*+=\s*+[\"']?([^\"'<>\s\w]{1,8})[\"']?(?=[\s/>]|$)", re.IGNORECASE)
"""An emoji that is sent as an image."""
_ZERO_WIDTH = re.compile("[\u200b\u2060\ufeff\u00ad\u034f]+")


class HtmlText(NamedTuple):
    """The text of a mail in HTML.

    Attributes:
        hidden: Characters in it that no reader sees.
        cut: Whether the budget ended before the mail did.
        steps: Budget used.
    """

    lines: list[Line]
    hidden: int
    cut: bool
    steps: int


def html_lines(html: str, budget: int) -> HtmlText:
    """Return the lines of HTML, as its reader sees them.

    A text in which no tag breaks a line, such as `so <b>slow</b>`, keeps its own line ends.
    """
    blocks = has_blocks(html)
    page = _Page(budget, keep_spaces=not blocks)
    steps, cut = page.read(html)
    lines = page.lines
    if not blocks:
        lines, _ = plain_lines("\n".join(each.raw for each in lines), budget)
    return HtmlText(lines, page.hidden, cut, steps + len(lines))


class _Open(NamedTuple):
    """An element that is not closed yet.

    Attributes:
        spaced: Whether an empty line follows it.
        pre: Whether its own line ends and spaces are shown.
        first: Number of the first line in it.
    """

    name: str
    part: MailPart | None
    spaced: bool
    pre: bool
    first: int


class _Page:
    """Collects lines while tags and texts go by."""

    def __init__(self, budget: int, *, keep_spaces: bool) -> None:
        self.lines: list[Line] = []
        self.hidden = 0
        self._budget = budget
        self._parts: list[str] = []
        self._stack: list[_Open] = []
        self._count: dict[str, int] = {}
        """Elements of each name on the stack, so that a stray end tag costs nothing."""
        self._inside = dict.fromkeys(MailPart, 0)
        self._unseen = 0
        self._hidden_names: set[str] = set()
        self._pre = int(keep_spaces)
        self._gap = False
        self._mark = Mark.NONE
        self._answers = -1
        """In a frame of Gmail: the line after its first quote; -1 before that."""

    def read(self, html: str) -> tuple[int, bool]:
        """Read until the end or until the budget is used; return the steps, and whether it was."""
        steps, cut = 0, False
        for token in tokens(html):
            if steps == self._budget or len(self.lines) >= self._budget:
                cut = True
                break
            steps += 1
            if isinstance(token, Text):
                self._text(token.text)
            elif isinstance(token, Raw):
                if token.name == "style":
                    self._hidden_names |= hidden_names(token.content)
            elif token.end:
                self._end(token.name)
            else:
                self._start(token)
        while self._stack:
            self._close()
        self._end_line()
        return steps, cut

    def _text(self, text: str) -> None:
        if self._unseen:
            return
        if self._inside[MailPart.HIDDEN]:
            self.hidden += len(text.strip())
            return
        text = unescaped(text)
        if self._pre and ("\n" in text or "\r" in text):
            *whole, text = text.replace("\r\n", "\n").split("\n", self._budget - len(self.lines))
            for each in whole:
                self._parts.append(each)
                self._end_line(forced=True)
        self._parts.append(text)

    def _start(self, tag: Tag) -> None:
        name = tag.name
        if name in BLOCKS:
            self._break(name)
        elif name in {"img", "emoji"} and (emoji := _EMOJI.search(unescaped(tag.attributes))):
            self._text(emoji[1])
        if name in _VOID:
            return
        part = None
        if tag.attributes or name == "blockquote":
            part = part_of(name, tag.attributes, self._hidden_names)
        spaced = name in _SPACED and not _NO_MARGIN.search(tag.attributes)
        self._gap |= spaced
        if part is not None:
            self._begin(part)
        self._unseen += name in _UNSEEN
        pre = name == "pre" or _PRE.search(tag.attributes) is not None
        self._pre += pre
        self._count[name] = self._count.get(name, 0) + 1
        self._stack.append(_Open(name, part, spaced, pre, len(self.lines)))

    def _break(self, name: str) -> None:
        """End the line where a block begins, and the paragraph, item or cell that it ends."""
        if self._stack and self._stack[-1].name in _ENDED_BY.get(name, {"p"}):
            self._close()
        if name == "br":
            self._end_line(forced=True)
        elif name in _CELLS:
            self._parts.append(" ")
        else:
            self._end_line()
            if name == "hr":
                self.lines.append(Line("", self._depth, Mark.RULE))

    def _begin(self, part: MailPart) -> None:
        if part is not MailPart.HIDDEN:
            self._end_line()
        if part is MailPart.GMAIL and not self._depth:
            self._answers = -1
        elif part is MailPart.BOUNDARY:
            self._mark = Mark.BOUNDARY
        elif part is MailPart.RULE:
            self.lines.append(Line("", self._depth, Mark.RULE))
        self._inside[part] += 1

    def _end(self, name: str) -> None:
        if not self._count.get(name):
            return
        while self._stack[-1].name != name:
            self._close()
        self._close()

    def _close(self) -> None:
        name, part, spaced, pre, first = self._stack.pop()
        if part not in {None, MailPart.HIDDEN} or (name in BLOCKS and name not in _CELLS):
            self._end_line()
        self._gap |= spaced or (name == "p" and first == len(self.lines))
        self._count[name] -= 1
        self._unseen -= name in _UNSEEN
        self._pre -= pre
        if part is None:
            return
        self._inside[part] -= 1
        if name == "blockquote" and self._depth == self._inside[MailPart.GMAIL] == 1:
            if self._answers < 0:
                self._answers = len(self.lines)
        elif part is MailPart.GMAIL and not self._depth and self._answers >= 0:
            self._release(first)

    def _release(self, first: int) -> None:
        """Treat what follows the first quote in a frame of Gmail as the writer's own."""
        if any(begins_forward(each.text) for each in self.lines[first : first + 3]):
            return
        self.lines[self._answers :] = [
            each._replace(depth=0, mark=Mark.NONE) if each.depth == 1 else each
            for each in self.lines[self._answers :]
        ]

    @property
    def _depth(self) -> int:
        inside = self._inside
        return inside[MailPart.QUOTE] + inside[MailPart.GMAIL] + inside[MailPart.BLOCKQUOTE]

    def _end_line(self, *, forced: bool = False) -> None:
        """End the line if it is not empty, or if it is forced."""
        text = "".join(self._parts)
        self._parts.clear()
        if not self._pre:
            text = " ".join(_ZERO_WIDTH.sub("", text).split())
        if not text.strip():
            self._gap |= forced
            return
        if self._gap and self.lines and self.lines[-1].text:
            self.lines.append(Line("", self._depth))
        self._gap = False
        mark, self._mark = self._mark, Mark.NONE
        if mark is Mark.NONE and (self._inside[MailPart.QUOTE] or self._inside[MailPart.GMAIL]):
            mark = Mark.QUOTE
        elif mark is Mark.NONE and self._inside[MailPart.SIGNATURE]:
            mark = Mark.SIGNATURE
        self.lines.append(line(text, self._depth, mark))
