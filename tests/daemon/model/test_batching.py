from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.model.batching import pack, string

if TYPE_CHECKING:
    from collections.abc import Callable

lengths = st.lists(st.integers(1, 512), max_size=300)


@pytest.mark.parametrize("group_up", [pack, string])
@given(lengths=lengths, budget=st.integers(1, 5000))
def test_every_text_is_in_exactly_one_group(
    group_up: Callable[[list[int], int], list[list[int]]], lengths: list[int], budget: int
) -> None:
    groups = group_up(lengths, budget)
    assert sorted(index for group in groups for index in group) == list(range(len(lengths)))


@given(lengths, st.integers(1, 5000))
def test_what_is_strung_together_fits_the_budget_and_fills_it(
    lengths: list[int], budget: int
) -> None:
    sizes = [[lengths[index] for index in group] for group in string(lengths, budget)]
    assert all(len(size) == 1 or sum(size) <= budget for size in sizes)
    assert all(sum(here) + after[0] > budget for here, after in pairwise(sizes))


@given(lengths, st.integers(1, 5000))
def test_no_group_exceeds_the_budget_unless_one_text_does(lengths: list[int], budget: int) -> None:
    for group in pack(lengths, budget):
        longest = max(lengths[index] for index in group)
        assert len(group) == 1 or longest * len(group) <= budget


def test_neighbours_in_length_share_a_group() -> None:
    assert pack([3, 30, 4, 29], 60) == [[1, 3], [2, 0]]


@given(lengths, st.integers(1, 5000))
def test_padding_stays_below_a_sixteenth_of_the_budget(lengths: list[int], budget: int) -> None:
    for group in pack(lengths, budget):
        longest = max(lengths[index] for index in group)
        assert sum(longest - lengths[index] for index in group) <= budget / 16


def test_nothing_packs_into_nothing() -> None:
    assert pack([], 100) == []
