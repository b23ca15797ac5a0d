"""Turn one or more runs into the model directory that ships.

`python -m training.export --runs RUN... --dev FILE... --out daemon/model/default` averages the
weights of the runs (they must share their base and head, as train.py's do), fits the temperature on
the dev files, writes fp16 weights, loads them again as a stranger would, and reports on them.
"""

import argparse
import json
from pathlib import Path
from typing import Final

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from training.data import LABELS, PREPROCESSING, batches, read_tsv, tokenise
from training.metrics import Floats, Ints, calibration_error, report, softmax

NAME: Final = "tone-minilm"


def average(runs: list[Path]) -> dict[str, torch.Tensor]:
    """The mean of the runs' weights, in float32."""
    states = [load_file(run / "model.safetensors") for run in runs]
    return {name: torch.stack([state[name] for state in states]).mean(0) for name in states[0]}


def fit_temperature(labels: Ints, logits: Floats) -> float:
    """The temperature with the least negative log likelihood (Guo et al. 2017), to 0.01."""
    grid = [number / 100 for number in range(30, 301)]
    rows = np.arange(len(labels))
    losses = [-np.log(softmax(logits, value)[rows, labels] + 1e-12).mean() for value in grid]
    return grid[int(np.argmin(losses))]


def write(runs: list[Path], out: Path, settings: dict[str, object]) -> None:
    """Write weights, config, tokenizer and Tonebus's own settings."""
    out.mkdir(parents=True, exist_ok=True)
    weights = {name: value.half().contiguous() for name, value in average(runs).items()}
    save_file(weights, out / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((runs[0] / "config.json").read_text())
    for key in ("_name_or_path", "gradient_checkpointing", "transformers_version", "torch_dtype"):
        config.pop(key, None)
    # float32, though the file is fp16: "auto" must not pick fp16 arithmetic on a CPU
    config |= {"dtype": "float32", "problem_type": "single_label_classification"}
    config["architectures"] = ["BertForSequenceClassification"]
    dump(out / "config.json", config)
    tokenizer = json.loads((runs[0] / "tokenizer.json").read_text(encoding="utf-8"))
    tokenizer |= {"truncation": None, "padding": None}
    text = json.dumps(tokenizer, ensure_ascii=False, separators=(",", ":"))
    (out / "tokenizer.json").write_text(text + "\n", encoding="utf-8")
    special = {
        f"{name}_token": f"[{name.upper()}]" for name in ("unk", "sep", "pad", "cls", "mask")
    }
    dump(
        out / "tokenizer_config.json",
        {"tokenizer_class": "BertTokenizer", "do_lower_case": True, "model_max_length": 512}
        | special,
    )
    dump(out / "tonebus.json", settings)
    for path in out.iterdir():
        path.chmod(0o644)  # safetensors writes files that only their owner may read


def dump(path: Path, value: object) -> None:
    """Write indented JSON."""
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


def stock_scores(directory: Path, texts: list[str], preprocessing: str, limit: int) -> Floats:
    """Logits in float32, by the stock classes alone, as a stranger loads the directory."""
    model = AutoModelForSequenceClassification.from_pretrained(
        directory, use_safetensors=True, dtype=torch.float32
    ).eval()
    tokenizer = AutoTokenizer.from_pretrained(directory)
    tokens = tokenise(texts, tokenizer, preprocessing=preprocessing, max_tokens=limit)
    result = np.zeros((len(texts), len(LABELS)), dtype=np.float32)
    with torch.inference_mode():
        for batch in batches(tokens, range(len(tokens)), token_budget=4096):
            mask = torch.arange(batch.ids.shape[1])[None, :] < batch.lengths[:, None]
            found = model(input_ids=batch.ids, attention_mask=mask.long()).logits
            result[batch.rows.numpy()] = found.numpy()
    return result


def main() -> None:
    """Average, calibrate, write, read back, report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=Path, nargs="+", required=True)
    parser.add_argument("--dev", type=Path, nargs="+", required=True)
    parser.add_argument("--calibrate-on", nargs="*", default=["dev_tweets", "dev_reviews"])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--preprocessing", default=PREPROCESSING)
    parser.add_argument("--max-tokens", type=int, default=128)
    args = parser.parse_args()
    settings: dict[str, object] = {
        "name": NAME,
        "preprocessing": args.preprocessing,
        "temperature": 1.0,
        "max_tokens": args.max_tokens,
    }
    write(args.runs, args.out, settings)
    files = {path.stem: read_tsv(path) for path in args.dev}
    labels = {name: np.array([row.label for row in rows]) for name, rows in files.items()}
    logits = {
        name: stock_scores(
            args.out, [row.text for row in rows], args.preprocessing, args.max_tokens
        )
        for name, rows in files.items()
    }
    together = [name for name in files if name in args.calibrate_on]
    all_labels = np.concatenate([labels[name] for name in together])
    all_logits = np.concatenate([logits[name] for name in together])
    temperature = fit_temperature(all_labels, all_logits)
    dump(args.out / "tonebus.json", settings | {"temperature": temperature})
    for name in files:
        error = calibration_error(labels[name], softmax(logits[name], temperature))
        print(name, json.dumps(report(labels[name], logits[name]) | {"ece": round(error, 4)}))
    error = calibration_error(all_labels, softmax(all_logits, temperature))
    print(f"temperature {temperature}, ece of {' and '.join(together)}: {error:.4f}")


if __name__ == "__main__":
    main()
