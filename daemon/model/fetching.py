"""Fetches a pinned model from a hub into its cache, or finds it there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from huggingface_hub import errors as hub
from huggingface_hub import is_offline_mode, snapshot_download

from connectors.errors import Misconfigured, Unavailable

if TYPE_CHECKING:
    from daemon.settings import ModelSettings

_FETCHED: Final = ["*.safetensors", "*.safetensors.index.json", "*.json", "*.txt", "*.model"]


def fetch(settings: ModelSettings) -> Path:
    """Return the directory with the files of `settings.source` at `settings.revision`.

    Raises:
        Misconfigured: The hub refuses the model, or it is not cached and fetching is off.
        Unavailable: The hub does not answer.
    """
    try:
        return Path(
            snapshot_download(settings.source, revision=settings.revision, allow_patterns=_FETCHED)
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
