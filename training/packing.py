"""Write weights of four and eight bits, as daemon/model/packed.py reads them."""

from pathlib import Path
from typing import Final

import torch
from safetensors.torch import save_file

from daemon.model.packed import SCALE
from daemon.model.vetting import PACKED

_BLOCK: Final = 32
_MATRIX: Final = 2
_LARGEST: Final = 127


def pack(state: dict[str, torch.Tensor], out: Path) -> None:
    """Write the state of a network: matrices in eight bits, in four where that loses nothing.

    The word embeddings of a base that came in four bits lose nothing if training left them alone.
    """
    packed: dict[str, torch.Tensor] = {}
    for name, value in state.items():
        if value.dim() == _MATRIX and value.shape[1] % _BLOCK == 0:
            whole, scale = four_bits(value) or eight_bits(value)
            packed |= {name: whole, name + SCALE: scale}
        else:
            packed[name] = value.half().contiguous()
    save_file(packed, out / PACKED, metadata={"format": "pt"})


def eight_bits(value: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Int8 with a scale for each row."""
    scale = value.abs().amax(1, keepdim=True).clamp(min=1e-12) / _LARGEST
    return (value / scale).round().to(torch.int8), scale


def four_bits(value: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor] | None:
    """Two weights a byte with a scale for each 32, if the values come back to 1e-6 of the largest.

    In a block that came from four bits the value furthest from zero is -8 times the scale.
    """
    rows, columns = value.shape
    blocks = value.view(rows, -1, _BLOCK)
    furthest = blocks.gather(2, blocks.abs().argmax(2, keepdim=True))
    scale = (furthest / -8).half()
    divisor = torch.where(scale == 0, torch.ones_like(scale), scale).float()
    whole = (blocks / divisor).round().clamp(-8, 7)
    if not torch.allclose(whole * divisor, blocks, rtol=0, atol=1e-6 * float(value.abs().max())):
        return None
    shifted = (whole + 8).to(torch.uint8).view(rows, columns)
    low, high = shifted.chunk(2, dim=1)
    return low | high << 4, scale.squeeze(2)
