"""Whatever stands in the file and the environment: settings that work, or an error of ours."""

from __future__ import annotations

import datetime as dt
import re
from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from connectors.errors import Misconfigured
from connectors.scoring.celery_app import celery_app
from daemon.checks.lint import advice
from daemon.process import wiring
from daemon.settings import Settings, load
from daemon.settings.loading import LoadedSettings, read
from daemon.settings.problems import line_of
from tests.fuzzing import fuzzed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SECRET = "s3cret-canary"
VARIABLES = [
    "TONEBUS_MODEL", "TONEBUS_MODEL_REVISION", "TONEBUS_BROKER_URL", "TONEBUS_BROKER_CA_FILE",
    "TONEBUS_BROKER_LOGIN", "TONEBUS_REDIS_URL", "TONEBUS_REDIS_TIMEOUT", "TONEBUS_REDIS_SECRET",
    "TONEBUS_API_PORT", "TONEBUS_API_TOKEN", "TONEBUS_DAEMON_SCORE_TIMEOUT", "TONEBUS_LOG_LEVEL",
    "TONEBUS_BROKER_MANAGE_TOPOLOGY", "TONEBUS_DAEMON_MEMORY_CEILING",
]  # fmt: skip

odd_texts = st.sampled_from(
    [
        *(
            "",
            " ",
            "\n",
            "inf",
            "nan",
            "-1",
            "1e999",
            "0",
            "true",
            "localhost",
            "{",
            "((",
            "$",
            "a.b",
        ),
        *("a" * 300, "é" * 200, "a\0b", "[" * 500, "a" + ".a" * 3000, "!" * 3000, "{connector!r}"),
        *(
            "/dev/null",
            "/nowhere",
            "/" + "a" * 5000,
            "amqp://[::1",
            "amqp://a..b",
            "amqp://a;amqps://b",
        ),
        *(f"amqp://u:{SECRET}@h/x?heartbeat=1", f"amqp://u:{SECRET}/x@h", f"amqp://u:{SECRET}#x@h"),
        *(f"amqps://u:{SECRET}@h:1?ssl=1", f"amqp://u:%ff{SECRET}@h", f"amqp://{'a' * 70}.example"),
        *(f"redis://:{SECRET}@h:x/0", f"redis://:{SECRET}@h/x", f"unix://:{SECRET}@", "unix:///a"),
        *(f"redis+sentinel://:{SECRET}@h/a/x", "redis+sentinel://h,i:1/a/2", "valkeys://h/1"),
    ]
)
numbers = st.one_of(
    st.integers(-(10**6), 10**6),
    st.sampled_from([2**31, 2**63, 2**64, 10**30, -(10**30)]),
    st.floats(),
)
leaves = st.one_of(
    numbers, odd_texts, st.text(st.characters(codec="utf-8"), max_size=20), st.booleans(),
    st.just(dt.date(2026, 1, 1)),
)  # fmt: skip
values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "b", "text", "name", "url"]), inner, max_size=3)
    ),
    max_leaves=6,
)


def tables(kind: type[msgspec.Struct]) -> st.SearchStrategy[dict[str, Any]]:
    """Tables with the keys of a section, and anything at all for values."""
    known = {field.name: _value(field.type) for field in msgspec.structs.fields(kind)}
    unknown = st.dictionaries(st.text("abc-ü. ", max_size=5), values, max_size=1)
    return st.tuples(st.fixed_dictionaries({}, optional=known), unknown).map(
        lambda both: both[0] | both[1]
    )


@cache
def _value(kind: Any) -> st.SearchStrategy[Any]:
    for inner in (kind, *getattr(kind, "__args__", ())):
        if is_table(inner):
            table = tables(inner)
            return (table if inner is kind else st.lists(table, max_size=2)) | values
    return values


def places(
    kind: type[msgspec.Struct], path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every setting, by the keys that lead to it, with its kind; `[]` is a list's only table."""
    for field in msgspec.structs.fields(kind):
        here = (*path, field.name)
        around = (field.type, *getattr(field.type, "__args__", ()))
        if inner := [each for each in around if is_table(each)]:
            yield from places(inner[0], here if inner[0] is field.type else (*here, "[]"))
        else:
            yield here, field.type


def is_table(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def lone(place: tuple[str, ...], value: Any) -> dict[str, Any]:
    """A document with a single setting in it."""
    for key in reversed(place):
        value = [value] if key == "[]" else {key: value}
    found: dict[str, Any] = value
    return found


def likely(kind: Any) -> st.SearchStrategy[Any]:
    """Values of about the right kind, so that they are not refused for that alone."""
    name = str(kind)
    if "tuple" in name:
        return st.lists(odd_texts, min_size=1, max_size=2)
    if "dict" in name:
        return st.dictionaries(odd_texts, odd_texts, max_size=2)
    if "str" in name:
        return odd_texts | st.text(st.characters(codec="utf-8"), max_size=20)
    return numbers | st.booleans()


documents = tables(Settings)
lone_settings = st.sampled_from(list(places(Settings))).flatmap(
    lambda place: st.builds(lone, st.just(place[0]), likely(place[1]))
)
environments = st.dictionaries(
    st.sampled_from(VARIABLES),
    odd_texts.filter(lambda text: "\0" not in text)
    | st.text(st.characters(exclude_characters="\0"), max_size=10),
    max_size=3,
)


def toml(value: Any) -> str:
    """An inline TOML value."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "{" + ", ".join(f"{toml(key)} = {toml(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return f"[{', '.join(map(toml, value))}]"
    if isinstance(value, str):
        return '"' + "".join(f"\\U{ord(each):08x}" for each in value) + '"'
    return str(value)


def written(document: dict[str, Any]) -> str:
    """A document with a table for each section, and a line for each value in it."""
    lines = []
    for name, value in document.items():
        if isinstance(value, dict):
            lines.append(f"[{toml(name)}]")
            lines += [f"{toml(key)} = {toml(each)}" for key, each in value.items()]
        else:
            # a key of no table must come before all tables
            lines.insert(0, f"{toml(name)} = {toml(value)}")
    return "\n".join(lines)


def outcome(environ: dict[str, str], path: Path) -> LoadedSettings | Misconfigured:
    """What reading comes to; any other exception fails the test."""
    try:
        return read(environ, path)
    except Misconfigured as error:
        return error


def hold(environ: dict[str, str], path: Path) -> None:
    """What must be so of every reading."""
    found = outcome(environ, path)
    if isinstance(found, Misconfigured):
        assert SECRET not in str(found)
        assert re.match(r"(TONEBUS_\w+|.*tonebus\.toml(:\d+)?): ", str(found)), str(found)
        return
    told = found.told(found.problems)
    assert SECRET not in "".join(told)
    for problem, line in zip(found.problems, told, strict=True):
        # the place, then the setting's name
        assert problem.where in line
        where = line_of(problem.path, found.lines)
        named = problem.path[:2] in found.origins or not where or f"tonebus.toml:{where}: " in line
        assert named, line
    if found.problems or found.settings is None:
        return
    # what is accepted can be used: no library refuses it later
    assert load(environ, path) == found.settings
    wiring.broker(found.settings, "fuzz")
    reached = found.settings.broker
    celery_app(reached.url, reached.tls, external=reached.external).connection_for_read()
    wiring.redis_store(found.settings)
    for problem in advice(found, found.settings):
        assert SECRET not in str(problem)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that each example writes anew."""
    return tmp_path_factory.mktemp("fuzz") / "tonebus.toml"


@fuzzed
@given(document=documents | lone_settings, environ=environments | st.just({}))
def test_any_document_gives_settings_or_an_error_that_names_the_place(
    file: Path, document: dict[str, Any], environ: dict[str, str]
) -> None:
    file.write_text(written(document), encoding="utf-8")
    hold(environ, file)


@fuzzed
@given(content=st.binary(max_size=60) | st.text("[]{}=\"'\n.#a1-\\", max_size=60).map(str.encode))
@example(content=b"a = " + b"[" * 10_000)
@example(content=b"a = " + b"9" * 5_000)
@example(content=b"a = 2026-02-30")
@example(content=b"\xff\xfea\0")
@example(content=b"\xef\xbb\xbf[broker]\nprefetch = 7\n")
def test_any_bytes_give_settings_or_an_error_that_names_the_file(
    file: Path, content: bytes
) -> None:
    file.write_bytes(content)
    hold({}, file)
