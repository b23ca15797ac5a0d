"""Which model it is, by its files and settings alone: cheap enough for every process."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec

from connectors.errors import Misconfigured
from connectors.messages import Model
from daemon.model import card
from daemon.model.language import UNDETERMINED, primary

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from daemon.model.language import Language
    from daemon.settings import ModelSettings

_MATTER = (
    "*.safetensors",
    "*.safetensors.index.json",
    "added_tokens.json",
    "config.json",
    "special_tokens_map.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "tonebus.json",
)
_CHANGE_SCORES = (
    "labels",
    "long_text",
    "max_tokens",
    "precision",
    "preprocessing",
    "temperature",
)


class ModelIdentity(msgspec.Struct, frozen=True):
    """Names exactly one way to score a text.

    Attributes:
        model: Name and revision; the revision covers the files and every setting that changes a
            score, so two models with one revision give one score.
        preprocessing: The preprocessor's versioned name.
        languages: Primary subtags of the languages that it reads; empty where it does not say.
    """

    model: Model
    preprocessing: str
    languages: frozenset[str] = frozenset()

    def reads(self, language: Language) -> bool:
        """Whether it may score a text; one too short to show its language goes to any model."""
        if not self.languages or language.primary in self.languages:
            return True
        return language.tag == UNDETERMINED and not language.wordy


def identify(settings: ModelSettings) -> ModelIdentity:
    """Identify the model without loading it.

    The revision is the digest of a directory's files, or the hub commit, in 16 hex digits; a `-`
    and 8 more follow where settings change the scores. On a host without the directory
    `settings.revision` stands for the digest, so that daemons need no model files.

    Raises:
        Misconfigured: No such directory and no revision, a revision that is not the directory's,
            a hub id without a commit, or a wrong `tonebus.json`.
    """
    try:
        return _identified(settings)
    except OSError as error:
        raise Misconfigured(
            f"model {settings.name!r}: its files cannot be read: {error.strerror}: correct "
            "`source`, or let this user read it"
        ) from error


def _identified(settings: ModelSettings) -> ModelIdentity:
    where = card.directory(settings)
    if where is None:
        revision = settings.revision[:16]
    elif where.is_dir():
        if not any(_files(where)):
            raise Misconfigured(
                f"model {settings.name!r}: {where} holds no model, which is *.safetensors, "
                "config.json and tokenizer.json: correct `source`"
            )
        revision = _digest(where)
        if settings.revision not in {"", revision}:
            raise Misconfigured(
                f"model {settings.name!r}: {where} has revision {revision}, not the "
                f"{settings.revision!r} of the settings: fetch the right files, or correct "
                "`revision`"
            )
    elif settings.revision:
        revision = settings.revision
    else:
        raise Misconfigured(
            f"model {settings.name!r}: no directory {where} here: correct `source`, or, where "
            "only workers on other hosts have the files, set `revision` to the one they log"
        )
    described = card.read(where, settings)
    return ModelIdentity(
        model=Model(name=described.name, revision=revision + _suffix(settings)),
        preprocessing=described.preprocessing,
        languages=frozenset(map(primary, described.languages)),
    )


def _suffix(settings: ModelSettings) -> str:
    """Eight hex digits over the settings that change scores; nothing for the defaults.

    Settings count as written, not as resolved with the card, so that a host without the files gets
    the same revision; the card is among the digested files.
    """
    default = type(settings)()
    changed = {
        name: getattr(settings, name)
        for name in _CHANGE_SCORES
        if getattr(settings, name) != getattr(default, name)
    }
    if not changed:
        return ""
    told = msgspec.json.encode(changed, order="deterministic")
    return "-" + hashlib.blake2b(told, digest_size=4).hexdigest()


def _digest(where: Path) -> str:
    total = hashlib.blake2b(digest_size=8)
    for path in _files(where):
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "blake2b").digest()
        total.update(path.name.encode() + b"\0" + content)
    return total.hexdigest()


def _files(where: Path) -> Iterator[Path]:
    yield from sorted({path for pattern in _MATTER for path in where.glob(pattern)})
