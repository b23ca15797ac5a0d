"""Each mistake can still be made: a source that was rewritten takes its mutation along."""

from __future__ import annotations

import pytest

from tests.mutations.__main__ import MUTATIONS, ROOT, Mutation


@pytest.mark.parametrize("mutation", MUTATIONS, ids=[each.name for each in MUTATIONS])
def test_what_a_mutation_replaces_stands_once_in_its_file(mutation: Mutation) -> None:
    text = (ROOT / mutation.file).read_text(encoding="utf-8")
    assert text.count(mutation.right) == 1
    assert all((ROOT / each.partition("::")[0]).is_file() for each in mutation.tests)
