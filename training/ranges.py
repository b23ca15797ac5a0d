"""Measure the ranges of a model's columns, so that a worker in eight bits need not at each start.

`python -m training.ranges DIRECTORY...`; `training.export` does it for what it writes.
"""

import sys
from pathlib import Path

from safetensors.torch import save_file

from daemon.model import int8, loading
from daemon.model.encoding import Encoded, Encoder
from daemon.model.probes import probes
from daemon.settings import ModelSettings


def measure(where: Path) -> None:
    """Write them beside the weights, as a worker of one thread measures them."""
    loaded = loading.load(ModelSettings(source=str(where), precision="fp32", threads=1))
    encoder = Encoder(loaded.tokenizer, loaded.card.preprocessing, loaded.max_tokens, chunk=False)
    encoded = encoder.encode(probes())
    windows = [each.windows[0] for each in encoded if isinstance(each, Encoded)]
    told = {int8.WEIGHTS: int8.fingerprint(loaded.network)}
    save_file(int8.measured(loaded, windows), where / int8.RANGES, told)
    (where / int8.RANGES).chmod(0o644)  # safetensors writes files that only their owner may read


if __name__ == "__main__":
    for directory in sys.argv[1:]:
        measure(Path(directory))
