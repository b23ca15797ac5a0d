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
    state = {}
    with safe_open(path, "pt") as file:
        names = set(file.keys())
        for name in sorted(name for name in names if not name.endswith(SCALE)):
            value = file.get_tensor(name)
            if name + SCALE in names:
                value = _scaled(value, file.get_tensor(name + SCALE))
            state[name] = value.to(dtype)
    return state


def keep_words_packed(network: Any, where: Path, dtype: torch.dtype) -> None:  # noqa: ANN401 - transformers has no types
    """Put the packed table of words in the place of its floats, which take up to seven times that.

    The network was loaded from this directory, with this type.
    """
    words = network.get_input_embeddings()
    name = next(name for name, module in network.named_modules() if module is words) + ".weight"
    with safe_open(where / PACKED, "pt") as file:
        if name + SCALE in file.keys():  # noqa: SIM118 - it is no dictionary
            scale = file.get_tensor(name + SCALE).to(dtype)
            network.set_input_embeddings(_Words(file.get_tensor(name), scale))


class _Words(torch.nn.Module):
    """A table of words whose rows become floats when they are looked up."""

    whole: torch.Tensor
    scale: torch.Tensor

    def __init__(self, whole: torch.Tensor, scale: torch.Tensor) -> None:
        super().__init__()
        self.register_buffer("whole", whole)
        self.register_buffer("scale", scale)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        rows = ids.flatten()
        floats = _scaled(self.whole[rows], self.scale[rows]).to(self.scale.dtype)
        return floats.view(*ids.shape, -1)


def _scaled(whole: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    if whole.dtype == torch.uint8:
        whole = torch.cat([whole & 15, whole >> 4], dim=1).to(torch.int8) - _MIDDLE
    rows, columns = whole.shape
    blocks = whole.view(rows, scale.shape[1], -1).float() * scale.float()[..., None]
    return blocks.view(rows, columns)
