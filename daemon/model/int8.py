"""Products of eight-bit numbers, for CPUs; proven on the model itself before it may serve.

Each row is rounded on its own, so that a text's score does not depend on its neighbours. The range
of input columns with outliers is moved to the weights, as in SmoothQuant (arXiv 2211.10438). The
most sensitive products stay exact: in the first half of the layers those after the activation
function, on whose outliers all later layers build, and in the last layer those of the first tokens,
which cost little.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

import torch
from safetensors import safe_open

from connectors.errors import Misconfigured
from daemon.model import products
from daemon.model.agreement import compare, scores
from daemon.model.forward import Forward
from daemon.model.unpadded import Unpadded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from daemon.model.agreement import Proof
    from daemon.model.loading import Loaded
    from daemon.model.products import Maker, Product

RANGES: Final = "ranges.int8"
"""What `measured` returns, in a model's directory: a safetensors file, written by training."""
WEIGHTS: Final = "weights"
"""The fingerprint of the weights that they were measured with, in that file's metadata."""
_DIGESTED = 1024
_STEPS = 127
_LENT = 0.65
_TINY = 1e-6


def proven(loaded: Loaded, exact: Forward, windows: Sequence[list[int]]) -> tuple[Forward, Proof]:
    """Return the forward in eight bits of a model in fp32, and how it compares with `exact`.

    The windows are token ids of many and varied texts.

    Raises:
        Misconfigured: It has no such form, or its scores differ too much.
    """
    name = loaded.card.name
    if not isinstance(exact.network, Unpadded):
        raise Misconfigured(
            f"{name}: int8 is for BERT and RoBERTa on a CPU, and this is not: "
            'set precision = "auto"'
        )
    quick = rounded(loaded, windows)
    proof = compare(exact, quick, windows)
    if not proof.agrees:
        raise Misconfigured(
            f'{name}: int8 would change its scores: {proof}. Fix: set precision = "auto"'
        )
    return quick, proof


def rounded(loaded: Loaded, windows: Sequence[list[int]]) -> Forward:
    """Return a forward in eight bits of a model of BERT's or RoBERTa's kind in fp32, on a CPU.

    The windows show which columns hold outliers, unless the model comes with their ranges.
    """
    network: Any = loaded.network
    with torch.inference_mode():
        ranges = _kept(loaded) or measured(loaded, windows)
        rounding = _rounding(ranges, layers=network.config.num_hidden_layers)
        return Forward(Unpadded(network, rounding), loaded)


def measured(loaded: Loaded, windows: Sequence[list[int]]) -> dict[str, Tensor]:
    """Return the largest input of each column of each product, by layer and place."""
    network: Any = loaded.network
    ranges: dict[str, Tensor] = {}
    with torch.inference_mode():
        scores(Forward(Unpadded(network, _noting(ranges)), loaded), windows)
    return ranges


def fingerprint(network: Any) -> str:  # noqa: ANN401 - of BERT's kind, as above
    """Return a digest of weights, which says whether ranges are theirs; of a few of each kind."""
    total = hashlib.blake2b(digest_size=16)
    for _, weight in sorted(network.weights.items()):
        total.update(weight.flatten()[:_DIGESTED].numpy().tobytes())
    return total.hexdigest()


def _kept(loaded: Loaded) -> dict[str, Tensor]:
    """Return the ranges that come with a model; none where there are none, or other weights'."""
    path = loaded.directory / RANGES
    if not path.exists():
        return {}
    with safe_open(path, "pt") as file:
        if file.metadata() != {WEIGHTS: fingerprint(loaded.network)}:
            return {}
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no dictionary


def _noting(ranges: dict[str, Tensor]) -> Maker:
    """Make exact products that note the largest input of each column."""

    def make(weight: Tensor, bias: Tensor, part: str) -> Product:
        multiply = products.exact(weight, bias, part)
        largest = ranges[part] = weight.new_zeros(weight.shape[1])

        def noted(rows: Tensor) -> Tensor:
            torch.maximum(largest, rows.abs().amax(dim=0), out=largest)
            return multiply(rows)

        return noted

    return make


def _rounding(ranges: dict[str, Tensor], layers: int) -> Maker:
    kept = {f"{number}.narrow" for number in range(layers // 2)}
    kept |= {f"{layers - 1}.{part}" for part in ("query", "mix", "widen", "narrow")}

    def make(weight: Tensor, bias: Tensor, part: str) -> Product:
        if part in kept:
            return products.exact(weight, bias, part)
        return _rounded(weight, bias, ranges[part])

    return make


def _rounded(weight: Tensor, bias: Tensor, largest: Tensor) -> Product:
    across = weight.abs().amax(dim=0).clamp(min=_TINY)
    lent = largest.clamp(min=_TINY) ** _LENT / across ** (1 - _LENT)
    scaled = weight * lent
    steps = scaled.abs().amax(dim=1).clamp(min=_TINY) / _STEPS
    whole = (scaled / steps[:, None]).round().to(torch.int8).t().contiguous()
    back = 1 / lent

    def multiply(rows: Tensor) -> Tensor:
        rows = rows * back
        step = rows.abs().amax(dim=1, keepdim=True).clamp(min=_TINY) / _STEPS
        sums = torch._int_mm((rows / step).round_().to(torch.int8), whole)  # noqa: SLF001 - torch has no other
        return torch.addcmul(bias, sums * step, steps)

    return multiply
