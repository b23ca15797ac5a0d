"""The settings of a model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from daemon.settings.kinds import Name, Number, Short

DEFAULT_MODEL = Path(__file__).parent.parent / "model" / "default"
MULTILINGUAL = "multilingual"
"""The second model that ships: what `source` calls it, and its name where nothing is set."""


class ModelSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One model, with a scoring queue of its own.

    Where none is given there are two: `default` for English, `multilingual` for ten more languages.

    Attributes:
        name: Name for connectors and `tonebus worker --model`.
        source: A directory, the id of a model on a hub, or `multilingual` or `small`, which ship
            too; the default is the English model that ships.
        revision: The hub revision to pin. For a directory it is the digest of its files; a
            value given here must be equal to it.
        labels: The model's own label → canonical tone; needed where the names are not known. With
            `model` the model's own labels are the tones, such as emotions or intents.
        preprocessing: A preprocessor's versioned name; empty takes that of the model's own
            `tonebus.json`.
        temperature: Divides the logits; 0 takes that of the model's own `tonebus.json`.
        precision: Number format of the products. With `auto` a worker measures at its start, and
            takes the fastest that agrees with fp32: of fp32, bf16 and int8 on a CPU, of fp32, fp16
            and bf16 on a GPU. `int8` is for CPUs, and refused where it would change the model's
            scores.
        long_text: A text longer than the model's input is cut (`truncate`), or scored in windows
            whose scores are averaged (`chunk`).
        max_tokens: Longest input in tokens; 0 takes the longest of the model.
        token_budget: Tokens of one forward, padding included; 0 measures the fastest at the start.
        threads: Threads of one worker; 0 takes PyTorch's default.
        languages: BCP 47 tags of the languages that the model reads; empty takes those of the
            model's `tonebus.json`. A model without any gets texts in every language.
    """

    name: Name = "default"
    source: Annotated[str, Meta(min_length=1)] = str(DEFAULT_MODEL)
    revision: str = ""
    labels: dict[str, str] | Literal["model"] = {}
    preprocessing: str = ""
    temperature: Annotated[float, Meta(ge=0, le=1000)] = 0.0
    precision: Literal["auto", "fp32", "fp16", "bf16", "int8"] = "auto"
    long_text: Literal["truncate", "chunk"] = "truncate"
    max_tokens: Number = 0
    token_budget: Number = 0
    threads: Annotated[int, Meta(ge=0, le=1024)] = 0
    languages: tuple[Short, ...] = ()
