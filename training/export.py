"""Turn one or more runs into the model directory that ships.

`python -m training.export --runs RUN... --dev FILE... --out daemon/model/default` averages the
weights of the runs (they must share their base and head, as train.py's do), writes them, loads them
again as a stranger would, fits the temperature on the dev files, measures the ranges of its columns
for workers in eight bits, and reports on the dev files.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from transformers import AutoTokenizer

from training.data import PREPROCESSING, read_tsv
from training.metrics import (
    Floats,
    Ints,
    calibration_error,
    draws,
    recall_by_source,
    report,
    softmax,
)
from training.ranges import measure
from training.scoring import load, score
from training.writing import dump, write


def fit_temperature(labels: Ints, logits: Floats) -> float:
    """The temperature with the least negative log likelihood (Guo et al. 2017), to 0.01."""
    grid = [number / 100 for number in range(30, 301)]
    rows = np.arange(len(labels))
    losses = [-np.log(softmax(logits, value)[rows, labels] + 1e-12).mean() for value in grid]
    return grid[int(np.argmin(losses))]


def calibration(labels: Ints, logits: Floats, temperature: float) -> dict[str, object]:
    """The calibration error before and after, the latter with the bootstrap's deviation."""
    after = softmax(logits, temperature)
    return {
        "ece_before": round(calibration_error(labels, softmax(logits)), 4),
        "ece": round(calibration_error(labels, after), 4),
        "ece_deviation": round(float(draws(calibration_error, labels, [after]).std()), 4),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--runs", type=Path, nargs="+", required=True)
    add("--dev", type=Path, nargs="+", required=True)
    add("--calibrate-on", nargs="*", default=["dev_tweets", "dev_reviews"])
    add("--calibrate-without", nargs="*", default=[], help="leave out rows of these sources")
    add("--out", type=Path, required=True)
    add("--name", default="tone-minilm", help="the model's name in every event")
    add("--languages", nargs="*", default=["en"], help="what it reads, as BCP 47 tags")
    add("--packed", action="store_true", help="write four and eight bits instead of fp16")
    add("--preprocessing", default=PREPROCESSING)
    add("--max-tokens", type=int, default=128)
    args = parser.parse_args()
    settings: dict[str, object] = {
        "name": args.name,
        "languages": args.languages,
        "preprocessing": args.preprocessing,
        "temperature": 1.0,
        "max_tokens": args.max_tokens,
    }
    write(args.runs, args.out, settings, packed=args.packed)
    files = {path.stem: read_tsv(path) for path in args.dev}
    labels = {name: np.array([row.label for row in rows]) for name, rows in files.items()}
    model, tokenizer = load(args.out), AutoTokenizer.from_pretrained(args.out)
    how = {"preprocessing": args.preprocessing, "max_tokens": args.max_tokens, "dtype": None}
    logits = {
        name: score(model, tokenizer, [row.text for row in rows], **how)
        for name, rows in files.items()
    }
    together = [name for name in files if name in args.calibrate_on]
    kept = {
        name: np.array([row.source not in args.calibrate_without for row in files[name]])
        for name in together
    }
    all_labels = np.concatenate([labels[name][kept[name]] for name in together])
    all_logits = np.concatenate([logits[name][kept[name]] for name in together])
    temperature = fit_temperature(all_labels, all_logits)
    dump(args.out / "tonebus.json", settings | {"temperature": temperature})
    measure(args.out)
    for name, rows in files.items():
        figures = report(labels[name], logits[name])
        figures |= calibration(labels[name], logits[name], temperature)
        figures |= recall_by_source([row.source for row in rows], labels[name], logits[name])
        print(name, json.dumps(figures))
    error = calibration_error(all_labels, softmax(all_logits, temperature))
    print(f"temperature {temperature}, ece of {' and '.join(together)}: {error:.4f}")


if __name__ == "__main__":
    main()
