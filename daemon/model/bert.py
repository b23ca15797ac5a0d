"""The weights of BERT's kind, for the forward of our own: no network of transformers is imported.

With it a worker would import a thousand modules more, most of them torch's compiler and SymPy:
90 MB and half of its start.
"""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
import torch
from safetensors import safe_open
from tokenizers import Tokenizer
from torch.nn import functional

from daemon.model import packed, vetting

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from torch import Tensor

ACTIVATIONS: Final[dict[str, Callable[[Tensor], Tensor]]] = {
    "gelu": functional.gelu,
    "gelu_new": partial(functional.gelu, approximate="tanh"),
    "relu": functional.relu,
}
_PREFIXES: Final = {"bert": "bert.", "roberta": "roberta.", "xlm-roberta": "roberta."}
"""By the type of a model, what stands before the names of its weights, save those of its head."""
_WORDS: Final = "embeddings.word_embeddings.weight"
_OLD_NAMES: Final = {"LayerNorm.gamma": "LayerNorm.weight", "LayerNorm.beta": "LayerNorm.bias"}


class Words(torch.nn.Module):
    """The table of words, as it lies in its file: rows become floats when they are looked up.

    The file stays mapped, so that all workers of a host share its pages.
    """

    def __init__(self, weight: Tensor, scale: Tensor | None) -> None:
        super().__init__()
        self.weight: Tensor = weight
        self._scale = scale

    def forward(self, ids: Tensor) -> Tensor:
        """Return the rows of ids, in the type of the file or, where it is packed, in fp32."""
        if self._scale is None:
            return self.weight[ids]
        rows = ids.flatten()
        return packed.floats(self.weight[rows], self._scale[rows]).view(*ids.shape, -1)

    def scaled_in(self, dtype: torch.dtype) -> Words:
        return Words(self.weight, None if self._scale is None else self._scale.to(dtype))


class Bert(msgspec.Struct, frozen=True):
    """A BERT or RoBERTa with a head for sequence classification, on a CPU.

    Attributes:
        weights: By transformers' names without their prefix; all but the words, in one type.
        first_place: Row of the first token's position.
        head: Names of the two products after the last layer.
    """

    config: Any
    weights: dict[str, Tensor]
    words: Words
    first_place: int
    head: tuple[str, str]

    def to(self, dtype: torch.dtype) -> Bert:
        weights = {name: weight.to(dtype) for name, weight in self.weights.items()}
        return msgspec.structs.replace(self, weights=weights, words=self.words.scaled_in(dtype))

    @property
    def positions(self) -> int:
        """Longest input, in tokens."""
        return len(self.weights["embeddings.position_embeddings.weight"]) - self.first_place


class Parts(NamedTuple):
    """What is read of a model directory.

    Attributes:
        network: A stock network, or the bare weights of BERT's kind on a CPU; it has a `config`.
        pad: Token id that fills the right of shorter texts.
        max_tokens: Longest input that tokenizer and positions allow.
    """

    network: torch.nn.Module | Bert
    tokenizer: Tokenizer
    pad: int
    max_tokens: int


class _Config(msgspec.Struct, frozen=True):
    """What the forward needs of the `config.json` of a model that ships."""

    model_type: str
    is_decoder: bool
    hidden_act: str
    num_hidden_layers: int
    num_attention_heads: int
    layer_norm_eps: float
    pad_token_id: int
    id2label: dict[str, str]
    problem_type: str


def shipped(where: Path, _device: torch.device, dtype: torch.dtype) -> Parts:
    """Read a model that ships, whose files say all; transformers reads the same from them."""
    config = msgspec.json.decode((where / "config.json").read_bytes(), type=_Config)
    network = read(where, config, dtype)
    if network is None:
        raise RuntimeError(f"{where} lacks weights")
    tokenizer = Tokenizer.from_file(str(where / "tokenizer.json"))
    return Parts(network, tokenizer, config.pad_token_id, network.positions)


def read(where: Path, config: Any, dtype: torch.dtype) -> Bert | None:  # noqa: ANN401 - transformers has no types
    """Read the weights of a model directory; None where it is of another kind, or lacks some."""
    prefix = _PREFIXES.get(config.model_type)
    if (
        prefix is None
        or config.is_decoder
        or config.hidden_act not in ACTIVATIONS
        or getattr(config, "position_embedding_type", "absolute") != "absolute"
    ):
        return None
    plain = config.model_type == "bert"
    head = ("pooler.dense", "classifier") if plain else ("classifier.dense", "classifier.out_proj")
    weights, words = _read(where, prefix, dtype)
    if words is None or not _names(config.num_hidden_layers, head) <= weights.keys():
        return None
    # RoBERTa numbers positions from beyond its padding id
    return Bert(config, weights, words, 0 if plain else config.pad_token_id + 1, head)


def _read(where: Path, prefix: str, dtype: torch.dtype) -> tuple[dict[str, Tensor], Words | None]:
    weights, words = {}, None
    for path in vetting.weights(where):
        with ExitStack() as stack:
            file: Any = stack.enter_context(safe_open(path, "pt"))
            for name in file.keys():  # noqa: SIM118 - it is no dictionary
                short = name.removeprefix(prefix)
                if short == _WORDS:
                    words = _words(path, name).scaled_in(dtype)
                elif not name.endswith(packed.SCALE):
                    for old, new in _OLD_NAMES.items():
                        short = short.replace(old, new)
                    # a copy, or the whole file would stay in memory
                    weights[short] = packed.tensor(file, name).to(dtype, copy=True)
    return weights, words


def _words(path: Path, name: str) -> Words:
    # opened for the words alone: the pages of the other weights go with the other mapping
    with safe_open(path, "pt") as file:
        scaled = name + packed.SCALE in file.keys()  # noqa: SIM118 - it is no dictionary
        scale = file.get_tensor(name + packed.SCALE).clone() if scaled else None
        return Words(file.get_tensor(name), scale)


def _names(layers: int, head: tuple[str, str]) -> set[str]:
    """Return the names of all weights that the forward needs, save the words."""
    pairs = {"embeddings.LayerNorm", *head}
    for number in range(layers):
        pairs |= {f"encoder.layer.{number}.{part}" for part in _PARTS}
    tables = {f"embeddings.{each}_embeddings.weight" for each in ("position", "token_type")}
    return tables | {f"{pair}.{each}" for pair in pairs for each in ("weight", "bias")}


_PARTS: Final = (
    "attention.self.query", "attention.self.key", "attention.self.value",
    "attention.output.dense", "attention.output.LayerNorm",
    "intermediate.dense", "output.dense", "output.LayerNorm",
)  # fmt: skip
