"""What a run is trained towards: smoothed labels, all tones counting the same."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from training.data import LABELS, Row, log_priors


class Objective:
    """The loss of a batch, given the logits.

    The log prior of the row's source is added to the logits during training only (balanced
    softmax, Ren et al. 2020; logit adjustment, Menon et al. 2021). What the model itself then
    gives is a score as if all tones were equally frequent, which is what macro recall rewards and
    what survives a move to traffic with another balance. Rows that a teacher has scored are learnt
    towards its probabilities as they are.
    """

    def __init__(self, rows: Sequence[Row], *, smoothing: float, balance: float) -> None:
        """Prepare targets and priors, [rows, tones]."""
        labels = torch.tensor([row.label for row in rows])
        hard = functional.one_hot(labels, len(LABELS)).float()
        self._targets = (1 - smoothing) * hard + smoothing / len(LABELS)
        self._priors = balance * log_priors(rows)
        taught = [place for place, row in enumerate(rows) if row.taught]
        if taught:
            self._targets[taught] = torch.tensor([rows[place].taught for place in taught])
            self._priors[taught] = 0.0  # the teacher has taken them out already

    def __call__(self, logits: Tensor, rows: Tensor) -> Tensor:
        """Mean loss for the logits [texts, tones] of these rows."""
        priors, targets = (part[rows].to(logits.device) for part in (self._priors, self._targets))
        return -(targets * functional.log_softmax(logits + priors, -1)).sum(-1).mean()
