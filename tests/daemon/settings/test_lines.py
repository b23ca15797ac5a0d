"""A problem is shown with the line of its setting, whatever the values before it look like."""

from __future__ import annotations

import tomllib

from hypothesis import given
from hypothesis import strategies as st

from daemon.settings.problems import Path, line_of, lines

VALUES = st.sampled_from(
    [
        *("1", "true", "2026-01-01", '"a # b = ["', "'[x]'", "[1, 2]", '"\\\\" # "', "[] # {\n"),
        *(
            "[\n  1, # ]\n  [\n2],\n]",
            "{ a = [\n1\n] }",
            "''''a'''",
            '"""a\\""""',
            '""" \\"""" # """',
        ),
        *('"""\n[x]\nb = 1\n"""', "'''\n[[x]]\n'a'\n''''"),
    ]
)
NAMES: dict[str, Path] = {
    "a": ("a",), '"b.c"': ("b.c",), "'d'": ("d",), "e . f": ("e", "f"), 'g."h i"': ("g", "h i"),
}  # fmt: skip
ELEMENTS = st.lists(st.dictionaries(st.sampled_from(list(NAMES)), VALUES), max_size=4)


@given(ELEMENTS)
def test_each_key_has_the_line_that_it_stands_on(elements: list[dict[str, str]]) -> None:
    source = ""
    expected: dict[Path, int] = {}
    for place, values in enumerate(elements):
        for header, table in (("[[l]]", ("l", place)), ("[l.'u v']", ("l", place, "u v"))):
            source += f"{header}\n"
            expected[table] = source.count("\n")
            for name, value in values.items():
                expected[(*table, *NAMES[name])] = source.count("\n") + 1
                source += f"{name} = {value}\n"
    tomllib.loads(source)
    assert lines(source) == expected


def test_what_stands_in_a_table_of_one_line_has_the_line_of_the_table() -> None:
    known = lines("[a]\n\nb = { c = 1 }\n")
    assert line_of(("a", "b", "c"), known) == 3
    assert line_of(("a", "x"), known) == 1
    assert line_of(("z",), known) == 0
