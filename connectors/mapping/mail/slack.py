"""What Slack writes in angle brackets: mentions, channels, links with a label.

See https://docs.slack.dev/messaging/formatting-message-text. A link without a label looks as it
does in any mail, and stays.
"""

from __future__ import annotations

import re

_MARKUP = re.compile(
    r"<(?:(?P<user>@[UW][A-Z0-9]{5,20})|(?P<channel>#[CG][A-Z0-9]{5,20})"
    r"|!(?P<all>here|channel|everyone)|!(?:subteam|date)\^[^<>|]{1,300}"
    r"|(?P<link>(?:https?://|mailto:)[^<>|\s]{1,2000}(?=\|)))(?:\|(?P<label>[^<>|]{0,300}))?>"
)


def without_markup(text: str) -> str:
    """Return a text as Slack shows it to its readers."""
    return _MARKUP.sub(_shown, text) if "<" in text else text


def _shown(found: re.Match[str]) -> str:
    label = found["label"] or ""
    if found["user"]:
        return "@" + (label.lstrip("@") or "user")
    if found["channel"]:
        return "#" + (label or "channel")
    if found["all"]:
        return "@" + found["all"]
    return label
