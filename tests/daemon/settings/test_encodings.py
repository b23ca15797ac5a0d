"""Files, variables and credentials as other programs write them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from daemon.settings import load
from tests.daemon.settings.test_settings import SECRET, refusal

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "tonebus.toml"


def test_secrets_are_trimmed_wherever_they_stand(file: Path, tmp_path: Path) -> None:
    file.write_text(f'[api]\ntoken = "{SECRET}\\n"\n', encoding="utf-8")
    (tmp_path / "redis_secret").write_text(f" {SECRET}\r\n", encoding="utf-8")
    environ = {
        "CREDENTIALS_DIRECTORY": str(tmp_path),
        "TONEBUS_BROKER_URL": "amqp://there\n",
        "TONEBUS_REDIS_URL": " redis://there\n",
    }
    settings = load(environ, file)
    assert (settings.api.token, settings.redis.secret) == (SECRET, SECRET)
    assert (settings.broker.url, settings.redis.url) == ("amqp://there", "redis://there")
    assert load({"TONEBUS_API_TOKEN": f"{SECRET}\n"}).api.token == SECRET


def test_a_token_that_no_header_carries_is_refused() -> None:
    said = refusal({"TONEBUS_API_TOKEN": f"{SECRET} and more"})
    assert said.startswith("TONEBUS_API_TOKEN: api.token: holds a blank")
    assert SECRET not in said


def test_a_file_may_begin_with_a_byte_order_mark(file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbf[broker]\r\nprefetch = 7\r\n")
    assert load({}, file).broker.prefetch == 7


def test_a_file_in_another_encoding_is_refused_with_the_line(file: Path) -> None:
    file.write_bytes("[broker]\n# für alle\n".encode("latin-1"))
    assert "tonebus.toml:2: not valid TOML: it is not UTF-8. Fix: save it" in refusal({}, file)
    for encoding in ("utf-16", "utf-16-le", "utf-32"):
        file.write_text("[broker]\n", encoding=encoding)
        assert "it is not UTF-8. Fix: save it as UTF-8" in refusal({}, file)


def test_a_credential_that_is_not_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "redis_secret").write_bytes(b"\xff\xfe\x00")
    said = refusal({"CREDENTIALS_DIRECTORY": str(tmp_path)})
    assert said == f"{tmp_path}/redis_secret: not valid UTF-8. Fix: save it as UTF-8"


def test_a_variable_that_is_not_text_is_named() -> None:
    assert refusal({"TONEBUS_REDIS_SECRET": "a\udcff"}) == "TONEBUS_REDIS_SECRET: not valid UTF-8"
