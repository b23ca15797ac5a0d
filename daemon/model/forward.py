"""One forward: token ids in, a row of tone probabilities for each out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from connectors.errors import Unavailable
from connectors.messages import Fault

if TYPE_CHECKING:
    from collections.abc import Sequence

    from daemon.model.loading import Loaded
    from daemon.model.padded import Padded
    from daemon.model.unpadded import Unpadded


class Forward:
    """Runs the network over texts that share a forward.

    Args:
        network: Gives the logits.
        loaded: What the network was made from.

    Attributes:
        network: As given.
        token: An id other than padding, to measure with.
        device: Where it runs.
    """

    def __init__(self, network: Unpadded | Padded, loaded: Loaded) -> None:
        self.network = network
        self.token = 0 if loaded.pad else 1
        self.device = loaded.device
        self._temperature = loaded.card.temperature
        self._independent = loaded.independent
        self._tones = len(loaded.folding.tones)
        self._columns = torch.tensor(loaded.folding.columns, device=loaded.device)

    def __call__(self, windows: Sequence[list[int]]) -> list[list[float] | Fault]:
        """Score windows of token ids together, in inference mode.

        A forward that fails is halved down to the window to blame, so that its neighbours are
        scored; that one is `out-of-memory`, or `error` with the class of what was raised.

        Returns:
            For each window its tones' probabilities, or its fault.

        Raises:
            Unavailable: The GPU failed; this process cannot use it any more.
        """
        try:
            return self._rows(self.network(windows).float())
        except Exception as error:  # networks raise anything; the halves show whose
            if _lost(error):
                said = str(error).partition("\n")[0]
                raise Unavailable(f"the GPU failed, start the process again: {said}") from error
            fault = Fault("out-of-memory" if _memory(error) else "error", type(error).__name__)
        if len(windows) == 1:
            return [fault]
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        half = len(windows) // 2
        return self(windows[:half]) + self(windows[half:])

    def over(self, windows: Sequence[list[int]], budget: int) -> list[list[float] | Fault]:
        """Score any number of windows, as many together as the budget of tokens has room for."""
        rows: list[list[float] | Fault] = [Fault("error")] * len(windows)
        with torch.inference_mode():
            for group in self.network.groups([*map(len, windows)], budget):
                scored = self([windows[index] for index in group])
                for index, row in zip(group, scored, strict=True):
                    rows[index] = row
        return rows

    def _rows(self, logits: torch.Tensor) -> list[list[float] | Fault]:
        """Turn logits (windows, labels) in fp32 into tones."""
        logits = logits / self._temperature
        finite = logits.isfinite().all(dim=1).tolist()
        tones = logits.new_zeros((len(logits), self._tones))
        columns = self._columns.expand_as(logits)
        if self._independent:
            tones.scatter_reduce_(1, columns, logits.sigmoid(), "amax")
        else:
            tones.scatter_add_(1, columns, logits.softmax(dim=1))
        return [
            row if good else Fault("not-finite")
            for row, good in zip(tones.tolist(), finite, strict=True)
        ]


def _memory(error: Exception) -> bool:
    """Whether memory ran out: torch has a class for it on a GPU, and otherwise only messages."""
    return isinstance(error, (MemoryError, torch.OutOfMemoryError)) or (
        isinstance(error, RuntimeError)
        and any(said in str(error) for said in ("allocate memory", "out of memory", "ALLOC_FAILED"))
    )


def _lost(error: Exception) -> bool:
    """Whether each call of CUDA in this process will fail from now on, whatever the text."""
    lost = getattr(torch, "AcceleratorError", ())  # from torch 2.8
    return isinstance(error, lost) and not _memory(error)
