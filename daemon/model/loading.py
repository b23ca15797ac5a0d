"""Loads the tokenizer and the weights, from safetensors only, and runs no code of a model."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

import msgspec
import torch

from connectors.errors import Misconfigured
from daemon.model import bert, card, vetting
from daemon.model.labels import Folding, fold

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tokenizers import Tokenizer

    from daemon.settings import ModelSettings

_DTYPES: Final = {
    "fp32": torch.float32,
    "fp16": torch.float16,
    "bf16": torch.bfloat16,
    "int8": torch.float32,  # what its products are made from
}


class Loaded(msgspec.Struct, frozen=True):
    """A model ready to run.

    Attributes:
        network: Takes `input_ids` and gives `logits`, in evaluation mode on `device`; of BERT's
            kind on a CPU, its bare weights.
        tokenizer: The fast tokenizer's own engine: no padding, no truncation set.
        independent: Whether each label is decided on its own (sigmoid), instead of one of them.
        max_tokens: Longest input that tokenizer, positions and settings all allow.
        pad: Token id that fills the right of shorter texts.
        precision: The number format of its products, as the setting has it.
        directory: Where its files are.
    """

    network: torch.nn.Module | bert.Bert
    tokenizer: Tokenizer
    card: card.Card
    folding: Folding
    independent: bool
    max_tokens: int
    pad: int
    device: torch.device
    precision: str
    directory: Path


def load(settings: ModelSettings) -> Loaded:
    """Load the model that the settings name.

    Raises:
        Misconfigured: It is missing or refused; the message says what to do.
        Unavailable: The hub does not answer.
    """
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    if settings.threads:
        torch.set_num_threads(settings.threads)
    where = card.directory(settings)
    described = card.read(where, settings)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    precision = "fp32" if settings.precision == "auto" else settings.precision
    read: Callable[[Path, torch.device, torch.dtype], bert.Parts] = bert.shipped
    if not where or not card.ships(where) or device.type != "cpu":
        # a large import, of which the models that ship need nothing
        from daemon.model import stock  # noqa: PLC0415

        read = stock.read
        where = where or stock.fetched(settings)
    vetting.vet(where)
    try:
        parts = read(where, device, _DTYPES[precision])
    except Misconfigured:
        raise
    except Exception as error:  # transformers raises a dozen kinds, all about these files
        said = f"{type(error).__name__}: {''.join(str(error).strip().splitlines()[:1])[:300]}"
        raise Misconfigured(f"{where}: it cannot be loaded: {said}") from error
    config: Any = parts.network.config
    labels = {int(column): str(label) for column, label in config.id2label.items()}
    parts.tokenizer.no_padding()
    parts.tokenizer.no_truncation()
    return Loaded(
        network=parts.network,
        tokenizer=parts.tokenizer,
        card=described,
        folding=fold(labels, settings.labels, settings.name),
        independent=config.problem_type == "multi_label_classification",
        max_tokens=min(filter(None, (described.max_tokens, parts.max_tokens))),
        pad=parts.pad,
        device=device,
        precision=precision,
        directory=where,
    )
