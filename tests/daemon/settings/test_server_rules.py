"""Settings of servers: a URL or a certificate that cannot work is refused by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from daemon.checks.lint import advice
from daemon.settings import load
from daemon.settings.loading import read
from tests.daemon.settings.test_settings import SECRET, refusal

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "tonebus.toml"


@pytest.mark.parametrize(
    ("url", "said", "fix"),
    [
        ("amqp://u:s3cret-canary@h/v?heartbeat=30&connection_attempts=3",
         "the option heartbeat is not read", "broker.heartbeat"),
        ("amqps://u:s3cret-canary@h/v?ssl=1", "options after a `?`", "take them out"),
        ("amqps://h/v?cacertfile=/ca.pem&verify=verify_none", "cacertfile", "broker.ca_file"),
        ("amqp://u:a?s3cret-canary@h", "special character", "%3F"),
        ("amqp://u:a/s3cret-canary@h", "special character", "%2F"),
        ("amqp://u:12/s3cret-canary@h", "special character", "%2F"),
        ("amqp://u:a#s3cret-canary@h", "special character", "%23"),
        ("amqp://u:a%ffs3cret-canary@h", "not UTF-8", "percent-encoded"),
        ("amqp://u:s3cret-canary%00@h", "zero byte", "another"),
        ("amqp://u%00:s3cret-canary@h", "zero byte", "another"),
        ("amqp://u:s3cret-canary@h/v%00", "zero byte", "another"),
        ("amqp://h:99999/", "host or port", "amqp://user:password@host:5672/vhost"),
        ("amqp://one:5672,two:5672/", "several hosts", "separate several by `;`"),
        ("amqps://one;amqp://two", "mixes amqp:// and amqps://", "use amqps://"),
        ("amqp://one/a;amqp://two/b", "several virtual hosts", "one cluster"),
        ("amqp://one;", "does not begin with", "write amqp://"),
        ("memory://", "does not begin with", "write amqp://"),
        ("http://u:s3cret-canary@h", "does not begin with", "write amqp://"),
    ],
)  # fmt: skip
def test_a_broker_url_that_cannot_be_taken_at_its_word_is_refused(
    url: str, said: str, fix: str
) -> None:
    found = refusal({"TONEBUS_BROKER_URL": url})
    assert found.startswith("TONEBUS_BROKER_URL: broker.url: ")
    told, _, way_out = found.partition(" Fix: ")
    assert said in told
    assert fix in way_out
    assert SECRET not in found


@pytest.mark.parametrize(
    ("url", "said", "fix"),
    [
        ("rediss://:s3cret-canary@h?ssl_cert_reqs=none", "is not read", "always verified"),
        ("redis://h?socket_timeout=5", "socket_timeout", "redis.timeout"),
        ("redis://h/0?db=5", "it names two databases", "redis://user:password@host:6379/0"),
        ("redis://h/scores", "database is not a number", "redis://user:password@host:6379/0"),
        ("redis://:s3cret-canary/x@h", "special character", "%2F"),
        ("redis://", "names several hosts, or none", "redis://"),
        ("redis+cluster://h:6379", "Redis Cluster is not supported", "single Redis"),
        ("redis+sentinel://h:26379", "what the primary is called", "redis+sentinel://"),
        ("memory://", "does not begin with redis://", "write redis://"),
        ("unix://", "names no file", "unix:///run"),
        ("s3cret-canary", "does not begin with redis://", "write redis://"),
    ],
)
def test_a_redis_url_that_cannot_be_taken_at_its_word_is_refused(
    url: str, said: str, fix: str
) -> None:
    found = refusal({"TONEBUS_REDIS_URL": url})
    assert found.startswith("TONEBUS_REDIS_URL: redis.url: ")
    told, _, way_out = found.partition(" Fix: ")
    assert said in told
    assert fix in way_out
    assert SECRET not in found


@pytest.mark.parametrize("section", ["broker", "redis"])
def test_certificates_that_cannot_be_used_are_named(
    file: Path, section: str, tmp_path: Path
) -> None:
    file.write_text(f"[{section}]\nca_file = '/no/such.pem'\n", encoding="utf-8")
    assert f":2: {section}.ca_file: '/no/such.pem': cannot be read: No such" in refusal({}, file)
    (tmp_path / "ca.pem").write_text("not a certificate", encoding="utf-8")
    file.write_text(f"[{section}]\nca_file = '{tmp_path}/ca.pem'\n", encoding="utf-8")
    assert f":2: {section}.ca_file: " in refusal({}, file)
    file.write_text(f"[{section}]\nkey_file = '{tmp_path}/key.pem'\n", encoding="utf-8")
    assert f"{section}.cert_file: not set, and key_file is" in refusal({}, file)
    key = tmp_path / "key.pem"
    key.write_text("-----BEGIN ENCRYPTED PRIVATE KEY-----\n", encoding="utf-8")
    file.write_text(f"[{section}]\ncert_file = '{key}'\nkey_file = '{key}'\n", encoding="utf-8")
    assert "the key is encrypted" in refusal({}, file)


def test_to_log_in_by_certificate_takes_one(file: Path) -> None:
    file.write_text("[broker]\nlogin = 'certificate'\n", encoding="utf-8")
    assert "broker.login: 'certificate' needs one to show" in refusal({}, file)


@pytest.mark.parametrize("source", ["", "{tmp_path}", "amqp://u:s3cret-canary@h"])
def test_a_source_that_is_no_model_is_refused(file: Path, tmp_path: Path, source: str) -> None:
    model = f"[[models]]\nsource = '{source.format(tmp_path=tmp_path)}'\n"
    file.write_text(model, encoding="utf-8")
    found = read({}, file)
    assert SECRET not in "".join(found.told(found.problems))
    said = found.problems or [*advice(found, load({}, file))]
    assert any("models[0]" in problem.where and problem.severity == "error" for problem in said)
