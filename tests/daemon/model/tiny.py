"""Real models of real architectures, tiny and with random weights, saved as a user would."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import torch
from tokenizers import (
    Tokenizer,
    decoders,
    models,
    pre_tokenizers,
    processors,
    trainers,
)
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    DistilBertConfig,
    DistilBertForSequenceClassification,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaForSequenceClassification,
    XLNetConfig,
    XLNetForSequenceClassification,
)

from daemon.settings import ModelSettings
from tests.models import wordpiece

if TYPE_CHECKING:
    from pathlib import Path

THREE = ("negative", "neutral", "positive")
_SENTENCE = (
    "the a I it was is not very really good great love nice bad awful hate broken late ok fine "
    "thanks refund order app service phone today again never always @user http ! ? . , ' \" #"
)
WORDS = tuple(_SENTENCE.split())
_TOKENIZER: Any = PreTrainedTokenizerFast
_SIZE: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
}


def bert(where: Path, labels: tuple[str, ...] = THREE, positions: int = 64, **more: Any) -> Path:
    """A BERT with a WordPiece tokenizer."""
    tokenizer = wordpiece(word.lower() for word in WORDS)
    config = BertConfig(
        vocab_size=tokenizer.vocab_size,
        max_position_embeddings=positions,
        pad_token_id=tokenizer.pad_token_id,
        **_SIZE,
        **_named(labels),
        **more,
    )
    return _save(where, BertForSequenceClassification, config, tokenizer)


def distilbert(where: Path, labels: tuple[str, ...] = THREE) -> Path:
    """A DistilBERT, which knows no token types."""
    tokenizer = wordpiece(word.lower() for word in WORDS)
    config = DistilBertConfig(
        vocab_size=tokenizer.vocab_size,
        max_position_embeddings=64,
        pad_token_id=tokenizer.pad_token_id,
        dim=32,
        n_layers=2,
        n_heads=4,
        hidden_dim=64,
        **_named(labels),
    )
    return _save(where, DistilBertForSequenceClassification, config, tokenizer)


def xlnet(where: Path) -> Path:
    """An XLNet, which reads its verdict from the last position, padded or not."""
    tokenizer = wordpiece(word.lower() for word in WORDS)
    config = XLNetConfig(
        vocab_size=tokenizer.vocab_size, d_model=32, n_layer=2, n_head=4, d_inner=64,
        pad_token_id=tokenizer.pad_token_id, **_named(THREE),
    )  # fmt: skip
    return _save(where, XLNetForSequenceClassification, config, tokenizer)


def roberta(where: Path, labels: tuple[str, ...] = THREE) -> Path:
    """A RoBERTa, whose positions begin beyond the padding id, with a byte-level BPE."""
    engine = Tokenizer(models.BPE())
    engine.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    engine.decoder = decoders.ByteLevel()
    engine.train_from_iterator(
        [_SENTENCE] * 4,
        trainers.BpeTrainer(
            vocab_size=400,
            special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    engine.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    tokenizer = _TOKENIZER(
        tokenizer_object=engine,
        bos_token="<s>",
        eos_token="</s>",
        cls_token="<s>",
        sep_token="</s>",
        pad_token="<pad>",
        unk_token="<unk>",
        mask_token="<mask>",
    )
    config = RobertaConfig(
        vocab_size=len(tokenizer),
        max_position_embeddings=66,
        pad_token_id=1,
        type_vocab_size=1,
        **_SIZE,
        **_named(labels),
    )
    return _save(where, RobertaForSequenceClassification, config, tokenizer)


def settings(where: Path, **more: Any) -> ModelSettings:
    """Settings for a tiny model: one thread, a budget that splits small batches."""
    return ModelSettings(source=str(where), **({"threads": 1, "token_budget": 128} | more))


def edit(path: Path, **changes: Any) -> None:
    """Change keys of a JSON file; None removes one."""
    content = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    content.update(changes)
    kept = {key: value for key, value in content.items() if value is not None}
    path.write_text(json.dumps(kept), encoding="utf-8")


def _named(labels: tuple[str, ...]) -> dict[str, Any]:
    return {
        "id2label": dict(enumerate(labels)),
        "label2id": {label: index for index, label in enumerate(labels)},
    }


def _save(where: Path, kind: Any, config: Any, tokenizer: Any) -> Path:
    torch.manual_seed(7)
    # Far from zero, so that different texts get visibly different scores.
    config.initializer_range = 0.3
    kind(config).save_pretrained(where)
    tokenizer.save_pretrained(where)
    return where
