"""Read the settings: defaults, the file, the credentials, the environment."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from connectors.errors import Misconfigured
from daemon.settings import layers, problems, rules
from daemon.settings.sections import Settings
from daemon.settings.shape import shape_faults, told

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from daemon.settings.layers import Origins
    from daemon.settings.problems import Problem


class LoadedSettings(msgspec.Struct, frozen=True):
    """What was found where settings are kept.

    Attributes:
        path: The file; None where there is none.
        lines: Line of each key in it.
        origins: The variable or the credential that gave a setting its value, over the file.
        settings: The settings; None where they are of the wrong shape.
    """

    path: Path | None
    lines: dict[problems.Path, int]
    origins: Origins
    problems: list[Problem]
    settings: Settings | None

    @property
    def name(self) -> str:
        """The file's name, which is bytes, as text; empty where there is none."""
        return os.fsencode(self.path).decode(errors="backslashreplace") if self.path else ""

    def line(self, problem: Problem) -> int:
        """Return the line that a problem is about; 0 where it is not the file's."""
        if problem.path[:2] in self.origins:
            return 0
        return problems.line_of(problem.path, self.lines)

    def told(self, which: Iterable[Problem]) -> list[str]:
        """Put problems into words, with file and line, or the variable that is to blame."""
        told = []
        for problem in which:
            line = self.line(problem)
            place = self.origins.get(problem.path[:2]) or (self.name or "settings")
            told.append(f"{place}:{line}: {problem}" if line else f"{place}: {problem}")
        return told


def load(environ: Mapping[str, str] = os.environ, path: Path | None = None) -> Settings:
    """Return the settings in a TOML file, or in the one that `TONEBUS_CONFIG` names.

    Raises:
        Misconfigured: The file is missing or wrong, or a variable is unknown or wrong; the
            message names it and never shows a secret.
    """
    found = read(environ, path)
    if found.problems or found.settings is None:
        raise Misconfigured("\n".join(found.told(found.problems)))
    return found.settings


def read(environ: Mapping[str, str] = os.environ, path: Path | None = None) -> LoadedSettings:
    """Return the settings and all that is wrong with them; arguments as those of `load`.

    Raises:
        Misconfigured: The file cannot be read or is not TOML, or a variable is unknown or wrong.
    """
    if path is None and (named := environ.get("TONEBUS_CONFIG", "").strip()):
        path = Path(named)
    source = layers.read_file(path) if path else ""
    tables = layers.parse(path, source)
    origins: Origins = {}
    if directory := environ.get("CREDENTIALS_DIRECTORY"):
        origins |= layers.lay_credentials(tables, Path(directory))
    origins |= layers.lay_environment(tables, environ)
    layers.trim_secrets(tables)
    wrong = list(shape_faults(tables, Settings))
    settings = None
    if not wrong:
        try:
            settings = msgspec.convert(tables, Settings, strict=True)
        except msgspec.ValidationError as error:
            wrong = [problems.Problem((), told(error))]
        else:
            wrong = list(rules.problems(settings))
    known = problems.lines(source)
    wrong.sort(key=lambda each: problems.line_of(each.path, known))
    return LoadedSettings(path, known, origins, wrong, settings)
