"""What people mean who write an expression that does something else, or nothing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from connectors.mapping.mapping_config import MappingConfig

_MEANT = (
    (r"^/", "a path is written a.b.c, not /a/b/c"),
    (r"\.\.", "there is no `..`: write the whole path, with [] for the elements of a list"),
    (r"^\s*[{]|^\$[{]", "write the path alone; several fields as one text go into `template`"),
    (r"\.[0-9]", "an element of a list is written a[0]"),
    (r"\[''", 'a name that needs quotes is written a."b c"'),
    (r"(?<![=!<>])=(?!=)", "equality is written =="),
    (r"(?i)\b(and|or|not)\b", "JMESPath writes &&, || and !"),
    (r"[=<>]\s*-?[0-9]", "a number is written in backticks: stars >= `4`"),
    (r"[A-Za-z0-9]-[A-Za-z]", "a name with a hyphen is written in double quotes"),
)
"""What an expression that is not JMESPath was meant to be: the first that fits counts."""
_COMPARED_FIELD = re.compile(r"""(?:[=<>]=?|!=)\s*"([^"]*)"|"([^"]*)"\s*[=!<>]=""")
_COMPARED_NAME = re.compile(r"==\s*(true|false|null)\b")
_NEGATED_PATH = re.compile(r"""!\s*([A-Za-z_@$]\w*|"[^"]*")((?:\.[\w"*]+|\[[^][]*\])+)""")
_COMPRESSIONS = {"gzip", "deflate", "br", "zstd", "zlib"}


class Hint(msgspec.Struct, frozen=True):
    """A valid setting that hardly does what was meant.

    Attributes:
        setting: Where it stands, such as `carry.ticket`.
    """

    setting: str
    what: str
    fix: str


def meant(expression: str) -> str:
    """Return what to write in place of an expression that is not valid; empty for no idea."""
    bare = re.sub(r"'[^']*'", "''", expression)
    return next((hint for pattern, hint in _MEANT if re.search(pattern, bare)), "")


def doubts(config: MappingConfig) -> Iterator[Hint]:
    """Find what is doubtful in how a connector is read."""
    for name, expression in config.expressions().items():
        yield from _of_expression(name, expression)
        if config.format == "cloudevents" and expression.startswith("data."):
            yield Hint(
                name, "expressions look at an event's data, which hardly has `data` again",
                f"write {expression.removeprefix('data.')}",
            )  # fmt: skip
    if re.search(r"[{]{2}|\$[{]", config.template):
        yield Hint("template", "a field stands in single braces", "write {subject}")
    yield from _of_elements(config)
    yield from _of_labels(config)


def _of_expression(name: str, expression: str) -> Iterator[Hint]:
    if quoted := _COMPARED_FIELD.search(expression):
        word = quoted[1] if quoted[1] is not None else quoted[2]
        yield Hint(
            name, f'"{word}" in double quotes is the name of a field, not a word',
            f"write '{word}' for the word",
        )  # fmt: skip
    if compared := _COMPARED_NAME.search(expression):
        yield Hint(
            name,
            f"{compared[1]} without backticks is the name of a field",
            f"write `{compared[1]}`",
        )

    if negated := _NEGATED_PATH.search(re.sub(r"'[^']*'", "''", expression)):
        first, rest = negated.groups()
        yield Hint(
            name, f"`!` negates {first} alone, and the rest of the path finds nothing in that",
            f"write !({first}{rest})",
        )  # fmt: skip


def _of_elements(config: MappingConfig) -> Iterator[Hint]:
    start = re.split(r"[\[.]", config.each, maxsplit=1)[0]
    if not start:
        return
    relative = {"text", "id", "language", *(f"carry.{each}" for each in config.carry)}
    for name, expression in config.expressions().items():
        if name in relative and re.match(rf"{re.escape(start)}[\[.]", expression):
            yield Hint(
                name, f"looks at one element of `each`, which hardly has {start!r} again",
                f"write it as seen from the element, or $.{start} for the whole message",
            )  # fmt: skip


def _of_labels(config: MappingConfig) -> Iterator[Hint]:
    if any(";" in each for each in config.content_types):
        yield Hint(
            "content_types", "a content type stands here without its parameters",
            "write the type alone, such as text/csv; charsets go into `content_encodings`",
        )  # fmt: skip
    if _COMPRESSIONS & set(map(str.lower, config.content_encodings)):
        yield Hint(
            "content_encodings", "compressed bodies are never inflated, and stay parked",
            "name encodings that publishers set on bodies which are plain text",
        )  # fmt: skip
