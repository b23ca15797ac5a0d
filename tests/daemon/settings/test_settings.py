"""Settings: which layer wins, and how a wrong one is reported."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, get_origin

import msgspec
import pytest

from connectors.errors import Misconfigured
from daemon.settings import (
    DEFAULT_MODEL,
    ApiSettings,
    BrokerSettings,
    DaemonSettings,
    RedisSettings,
    Settings,
    load,
)

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "s3cret-canary"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "tonebus.toml"


def refusal(environ: dict[str, str], path: Path | None = None) -> str:
    with pytest.raises(Misconfigured) as said:
        load(environ, path)
    return str(said.value)


# Layers ---------------------------------------------------------------------------------------


def test_with_nothing_given_every_process_runs_on_localhost() -> None:
    settings = load({})
    assert settings == Settings()
    assert settings.broker.url == "amqp://guest:guest@localhost:5672//"
    assert settings.redis.url == "redis://localhost:6379/0"
    assert (settings.api.host, settings.api.port) == ("127.0.0.1", 8080)
    assert settings.api.token == ""
    assert settings.log.format == "auto"
    assert settings.models[0].source == str(DEFAULT_MODEL)
    [connector] = settings.connectors
    assert (connector.exchange, connector.bindings) == ("sentiment.input", ("#",))


def test_the_file_wins_over_the_defaults(file: Path) -> None:
    file.write_text('[broker]\nprefetch = 7\n[redis]\nurl = "redis://cache"\n', encoding="utf-8")
    settings = load({}, file)
    assert settings.broker.prefetch == 7
    assert settings.broker.heartbeat == Settings().broker.heartbeat
    assert settings.redis.url == "redis://cache"


def test_credentials_win_over_the_file_and_the_environment_over_both(
    file: Path, tmp_path: Path
) -> None:
    file.write_text(
        '[broker]\nurl = "amqp://file"\n[redis]\nurl = "redis://file"\nsecret = "file"\n'
        "[api]\nport = 1\n",
        encoding="utf-8",
    )
    (tmp_path / "redis_url").write_text("redis://credential\n", encoding="utf-8")
    (tmp_path / "broker_url").write_text("amqp://credential", encoding="utf-8")
    (tmp_path / "api_port").write_text("2", encoding="utf-8")
    (tmp_path / "unrelated").write_text("x", encoding="utf-8")
    environ = {
        "TONEBUS_CONFIG": str(file),
        "CREDENTIALS_DIRECTORY": str(tmp_path),
        "TONEBUS_BROKER_URL": "amqp://environment",
    }
    settings = load(environ)
    assert settings.redis.secret == "file"
    assert settings.redis.url == "redis://credential"
    assert settings.api.port == 2
    assert settings.broker.url == "amqp://environment"


def test_the_api_token_may_come_as_a_credential(tmp_path: Path) -> None:
    (tmp_path / "api_token").write_text(f"{SECRET}\n", encoding="utf-8")
    assert load({"CREDENTIALS_DIRECTORY": str(tmp_path)}).api.token == SECRET


def test_a_credential_may_lie_in_a_folder_of_its_section(tmp_path: Path) -> None:
    (tmp_path / "broker").mkdir()
    (tmp_path / "broker/url").write_text("amqp://folder\n", encoding="utf-8")
    assert load({"CREDENTIALS_DIRECTORY": str(tmp_path)}).broker.url == "amqp://folder"


def test_a_path_given_wins_over_the_one_in_the_environment(file: Path) -> None:
    file.write_text("[api]\nport = 1\n", encoding="utf-8")
    assert load({"TONEBUS_CONFIG": "/no/such/file"}, file).api.port == 1


def test_an_empty_variable_counts_as_not_set() -> None:
    assert load({"TONEBUS_BROKER_URL": "", "TONEBUS_CONFIG": "", "TONEBUS_X": ""}) == Settings()


@pytest.mark.parametrize(
    ("variable", "value", "place"),
    [
        ("TONEBUS_BROKER_URL", "amqp://there", ("broker", "url")),
        ("TONEBUS_REDIS_URL", "redis://there", ("redis", "url")),
        ("TONEBUS_API_HOST", "::1", ("api", "host")),
        ("TONEBUS_API_PORT", "9090", ("api", "port")),
        ("TONEBUS_API_TOKEN", "t", ("api", "token")),
        ("TONEBUS_LOG_FORMAT", "console", ("log", "format")),
    ],
)
def test_each_fixed_variable_sets_what_it_names(
    variable: str, value: str, place: tuple[str, str]
) -> None:
    section, key = place
    assert str(getattr(getattr(load({variable: value}), section), key)) == value


def test_numbers_in_variables_are_read_as_their_settings_are_typed() -> None:
    settings = load({"TONEBUS_REDIS_TIMEOUT": "0.25", "TONEBUS_BROKER_PREFETCH": "10"})
    assert settings.redis.timeout == 0.25
    assert settings.broker.prefetch == 10


# Mistakes -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ("TONEBUS_BROKER_URI", "TONEBUS_BROKER_URL"),
        ("TONEBUS_API_TOKN", "TONEBUS_API_TOKEN"),
        ("TONEBUS_MODEL_REVISON", "TONEBUS_MODEL_REVISION"),
    ],
)
def test_an_unknown_variable_is_refused_with_the_one_that_was_meant(wrong: str, meant: str) -> None:
    said = refusal({wrong: SECRET})
    assert f"{wrong}: no such setting; did you mean {meant}?" in said
    assert SECRET not in said


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("TONEBUS_API_PORT", f"80{SECRET}"),
        ("TONEBUS_API_PORT", "70000"),
        ("TONEBUS_API_PORT", "-1"),
        ("TONEBUS_REDIS_TIMEOUT", "0"),
        ("TONEBUS_REDIS_TIMEOUT", "soon"),
        ("TONEBUS_BROKER_PREFETCH", "-1"),
        ("TONEBUS_BROKER_PREFETCH", "65536"),
        ("TONEBUS_LOG_FORMAT", SECRET),
    ],
)
def test_a_wrong_variable_is_named_without_its_value(variable: str, value: str) -> None:
    said = refusal({variable: value})
    assert said.startswith(f"{variable}: ")
    assert SECRET not in said


def test_of_a_wrong_variable_the_possible_values_are_told() -> None:
    assert "it takes 'debug', 'info'" in refusal({"TONEBUS_LOG_LEVEL": "WARN"})


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("[broker]\nprefetch = 'many'", r"prefetch"),
        ("[broker]\nprefetch = 1.5", r"prefetch"),
        ("[broker]\nprefech = 1", r"prefech"),
        ("[brokers]\nurl = 'x'", r"brokers"),
        ("connectors = 7", r"connectors"),
        ("[[connectors]]\nname = 'Not Allowed'", r"connectors\[0\]\.name|connectors\[\.\.\.\]"),
        ("[[connectors]]\nbindings = 'chat.#'", r"bindings"),
        ("[daemon]\nscore_timeout = 0", r"score_timeout"),
        ("[log]\nformat = 'xml'", r"format"),
    ],
)
def test_a_wrong_file_is_named_with_the_place(file: Path, content: str, named: str) -> None:
    file.write_text(content, encoding="utf-8")
    said = refusal({}, file)
    assert said.startswith(str(file))
    assert re.search(named, said), said


def test_a_file_that_is_no_toml_is_named_with_the_line(file: Path) -> None:
    file.write_text("[broker]\nurl = \n", encoding="utf-8")
    assert re.search(r"tonebus\.toml: not valid TOML: .*line 2", refusal({}, file))
    file.write_bytes(b"\xff\xfe")
    assert "not valid TOML" in refusal({}, file)


def test_a_missing_file_is_named() -> None:
    assert "/no/such/file.toml: cannot be read" in refusal({"TONEBUS_CONFIG": "/no/such/file.toml"})


def test_two_connectors_of_one_name_are_refused(file: Path) -> None:
    file.write_text("[[connectors]]\nname='chat'\n[[connectors]]\nname='chat'\n", encoding="utf-8")
    assert "two connectors are named 'chat'" in refusal({}, file)


def test_a_connector_of_an_unknown_model_is_refused_with_the_known_ones(file: Path) -> None:
    file.write_text("[[connectors]]\nmodel = 'big'\n", encoding="utf-8")
    assert ":2: connectors[0].model: no model is named 'big'" in (said := refusal({}, file))
    assert "known are default" in said


def test_a_shadow_must_be_another_known_model(file: Path) -> None:
    file.write_text("[[connectors]]\nshadow = 'big'\n", encoding="utf-8")
    assert ":2: connectors[0].shadow: no model is named 'big'" in refusal({}, file)
    file.write_text("[[connectors]]\nshadow = 'default'\n", encoding="utf-8")
    assert ":2: connectors[0].shadow: 'default' scores this" in refusal({}, file)


def test_a_wrong_credential_is_named_without_its_value(tmp_path: Path) -> None:
    (tmp_path / "api_port").write_text(SECRET, encoding="utf-8")
    said = refusal({"CREDENTIALS_DIRECTORY": str(tmp_path)})
    assert said.startswith(f"{tmp_path / 'api_port'}: ")
    assert SECRET not in said


@pytest.mark.parametrize(
    "number",
    [
        f"{field.name} = {value}"
        for kind in (BrokerSettings, RedisSettings, DaemonSettings, ApiSettings)
        for field in msgspec.structs.fields(kind)
        for value in ("inf", "nan", "-1", "1e300", "9" * 30)
        if get_origin(field.type) is Annotated and "str" not in str(field.type)
    ],
)
def test_a_number_that_no_process_could_use_is_refused_at_the_start(
    file: Path, number: str
) -> None:
    kinds = {"broker": BrokerSettings, "redis": RedisSettings, "daemon": DaemonSettings,
             "api": ApiSettings}  # fmt: skip
    name = number.partition(" ")[0]
    section = next(each for each, kind in kinds.items() if name in kind.__struct_fields__)
    file.write_text(f"[{section}]\n{number}\n", encoding="utf-8")
    assert f"tonebus.toml:2: {section}.{name}: " in refusal({}, file)


def test_where_a_variable_is_to_blame_the_file_is_not(file: Path) -> None:
    file.write_text('[broker]\nurl = "amqp://good"\n', encoding="utf-8")
    assert refusal({"TONEBUS_BROKER_URL": "x"}, file).startswith("TONEBUS_BROKER_URL: broker.url:")
    (file.parent / "broker_url").write_text("x", encoding="utf-8")
    said = refusal({"CREDENTIALS_DIRECTORY": str(file.parent)}, file)
    assert said.startswith(f"{file.parent / 'broker_url'}: broker.url:")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[daemon]\nbatch_seconds = 20", ":2: daemon.batch_seconds: a batch may take 20 s"),
        ("[daemon]\nscore_timeout = 0.5", ": daemon.batch_seconds: a batch may take 0.5 s"),
        ("[broker]\nheartbeat = 2\n[redis]\ntimeout = 2", ":4: redis.timeout: a look-up may take"),
        ("[redis]\ntimeout = 3600", ":2: redis.timeout: Expected a number <= 60"),
        ("[broker]\nconnect_timeout = 3600", ":2: broker.connect_timeout: Expected a number <= 60"),
    ],
)
def test_times_that_cannot_work_together_are_refused(file: Path, content: str, said: str) -> None:
    file.write_text(content, encoding="utf-8")
    assert said in refusal({}, file)
