"""Score texts with the training network."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import torch
from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from daemon.model.packed import unpack
from training.data import LABELS, batches, tokenise
from training.metrics import Floats
from training.network import NO_DROPOUT, logits

_TOKENS: Final = 4096


def load(directory: Path) -> PreTrainedModel:
    """A base, a run or a model that ships, in float32: packed weights become floats again.

    A base without a head gets one of our tones.
    """
    names = dict(enumerate(LABELS))
    config = AutoConfig.from_pretrained(
        directory,
        num_labels=len(LABELS),
        id2label=names,
        label2id={label: number for number, label in names.items()},
    )
    model: PreTrainedModel
    if (state := unpack(directory, torch.float32)) is not None:
        model = AutoModelForSequenceClassification.from_config(config)
        model.load_state_dict(state)
        return model
    model = AutoModelForSequenceClassification.from_pretrained(
        directory, config=config, use_safetensors=True, dtype=torch.float32
    )
    return model


@torch.inference_mode()
def score(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    texts: Sequence[str],
    *,
    preprocessing: str,
    max_tokens: int,
    dtype: torch.dtype | None,
) -> Floats:
    """Logits [texts, tones], on the device that the model is on."""
    model.eval()
    tokens = tokenise(texts, tokenizer, preprocessing=preprocessing, max_tokens=max_tokens)
    result = np.zeros((len(tokens), len(LABELS)), dtype=np.float32)
    for batch in batches(tokens, range(len(tokens)), token_budget=_TOKENS):
        ids, lengths = batch.ids.to(model.device), batch.lengths.to(model.device)
        found = logits(model, ids, lengths, NO_DROPOUT, dtype=dtype)
        result[batch.rows.numpy()] = found.cpu().numpy()
    return result
