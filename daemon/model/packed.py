"""Weights of four and eight bits in a safetensors file, and back to floats.

In `packed.safetensors` a matrix NAME may consist of whole numbers, with the multipliers in
NAME.scale [rows, blocks]: each row is cut into that many blocks of equal length. An int8 number is
one weight. A uint8 number is two: its low four bits are a weight of the row's first half, its high
four bits one of the second half, with eight added to both. All other weights are floats.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import torch
from safetensors import safe_open

from daemon.model.vetting import PACKED

if TYPE_CHECKING:
    from pathlib import Path

SCALE: Final = ".scale"
_MIDDLE: Final = 8


def unpack(where: Path, dtype: torch.dtype) -> dict[str, torch.Tensor] | None:
    """Read a model directory's packed weights; None where it has none.

    Returns:
        The state of the network, in `dtype`.
    """
    path = where / PACKED
    if not path.exists():
        return None
    with safe_open(path, "pt") as file:
        names = sorted(name for name in file.keys() if not name.endswith(SCALE))  # noqa: SIM118 - it is no dictionary
        return {name: tensor(file, name).to(dtype) for name in names}


def tensor(file: Any, name: str) -> torch.Tensor:  # noqa: ANN401 - safetensors has no types
    """Read one weight, packed or not, of an open file; what was packed comes in fp32."""
    value: torch.Tensor = file.get_tensor(name)
    packed = name + SCALE in file.keys()  # noqa: SIM118 - it is no dictionary
    return floats(value, file.get_tensor(name + SCALE)) if packed else value


def floats(whole: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """Return the weights, in fp32, that whole numbers and their multipliers stand for."""
    if whole.dtype == torch.uint8:
        whole = torch.cat([whole & 15, whole >> 4], dim=1).to(torch.int8) - _MIDDLE
    rows, columns = whole.shape
    blocks = whole.view(rows, scale.shape[1], -1).float() * scale.float()[..., None]
    return blocks.view(rows, columns)
