"""What a worker's start measured, kept on this host so that the next start need not measure it.

A file names a number format and a number of tokens, each one of the few that there are. A format
that this CPU has no instructions for is passed over, so a wrong file can make a worker slower, or
have it compute in another of its formats, and no more.
"""

from __future__ import annotations

import hashlib
import os
import platform
import tempfile
import time
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import msgspec
import structlog
import torch

if TYPE_CHECKING:
    from daemon.model.identity import ModelIdentity
    from daemon.settings import ModelSettings

_MOST_BYTES: Final = 1000
_UNDISTURBED: Final = 0.8
"""Share of the time that the measuring thread must have had a processor."""
_CPU: Final = {
    "vendor_id", "cpu family", "model", "model name", "stepping", "flags",
    "CPU implementer", "CPU architecture", "CPU variant", "CPU part", "CPU revision", "Features",
}  # fmt: skip
"""Lines of /proc/cpuinfo that say which CPU it is, on x86 and on ARM."""
_STEERING: Final = ("ATEN_", "DNNL_", "GOMP_", "KMP_", "MKL_", "OMP_", "ONEDNN_", "TORCH")
"""Beginnings of the variables that change what torch and its libraries compute with."""
_PLACES: Final = (
    ("CACHE_DIRECTORY", "choices"),
    ("XDG_CACHE_HOME", "tonebus/choices"),
    ("HOME", ".cache/tonebus/choices"),
)
_log = structlog.get_logger(__name__)


class Choice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a start chose.

    Attributes:
        precision: The number format; empty where there is no choice.
        token_budget: Tokens of one forward; 0 where that was not measured.
    """

    precision: Literal["", "fp32", "bf16", "fp16", "int8"] = ""
    token_budget: Literal[0, 512, 1024, 2048, 4096] = 0


class Memory:
    """What an earlier start chose for a model, under these settings, on this CPU."""

    def __init__(self, identity: ModelIdentity, settings: ModelSettings) -> None:
        self._begun = time.perf_counter(), time.thread_time()
        self._file = _directory() / f"{_key(identity, settings)}.json"
        self.choice = Choice()
        # text that is not UTF-8 is a ValueError
        with suppress(OSError, msgspec.MsgspecError, ValueError):
            self.choice = msgspec.json.decode(_content(self._file), type=Choice)
            _log.info(
                "choice_recalled", model=identity.model.name, file=str(self._file),
                **msgspec.structs.asdict(self.choice),
            )  # fmt: skip

    def keep(self, precision: str, token_budget: int) -> None:
        """Keep what was measured since this began; where that cannot be, the next start measures.

        What was measured beside other work is not kept: it would hold for good.
        """
        told = {"precision": precision, "token_budget": token_budget}
        choice = msgspec.convert(told, Choice)
        wall, own = self._begun
        if choice == self.choice:
            return
        if time.thread_time() - own < _UNDISTURBED * (time.perf_counter() - wall):
            _log.info("choice_not_kept", file=str(self._file), error="the machine was busy")
            return
        try:
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # several workers may start at once, and read while another one writes
            with tempfile.TemporaryDirectory(dir=self._file.parent) as made:
                new = Path(made, "choice")
                new.write_bytes(msgspec.json.encode(choice))
                new.replace(self._file)
        except OSError as error:
            _log.info("choice_not_kept", file=str(self._file), error=error.strerror)


def _directory() -> Path:
    """Return where choices lie: under systemd's directory of the unit, else the user's (XDG)."""
    for variable, below in _PLACES:
        if (where := Path(os.environ.get(variable, "").partition(":")[0])).is_absolute():
            return where / below
    return Path(os.devnull, "choices")  # where nothing can be kept


def _content(file: Path) -> bytes:
    # neither a pipe nor a device, should one be in its place, holds the start up
    descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    with open(descriptor, "rb", buffering=0) as opened:  # noqa: PTH123 - it is open already
        return opened.read(_MOST_BYTES) or b""


def _key(identity: ModelIdentity, settings: ModelSettings) -> str:
    """Digest all that formats and their speeds depend on."""
    told = [
        identity.model.revision, settings.precision, settings.token_budget,
        torch.get_num_threads(), torch.__config__.show(), version("transformers"), _cpu(),
        sorted(item for item in os.environ.items() if item[0].startswith(_STEERING)),
        [path.read_text(encoding="utf-8") for path in sorted(Path(__file__).parent.glob("*.py"))],
    ]  # fmt: skip
    return hashlib.blake2b(repr(told).encode(), digest_size=16).hexdigest()


def _cpu() -> list[str]:
    with suppress(OSError):
        first, _, _ = Path("/proc/cpuinfo").read_text(encoding="utf-8").partition("\n\n")
        lines = first.splitlines()
        return [line for line in lines if line.partition(":")[0].strip() in _CPU]
    return [platform.machine(), platform.processor()]
