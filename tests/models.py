"""A tiny model with random weights, but a real one: its tone for a text is always the same."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

from daemon.settings import ModelSettings

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

NAME = "tiny"
TONES = ("negative", "neutral", "positive")
_WORDS = (
    "the a i it was is not very really good great love nice bad awful hate broken late ok fine "
    "thanks refund order app service phone today again never always number ! ? . , '"
)
_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_ALPHABET = "abcdefghijklmnopqrstuvwxyz"
_DIGITS = "0123456789"
_TOKENIZER: Any = PreTrainedTokenizerFast
_CARD = {"name": NAME, "preprocessing": "none", "temperature": 1.0, "max_tokens": 64}


def save(where: Path, *, seed: int = 7) -> Path:
    """Save a BERT of two layers, with its tokenizer and its card; return its directory."""
    tokenizer = wordpiece(_WORDS.split(), _ALPHABET + _DIGITS)
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=tokenizer.vocab_size,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=64,
        pad_token_id=tokenizer.pad_token_id,
        id2label=dict(enumerate(TONES)),
        label2id={tone: place for place, tone in enumerate(TONES)},
        # far from zero, so that different texts get different tones
        initializer_range=0.3,
    )
    model: Any = BertForSequenceClassification(config)
    _centre(model, tokenizer)
    model.save_pretrained(where)
    tokenizer.save_pretrained(where)
    (where / "tonebus.json").write_text(json.dumps(_CARD), encoding="utf-8")
    return where


def settings(where: Path) -> ModelSettings:
    """The settings under which the tests' processes know it.

    In fp32, since what `auto` takes depends on how busy the machine is.
    """
    return ModelSettings(
        name=NAME, source=str(where), precision="fp32", threads=1, token_budget=1024
    )


def toml(where: Path) -> str:
    """The same, for a configuration file: one model, and the default connector read with it."""
    return f'{table(NAME, where)}\n[[connectors]]\nmodel = "{NAME}"\n'


def table(name: str, where: Path) -> str:
    """One model for a configuration file."""
    own = f'[[models]]\nname = "{name}"\nsource = "{where}"\n'
    return f'{own}precision = "fp32"\nthreads = 1\ntoken_budget = 1024\n'


def wordpiece(words: Iterable[str], characters: str = _ALPHABET) -> Any:
    """A BERT tokenizer that knows these words, and spells all others."""
    pieces = (*_SPECIAL, *words, *characters, *("##" + each for each in characters))
    vocabulary = {piece: place for place, piece in enumerate(dict.fromkeys(pieces))}
    engine = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    engine.normalizer = normalizers.BertNormalizer()
    engine.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    engine.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return _TOKENIZER(
        tokenizer_object=engine,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
    )


def _centre(model: Any, tokenizer: Any) -> None:
    """Shift the logits so that each tone is as likely as the others."""
    words = _WORDS.split()
    sample = [f"number {place} {a} {b}" for place, (a, b) in enumerate(pairwise(words))]
    with torch.inference_mode():
        logits = model.eval()(**tokenizer(sample, padding=True, return_tensors="pt")).logits
        spread = logits.std(0)
        model.classifier.weight /= spread[:, None]
        model.classifier.bias -= logits.mean(0)
        model.classifier.bias /= spread
