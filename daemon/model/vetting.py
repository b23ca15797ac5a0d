"""Refuse, before anything is loaded, a model directory that cannot or must not be loaded.

Nothing here unpickles, imports or runs any code of the model.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, NoReturn

from connectors.errors import Misconfigured

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PACKED: Final = "packed.safetensors"
"""Weights of four and eight bits (packed.py)."""
_LFS = b"version https://git-lfs.github.com/spec/"
_PICKLES = ("*.bin", "*.pt", "*.pth", "*.pkl", "*.pickle", "*.ckpt", "*.h5", "*.msgpack")
_SAVE = "from_pretrained(SOURCE).save_pretrained(DIRECTORY)"


def vet(where: Path) -> None:
    """Check the files of a model directory.

    Raises:
        Misconfigured: It is missing, has no safetensors or no `tokenizer.json`, asks for remote
            code, holds Git LFS pointers or an adapter, or has no or one label; the message says
            what to do.
    """
    if not where.is_dir():
        raise Misconfigured(f"{where}: no such model directory: correct `source`")
    config = _object(where / "config.json")
    for name in ("config.json", "tokenizer_config.json"):
        if (where / name).exists() and _object(where / name).get("auto_map"):
            _refuse(
                where,
                f"{name} asks for remote code (`auto_map`), which is never run",
                "choose a model of an architecture that transformers itself has, or, where it "
                "has this one, remove `auto_map`",
            )
    _vet_weights(where)
    _vet_tokenizer(where)
    _vet_labels(where, config)


def weights(where: Path) -> list[Path]:
    """Return the files with a model's weights, whether they are there or not.

    Raises:
        Misconfigured: The index of several files is wrong.
    """
    if (where / PACKED).exists():
        return [where / PACKED]
    whole, index = where / "model.safetensors", where / "model.safetensors.index.json"
    if whole.exists() or not index.exists():
        return [whole]
    names = set(_object(index).get("weight_map", {}).values())
    if any("/" in name or "\\" in name for name in names):
        _refuse(where, f"{index.name} names files elsewhere", "fetch it again from its source")
    return [where / name for name in sorted(names)]


def _vet_weights(where: Path) -> None:
    if (where / "adapter_config.json").exists():
        _refuse(
            where, "it is an adapter, not a model", "merge it into its base model and save that"
        )
    found = weights(where)
    missing = [path.name for path in found if not path.exists()]
    pickles = sorted(path.name for pattern in _PICKLES for path in where.glob(pattern))
    if (missing or not found) and pickles:
        _refuse(
            where,
            f"its weights are only in {pickles[0]}, a format that can run code and is never loaded",
            "convert it once, where you trust it: "
            f"`AutoModelForSequenceClassification.{_SAVE}` writes model.safetensors",
        )
    if missing or not found:
        _refuse(
            where, f"{', '.join(missing) or 'weights'} missing", "fetch the model's safetensors"
        )
    for path in found:
        _refuse_pointer(path)


def _vet_tokenizer(where: Path) -> None:
    tokenizer = where / "tokenizer.json"
    if not tokenizer.exists():
        _refuse(
            where,
            "no tokenizer.json, which the fast tokenizer needs",
            f"write it once: `AutoTokenizer.{_SAVE}`",
        )
    _refuse_pointer(tokenizer)


def _vet_labels(where: Path, config: Mapping[str, Any]) -> None:
    labels = config.get("id2label") or {}
    if (
        len(labels) == 1
        or config.get("num_labels") == 1
        or config.get("problem_type") == "regression"
    ):
        _refuse(
            where, "it is a regression, which has no tones", "choose a model with a label per tone"
        )
    if not labels:
        _refuse(
            where,
            "config.json has no labels (`id2label`)",
            "add what each output means, as in "
            '"id2label": {"0": "negative", "1": "neutral", "2": "positive"}',
        )


def _object(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        _refuse(path.parent, f"no {path.name}", "is it the directory of a transformers model?")
    except (OSError, ValueError, RecursionError) as error:
        _refuse(path.parent, f"{path.name}: {error}", "fetch it again from its source")
    if not isinstance(content, dict):
        _refuse(path.parent, f"{path.name} is no object", "fetch it again from its source")
    return content


def _refuse_pointer(path: Path) -> None:
    with path.open("rb") as file:
        if file.read(len(_LFS)) == _LFS:
            _refuse(
                path.parent,
                f"{path.name} is a Git LFS pointer, not the file",
                "run `git lfs pull` where it was cloned",
            )


def _refuse(where: Path, reason: str, fix: str) -> NoReturn:
    raise Misconfigured(f"{where}: {reason}: {fix}")
