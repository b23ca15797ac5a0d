"""Slack's markup, as its readers see it."""

from __future__ import annotations

import pytest

from connectors.mapping.mail import clean


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("Thanks <@U061F7AUR>!", "Thanks @user!"),
        ("<@W061F7AUR|ann> broke it", "@ann broke it"),
        ("Ask in <#C0PNCHHK2|general>", "Ask in #general"),
        ("Ask in <#C0PNCHHK2>", "Ask in #channel"),
        ("<!here> it is down", "@here it is down"),
        ("<!subteam^SAZ94GDB8|@support> it is slow", "@support it is slow"),
        ("Due <!date^1764115200^{date}|Tuesday>", "Due Tuesday"),
        ("See <https://example.org/a?b=c|the form> please", "See the form please"),
        ("Write to <mailto:ann@example.org|ann@example.org>", "Write to ann@example.org"),
        ("Tom &amp; <@U061F7AUR> &lt;3", "Tom & @user <3"),
        ("See <https://example.org/a>", "See <https://example.org/a>"),
        ("due <@noon> or <#5>", "due <@noon> or <#5>"),
    ],
)
def test_markup_is_read_as_it_is_shown(text: str, seen: str) -> None:
    assert clean(text, quotes=False, signature=False).text == seen
