"""Texts to token ids: bounded first, so that no text costs much more than its window."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from connectors.messages import Fault
from connectors.text import without_surrogates
from daemon.model.preprocessing import PREPROCESSORS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tokenizers import Encoding, Tokenizer

_CHARS_PER_TOKEN: Final = 20
"""A text with more characters than this for each token that fits is cut before it is tokenised."""
_WINDOWS: Final = 16
"""Windows of one text at most, where long texts are scored in windows."""


class Encoded(msgspec.Struct, frozen=True):
    """One text as the model reads it.

    Attributes:
        windows: Token ids with special tokens; more than one only where long texts are chunked.
        truncated: Whether a part of the text is in no window.
    """

    windows: tuple[list[int], ...]
    truncated: bool


class Encoder:
    """Preprocesses, cuts and tokenises.

    Args:
        tokenizer: The fast tokenizer's engine; its truncation is set here.
        preprocessing: Name of the preprocessor.
        max_tokens: Tokens of one window, special tokens included.
        chunk: Whether a long text becomes windows instead of being cut.
    """

    def __init__(
        self, tokenizer: Tokenizer, preprocessing: str, max_tokens: int, *, chunk: bool
    ) -> None:
        tokenizer.enable_truncation(max_tokens)
        self._tokenizer = tokenizer
        self._preprocess = PREPROCESSORS[preprocessing]
        self._windows = _WINDOWS if chunk else 1
        self._max_chars = max_tokens * _CHARS_PER_TOKEN * self._windows

    def encode(self, texts: Sequence[str]) -> list[Encoded | Fault]:
        """Encode each text; one that cannot be encoded is a fault, and affects no other."""
        prepared: list[str] = []
        faults: dict[int, Fault] = {}
        for index, text in enumerate(texts):
            try:
                prepared.append(self._prepare(text))
            except Exception as error:  # noqa: BLE001 - whatever it is, it is this text's alone
                prepared.append("")
                faults[index] = Fault("error", type(error).__name__)
        try:
            encodings: list[Encoding] = self._tokenizer.encode_batch_fast(prepared)
        except Exception as error:  # noqa: BLE001 - found by halving: one text alone is to blame
            if len(texts) == 1:
                return [Fault("error", type(error).__name__)]
            half = len(texts) // 2
            return self.encode(texts[:half]) + self.encode(texts[half:])
        encoded: list[Encoded | Fault] = []
        for index, (text, encoding) in enumerate(zip(texts, encodings, strict=True)):
            encoded.append(faults.get(index) or self._windowed(text, encoding))
        return encoded

    def _prepare(self, text: str) -> str:
        return self._preprocess(without_surrogates(text[: self._max_chars]))

    def _windowed(self, text: str, encoding: Encoding) -> Encoded:
        rest = encoding.overflowing
        windows = (encoding.ids, *(more.ids for more in rest[: self._windows - 1]))
        truncated = len(rest) >= self._windows or len(text) > self._max_chars
        return Encoded(windows, truncated)
