"""A model at work: texts in, one score or fault for each out, independent of the others."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, Self

import structlog
import torch
from msgspec.structs import asdict

from connectors.errors import Misconfigured
from connectors.messages import Fault, Score
from daemon.model import int8, loading
from daemon.model.bert import Bert
from daemon.model.encoding import Encoded, Encoder
from daemon.model.forward import Forward
from daemon.model.identity import ModelIdentity, identify
from daemon.model.padded import Padded
from daemon.model.precision import Precision, again, fastest
from daemon.model.probes import probes
from daemon.model.remembered import Memory
from daemon.model.unpadded import unpadded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from daemon.settings import ModelSettings

_BUDGETS: Final = {"cpu": 1024, "cuda": 16384}
_TRIED: Final = {
    "cpu": (512, 1024, 2048, 4096),
    "cuda": (4096, 8192, 16384, 32768, 65536),
}
_TEXT_TOKENS: Final = 32
_SECONDS: Final = 2.0
_WORTHWHILE: Final = 1.03
"""A larger budget has to be this much faster: it costs memory, and latency for callers."""
_WORD: Final = "good"
_LONG: Final = 20
_APART: Final = 0.02
"""The differences of half precision stay below a sixth of this."""
_log = structlog.get_logger(__name__)


class ToneModel:
    """A loaded model with all that turns texts into its scores.

    Attributes:
        identity: Name, revision and preprocessing, the same as in the daemon.
        tones: Its tones, in canonical order.
        device: Where it runs, `cpu` or `cuda`.
        max_tokens: Longest input in tokens, special tokens included.
        token_budget: Tokens of one forward, padding included; `warm_up` measures the best.
    """

    def __init__(
        self, settings: ModelSettings, identity: ModelIdentity, loaded: loading.Loaded
    ) -> None:
        self.identity = identity
        self.tones = loaded.folding.tones
        self.device = loaded.device.type
        self.max_tokens = loaded.max_tokens
        self.token_budget = settings.token_budget or _BUDGETS[self.device]
        self._measure = not settings.token_budget
        self.precision = Precision(loaded.precision, f"precision = {settings.precision}")
        self._memory: Memory | None = None
        network = loaded.network
        self._forward = Forward(
            unpadded(network) if isinstance(network, Bert) else Padded(network, loaded.pad), loaded
        )
        self._encoder = Encoder(
            loaded.tokenizer,
            loaded.card.preprocessing,
            loaded.max_tokens,
            chunk=settings.long_text == "chunk",
        )

    @classmethod
    def load(cls, settings: ModelSettings, *, measure: bool = False) -> Self:
        """Load what the settings name; it takes seconds, and runs hardly a forward.

        Measuring, `precision = "auto"` takes the fastest format that agrees with fp32, as a worker
        does, or what an earlier start found it to be; without that it is fp32, the same on every
        machine.

        Raises:
            Misconfigured: The model, or its precision, is refused; the message names the reason
                and the fix.
            Unavailable: It has to be fetched from a hub that does not answer.
        """
        identity = identify(settings)
        loaded = loading.load(settings)
        model = cls(settings, identity, loaded)
        model._check_scores()
        if measure and model.device == "cpu":
            model._memory = Memory(identity, settings)
        if settings.precision == "int8" or (settings.precision == "auto" and measure):
            model._quicken(loaded, settings.precision)
        return model

    def _quicken(self, loaded: loading.Loaded, precision: str) -> None:
        """Switch to eight bits if they suit this model, or to the fastest format that agrees."""
        encoded = self._encoder.encode(probes())
        windows = [each.windows[0] for each in encoded if isinstance(each, Encoded)]
        known = self._memory.choice.precision if self._memory else ""
        quick = None
        if precision in {"auto", known}:
            quick = again(known, loaded, self._forward, windows)
        if quick:
            self._forward, self.precision = quick, Precision(known, "chosen at an earlier start")
        elif precision == "int8":
            self._forward, proof = int8.proven(loaded, self._forward, windows)
            _log.info("int8_proven", model=self.identity.model.name, **asdict(proof))
        else:
            self._forward, self.precision = fastest(loaded, self._forward, windows)
            _log.info("precision_chosen", model=self.identity.model.name, **asdict(self.precision))

    def _check_scores(self) -> None:
        """Refuse a model that scores nothing, or whose scores change with padding on the right."""
        short, long = self._encoder.encode((_WORD, f"{_WORD} " * _LONG))
        if isinstance(short, Fault) or isinstance(long, Fault):
            return
        with torch.inference_mode():
            (alone,) = self._forward(short.windows)
            padded, _ = self._forward((short.windows[0], long.windows[0]))
        if isinstance(alone, Fault) and alone.code != "out-of-memory":
            said = alone.detail or "its scores are not finite"
            raise Misconfigured(
                f"{self.identity.model.name}: it cannot score the word {_WORD!r}: {said}. Fix: "
                "look at its weights, and at `temperature` and `precision`"
            )
        if isinstance(alone, Fault) or isinstance(padded, Fault):
            return
        if max(abs(one - other) for one, other in zip(alone, padded, strict=True)) > _APART:
            raise Misconfigured(
                f"{self.identity.model.name}: a text's score changes with its neighbours, since "
                "this architecture cannot be padded on the right: choose another one"
            )

    def warm_up(self) -> None:
        """Run the first forwards and find the token budget; 2 s at most on a CPU.

        What was chosen is kept for the next start, if `load` measured.
        """
        known = self._memory.choice.token_budget if self._memory else 0
        budget = known if self._measure else self.token_budget
        tried = (budget,) if budget else _TRIED[self.device]
        with torch.inference_mode():
            self.token_budget = _best_budget(self._forward, self.max_tokens, tried)
        if self._memory:
            measured = self.token_budget if self._measure else 0
            self._memory.keep(self.precision.precision, measured)

    def score(self, texts: Sequence[str]) -> list[Score | Fault]:
        """Score each text.

        A text's score does not depend on its neighbours (1e-4 in fp32), and one that cannot be
        scored is a fault at its own place: `not-finite`, `out-of-memory` or `error`.

        Returns:
            One item for each text, in order.

        Raises:
            Unavailable: The GPU failed; this process cannot use it any more.
        """
        encoded = self._encoder.encode(texts)
        read = (item for item in encoded if isinstance(item, Encoded))
        windows = [window for item in read for window in item.windows]
        remaining = iter(self._forward.over(windows, self.token_budget))
        return [
            item
            if isinstance(item, Fault)
            else self._joined(item, [next(remaining) for _ in item.windows])
            for item in encoded
        ]

    def _joined(self, text: Encoded, rows: list[list[float] | Fault]) -> Score | Fault:
        """Return one score for a text's windows: their mean, weighted by tokens."""
        weights = [len(window) for window in text.windows]
        tokens = sum(weights)
        sums = [0.0] * len(self.tones)
        for weight, row in zip(weights, rows, strict=True):
            if isinstance(row, Fault):
                return row
            for column, value in enumerate(row):
                sums[column] += value * weight / tokens
        return Score(dict(zip(self.tones, sums, strict=True)), tokens, text.truncated)


def _best_budget(forward: Forward, max_tokens: int, tried: Sequence[int]) -> int:
    """Return the padded tokens of the forward that is fastest per token, within 2 s."""
    end = time.perf_counter() + _SECONDS
    length = min(_TEXT_TOKENS, max_tokens)
    best, pace = tried[0], 0.0
    for budget in tried:
        windows = [[forward.token] * length] * max(1, budget // length)
        forward(windows)
        if len(tried) == 1:
            break
        fastest = float("inf")
        for _ in range(3):
            start = time.perf_counter()
            forward(windows)
            fastest = min(fastest, time.perf_counter() - start)
            if time.perf_counter() > end:
                break
        if budget / fastest > pace * _WORTHWHILE:
            best, pace = budget, budget / fastest
        if time.perf_counter() + 8 * fastest > end:  # twice the size, four times
            break
    return best
