"""The confusion matrix and the reliability diagram as a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connectors.errors import Misconfigured

if TYPE_CHECKING:
    from pathlib import Path

    from daemon.evaluation.evaluation import Report


def require() -> Any:  # noqa: ANN401 - matplotlib is optional, and so are its types
    """Matplotlib's figure class, asked for before the long work and not after it.

    Raises:
        Misconfigured: The extra `plot` is not installed.
    """
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415 - optional
    except ImportError:
        raise Misconfigured(
            "--plot needs matplotlib: install it with `pip install 'tonebus[plot]'`"
        ) from None
    return Figure


def draw(report: Report, title: str, path: Path) -> None:
    """Draw a report; the suffix of `path` decides the format.

    Raises:
        Misconfigured: Matplotlib is missing, the format is unknown, or the path not writable.
    """
    figure = require()(figsize=(9, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    _confusion(left, report)
    _reliability(right, report)
    figure.suptitle(
        f"{title}: macro recall {report.macro_recall:.3f}, calibration error "
        f"{report.calibration_error:.3f}, {report.texts} texts"
    )
    try:
        figure.savefig(path, dpi=150)
    except (OSError, ValueError) as error:
        raise Misconfigured(f"{path}: cannot draw there: {error}") from None


def _confusion(axes: Any, report: Report) -> None:  # noqa: ANN401 - as above
    rows = list(report.confusion)
    columns = sorted({tone for row in report.confusion.values() for tone in row})
    counts = [[report.confusion[row].get(column, 0) for column in columns] for row in rows]
    shares = [[count / sum(row) for count in row] for row in counts]
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(range(len(columns)), columns)
    axes.set_yticks(range(len(rows)), rows, rotation=90, va="center")
    axes.set_xlabel("given tone")
    axes.set_ylabel("right tone")
    for y, row in enumerate(counts):
        for x, count in enumerate(row):
            dark = shares[y][x] > 0.5  # noqa: PLR2004 - half of the colour scale
            text = f"{count}\n{shares[y][x]:.0%}"
            axes.text(x, y, text, ha="center", va="center", color="white" if dark else "black")


def _reliability(axes: Any, report: Report) -> None:  # noqa: ANN401 - as above
    axes.plot([0, 1], [0, 1], color="grey", linestyle=":", linewidth=1)
    axes.plot(
        [each.score for each in report.bins], [each.right for each in report.bins], marker="o"
    )
    most = max((each.texts for each in report.bins), default=1)
    axes.bar(
        [each.score for each in report.bins],
        [0.25 * each.texts / most for each in report.bins],
        width=0.04,
        alpha=0.3,
    )
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="score of the given tone", ylabel="share right")
