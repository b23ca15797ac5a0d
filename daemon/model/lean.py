"""torch without the shape functions of its compiler, of which a worker asks nothing."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType

_LEFT_OUT = "torch._meta_registrations"


def import_torch() -> None:
    """Import torch without a module of 19 MB that takes a fifth of the time, if none has yet."""
    if "torch" not in sys.modules:
        sys.modules[_LEFT_OUT] = ModuleType(_LEFT_OUT)
        importlib.import_module("torch")
        del sys.modules[_LEFT_OUT]


def complete() -> None:
    """Import that module too: transformers makes its networks without memory, of shapes alone."""
    importlib.import_module(_LEFT_OUT)
