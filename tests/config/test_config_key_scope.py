"""Which key is sent to which host. The table is the specification."""

from __future__ import annotations

from pathlib import Path

import pytest

from newapi_cli.config.file import ConfigFile
from newapi_cli.config.settings import load_settings
from newapi_cli.domain.settings import KeyKind, Origin, Source
from newapi_cli.errors import ConfigError
from tests.support.cases import each

HOME = "https://gateway.example"
Environ = dict[str, str]

BOUND = 'the key of profile "work" belongs to gateway.example, not to'
HOMELESS = 'profile "work" has a key but no base_url, so the key belongs to no host'
OPENAI_ONLY = "OPENAI_API_KEY is sent to OPENAI_BASE_URL only, which is not the base URL in effect"
BOTH_OPENAI = {"OPENAI_BASE_URL": HOME, "OPENAI_API_KEY": "O"}


@each(
    ("profile_url", "profile_key", "flag_url", "environ", "goes", "problem"),
    [
        # a profile's key goes to that profile's host
        (HOME, "P", None, {}, "P", ""),
        (HOME, "P", HOME, {}, "P", ""),
        (HOME, "P", "gateway.example/v1/chat/completions", {}, "P", ""),
        (HOME, "P", f"{HOME}:443/sub/path", {}, "P", ""),
        (HOME, "P", None, {"NEWAPI_BASE_URL": HOME}, "P", ""),
        (HOME, "P", "GATEWAY.example", {}, "P", ""),
        # and to no other
        (HOME, "P", "other.example", {}, "",
         f"{BOUND} other.example"),
        (HOME, "P", None, {"NEWAPI_BASE_URL": "https://evil.gateway.example"}, "",
         f"{BOUND} evil.gateway.example"),
        (HOME, "P", f"{HOME}:8443", {}, "",
         f"{BOUND} gateway.example:8443"),
        (HOME, "P", "http://gateway.example", {}, "",
         'the key of profile "work" belongs to https://gateway.example, not to http://gateway.example'),
        (HOME, "P", "https://gateway.example.evil.example", {}, "",
         f"{BOUND} gateway.example.evil.example"),
        (None, "P", None, {}, "", HOMELESS),
        (None, "P", HOME, {}, "", HOMELESS),
        (None, "P", None, {"OPENAI_BASE_URL": HOME}, "",
         HOMELESS),
        # NEWAPI_API_KEY goes to the base URL in force
        (HOME, "P", None, {"NEWAPI_API_KEY": "E"}, "E", ""),
        (HOME, "P", "other.example", {"NEWAPI_API_KEY": "E"}, "E", ""),
        (HOME, "P", None, {"NEWAPI_API_KEY": "E", "NEWAPI_BASE_URL": "other.example"}, "E", ""),
        (HOME, "P", None, {"NEWAPI_API_KEY": ""}, "P", ""),
        (None, None, None, {"NEWAPI_API_KEY": "E", **BOTH_OPENAI}, "E", ""),
        (None, None, HOME, {"NEWAPI_API_KEY": "E"}, "E", ""),
        (None, None, None, {"NEWAPI_API_KEY": "E"}, "E", ""),
        # OPENAI_API_KEY goes to OPENAI_BASE_URL only
        (None, None, None, BOTH_OPENAI, "O", ""),
        (None, "P", None, BOTH_OPENAI, "O", ""),
        (HOME, "P", None, BOTH_OPENAI, "P", ""),
        (HOME, None, None, {"OPENAI_BASE_URL": "o.example", "OPENAI_API_KEY": "O"}, "",
         OPENAI_ONLY),
        (None, None, HOME, {"OPENAI_API_KEY": "O"}, "",
         OPENAI_ONLY),
        (None, None, "other.example", BOTH_OPENAI, "",
         OPENAI_ONLY),
        (HOME, "P", "other.example", BOTH_OPENAI, "",
         f"{BOUND} other.example"),
        (None, None, None, {"OPENAI_API_KEY": "O"}, "",
         OPENAI_ONLY),
        # no key at all
        (HOME, None, None, {}, "", ""),
        (None, None, None, {}, "", ""),
        (HOME, "", None, {}, "", ""),
    ],
)  # fmt: skip
def test_a_key_is_sent_only_to_its_host(
    profile_url: str | None,
    profile_key: str | None,
    flag_url: str | None,
    environ: Environ,
    goes: str,
    problem: str,
) -> None:
    table = {"base_url": profile_url, "api_key": profile_key}
    profile = {name: value for name, value in table.items() if value is not None}
    config = ConfigFile(Path("config.toml"), None, {"work": profile})
    settings = load_settings(config, {"base_url": flag_url}, environ)
    assert (settings.key.text.reveal() if settings.key else "") == goes
    assert settings.key_problem == problem


@pytest.mark.parametrize(
    ("environ", "profile", "kind", "origin"),
    [
        ({"NEWAPI_API_KEY": "k", "NEWAPI_API_KEY_COMMAND": "c"}, {"api_key": "p"},
         KeyKind.VALUE, Origin(Source.ENVIRONMENT, "NEWAPI_API_KEY")),
        ({"NEWAPI_API_KEY_COMMAND": "c", "NEWAPI_API_KEY_FILE": "f"}, {"api_key": "p"},
         KeyKind.COMMAND, Origin(Source.ENVIRONMENT, "NEWAPI_API_KEY_COMMAND")),
        ({"NEWAPI_API_KEY_FILE": "f"}, {"api_key": "p"},
         KeyKind.FILE, Origin(Source.ENVIRONMENT, "NEWAPI_API_KEY_FILE")),
        ({}, {"api_key_file": "f", "api_key_command": "c", "api_key": "p"},
         KeyKind.VALUE, Origin(Source.PROFILE, "work")),
        ({}, {"api_key_file": "f", "api_key_command": "c"},
         KeyKind.COMMAND, Origin(Source.PROFILE, "work")),
        ({}, {"api_key_file": "f", "api_key_command": ""},
         KeyKind.FILE, Origin(Source.PROFILE, "work")),
    ],
)  # fmt: skip
def test_a_key_wins_over_a_command_and_a_file_and_the_environment_over_the_profile(
    environ: Environ, profile: dict[str, object], kind: KeyKind, origin: Origin
) -> None:
    config = ConfigFile(Path("config.toml"), None, {"work": {"base_url": HOME, **profile}})
    settings = load_settings(config, {}, environ)
    assert settings.key
    assert (settings.key.kind, settings.key.origin) == (kind, origin)
    assert settings.origins[kind.value] == origin


def test_loading_settings_runs_no_key_command(tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    profile = {"base_url": HOME, "api_key_command": f"touch {ran}"}
    config = ConfigFile(Path("config.toml"), None, {"work": profile})
    settings = load_settings(config, {}, {})
    assert settings.key
    assert settings.key.text.reveal() == f"touch {ran}"
    assert not ran.exists()


def test_a_key_that_is_not_text_is_an_error_without_the_key() -> None:
    config = ConfigFile(Path("config.toml"), None, {"work": {"base_url": HOME, "api_key": 123456}})
    with pytest.raises(ConfigError, match='"work" must be a key as a string') as caught:
        load_settings(config, {}, {})
    assert "123456" not in f"{caught.value!r}{caught.value.why}{caught.value.hint}"
