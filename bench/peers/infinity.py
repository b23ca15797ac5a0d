"""infinity, which serves Hugging Face models over HTTP, in an environment of its own.

python -m venv DIRECTORY && DIRECTORY/bin/pip install "infinity-emb[server,torch]==0.0.78"
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bench.processes import running
from daemon.settings import DEFAULT_MODEL

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def infinity(environment: Path, port: int) -> Iterator[None]:
    """Serve the default model on a port; every core is one process's, as infinity has it."""
    command = [
        str(environment / "bin" / "infinity_emb"), "v2", "--model-id", str(DEFAULT_MODEL),
        "--engine", "torch", "--device", "cpu", "--host", "127.0.0.1", "--port", str(port),
        "--no-bettertransformer",
    ]  # fmt: skip
    variables = {
        **os.environ, "HF_HUB_OFFLINE": "1", "DO_NOT_TRACK": "1",
        "OMP_NUM_THREADS": str(os.cpu_count()),
    }  # fmt: skip
    with running(command, variables):
        yield
