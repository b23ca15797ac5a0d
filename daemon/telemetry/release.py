"""Which version of Tonebus runs."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def release() -> str:
    """Return the installed version; `source` where the tree runs without being installed."""
    try:
        return version("tonebus")
    except PackageNotFoundError:
        return "source"


RELEASE = release()
