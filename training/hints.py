"""Draw a student's hidden states towards those of a larger model.

Both have the same width and read the same word pieces, so nothing stands between.
"""

from argparse import Namespace
from collections.abc import Sequence

import torch
from torch import Tensor
from transformers import BertForSequenceClassification, PreTrainedModel

from training.network import NO_DROPOUT, logits
from training.scoring import load


class Hints:
    """What a student's hidden states lack of the larger model's, as a part of the loss."""

    def __init__(
        self, larger: PreTrainedModel, layers: Sequence[int], *, weight: float, dtype: torch.dtype
    ) -> None:
        """Pair the student's layers, in turn, with these of the larger model, counted from one."""
        if not isinstance(larger, BertForSequenceClassification):
            raise TypeError(f"hints come from a BERT, not from a {type(larger).__name__}")
        self._larger = larger.eval().requires_grad_(False)
        self._layers = layers
        self._weight = weight
        self._dtype = dtype

    def __call__(self, states: Sequence[Tensor], ids: Tensor, lengths: Tensor) -> Tensor:
        """The weighted mean, over the layers, of the squared distance in parts of the variance.

        Args:
            states: The student's, [texts, longest or 1, width] for each layer: the last one has
                the [CLS] token alone, and so do the larger model's last ones.
            ids: What the student read, and the larger model reads too.
            lengths: The texts' lengths.
        """
        theirs: list[Tensor] = []
        with torch.no_grad():
            logits(self._larger, ids, lengths, NO_DROPOUT, dtype=self._dtype, states=theirs)
        real = torch.arange(ids.shape[1], device=ids.device)[None, :] < lengths[:, None]
        parts = []
        for state, layer in zip(states, self._layers, strict=True):
            wanted = theirs[layer - 1]
            tokens = min(state.shape[1], wanted.shape[1])
            kept = real[:, :tokens]
            ours, aim = state[:, :tokens][kept].float(), wanted[:, :tokens][kept].float()
            parts.append((ours - aim).square().mean() / aim.var())
        return self._weight * torch.stack(parts).mean()


def hints(args: Namespace, dtype: torch.dtype) -> Hints | None:
    """The hints that a command line asks for, if it does."""
    if not args.hints:
        return None
    larger = load(args.hints).to(args.device)
    return Hints(larger, args.hint_layers, weight=args.hint_weight, dtype=dtype)
