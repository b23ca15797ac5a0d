"""Which model scores a text: decided here for messages, for callers and for dry runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from connectors.messages import Score
from connectors.text import is_blank
from daemon.model.language import detect, told

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from daemon.model.identity import ModelIdentity
    from daemon.model.language import Language

NOTHING = Score(scores={}, tokens=0)
"""The score of a text that is not scored."""


class ServedModel(NamedTuple):
    """A model by its name in the settings, and by what it is."""

    name: str
    identity: ModelIdentity


class Choice(NamedTuple):
    """What is decided of one text.

    Attributes:
        model: Scores it; where it is not read, the one that its event names.
        read: Whether the model reads its language; if not, its tone is `none`.
        scored: Whether it is to be scored: it is read, and not blank.
    """

    model: ServedModel
    language: Language
    read: bool
    scored: bool


class Routing:
    """The models that share a connector's texts.

    A text and its tag alone decide, so that a text that comes again goes the same way.
    """

    def __init__(self, models: Sequence[ServedModel], otherwise: ServedModel | None = None) -> None:
        """Take one model or more; a text goes to the first that reads its language.

        `otherwise` scores what none of them reads; None leaves that without a tone.
        """
        self.models = tuple(models)
        self._otherwise = otherwise

    def choose(self, text: str, tag: str | None = None) -> Choice:
        """Decide; `tag` is the language that the text's message names, if it does."""
        language = told(tag) or detect(text)
        reading = (model for model in self.models if model.identity.reads(language))
        model = next(reading, self._otherwise)
        return Choice(
            model or self.models[0], language, read=model is not None,
            scored=model is not None and not is_blank(text),
        )  # fmt: skip

    @property
    def all_models(self) -> tuple[ServedModel, ...]:
        """Every model that a text may go to."""
        extra = self._otherwise
        return self.models if extra is None or extra in self.models else (*self.models, extra)


def routings_of_callers(
    identities: Mapping[str, ModelIdentity], usual: Sequence[str]
) -> dict[str, Routing]:
    """Return which model scores which texts of a caller, by the model's name that the caller gives.

    A model that is named scores all of them. The key without a name is that of the usual models.
    """
    served = {name: ServedModel(name, identity) for name, identity in identities.items()}
    named = {name: Routing([each], otherwise=each) for name, each in served.items()}
    return {"": Routing([served[name] for name in usual])} | named
