"""Start a smaller model from some layers of a larger one: `python -m training.thin --help`."""

import argparse
import json
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import torch
from safetensors.torch import load_file, save_file

_LAYER: Final = re.compile(r"(.*\.layer\.)(\d+)(\..*)")


def thin(state: dict[str, torch.Tensor], layers: Sequence[int]) -> dict[str, torch.Tensor]:
    """The weights with only these layers, numbered anew."""
    kept = {}
    for name, value in state.items():
        if not (found := _LAYER.fullmatch(name)):
            kept[name] = value
        elif (old := int(found[2])) in layers:
            kept[f"{found[1]}{layers.index(old)}{found[3]}"] = value
    return kept


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--layers", type=int, nargs="+", required=True, help="the ones that stay")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    state = thin(load_file(args.run / "model.safetensors"), args.layers)
    save_file(state, args.out / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((args.run / "config.json").read_text())
    config["num_hidden_layers"] = len(args.layers)
    (args.out / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(args.run / name, args.out / name)


if __name__ == "__main__":
    main()
