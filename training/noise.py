"""Hide some of a text's tokens while training: next year's topics are not in this year's data."""

import numpy as np
import torch
from transformers import PreTrainedTokenizerBase


class Noise:
    """Replaces a share of the tokens by the tokenizer's mask, never a special token."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, share: float) -> None:
        """Hide `share` of the tokens of each text."""
        self._mask = int(tokenizer.mask_token_id or 0)
        self._share = share if tokenizer.mask_token_id is not None else 0.0
        self._kept = torch.tensor(sorted(tokenizer.all_special_ids))

    def __call__(self, ids: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
        """The ids [texts, longest] with some of them hidden."""
        if not self._share:
            return ids
        hidden = torch.from_numpy(rng.random(ids.shape) < self._share)
        return ids.masked_fill(hidden & ~torch.isin(ids, self._kept), self._mask)
