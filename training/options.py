"""The command line of the training run, its defaults the recipe that shipped."""

import argparse
from pathlib import Path

from training.data import PREPROCESSING


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Fine-tune a BERT encoder to tell three tones.")
    add = parser.add_argument
    add("--base", type=Path, required=True, help="directory of the model to start from")
    add("--train", nargs="+", required=True, help="TSV files; FILE:3 reads one three times")
    add("--dev", type=Path, nargs="*", default=[], help="TSV files to report on, never trained on")
    add("--out", type=Path, required=True, help="directory to write")
    add(
        "--without-fold",
        type=int,
        nargs=2,
        metavar=("FOLD", "FOLDS"),
        help="leave out one part of so many, for training.teach to score",
    )
    add("--skip-source", nargs="*", default=[], help="leave out rows of these sources")
    add("--preprocessing", default=PREPROCESSING, help="a name in daemon/model/preprocessing.py")
    add("--epochs", type=float, default=2.0)
    add("--minutes", type=float, default=0, help="end after this long; 0: after the epochs")
    add("--checkpoint-minutes", type=float, default=5, help="save this often, to go on from")
    add("--freeze-words", action="store_true", help="leave the word embeddings as they are")
    add("--rate", type=float, default=1.3e-4, help="peak learning rate of the top layer")
    add("--floor", type=float, default=0.1, help="share of the peak rate that is never undercut")
    add("--layer-decay", type=float, default=0.95, help="learning rate of each layer to the next")
    add("--weight-decay", type=float, default=0.01)
    add("--warmup", type=float, default=0.06, help="share of the steps")
    add("--token-budget", type=int, default=1024, help="padded tokens in a batch")
    add("--max-tokens", type=int, default=96)
    add("--dropout", type=float, default=0.1)
    add("--mask", type=float, default=0.05, help="share of tokens replaced by the mask token")
    add("--emoji", type=float, default=0.07, help="share of rows that gain emoji (emoji.py)")
    add("--balance", type=float, default=1.0, help="weight of the log prior in the loss")
    add("--smoothing", type=float, default=0.05, help="label smoothing")
    add("--average", type=float, default=0.3, help="average the weights over this last share")
    add("--hints", type=Path, help="a larger model of the same width and word pieces")
    add("--hint-layers", type=int, nargs="*", default=[2, 4, 6], help="its layers, one for each")
    add("--hint-weight", type=float, default=1.0, help="what the hints count beside the labels")
    add("--seed", type=int, default=1)
    add("--threads", type=int, default=1)
    add("--device", default="cpu", help="as torch names it: cpu, cuda")
    return parser.parse_args()
