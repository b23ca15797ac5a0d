"""Secrets from files, as editors, shells and orchestrators leave them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from connectors.errors import Misconfigured
from daemon.settings import Settings, load

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "s3cret-canary"


def loaded(directory: Path) -> Settings:
    return load({"CREDENTIALS_DIRECTORY": str(directory)})


def refusal(directory: Path) -> str:
    with pytest.raises(Misconfigured) as said:
        loaded(directory)
    return str(said.value)


@pytest.mark.parametrize("written", ["{}\n", "{}\r\n", " {}\n\n", "\ufeff{}\r\n"])
def test_a_secret_is_the_same_however_its_file_was_saved(tmp_path: Path, written: str) -> None:
    content = written.format(SECRET)
    (tmp_path / "redis_secret").write_bytes(content.encode())
    assert loaded(tmp_path).redis.secret == SECRET
    assert load({"TONEBUS_REDIS_SECRET": content}).redis.secret == SECRET
    file = tmp_path / "tonebus.toml"
    file.write_bytes(f"[redis]\nsecret = '''{content}'''\n".encode())
    assert load({}, file).redis.secret == SECRET


@pytest.mark.parametrize("content", ["", "\n", "\ufeff"])
def test_an_empty_secret_is_no_secret(tmp_path: Path, content: str) -> None:
    # a default would stand for it: for the token, none at all
    (tmp_path / "api_token").write_text(content, encoding="utf-8")
    assert refusal(tmp_path).startswith(f"{tmp_path / 'api_token'}: empty. Fix: ")


def test_a_secret_that_is_no_file_is_refused(tmp_path: Path) -> None:
    credential = tmp_path / "broker_url"
    credential.symlink_to("nowhere")
    assert refusal(tmp_path) == f"{credential}: cannot be read: No such file or directory"
    credential.unlink()
    credential.symlink_to(credential.name)
    assert "Too many levels of symbolic links" in refusal(tmp_path)
    credential.unlink()
    credential.mkdir()
    assert "Is a directory" in refusal(tmp_path)


def test_a_directory_of_secrets_that_is_not_there_is_refused(tmp_path: Path) -> None:
    assert "CREDENTIALS_DIRECTORY" in refusal(tmp_path / "missing")
