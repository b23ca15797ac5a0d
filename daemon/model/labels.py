"""A model's own labels: folded onto the canonical tones, or the tones themselves.

Their order is never assumed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import msgspec

from connectors.errors import Misconfigured
from connectors.events.doubt import UNSURE
from connectors.events.output import key_word
from connectors.messages import NO_TONE
from daemon.model import card

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from daemon.settings import ModelSettings

TONES: Final = ("negative", "neutral", "positive")
OWN: Final = "model"
"""The setting `labels` that makes a model's own labels the tones."""
MAX_LABELS: Final = 100
"""Each is a series in the metrics and a colour on the status page."""
_MAX_CHARS: Final = 64
_RESERVED: Final = (NO_TONE, UNSURE)
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
        tones: The tones of this model, in canonical order, or else in its own.
        columns: For each label of the model, in its own order, the index of its tone.
    """

    tones: tuple[str, ...]
    columns: tuple[int, ...]


def tone(label: str) -> str | None:
    """The tone that a common label name means; None for any other name."""
    return _NAMES.get(_NOISE.sub("", label.lower()))


def ordered(tones: Collection[str]) -> list[str]:
    """The tones in canonical order, then the others by name."""
    return [*(each for each in TONES if each in tones), *sorted(set(tones) - set(TONES))]


def tones_of(settings: ModelSettings) -> tuple[str, ...]:
    """The tones of a model, by its `config.json` alone; none where that file is not here.

    Raises:
        Misconfigured: Its labels cannot be the tones that the settings ask for.
    """
    where = card.directory(settings)
    try:
        config = msgspec.json.decode((where / "config.json").read_bytes() if where else b"{}")
        labels = {int(column): str(label) for column, label in config["id2label"].items()}
    except (OSError, msgspec.DecodeError, KeyError, ValueError, AttributeError, TypeError):
        return ()
    return fold(labels, settings.labels, settings.name).tones


def fold(id2label: Mapping[int, str], told: Mapping[str, str] | str, name: str) -> Folding:
    """Fold each label onto a tone: as told, else by its name; or make each a tone of its own.

    Args:
        id2label: The model's labels by column, 0 to n-1.
        told: The setting `labels`: label → tone, or OWN.
        name: The model's name in the settings, for the errors.

    Raises:
        Misconfigured: A label's tone is not known, a tone is not canonical, a told label does
            not exist, all labels are one tone, or a label cannot be a tone.
    """
    labels = [id2label[column] for column in sorted(id2label)]
    if isinstance(told, str):
        if said := _fault(labels):
            raise Misconfigured(
                f'model {name!r}: labels = "{told}": {said}: rename it in `id2label` of config.json'
            )
        return Folding(tuple(labels), tuple(range(len(labels))))
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
            f'{", ".join(TONES)}, or set `labels = "model"` to have them as they are'
        )
    present = tuple(each for each in TONES if each in tones)
    if len(present) < 2:  # noqa: PLR2004 - one tone is no choice
        raise Misconfigured(f"model {name!r}: all of its labels ({shown}) are {present[0]!r}")
    return Folding(present, tuple(present.index(each) for each in tones if each))


def _fault(labels: Iterable[str]) -> str:
    """Why labels cannot be tones; empty where they can."""
    found: dict[str, None] = {}
    for label in labels:
        if label in _RESERVED:
            return f"the label {label!r} would be taken for that of a text without a tone"
        if not label.strip() or len(label) > _MAX_CHARS or not label.isprintable():
            shown = label[:_MAX_CHARS]
            return f"the label {shown!r} is empty, unprintable or over {_MAX_CHARS} characters long"
        if key_word(label) in found:
            return f"the label {label!r} has the routing key of another one"
        found[key_word(label)] = None
    return f"{len(found)} labels, and {MAX_LABELS} are the most" if len(found) > MAX_LABELS else ""
