"""Keep a run's state in a file, so that the run goes on where it was cut off."""

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch


@dataclass
class Progress:
    """How far a run is, in steps, in texts, and in seconds over all of its starts."""

    step: int = 0
    texts: int = 0
    seconds: float = 0.0
    loss: float = 0.0


@dataclass
class Checkpoint:
    """Saves the parts of a run every few minutes, and restores them.

    Attributes:
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
