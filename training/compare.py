"""Measure models as they are served, and how they differ: `python -m training.compare -h`.

Figures are macro recall in percent and the expected calibration error, with the bootstrap's
standard deviations. The difference of two models is drawn on the same rows, so that what is hard
for both does not blur it. Scores are kept in `--cache`, so that a call that was cut off goes on.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from connectors.messages import Fault
from daemon.model.tone_model import ToneModel
from daemon.settings import ModelSettings
from training.data import LABELS, Row, read_tsv
from training.metrics import Floats, calibration_error, draws, macro_recall


def probabilities(source: str, rows: Sequence[Row], cache: Path, name: str) -> Floats:
    """Each row's tones in the order of LABELS, as the worker scores them."""
    model = ToneModel.load(ModelSettings(source=source, threads=1))
    path = cache / f"{model.identity.model.revision}-{name}.npy"
    if path.exists():
        kept: Floats = np.load(path)
        return kept
    scored = model.score([row.text for row in rows])
    found = np.zeros((len(rows), len(LABELS)))
    for place, score in enumerate(scored):
        if isinstance(score, Fault):
            raise TypeError(f"{source} cannot score row {place} of {name}: {score}")
        found[place] = [score.scores[label] for label in LABELS]
    cache.mkdir(parents=True, exist_ok=True)
    np.save(path, found)
    return found


def compare(title: str, rows: Sequence[Row], models: dict[str, Floats]) -> None:
    """Print a line for each model, and one for each difference to the first."""
    labels = np.array([row.label for row in rows])
    drawn = draws(macro_recall, labels, list(models.values()))
    errors = draws(calibration_error, labels, list(models.values())).std(0)
    base = 0.0
    for place, (name, scores) in enumerate(models.items()):
        recall = macro_recall(labels, scores)
        error = calibration_error(labels, scores)
        line = f"{title:24} {name:18} {recall:5.1f} ± {drawn[:, place].std():.1f}"
        line += f"  ECE {error:.3f} ± {errors[place]:.3f}"
        if place:
            spread = (drawn[:, place] - drawn[:, 0]).std()
            line += f"  difference {recall - base:+.1f} ± {spread:.1f}"
        else:
            base = recall
        print(line, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--models", nargs="+", required=True, help="directories, or `multilingual`")
    add("--dev", type=Path, nargs="+", required=True)
    add("--cache", type=Path, required=True, help="directory for scores")
    args = parser.parse_args()
    for path in args.dev:
        rows = read_tsv(path)
        models = {
            Path(source).name: probabilities(source, rows, args.cache, path.stem)
            for source in args.models
        }
        compare(path.stem, rows, models)
        sources = sorted({row.source for row in rows})
        for source in sources if len(sources) > 1 else []:
            places = [place for place, row in enumerate(rows) if row.source == source]
            own = {name: scores[places] for name, scores in models.items()}
            compare(f"{path.stem} {source}", [rows[place] for place in places], own)


if __name__ == "__main__":
    main()
