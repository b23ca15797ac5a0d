"""A forward of BERT's kind over texts strung together, for CPUs.

A stock network pads the texts of a forward to one length, and computes every token in its last
layer, though only the first one is read. This one does neither, with the same weights and, except
for rounding, the same logits: a text costs what its own tokens cost, whatever its neighbours.
"""

from __future__ import annotations

from itertools import accumulate, groupby
from typing import TYPE_CHECKING, Any, NamedTuple

import structlog
import torch
from torch.nn import functional
from transformers import (
    BertForSequenceClassification,
    RobertaForSequenceClassification,
    XLMRobertaForSequenceClassification,
)

from daemon.model import products
from daemon.model.batching import string

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

    from daemon.model.products import Maker, Product

_KINDS = (
    BertForSequenceClassification,
    RobertaForSequenceClassification,
    XLMRobertaForSequenceClassification,
)
_PROOF_LENGTHS = (11, 7, 7, 2)
_CLOSE = {torch.float32: 1e-3, torch.bfloat16: 0.1, torch.float16: 0.02}
_log = structlog.get_logger(__name__)


class _Layer(NamedTuple):
    query: Product
    key_value: Product
    mix: Product
    mix_norm: Callable[[Tensor], Tensor]
    widen: Product
    act: Callable[[Tensor], Tensor]
    narrow: Product
    norm: Callable[[Tensor], Tensor]

    @classmethod
    def of(cls, layer: Any, number: int, make: Maker) -> _Layer:  # noqa: ANN401 - transformers has no types
        def product(part: str, *linears: Any) -> Product:  # noqa: ANN401 - likewise
            weight = torch.cat([linear.weight for linear in linears])
            bias = torch.cat([linear.bias for linear in linears])
            return make(weight, bias, f"{number}.{part}")

        attention, mixing = layer.attention.self, layer.attention.output
        return cls(
            product("query", attention.query),
            product("key_value", attention.key, attention.value),
            product("mix", mixing.dense),
            mixing.LayerNorm,
            product("widen", layer.intermediate.dense),
            layer.intermediate.intermediate_act_fn,
            product("narrow", layer.output.dense),
            layer.output.LayerNorm,
        )


class Unpadded:
    """The forward.

    Args:
        network: A stock BERT or RoBERTa with a head for sequence classification, on a CPU.
        make: How its matrix products are done.

    Attributes:
        embeddings: The table of words that it looks token ids up in.
        groups: Which texts should share a forward.
    """

    groups = staticmethod(string)

    def __init__(self, network: Any, make: Maker) -> None:  # noqa: ANN401 - transformers has no types
        base = network.base_model
        self.embeddings: torch.nn.Embedding = network.get_input_embeddings()
        self._embed = base.embeddings
        # RoBERTa numbers positions from beyond its padding id
        beyond = getattr(base.embeddings, "padding_idx", None)
        self._first_place = 0 if beyond is None else beyond + 1
        self._heads = network.config.num_attention_heads
        self._layers = [
            _Layer.of(layer, number, make) for number, layer in enumerate(base.encoder.layer)
        ]
        self._pool = base.pooler or torch.nn.Identity()
        self._classify = network.classifier

    def __call__(self, windows: Sequence[list[int]]) -> Tensor:
        """Logits of shape (windows, labels); windows of one length should stand together."""
        runs = [(len(list(run)), length) for length, run in groupby(map(len, windows))]
        ids = _filled([token for window in windows for token in window])
        places = _filled([place for window in windows for place in range(len(window))])
        rows = self._embed(
            input_ids=torch.tensor([ids]),
            position_ids=torch.tensor([places]) + self._first_place,
        )[0]
        *layers, last = self._layers
        for layer in layers:
            rows = self._layer(layer, rows, rows, runs, asking=0)
        firsts = rows[_filled([0, *accumulate(map(len, windows[:-1]))])]
        firsts = self._layer(last, firsts, rows, runs, asking=1)
        # heads look for the first token along an axis of tokens
        logits: Tensor = self._classify(self._pool(firsts[:, None]))
        return logits[: len(windows)]

    def agrees(self, network: Any) -> bool:  # noqa: ANN401 - as above
        """Whether the stock network gives the same logits, each text on its own."""
        # ids from the end of the vocabulary, where no special tokens are
        last = network.config.vocab_size - 1
        windows = [list(range(last - length, last)) for length in _PROOF_LENGTHS]
        with torch.inference_mode():
            ours = self(windows)
            theirs = [network(input_ids=torch.tensor([window])).logits for window in windows]
        return torch.allclose(ours, torch.cat(theirs), rtol=0, atol=_CLOSE[ours.dtype])

    def _layer(
        self, layer: _Layer, rows: Tensor, tokens: Tensor, runs: list[tuple[int, int]], asking: int
    ) -> Tensor:
        found = self._attend(layer.query(rows), layer.key_value(tokens), runs, asking)
        rows = layer.mix_norm(layer.mix(found) + rows)
        return layer.norm(layer.narrow(layer.act(layer.widen(rows))) + rows)

    def _attend(
        self, queries: Tensor, keys_values: Tensor, runs: list[tuple[int, int]], asking: int
    ) -> Tensor:
        """Let each text's queries attend to its own tokens.

        Args:
            queries: [rows, width]; of each text either all tokens' or the first `asking`. Rows
                beyond the last text are nobody's.
            keys_values: [tokens, 2 x width].
            runs: How many texts of which length follow one another.
            asking: Queries of each text; 0 for one from each token.

        Returns:
            [rows, width].
        """
        width = queries.shape[1]
        found = torch.zeros_like(queries)
        row = token = 0
        for count, length in runs:
            each = asking or length
            mine = slice(row, row + count * each)
            theirs = keys_values[token : token + count * length]
            query = queries[mine].view(count, each, self._heads, -1).transpose(1, 2)
            key, value = theirs.view(count, length, 2, self._heads, -1).permute(2, 0, 3, 1, 4)
            attended = functional.scaled_dot_product_attention(query, key, value)
            found[mine] = attended.transpose(1, 2).reshape(-1, width)
            row, token = mine.stop, token + count * length
        return found


def _filled(values: list[int]) -> list[int]:
    """Append zeros, up to one of the few row counts for which products are done.

    oneDNN compiles code for each count of rows, and keeps it: with all counts, memory would grow by
    gigabytes. These are multiples of 8, in steps of an eighth to a quarter of what they fill.
    """
    count = len(values)
    step = max(8, 1 << max(0, (count - 1).bit_length() - 3))
    return values + [0] * (-count % step)


def unpadded(network: Any) -> Unpadded | None:  # noqa: ANN401 - as above
    """Return a faster forward of a network, proven on it; None where there is none.

    The network may be of any architecture and on any device, and is not needed any more.
    """
    if type(network) not in _KINDS or network.config.is_decoder or network.device.type != "cpu":
        return None
    fast = Unpadded(network, products.exact)
    if not (agrees := fast.agrees(network)):
        # transformers has changed its BERT: slow is better than wrong
        _log.warning("unpadded_forward_refused", architecture=type(network).__name__)
    return fast if agrees else None
