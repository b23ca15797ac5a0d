"""A mistake that many make is told with what to write in its place."""

from __future__ import annotations

import pytest

from connectors.mapping import MappingConfig
from connectors.mapping.expressions import fault_of
from connectors.mapping.hints import doubts, meant


@pytest.mark.parametrize(
    ("expression", "hint"),
    [
        ("/comment/body", "a.b.c"),
        ("comment..body", "[] for the elements"),
        ("{{comment.body}}", "template"),
        ("{subject} {body}", "template"),
        ("${body}", "template"),
        ("answers.0.text", "a[0]"),
        ("comment['body text']", 'a."b c"'),
        ("status = 'open'", "=="),
        ("public and status == 'open'", "&&"),
        ("not deleted", "!"),
        ("stars >= 4", "backticks"),
        ("comment.body-text", "double quotes"),
        ("a[?b == 'x = y' and c]", "&&"),
    ],
)
def test_what_is_not_jmespath_gets_a_hint(expression: str, hint: str) -> None:
    assert fault_of(expression)
    assert hint in meant(expression)


def test_a_hint_is_only_given_where_something_fits() -> None:
    assert fault_of("a[")
    assert not meant("a[")


@pytest.mark.parametrize(
    ("config", "setting", "fix"),
    [
        (MappingConfig(when='status == "open"'), "when", "'open'"),
        (MappingConfig(when='"open" == status'), "when", "'open'"),
        (MappingConfig(text='a[?type != "image"].text'), "text", "'image'"),
        (MappingConfig(when="public == true"), "when", "`true`"),
        (MappingConfig(when="!comment.internal"), "when", "!(comment.internal)"),
        (MappingConfig(text='a[?!"by bot".x[0]].text'), "text", '!("by bot".x[0])'),
        (MappingConfig(format="cloudevents", text="data.body"), "text", "write body"),
        (MappingConfig(template="{{subject}}"), "template", "{subject}"),
        (MappingConfig(template="${subject}"), "template", "{subject}"),
        (MappingConfig(each="messages[]", text="messages[].text"), "text", "$.messages"),
        (MappingConfig(each="a.b[]", carry={"x": "a.c"}), "carry.x", "$.a"),
        (MappingConfig(content_types=("text/csv; charset=utf-8",)), "content_types", "alone"),
        (MappingConfig(content_encodings=("gzip",)), "content_encodings", "plain text"),
    ],
)
def test_what_is_valid_and_hardly_meant_is_doubted(
    config: MappingConfig, setting: str, fix: str
) -> None:
    [found] = doubts(config)
    assert found.setting == setting
    assert fix in found.fix


@pytest.mark.parametrize(
    "config",
    [
        MappingConfig(),
        MappingConfig(when="status == 'open' && stars >= `4` && public == `true`"),
        MappingConfig(text='"body text"', id='"content-id".no', carry={"x": '"a"."b"'}),
        MappingConfig(when="!internal && !(a.b) && !contains(a.b, '!c.d') && a.b != 'x'"),
        MappingConfig(format="cloudevents", text="body", id="data"),
        MappingConfig(
            each="messages[]", text="text", carry={"x": "$.messages[0].id", "m": "messages"}
        ),
        MappingConfig(template="{subject}: {body} costs $ 5"),
        MappingConfig(content_types=("application/x-yaml", "*"), content_encodings=("latin-1",)),
    ],
)
def test_what_is_meant_is_not_doubted(config: MappingConfig) -> None:
    assert not list(doubts(config))
