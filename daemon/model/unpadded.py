"""A forward of BERT's kind over texts strung together, for CPUs.

A stock network pads the texts of a forward to one length, and computes every token in its last
layer, though only the first one is read. This one does neither, with the same weights and, except
for rounding, the same logits: a text costs what its own tokens cost, whatever its neighbours.
"""

from __future__ import annotations

from functools import partial
from itertools import accumulate, groupby
from typing import TYPE_CHECKING, NamedTuple

import structlog
import torch
from torch.nn import functional

from daemon.model import products
from daemon.model.batching import string
from daemon.model.bert import ACTIVATIONS, Bert

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

    from daemon.model.products import Maker, Product

_PROOF_LENGTHS = (11, 7, 7, 2)
_DOZEN = 9
"""Of tokens, as a power of two."""
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
    def of(cls, network: Bert, number: int, make: Maker) -> _Layer:
        weights = network.weights

        def product(part: str, *names: str) -> Product:
            whole = [f"encoder.layer.{number}.{name}" for name in names]
            weight = torch.cat([weights[f"{name}.weight"] for name in whole])
            bias = torch.cat([weights[f"{name}.bias"] for name in whole])
            return make(weight, bias, f"{number}.{part}")

        return cls(
            product("query", "attention.self.query"),
            product("key_value", "attention.self.key", "attention.self.value"),
            product("mix", "attention.output.dense"),
            _norm(network, f"encoder.layer.{number}.attention.output.LayerNorm"),
            product("widen", "intermediate.dense"),
            ACTIVATIONS[network.config.hidden_act],
            product("narrow", "output.dense"),
            _norm(network, f"encoder.layer.{number}.output.LayerNorm"),
        )


class Unpadded:
    """The forward.

    Args:
        network: Its weights.
        make: How its matrix products are done.

    Attributes:
        embeddings: The table of words that it looks token ids up in.
        groups: Which texts should share a forward.
    """

    groups = staticmethod(string)

    def __init__(self, network: Bert, make: Maker) -> None:
        weights = network.weights
        self.embeddings = network.words
        self._places = weights["embeddings.position_embeddings.weight"]
        self._kind = weights["embeddings.token_type_embeddings.weight"][0]
        self._norm = _norm(network, "embeddings.LayerNorm")
        self._first_place = network.first_place
        self._heads = network.config.num_attention_heads
        self._layers = [
            _Layer.of(network, number, make) for number in range(network.config.num_hidden_layers)
        ]
        self._pool, self._classify = (
            products.plain(weights[f"{name}.weight"], weights[f"{name}.bias"], name)
            for name in network.head
        )

    def __call__(self, windows: Sequence[list[int]]) -> Tensor:
        """Logits of shape (windows, labels); windows of one length should stand together."""
        runs = [(len(list(run)), length) for length, run in groupby(map(len, windows))]
        ids = _filled([token for window in windows for token in window])
        places = _filled([place for window in windows for place in range(len(window))])
        words = self.embeddings(torch.tensor([ids]))[0].to(self._places.dtype)
        rows = self._norm(
            words + self._kind + self._places[torch.tensor(places) + self._first_place]
        )
        *layers, last = self._layers
        for layer in layers:
            rows = self._layer(layer, rows, rows, runs, asking=0)
        firsts = rows[_filled([0, *accumulate(map(len, windows[:-1]))])]
        firsts = self._layer(last, firsts, rows, runs, asking=1)
        return self._classify(self._pool(firsts).tanh())[: len(windows)]

    def agrees(self, other: Unpadded) -> bool:
        """Whether another forward of this model gives the same logits, each text on its own."""
        # ids from the end of the vocabulary, where no special tokens are
        last = len(self.embeddings.weight) - 1
        windows = [list(range(last - length, last)) for length in _PROOF_LENGTHS]
        with torch.inference_mode():
            ours = self(windows)
            theirs = torch.cat([other([window]) for window in windows])
        return torch.allclose(ours, theirs, rtol=0, atol=_CLOSE[ours.dtype])

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

    oneDNN keeps two megabytes for each count of rows: with all counts, memory would grow by
    gigabytes. These are multiples of 8, in steps of an eighth to a quarter of what they fill; from
    256 to 512, where a dozen texts together lie, of a sixteenth to an eighth.
    """
    count = len(values)
    octave = (count - 1).bit_length()
    step = max(8, 1 << max(0, octave - (4 if octave == _DOZEN else 3)))
    return values + [0] * (-count % step)


def _norm(network: Bert, name: str) -> Callable[[Tensor], Tensor]:
    weight, bias = (network.weights[f"{name}.{each}"] for each in ("weight", "bias"))
    return partial(
        functional.layer_norm, normalized_shape=weight.shape, weight=weight, bias=bias,
        eps=network.config.layer_norm_eps,
    )  # fmt: skip


def unpadded(network: Bert) -> Unpadded:
    """Return the fastest forward of a network, proven on it; the network is not needed any more."""
    fast, slow = Unpadded(network, products.exact), Unpadded(network, products.plain)
    if fast.agrees(slow):
        return fast
    # torch does not document oneDNN's products: slow is better than wrong
    _log.warning("unpadded_forward_refused", architecture=network.config.model_type)
    return slow
