"""Score texts with the training network."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    BertForSequenceClassification,
    PreTrainedTokenizerBase,
)

from daemon.model.packed import unpack
from training.data import LABELS, batches, tokenise
from training.metrics import Floats
from training.network import Dropout, logits

_NO_DROPOUT = Dropout(0.0, 0)


def load(directory: Path) -> BertForSequenceClassification:
    """A run, or a model that ships, in float32: packed weights become floats again."""
    if (state := unpack(directory, torch.float32)) is not None:
        config = AutoConfig.from_pretrained(directory)
        model: BertForSequenceClassification = AutoModelForSequenceClassification.from_config(
            config
        )
        model.load_state_dict(state)
        return model
    stock: BertForSequenceClassification = AutoModelForSequenceClassification.from_pretrained(
        directory, use_safetensors=True, dtype=torch.float32
    )
    return stock


@torch.inference_mode()
def score(
    model: BertForSequenceClassification,
    tokenizer: PreTrainedTokenizerBase,
    texts: Sequence[str],
    *,
    preprocessing: str,
    max_tokens: int,
    dtype: torch.dtype,
) -> Floats:
    """Logits [texts, tones]."""
    tokens = tokenise(texts, tokenizer, preprocessing=preprocessing, max_tokens=max_tokens)
    result = np.zeros((len(tokens), len(LABELS)), dtype=np.float32)
    for batch in batches(tokens, range(len(tokens)), token_budget=4096):
        found = logits(model, batch.ids, batch.lengths, _NO_DROPOUT, dtype=dtype)
        result[batch.rows.numpy()] = found.numpy()
    return result
