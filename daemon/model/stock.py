"""Models as transformers loads them: any architecture, from a directory or a hub.

Importing transformers takes a worker 25 MB and a seventh of its start, so this module is imported
for other models than those that ship.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import torch
import transformers
from huggingface_hub import errors as hub
from huggingface_hub import is_offline_mode, snapshot_download
from transformers import AutoConfig, AutoTokenizer

from connectors.errors import Misconfigured, Unavailable
from daemon.model import bert, lean, packed

if TYPE_CHECKING:
    from daemon.model.bert import Parts
    from daemon.settings import ModelSettings

_FILES: Final = ["*.safetensors", "*.safetensors.index.json", "*.json", "*.txt", "*.model"]
"""What is fetched of a model on a hub."""
_UNBOUNDED: Final = 1_000_000
"""Tokenizers without a bound report numbers above this one."""
_ASSUMED_TOKENS: Final = 512


def read(where: Path, device: torch.device, dtype: torch.dtype) -> Parts:
    """Read a model directory that was vetted.

    Raises:
        Misconfigured: It cannot be loaded; the message says what to do.
    """
    log: Any = transformers.utils.logging
    log.set_verbosity_error()
    log.disable_progress_bar()
    tokenizer = AutoTokenizer.from_pretrained(
        where, use_fast=True, trust_remote_code=False, local_files_only=True
    )
    config = AutoConfig.from_pretrained(where, trust_remote_code=False, local_files_only=True)
    network: Any = None
    missing: list[str] = []
    if device.type == "cpu":
        network = bert.read(where, config, dtype)
    if network is None:
        network, missing = _network(where, config, dtype)
        network = network.to(device).eval().requires_grad_(requires_grad=False)
    if missing:
        raise Misconfigured(
            f"{where}: the weights lack {missing[0]} (and {len(missing) - 1} more): it is no "
            "model trained to classify, or not of this architecture: train it first"
        )
    if not tokenizer.is_fast:
        raise Misconfigured(f"{where}: its tokenizer is not a fast one: choose another model")
    pad = _pad(network.config, tokenizer)
    longest = _limit(tokenizer.model_max_length, network)
    return bert.Parts(network, tokenizer.backend_tokenizer, pad, longest)


def fetched(settings: ModelSettings) -> Path:
    """Return the directory with the files of a model on a hub.

    Raises:
        Misconfigured: The hub refuses, or it is not to be asked.
        Unavailable: The hub does not answer.
    """
    try:
        return Path(
            snapshot_download(settings.source, revision=settings.revision, allow_patterns=_FILES)
        )
    except (hub.RepositoryNotFoundError, hub.RevisionNotFoundError, hub.GatedRepoError) as error:
        raise Misconfigured(
            f"{settings.source} at {settings.revision}: the hub refuses it: {type(error).__name__}"
        ) from error
    except hub.LocalEntryNotFoundError as error:
        if is_offline_mode():
            raise Misconfigured(
                f"{settings.source} at {settings.revision}: not in this host's cache, and "
                "HF_HUB_OFFLINE forbids to fetch it: fetch it first, or give a directory"
            ) from error
        raise Unavailable(f"{settings.source}: the hub does not answer") from error
    except (hub.HfHubHTTPError, OSError) as error:
        raise Unavailable(f"{settings.source}: {type(error).__name__}") from error


def _network(where: Path, config: Any, dtype: torch.dtype) -> tuple[Any, list[str]]:  # noqa: ANN401 - transformers publishes no types
    """Load the network, from packed weights or as it is; return it and the weights it lacks."""
    # a large import, of which models of BERT's kind need nothing
    from transformers import (  # noqa: PLC0415
        MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING,
        AutoModelForSequenceClassification,
    )

    lean.complete()
    network: Any
    if (state := packed.unpack(where, dtype)) is not None:
        kind = MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING[type(config)]
        network, report = kind.from_pretrained(
            None, config=config, state_dict=state, dtype=dtype, output_loading_info=True
        )
        return network, sorted(report["missing_keys"])
    network, report = AutoModelForSequenceClassification.from_pretrained(
        where,
        dtype=dtype,
        use_safetensors=True,
        trust_remote_code=False,
        local_files_only=True,
        output_loading_info=True,
    )
    return network, sorted(report["missing_keys"])


def _pad(config: Any, tokenizer: Any) -> int:  # noqa: ANN401 - transformers publishes no types
    """The padding id; decoders that have none get one, or they refuse batches."""
    candidates = (tokenizer.pad_token_id, config.pad_token_id, tokenizer.eos_token_id, 0)
    pad = next(int(token) for token in candidates if token is not None)
    if config.pad_token_id is None:
        config.pad_token_id = pad
    return pad


def _limit(tokenizer_tokens: int, network: torch.nn.Module | bert.Bert) -> int:
    """Longest input for tokenizer and positions.

    RoBERTa and its kin number positions from beyond the padding id, so their table has that many
    fewer usable rows than `max_position_embeddings` says.
    """
    limits = [tokenizer_tokens] if 0 < tokenizer_tokens < _UNBOUNDED else []
    config: Any = network.config
    names = ("max_position_embeddings", "n_positions", "max_seq_len")
    limits += [value for name in names if (value := getattr(config, name, None) or 0) > 0]
    if isinstance(network, bert.Bert):
        return min([*limits, network.positions])
    for name, module in network.named_modules():
        if name.endswith("position_embeddings") and isinstance(module, torch.nn.Embedding):
            unused = 0 if module.padding_idx is None else module.padding_idx + 1
            limits.append(module.num_embeddings - unused)
    return min(limits, default=_ASSUMED_TOKENS)
