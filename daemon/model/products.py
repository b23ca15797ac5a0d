"""x·Wᵀ + b on a CPU, with weights that are laid out once and multiplied many times."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional

if TYPE_CHECKING:
    from torch import Tensor

_ROWS = 512
"""Rows that a layout is chosen for; it works for other counts too."""
_operators: Any = torch.ops.mkldnn

Product = Callable[["Tensor"], "Tensor"]
"""A linear layer: rows of inputs [rows, inputs] in, rows of outputs [rows, outputs] out."""
Maker = Callable[["Tensor", "Tensor", str], Product]
"""Makes a product of a weight [outputs, inputs] and a bias [outputs]; the last argument names layer
and place, as `0.query`."""


def plain(weight: Tensor, bias: Tensor, _part: str) -> Product:
    """Return the product as torch documents it, with the weights as they are."""
    return lambda rows: functional.linear(rows, weight, bias)


def exact(weight: Tensor, bias: Tensor, part: str) -> Product:
    """Return the product in the weights' own precision, as fast as this build of torch can.

    oneDNN's is up to a third faster than `functional.linear`, most with few rows. Its operators are
    those that torch's own compiler uses, and are not documented.
    """
    if not _with_onednn(weight.dtype):
        return plain(weight, bias, part)
    laid_out = _operators._reorder_linear_weight(weight.contiguous(), _ROWS)  # noqa: SLF001 - see above
    multiply = _operators._linear_pointwise  # noqa: SLF001 - likewise
    return lambda rows: multiply(rows, laid_out, bias, "none", [], "")


def _with_onednn(dtype: torch.dtype) -> bool:
    """Whether this build of torch, on this CPU, has oneDNN's products for a type."""
    if not (torch.backends.mkldnn.is_available() and hasattr(_operators, "_linear_pointwise")):  # type: ignore[no-untyped-call]
        return False
    if dtype == torch.bfloat16:
        return bool(_operators._is_mkldnn_bf16_supported())  # noqa: SLF001 - there is no other
    return dtype == torch.float32
