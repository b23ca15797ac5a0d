"""A fast training forward pass over the weights of a stock BertForSequenceClassification.

The weights stay those of the stock class, so that what is saved loads with no code of ours. The
pass differs from the stock one in speed, not in result, but for rounding and for the dropout of
attention weights, which is left out: matrix products in bfloat16 on CPUs that are quick at them
and on GPUs, the last layer only for the [CLS] token, and cheap dropout masks. Any other
architecture, as a teacher may have, runs the forward pass of its own class.
"""

import math
import time
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import BertForSequenceClassification, PreTrainedModel
from transformers.models.bert.modeling_bert import BertLayer


def fastest_dtype(device: str = "cpu") -> torch.dtype:
    """Bfloat16 where the device multiplies it faster than float32: GPUs, and CPUs with AMX."""
    if device != "cpu":
        return torch.bfloat16

    def seconds(dtype: torch.dtype) -> float:
        rows, weight = torch.ones(512, 384, dtype=dtype), torch.ones(1536, 384, dtype=dtype)
        best = math.inf
        for _ in range(5):
            begun = time.perf_counter()
            functional.linear(rows, weight)
            best = min(best, time.perf_counter() - begun)
        return best

    return min(torch.float32, torch.bfloat16, key=seconds)


class Dropout:
    """Inverted dropout; on a CPU from raw random bytes, since torch's costs an eighth of a step."""

    def __init__(self, rate: float, seed: int) -> None:
        """Drop one value in 1/`rate`, in steps of 1/256."""
        self._rate, self._below = rate, round(rate * 256)
        self._bits = np.random.SFC64(seed)

    def __call__(self, x: Tensor) -> Tensor:
        if not self._below:
            return x
        if x.device.type != "cpu":
            return functional.dropout(x, self._rate)
        raw = self._bits.random_raw((x.numel() + 7) // 8).view(np.uint8)[: x.numel()]
        mask = torch.from_numpy(raw).view(x.shape) >= self._below
        return x * (mask.to(x.dtype) * (256 / (256 - self._below)))


NO_DROPOUT: Final = Dropout(0.0, 0)


def _linear(layer: nn.Linear, x: Tensor) -> Tensor:
    return functional.linear(x, layer.weight.to(x.dtype), layer.bias.to(x.dtype))


def _norm(layer: nn.LayerNorm, x: Tensor) -> Tensor:
    weight, bias = layer.weight.to(x.dtype), layer.bias.to(x.dtype)
    return functional.layer_norm(x, layer.normalized_shape, weight, bias, layer.eps)


def _layer(layer: BertLayer, x: Tensor, mask: Tensor, drop: Dropout, *, cls_only: bool) -> Tensor:
    attention = layer.attention.self
    texts = x.shape[0]
    heads = attention.num_attention_heads

    def split(linear: nn.Linear, source: Tensor) -> Tensor:
        return _linear(linear, source).view(texts, source.shape[1], heads, -1).transpose(1, 2)

    asking = x[:, :1] if cls_only else x
    query, key = split(attention.query, asking), split(attention.key, x)
    scores = query @ key.transpose(2, 3) / math.sqrt(query.shape[-1]) + mask
    context = scores.softmax(-1) @ split(attention.value, x)
    context = context.transpose(1, 2).reshape(texts, asking.shape[1], -1)
    output = layer.attention.output
    x = _norm(output.LayerNorm, asking + drop(_linear(output.dense, context)))
    inner = functional.gelu(_linear(layer.intermediate.dense, x))
    return _norm(layer.output.LayerNorm, x + drop(_linear(layer.output.dense, inner)))


def logits(
    model: PreTrainedModel,
    ids: Tensor,
    lengths: Tensor,
    drop: Dropout,
    *,
    dtype: torch.dtype | None,
    states: list[Tensor] | None = None,
) -> Tensor:
    """Logits [texts, tones] in float32 for right-padded ids [texts, longest].

    They come by way of `dtype`; without one, from the stock class, as a stranger runs it. On the
    fast way `states` takes what each layer gives, [texts, longest, width]; the last, [CLS] alone.
    """
    padding = torch.arange(ids.shape[1], device=ids.device)[None, :] >= lengths[:, None]
    if dtype and isinstance(model, BertForSequenceClassification):
        return _fast(model, ids, padding, drop, dtype, states)
    with torch.autocast(ids.device.type, dtype, enabled=dtype is not None):
        found: Tensor = model(input_ids=ids, attention_mask=(~padding).long()).logits
    return found.float()


def _fast(
    model: BertForSequenceClassification,
    ids: Tensor,
    padding: Tensor,
    drop: Dropout,
    dtype: torch.dtype,
    states: list[Tensor] | None,
) -> Tensor:
    bert = model.bert
    embeddings = bert.embeddings
    length = ids.shape[1]
    places = embeddings.position_embeddings.weight[:length]
    fixed = places + embeddings.token_type_embeddings.weight[0]
    table = embeddings.word_embeddings.weight
    words = functional.embedding(ids, table, sparse=_sparse(table))
    x = words + fixed
    x = drop(_norm(embeddings.LayerNorm, x).to(dtype))
    mask = (padding.to(dtype) * -1e4)[:, None, None, :]
    last = len(bert.encoder.layer) - 1
    for number, layer in enumerate(bert.encoder.layer):
        x = _layer(layer, x, mask, drop, cls_only=number == last)
        if states is not None:
            states.append(x)
    pooled = _linear(bert.pooler.dense, x[:, 0].float()).tanh()
    return _linear(model.classifier, drop(pooled))


def _sparse(words: Tensor) -> bool:
    """Whether the gradient holds just the words of a batch: see Optimizer."""
    return words.requires_grad and words.device.type == "cpu"


class Optimizer:
    """AdamW with smaller rates for lower layers, and Adam over just the words a batch holds.

    The word embeddings are half of all weights of a small model; on a CPU a dense update of them
    takes as long as a fifth of the forward and backward pass together.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        rate: float,
        *,
        layer_decay: float,
        weight_decay: float,
    ) -> None:
        """Peak `rate` of the head; each layer below gets `layer_decay` times the one above."""
        depth = model.config.num_hidden_layers
        words = model.get_input_embeddings().weight
        sparse = isinstance(model, BertForSequenceClassification) and _sparse(words)
        groups: dict[tuple[float, float], list[nn.Parameter]] = {}
        for name, parameter in model.named_parameters():
            if (sparse and parameter is words) or not parameter.requires_grad:
                continue
            below = depth if ".embeddings." in name else 0
            if ".layer." in name:
                below = depth - 1 - int(name.split(".layer.")[1].split(".")[0])
            plain = name.endswith("bias") or "LayerNorm" in name
            decay = 0.0 if plain else weight_decay
            groups.setdefault((rate * layer_decay**below, decay), []).append(parameter)
        # one call for all parameters of a group: on a GPU one for each takes as long as a forward
        alike: list[dict[str, Any]] = [
            {"params": members, "lr": own, "weight_decay": decay}
            for (own, decay), members in groups.items()
        ]
        dense = torch.optim.AdamW(alike, fused=True, betas=(0.9, 0.98))
        self._optimizers: list[torch.optim.Optimizer] = [dense]
        if sparse:
            word_rate = rate * layer_decay**depth
            self._optimizers.append(torch.optim.SparseAdam([words], word_rate, betas=(0.9, 0.98)))
        self._peaks = [[group["lr"] for group in each.param_groups] for each in self._optimizers]
        self._clipped = [each for members in groups.values() for each in members]

    def step(self, share: float) -> None:
        """Update at this share of the peak rates, and forget the gradients."""
        torch.nn.utils.clip_grad_norm_(self._clipped, 1.0)
        for optimizer, peaks in zip(self._optimizers, self._peaks, strict=True):
            for group, peak in zip(optimizer.param_groups, peaks, strict=True):
                group["lr"] = peak * share
            optimizer.step()
            optimizer.zero_grad()

    def state_dict(self) -> dict[str, Any]:
        return {str(place): each.state_dict() for place, each in enumerate(self._optimizers)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        for place, each in enumerate(self._optimizers):
            each.load_state_dict(state[str(place)])
