"""Keep a run's state in a file, so that the run goes on where it was cut off."""

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch


class RunningMean:
    """The mean of the weights seen so far."""

    def __init__(self) -> None:
        self._mean: dict[str, torch.Tensor] = {}
        self._seen = 0

    @torch.no_grad()
    def add(self, model: torch.nn.Module) -> None:
        self._seen += 1
        for name, value in model.state_dict().items():
            held = self._mean.setdefault(name, torch.zeros_like(value))
            held.lerp_(value, 1 / self._seen)

    def apply(self, model: torch.nn.Module) -> None:
        """Give the model the mean, if anything was seen."""
        if self._mean:
            model.load_state_dict(self._mean)

    def state_dict(self) -> dict[str, Any]:
        return {"mean": self._mean, "seen": self._seen}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._mean, self._seen = state["mean"], state["seen"]


@dataclass
class Progress:
    """How far a run is.

    Attributes:
        step: Steps done.
        texts: Texts seen.
        seconds: Seconds spent training, over all starts of the run.
        loss: A moving average of the loss.
    """

    step: int = 0
    texts: int = 0
    seconds: float = 0.0
    loss: float = 0.0


@dataclass
class Checkpoint:
    """Saves the parts of a run every few minutes, and restores them.

    Attributes:
        path: The file.
        parts: By name, what has `state_dict` and `load_state_dict`.
        every: Seconds between saves.
    """

    path: Path
    parts: dict[str, Any]
    every: float
    _saved: float = field(default_factory=time.monotonic)

    def restore(self) -> Progress:
        """Load the parts, where there is something to load, and return the progress."""
        if not self.path.exists():
            return Progress()
        # numbers, strings and tensors only: nothing in the file is executed
        state = torch.load(self.path, weights_only=True, mmap=True)
        for name, part in self.parts.items():
            part.load_state_dict(state[name])
        return Progress(**state["progress"])

    def save_if_due(self, progress: Progress) -> None:
        """Save, if the last time is long enough ago."""
        if time.monotonic() - self._saved < self.every:
            return
        state = {name: part.state_dict() for name, part in self.parts.items()}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self.path.with_suffix(".new")
        torch.save(state | {"progress": vars(progress)}, fresh)
        fresh.replace(self.path)
        self._saved = time.monotonic()
