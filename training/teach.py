"""Let a trained model score texts that a smaller one learns from: `python -m training.teach -h`.

What is written are rows for `training.train`, with probabilities in the place of the label. A call
that was cut off goes on where it stopped, since there is one row for each line read.
"""

import argparse
import json
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Final

import numpy as np
import torch
from transformers import AutoTokenizer

from training.data import LABELS, PREPROCESSING, fold, read_texts
from training.metrics import Floats, softmax
from training.network import fastest_dtype
from training.scoring import load, score
from training.showing import display

_CHUNK: Final = 2000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--teachers", type=Path, nargs="+", required=True, help="runs or exported models")
    add("--texts", type=Path, nargs="+", required=True, help="one text a line, or rows with tabs")
    add("--out", type=Path, required=True, help="a TSV file, appended to")
    add("--weights", type=float, nargs="*", help="what each teacher's word counts; all the same")
    add("--preprocessing", default=PREPROCESSING)
    add("--max-tokens", type=int, default=96)
    add("--device", default="cpu", help="as torch names it: cpu, cuda")
    add(
        "--folds",
        type=int,
        default=0,
        help="the texts were trained on, the n-th teacher without part n: only it is asked there",
    )
    args = parser.parse_args()
    dtype = fastest_dtype(args.device)
    weights = args.weights or [1.0] * len(args.teachers)
    teachers = [
        (load(run).to(args.device), AutoTokenizer.from_pretrained(run), _temperature(run), weight)
        for run, weight in zip(args.teachers, weights, strict=True)
    ]
    total = sum(1 for _ in read_texts(args.texts))
    done = _whole_rows(args.out)
    texts = islice(read_texts(args.texts), done, None)
    with display(done / max(total, 1)) as show:
        while chunk := list(islice(texts, _CHUNK)):
            logs = np.zeros((len(chunk), len(LABELS)))
            asked = np.zeros((len(chunk), 1))
            for number, (model, tokenizer, temperature, weight) in enumerate(teachers):
                places = [
                    place
                    for place, text in enumerate(chunk)
                    if not args.folds or fold(text, args.folds) == number % args.folds
                ]
                if not places:
                    continue
                found = score(
                    model,
                    tokenizer,
                    [chunk[place] for place in places],
                    preprocessing=args.preprocessing,
                    max_tokens=args.max_tokens,
                    dtype=dtype,
                )
                logs[places] += weight * np.log(softmax(found, temperature))
                asked[places] += weight
            _append(args.out, chunk, softmax(logs / asked))
            done += len(chunk)
            show(done / total, f"{done} of {total} texts")


def _temperature(run: Path) -> float:
    """What an exported model's logits are divided by; 1 for a run."""
    described = run / "tonebus.json"
    return float(json.loads(described.read_text())["temperature"]) if described.exists() else 1.0


def _whole_rows(path: Path) -> int:
    """Count the rows, and cut off one that was half written."""
    if not path.exists():
        return 0
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        with path.open("r+b") as file:
            file.truncate(whole)
    return content.count(b"\n")


def _append(path: Path, texts: Sequence[str], shares: Floats) -> None:
    rows = (
        f"taught\t{','.join(f'{share:.4f}' for share in row)}\t{text}\n"
        for text, row in zip(texts, shares.tolist(), strict=True)
    )
    with path.open("a", encoding="utf-8") as file:
        file.writelines(rows)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
