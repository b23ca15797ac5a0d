"""Fine-tune a BERT encoder to tell three tones: `python -m training.train --help`."""

import json
from pathlib import Path

import numpy as np
import torch
from transformers import AutoTokenizer

from training import options
from training.data import apart, fold, load, read_tsv, tokenise
from training.emoji import sprinkle
from training.fitting import fit
from training.hints import hints
from training.metrics import recall_by_source, report
from training.network import fastest_dtype
from training.noise import Noise
from training.objective import Objective
from training.scoring import load as load_model
from training.scoring import score


def main() -> None:
    args = options.parse()
    torch.set_num_threads(args.threads)
    dtype = fastest_dtype(args.device)
    print(f"matrix products in {dtype}", flush=True)
    # The head's first weights are equal in all runs, so that runs can be averaged.
    torch.manual_seed(0)
    rng = np.random.default_rng(args.seed)
    tokenizer = AutoTokenizer.from_pretrained(args.base)
    model = load_model(args.base).to(args.device)
    dev_rows = {path: read_tsv(path) for path in args.dev}
    found_rows = load(args.train, skip=args.skip_source)
    rows = apart(found_rows, [row for held in dev_rows.values() for row in held])
    print(f"left out {len(found_rows) - len(rows)} rows whose text a dev file has", flush=True)
    if args.without_fold:
        left_out, folds = args.without_fold
        rows = [row for row in rows if fold(row.text, folds) != left_out]
    texts = [row.text for row in sprinkle(rows, args.emoji, rng)]
    how = {"preprocessing": args.preprocessing, "max_tokens": args.max_tokens}
    objective = Objective(rows, smoothing=args.smoothing, balance=args.balance)
    model.get_input_embeddings().weight.requires_grad_(not args.freeze_words)
    tokens = tokenise(texts, tokenizer, **how)
    noise = Noise(tokenizer, args.mask)
    progress = fit(model, tokens, objective, noise, args, dtype, hints(args, dtype))

    figures = {}
    for path, dev in dev_rows.items():
        labels = np.array([row.label for row in dev])
        found = score(model, tokenizer, [row.text for row in dev], dtype=dtype, **how)
        sources = [row.source for row in dev]
        figures[path.stem] = report(labels, found) | recall_by_source(sources, labels, found)
        print(path.stem, json.dumps(figures[path.stem]), flush=True)
    model.save_pretrained(args.out)
    tokenizer.save_pretrained(args.out)
    record: dict[str, object] = {key: str(value) for key, value in vars(args).items()}
    record |= {"progress": vars(progress), "dev": figures}
    Path(args.out, "run.json").write_text(json.dumps(record, indent=1) + "\n")
    Path(args.out, "checkpoint.pt").unlink(missing_ok=True)


if __name__ == "__main__":
    main()
