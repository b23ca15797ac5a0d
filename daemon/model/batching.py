"""Which texts share a forward: pure arithmetic over their lengths."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


_WASTE = 1 / 16
"""Share of the budget that a group may pad: one more forward costs about as much as that."""


def string(lengths: Sequence[int], budget: int) -> list[list[int]]:
    """Group indices so that the lengths of each group add up to the budget at most.

    Equal lengths stand together, and the longest come first. A text longer than the budget is a
    group of its own. Lengths and budget are in tokens.

    Returns:
        Groups of indices into `lengths`; every index is in exactly one.
    """
    groups: list[list[int]] = []
    room = 0
    for index in sorted(range(len(lengths)), key=lengths.__getitem__, reverse=True):
        if lengths[index] > room:
            groups.append([])
            room = budget
        groups[-1].append(index)
        room -= lengths[index]
    return groups


def pack(lengths: Sequence[int], budget: int) -> list[list[int]]:
    """Group indices so that `longest x count <= budget` in each group.

    Neighbours in length share a group until padding would cost more than another forward.
    Longest first: if the memory is too small, the first forward shows it. A text longer than the
    budget is a group of its own. Lengths are in tokens, the budget in padded tokens.

    Returns:
        Groups of indices into `lengths`, each longest first; every index is in exactly one.
    """
    order = sorted(range(len(lengths)), key=lengths.__getitem__, reverse=True)
    groups: list[list[int]] = []
    room = longest = 0
    waste = 0.0
    for index in order:
        waste -= longest - lengths[index]
        if room == 0 or waste < 0:
            groups.append([])
            longest = lengths[index]
            room = max(1, budget // max(1, longest))
            waste = budget * _WASTE
        groups[-1].append(index)
        room -= 1
    return groups
