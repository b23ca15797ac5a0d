"""What `precision = "auto"` chooses: the fastest number format that agrees with fp32."""

from __future__ import annotations

import copy
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import msgspec
import torch

from daemon.model import int8
from daemon.model.agreement import compare, scores
from daemon.model.bert import Bert
from daemon.model.forward import Forward
from daemon.model.padded import Padded
from daemon.model.unpadded import Unpadded, unpadded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from daemon.model.loading import Loaded

    Maker = Callable[[Loaded, Sequence[list[int]]], Forward]

_SECONDS: Final = 20.0
"""Each format makes a start longer by about this much at most."""
_PACE: Final = 32
_TIMED: Final = 32
_RUNS: Final = 3
_FASTER: Final = 1.2
"""How many times as fast as fp32 a format must be."""
_PASSES: Final = 4
"""Cost of trying one format, in passes of fp32 over all texts."""


class Precision(msgspec.Struct, frozen=True):
    precision: str
    why: str


def fastest(
    loaded: Loaded, exact: Forward, windows: Sequence[list[int]]
) -> tuple[Forward, Precision]:
    """Return the fastest forward that agrees with the exact one, and why it was taken.

    A format that fails, disagrees or gains too little is not used: nothing here refuses a start.
    The windows are token ids of many and varied texts.
    """
    best, choice, gain, reasons = exact, "fp32", 0.0, []
    gpu = _on_gpu(loaded)
    for name, make in _GPU_FORMATS if gpu else _formats(exact):
        quick, faster, why = _tried(make, loaded, exact, windows, max(_FASTER, gain))
        reasons.append(f"{name} {why}")
        if quick:
            best, choice, gain = quick, name, faster
            if gpu:
                break
    return best, Precision(choice, "; ".join(reasons) or "this CPU has neither bf16 nor VNNI")


def _on_gpu(loaded: Loaded) -> bool:
    return loaded.device.type == "cuda"


def again(
    precision: str, loaded: Loaded, exact: Forward, windows: Sequence[list[int]]
) -> Forward | None:
    """Return the forward of a format that was proven at an earlier start.

    It is None where this CPU or this model cannot have it, or cannot any more.
    """
    if precision == "fp32":
        return exact
    make = dict(_formats(exact)).get(precision)
    try:
        return make(loaded, windows) if make else None
    except Exception:  # noqa: BLE001 - torch raises anything; then all is measured once more
        return None


def _tried(
    make: Maker, loaded: Loaded, exact: Forward, windows: Sequence[list[int]], least: float
) -> tuple[Forward | None, float, str]:
    """Return a format's forward if it may be used, how many times as fast it is, and a reason."""
    try:
        if (takes := _seconds(exact, windows)) > _SECONDS:
            return None, 0.0, f"not tried: that would take {takes:.0f} s"
        quick = make(loaded, windows)
        # a GPU takes few texts in as short a time as one
        timed = windows if _on_gpu(loaded) else windows[:_TIMED]
        faster = compare(exact, quick, timed, _RUNS).faster
        if faster < least:
            return None, 0.0, f"is {faster:.1f} times as fast as fp32 (at least {least:.1f})"
        proof = compare(exact, quick, windows, 1)
    except Exception as error:  # noqa: BLE001 - torch raises anything; fp32 is always there
        return None, 0.0, f"failed: {type(error).__name__}"
    verdict = "agrees" if proof.agrees else "differs"
    told = msgspec.structs.replace(proof, faster=faster)
    return quick if proof.agrees else None, faster, f"{verdict}: {told}"


def _seconds(exact: Forward, windows: Sequence[list[int]]) -> float:
    with torch.inference_mode():
        took = min(scores(exact, windows[:_PACE])[1] for _ in range(2))
    return took * len(windows) / min(_PACE, len(windows)) * _PASSES


def _formats(exact: Forward) -> Iterator[tuple[str, Maker]]:
    """Yield the formats that this CPU has instructions for, and the model a form of."""
    can: Any = torch.cpu.get_capabilities()
    if can.get("amx_bf16") or can.get("avx512_bf16"):
        yield "bf16", partial(_halved, torch.bfloat16)
    if isinstance(exact.network, Unpadded) and (can.get("avx512_vnni") or can.get("avx_vnni")):
        yield "int8", int8.rounded


def _halved(dtype: torch.dtype, loaded: Loaded, _: Sequence[list[int]]) -> Forward:
    if isinstance(loaded.network, Bert):
        return Forward(unpadded(loaded.network.to(dtype)), loaded)
    network = copy.deepcopy(loaded.network).to(dtype)
    return Forward(Padded(network, loaded.pad), loaded)


_GPU_FORMATS: Final[tuple[tuple[str, Maker], ...]] = (
    ("fp16", partial(_halved, torch.float16)),
    ("bf16", partial(_halved, torch.bfloat16)),
)
"""The first is closer to fp32; the second has room for a model's large values."""
