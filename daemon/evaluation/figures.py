"""The confusion matrix and the reliability diagram as a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connectors.errors import Misconfigured

if TYPE_CHECKING:
    from pathlib import Path

    from daemon.evaluation.evaluation import Coverage, Report


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


def draw(report: Report, title: str, path: Path, coverage: Coverage | None = None) -> None:
    """Draw a report, with the coverage where there is one; the suffix of `path` decides the format.

    Raises:
        Misconfigured: Matplotlib is missing, the format is unknown, or the path not writable.
    """
    parts = 3 if coverage else 2
    figure = require()(figsize=(4.5 * parts, 4.2), layout="constrained")
    axes = figure.subplots(1, parts)
    _confusion(axes[0], report)
    _reliability(axes[1], report)
    if coverage:
        _coverage(axes[2], coverage)
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


def _coverage(axes: Any, found: Coverage) -> None:  # noqa: ANN401 - as above
    for setting, marker in (("unsure_below", "o"), ("unsure_margin", "x")):
        points = [each for each in getattr(found, setting) if each.accuracy is not None]
        axes.plot(
            [each.coverage for each in points], [each.accuracy for each in points],
            marker=marker, label=setting,
        )  # fmt: skip
        for each in points[::4]:
            axes.annotate(f"{each.at:.1f}", (each.coverage, each.accuracy), fontsize=7)
    axes.legend()
    axes.set(xlim=(0, 1), ylim=(None, 1), xlabel="texts that keep a tone", ylabel="accuracy")
