"""A model's own labels, folded onto the canonical tones; their order is never assumed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import msgspec

from connectors.errors import Misconfigured

if TYPE_CHECKING:
    from collections.abc import Mapping

TONES: Final = ("negative", "neutral", "positive")
_NAMES: Final = {
    name: tone
    for tone, names in {
        "negative": "neg negative verynegative extremelynegative 1star 1stars 2star 2stars",
        "neutral": "neu neut neutral 3star 3stars",
        "positive": "pos positive verypositive extremelypositive 4star 4stars 5star 5stars",
    }.items()
    for name in names.split()
}
_NOISE: Final = re.compile(r"[^a-z0-9]")


class Folding(msgspec.Struct, frozen=True):
    """How the columns of the logits become tones.

    Attributes:
        tones: The tones that this model tells, in canonical order.
        columns: For each label of the model, in its own order, the index of its tone.
    """

    tones: tuple[str, ...]
    columns: tuple[int, ...]


def tone(label: str) -> str | None:
    """The tone that a common label name means; None where the name does not tell."""
    return _NAMES.get(_NOISE.sub("", label.lower()))


def fold(id2label: Mapping[int, str], told: Mapping[str, str], name: str) -> Folding:
    """Fold each label onto a tone: as told, else by its name.

    Args:
        id2label: The model's labels by column, 0 to n-1.
        told: The setting `labels`: label → tone.
        name: The model's name in the settings, for the errors.

    Raises:
        Misconfigured: A label's tone is not known, a tone is not canonical, a told label does
            not exist, or all labels are one tone.
    """
    labels = [id2label[column] for column in sorted(id2label)]
    shown = ", ".join(map(repr, labels))
    if strangers := sorted(set(told) - set(labels)):
        raise Misconfigured(
            f"model {name!r}: `labels` names {strangers[0]!r}, but the model's labels are: {shown}"
        )
    if wrong := sorted(set(told.values()) - set(TONES)):
        raise Misconfigured(
            f"model {name!r}: `labels` maps to {wrong[0]!r}; the tones are: {', '.join(TONES)}"
        )
    tones = [told.get(label) or tone(label) for label in labels]
    if None in tones:
        example = ", ".join(
            f'"{label}" = "{known or "…"}"' for label, known in zip(labels, tones, strict=True)
        )
        raise Misconfigured(
            f"model {name!r}: its labels are {shown}, and their tones cannot be told from the "
            f"names: say which is which, as in `labels = {{ {example} }}` with each one of "
            f"{', '.join(TONES)}"
        )
    present = tuple(each for each in TONES if each in tones)
    if len(present) < 2:  # noqa: PLR2004 - one tone is no choice
        raise Misconfigured(f"model {name!r}: all of its labels ({shown}) are {present[0]!r}")
    return Folding(present, tuple(present.index(each) for each in tones if each))
