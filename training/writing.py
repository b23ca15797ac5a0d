"""Write the directory of a model that ships."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import torch
from safetensors.torch import load_file, save_file

from daemon.model.packed import unpack
from training.packing import pack

_TOKENIZER_KEYS: Final = ("do_lower_case", "model_max_length")
_UNSHIPPED: Final = (
    "_name_or_path",
    "gradient_checkpointing",
    "transformers_version",
    "torch_dtype",
)


def average(runs: Sequence[Path]) -> dict[str, torch.Tensor]:
    """The mean of the weights of runs, or of models that ship, in float32."""
    mean = _weights(runs[0])
    for number, run in enumerate(runs[1:], 2):
        for name, value in _weights(run).items():
            mean[name].lerp_(value, 1 / number)  # equal weights stay equal to the last bit
    return mean


def _weights(run: Path) -> dict[str, torch.Tensor]:
    if (packed := unpack(run, torch.float32)) is not None:
        return packed
    return {name: value.float() for name, value in load_file(run / "model.safetensors").items()}


def write(runs: Sequence[Path], out: Path, settings: dict[str, object], *, packed: bool) -> None:
    out.mkdir(parents=True, exist_ok=True)
    weights = average(runs)
    if packed:
        pack(weights, out)
    else:
        halves = {name: value.half().contiguous() for name, value in weights.items()}
        save_file(halves, out / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((runs[0] / "config.json").read_text())
    for key in _UNSHIPPED:
        config.pop(key, None)
    # float32, though the file is not: "auto" must not pick fp16 arithmetic on a CPU
    config |= {"dtype": "float32", "problem_type": "single_label_classification"}
    config["architectures"] = ["BertForSequenceClassification"]
    dump(out / "config.json", config)
    tokenizer = json.loads((runs[0] / "tokenizer.json").read_text(encoding="utf-8"))
    tokenizer |= {"truncation": None, "padding": None}
    text = json.dumps(tokenizer, ensure_ascii=False, separators=(",", ":"))
    (out / "tokenizer.json").write_text(text + "\n", encoding="utf-8")
    dump(out / "tokenizer_config.json", _tokenizer_config(runs[0]))
    dump(out / "tonebus.json", settings)
    for path in out.iterdir():
        path.chmod(0o644)  # safetensors writes files that only their owner may read


def _tokenizer_config(run: Path) -> dict[str, object]:
    """Only what another version of transformers understands too."""
    found = json.loads((run / "tokenizer_config.json").read_text(encoding="utf-8"))
    kept = {
        key: value
        for key, value in found.items()
        if key in _TOKENIZER_KEYS or key.endswith("_token")
    }
    bert = found["tokenizer_class"].startswith("Bert")
    return {"tokenizer_class": "BertTokenizer" if bert else "PreTrainedTokenizerFast"} | kept


def dump(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
