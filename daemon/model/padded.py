"""Any stock network's forward, over texts padded on the right to one length."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from daemon.model.batching import pack

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor


class Padded:
    """The forward.

    Args:
        network: Takes `input_ids` and `attention_mask`, gives `logits`.
        pad: Token id that fills the right of shorter texts.

    Attributes:
        embeddings: The table of words that it looks token ids up in.
        groups: Which texts should share a forward.
    """

    groups = staticmethod(pack)

    def __init__(self, network: Any, pad: int) -> None:  # noqa: ANN401 - transformers has no types
        self._network = network
        self._pad = pad
        self.embeddings: torch.nn.Embedding = network.get_input_embeddings()

    def __call__(self, windows: Sequence[list[int]]) -> Tensor:
        """Logits of shape (windows, labels)."""
        device = self._network.device
        longest = max(map(len, windows))
        if all(len(window) == longest for window in windows):
            ids = torch.tensor(windows, device=device)
            mask = None
        else:
            padded = [window + [self._pad] * (longest - len(window)) for window in windows]
            ids = torch.tensor(padded, device=device)
            lengths = torch.tensor([[len(window)] for window in windows], device=device)
            mask = (torch.arange(longest, device=device) < lengths).long()
        logits: Tensor = self._network(input_ids=ids, attention_mask=mask).logits
        return logits
