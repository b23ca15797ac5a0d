"""Which version of Tonebus runs."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

try:
    RELEASE = version("tonebus")
except PackageNotFoundError:
    # the tree runs without being installed
    RELEASE = "source"
