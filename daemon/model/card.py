"""Where a model is, and what its own `tonebus.json` says; needs neither torch nor a hub."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
from msgspec import Meta

from connectors.errors import Misconfigured
from daemon.model.preprocessing import PREPROCESSORS

if TYPE_CHECKING:
    from daemon.settings import ModelSettings

SHIPPED: Final = {name: Path(__file__).parent / name for name in ("multilingual", "small")}
"""Models that ship beside the default one, by the `source` that names them."""
_HUB_ID = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")
_COMMIT = re.compile(r"[0-9a-f]{40}")


class Card(msgspec.Struct, frozen=True):
    """A model directory's `tonebus.json`: what its training decided.

    Attributes:
        name: The model's name in every event; the directory's own where empty.
        preprocessing: The preprocessor that it was trained with.
        temperature: Divides the logits so that the scores are calibrated.
        max_tokens: The longest input that it was trained for; 0 takes what it can.
        languages: BCP 47 tags of the languages that it reads; empty where it does not say.
    """

    name: str = ""
    preprocessing: str = "none"
    temperature: Annotated[float, Meta(gt=0)] = 1.0
    max_tokens: Annotated[int, Meta(ge=0)] = 0
    languages: tuple[str, ...] = ()


def directory(settings: ModelSettings) -> Path | None:
    """The directory of a shipped or local model, which need not exist; None for a hub id.

    Raises:
        Misconfigured: The source is neither, or a hub id has no pinned commit.
    """
    if settings.source in SHIPPED:
        return SHIPPED[settings.source]
    path = Path(settings.source).expanduser()
    if path.is_dir() or not _HUB_ID.fullmatch(settings.source):
        return path
    if not _COMMIT.fullmatch(settings.revision):
        raise Misconfigured(
            f"model {settings.name!r}: {settings.source!r} is no directory here, and as a hub id "
            "it needs a pinned commit: set `revision` to the 40 hex digits that its hub page "
            "shows under 'Files and versions'"
        )
    return None


def ships(where: Path) -> bool:
    """Whether a directory is that of a model that ships."""
    return where.resolve().parent == Path(__file__).resolve().parent


def read(where: Path | None, settings: ModelSettings) -> Card:
    """The card with the settings laid over it; defaults where there is no `tonebus.json`.

    Raises:
        Misconfigured: `tonebus.json` is not valid, or the preprocessing has no such name.
    """
    card = Card()
    path = where / "tonebus.json" if where else None
    if path and path.is_file():
        try:
            card = msgspec.json.decode(path.read_bytes(), type=Card)
        except (msgspec.DecodeError, OSError) as error:
            raise Misconfigured(f"{path}: {error}") from None
    name = card.name or (where.resolve().name if where else settings.source.rpartition("/")[2])
    card = msgspec.structs.replace(
        card,
        name=name,
        preprocessing=settings.preprocessing or card.preprocessing,
        temperature=settings.temperature or card.temperature,
        max_tokens=min(filter(None, (settings.max_tokens, card.max_tokens)), default=0),
        languages=settings.languages or card.languages,
    )
    if card.preprocessing not in PREPROCESSORS:
        raise Misconfigured(
            f"model {settings.name!r}: no preprocessing is named {card.preprocessing!r}; "
            f"there are: {', '.join(PREPROCESSORS)}"
        )
    return card
