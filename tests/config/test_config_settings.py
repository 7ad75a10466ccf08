"""Precedence, profiles and timeouts."""

from __future__ import annotations

from pathlib import Path

import pytest

from newapi_cli.config.fields import FIELDS
from newapi_cli.config.file import ConfigFile
from newapi_cli.config.settings import load_settings
from newapi_cli.domain.settings import Origin, Settings, Source, Timeouts
from newapi_cli.errors import ConfigError, NewapiError, UsageError
from tests.support.cases import each

Table = dict[str, object]
CANARY = "sk-CANARYcanary0123456789"

FLAG, ENVIRONMENT, PROFILE, DEFAULT = (
    Source.FLAG,
    Source.ENVIRONMENT,
    Source.PROFILE,
    Source.DEFAULT,
)


def config(default: str | None = None, **profiles: Table) -> ConfigFile:
    return ConfigFile(Path("/c/config.toml"), default, profiles)


def load(
    profile: Table | None = None,
    *,
    flags: Table | None = None,
    environ: dict[str, str] | None = None,
) -> Settings:
    return load_settings(config(work=profile or {}), flags or {}, environ or {})


@pytest.mark.parametrize(
    ("flag", "variable", "profile", "value", "origin"),
    [
        ("f", "e", "p", "f", Origin(FLAG, "--model")),
        ("f", None, None, "f", Origin(FLAG, "--model")),
        (None, "e", "p", "e", Origin(ENVIRONMENT, "NEWAPI_MODEL")),
        (None, "", "p", "p", Origin(PROFILE, "work")),
        (None, "  ", "p", "p", Origin(PROFILE, "work")),
        (None, None, "p", "p", Origin(PROFILE, "work")),
        ("", "e", "p", "", Origin(FLAG, "--model")),
        (None, "", "", "", None),
        (None, None, None, "", None),
    ],
)
def test_an_option_wins_over_the_environment_and_that_over_the_profile(
    flag: str | None, variable: str | None, profile: str | None, value: str, origin: Origin | None
) -> None:
    settings = load(
        {} if profile is None else {"model": profile},
        flags={"model": flag},
        environ={} if variable is None else {"NEWAPI_MODEL": variable},
    )
    assert settings.text("model") == value
    assert settings.origins.get("model") == origin


def test_every_default_is_a_value_with_its_origin() -> None:
    settings = load()
    defaults = {field.name: field.default for field in FIELDS if field.default is not None}
    assert dict(settings.values) == defaults
    assert {settings.origins[name] for name in defaults} == {Origin(DEFAULT)}


@pytest.mark.parametrize(
    ("variable", "text", "name", "value"),
    [
        ("NEWAPI_TEMPERATURE", "0.5", "temperature", 0.5),
        ("NEWAPI_MAX_TOKENS", "7", "max_tokens", 7),
        ("NEWAPI_STREAM", "off", "stream", False),
        ("NEWAPI_STOP", '["a","b"]', "stop", ["a", "b"]),
        ("NEWAPI_OPTIONS", '{"n": 1}', "options", {"n": 1}),
        ("NEWAPI_REASONING", "hide", "reasoning", "hide"),
        ("NEWAPI_PROXY", "http://p:1", "proxy", "http://p:1"),
    ],
)
def test_a_variable_is_read_by_the_type_of_its_setting(
    variable: str, text: str, name: str, value: object
) -> None:
    settings = load(environ={variable: text})
    assert settings.values[name] == value
    assert settings.origins[name] == Origin(ENVIRONMENT, variable)


def test_an_invalid_variable_is_an_error_without_its_text() -> None:
    with pytest.raises(ConfigError) as caught:
        load(environ={"NEWAPI_TEMPERATURE": CANARY})
    assert caught.value.message == "NEWAPI_TEMPERATURE must be a number from 0 to 2"
    assert "NEWAPI_TEMPERATURE" in caught.value.hint


def test_an_invalid_value_in_a_profile_is_an_error_with_the_file() -> None:
    with pytest.raises(ConfigError) as caught:
        load({"temperature": "hot"})
    error = caught.value
    assert (
        error.message == 'temperature of profile "work" must be a number from 0 to 2, not a string'
    )
    assert (error.why, error.hint) == ("/c/config.toml", "newapi config set temperature VALUE")


def test_an_overridden_invalid_value_is_no_error() -> None:
    assert load({"temperature": "hot"}, flags={"temperature": 1.0}).values["temperature"] == 1.0


def test_an_invalid_value_of_another_profile_is_no_error() -> None:
    both = config(work={"model": "m"}, home={"model": 1})
    assert load_settings(both, {"profile": "work"}, {}).text("model") == "m"


@pytest.mark.parametrize(
    ("flag", "variable", "default", "profiles", "chosen", "origin"),
    [
        ("a", "b", "c", "abcd", "a", Origin(FLAG, "--profile")),
        (None, "b", "c", "abcd", "b", Origin(ENVIRONMENT, "NEWAPI_PROFILE")),
        (None, "", "c", "abcd", "c", Origin(PROFILE, "default_profile")),
        (None, None, None, "d", "d", Origin(DEFAULT)),
        (None, None, None, "ab", "default", Origin(DEFAULT)),
        (None, None, None, "", "default", Origin(DEFAULT)),
    ],
)
def test_the_profile_is_that_of_option_variable_default_or_the_only_one(
    flag: str | None,
    variable: str | None,
    default: str | None,
    profiles: str,
    chosen: str,
    origin: Origin,
) -> None:
    tables: dict[str, Table] = {name: {"model": f"model of {name}"} for name in profiles}
    file = config(default, **tables)
    environ = {} if variable is None else {"NEWAPI_PROFILE": variable}
    settings = load_settings(file, {"profile": flag}, environ)
    assert (settings.profile, settings.origins["profile"]) == (chosen, origin)
    assert settings.text("model") == (f"model of {chosen}" if chosen in profiles else "")


@pytest.mark.parametrize("by_flag", [True, False])
def test_a_profile_of_option_or_variable_must_exist(*, by_flag: bool) -> None:
    environ = {"NEWAPI_BASE_URL": "https://h.example", "NEWAPI_API_KEY": CANARY}
    environ |= {} if by_flag else {"NEWAPI_PROFILE": "wrok"}
    with pytest.raises(ConfigError) as caught:
        load_settings(config(work={}, home={}), {"profile": "wrok" if by_flag else None}, environ)
    error = caught.value
    assert 'profile "wrok" not found' in error.message
    assert ("--profile" if by_flag else "NEWAPI_PROFILE") in error.message
    assert error.hint == 'use "work"'
    assert error.why == 'the profiles are: "work", "home"'


def test_a_profile_without_a_config_file_is_an_error() -> None:
    with pytest.raises(ConfigError, match='profile "work" not found') as caught:
        load_settings(config(), {"profile": "work"}, {})
    assert caught.value.why == "/c/config.toml has no profiles"


def test_several_profiles_without_a_default_are_explained() -> None:
    settings = load_settings(config(a={"api_key": CANARY}, b={}), {}, {})
    assert settings.key is None
    assert settings.key_problem.startswith("no profile is selected")
    assert '"a", "b"' in settings.key_problem


@each(
    ("profile", "flags", "environ", "timeouts"),
    [
        ({}, {}, {}, Timeouts()),
        ({"timeout": 5}, {}, {}, Timeouts(10, 5, 5, 5, 5, 0)),
        ({}, {"timeout": 3.0}, {}, Timeouts(10, 3, 3, 3, 3, 0)),
        ({}, {}, {"NEWAPI_TIMEOUT": "2.5"}, Timeouts(10, 2.5, 2.5, 2.5, 2.5, 0)),
        ({}, {"timeout": 0.0}, {}, Timeouts(10, 0, 0, 0, 0, 0)),
        ({"idle_timeout": 9}, {"timeout": 3.0}, {}, Timeouts(10, 3, 3, 9, 3, 0)),
        ({"idle_timeout": 60}, {"timeout": 3.0}, {}, Timeouts(10, 3, 3, 60, 3, 0)),
        ({"timeout": 5}, {}, {"NEWAPI_FIRST_BYTE_TIMEOUT": "7"}, Timeouts(10, 7, 5, 5, 5, 0)),
        ({"connect_timeout": 1, "total_timeout": 99}, {}, {}, Timeouts(1, 60, 300, 60, 300, 99)),
        (
            {"first_byte_timeout": 1, "first_content_timeout": 2, "content_idle_timeout": 3},
            {},
            {},
            Timeouts(10, 1, 2, 60, 3, 0),
        ),
    ],
)
def test_timeout_is_the_default_of_the_silences(
    profile: Table, flags: Table, environ: dict[str, str], timeouts: Timeouts
) -> None:
    assert load(profile, flags=flags, environ=environ).timeouts == timeouts


def test_a_timeout_from_timeout_has_its_origin() -> None:
    settings = load(flags={"timeout": 3.0})
    assert settings.values["idle_timeout"] == 3.0
    assert settings.origins["idle_timeout"] == Origin(FLAG, "--timeout")
    assert settings.origins["connect_timeout"] == Origin(DEFAULT)


@pytest.mark.parametrize(
    ("flag", "environ", "profile", "url", "origin"),
    [
        ("f.example", {"NEWAPI_BASE_URL": "e.example"}, "p.example", "https://f.example",
         Origin(FLAG, "--base-url")),
        (None, {"NEWAPI_BASE_URL": "e.example", "OPENAI_BASE_URL": "o.example"}, "p.example",
         "https://e.example", Origin(ENVIRONMENT, "NEWAPI_BASE_URL")),
        (None, {"OPENAI_BASE_URL": "o.example"}, "p.example/v1/chat/completions",
         "https://p.example", Origin(PROFILE, "work")),
        (None, {"OPENAI_BASE_URL": "o.example/v1"}, None,
         "https://o.example", Origin(ENVIRONMENT, "OPENAI_BASE_URL")),
    ],
)  # fmt: skip
def test_the_base_url_is_that_of_option_variable_profile_or_openai(
    flag: str | None, environ: dict[str, str], profile: str | None, url: str, origin: Origin
) -> None:
    table: Table = {"base_url": profile} if profile else {}
    settings = load(table, flags={"base_url": flag}, environ=environ)
    assert str(settings.base_url) == url
    assert settings.origins["base_url"] == origin
    assert "base_url" not in settings.values


@pytest.mark.parametrize(
    ("profile", "flags", "environ", "kind", "where"),
    [
        ({"base_url": f"ftp://{CANARY}"}, {}, {}, ConfigError, 'base_url of profile "work"'),
        ({}, {}, {"NEWAPI_BASE_URL": f"https://{CANARY} x"}, ConfigError, "NEWAPI_BASE_URL"),
        ({}, {}, {"OPENAI_BASE_URL": f"https://me:{CANARY}@h"}, ConfigError, "OPENAI_BASE_URL"),
        ({}, {"base_url": f"https://h/{CANARY}\0"}, {}, UsageError, "--base-url"),
        ({}, {"base_url": ""}, {}, UsageError, "--base-url"),
        ({}, {"base_url": f"https://h:{CANARY}"}, {}, UsageError, "--base-url"),
    ],
)
def test_an_invalid_base_url_is_an_error_with_its_origin(
    profile: Table, flags: Table, environ: dict[str, str], kind: type[NewapiError], where: str
) -> None:
    with pytest.raises(kind) as caught:
        load(profile, flags=flags, environ=environ)
    assert caught.value.message.startswith(f"invalid {where}: ")
    assert "CANARY" not in f"{caught.value!r}{caught.value.why}{caught.value.hint}"


def test_the_repr_of_settings_contains_no_key() -> None:
    table: Table = {"base_url": "h.example", "api_key": CANARY}
    for settings in (load(table), load(environ={"NEWAPI_API_KEY": CANARY})):
        assert settings.key
        assert "CANARY" not in f"{settings!r} {settings} {settings.values} {settings.key}"
