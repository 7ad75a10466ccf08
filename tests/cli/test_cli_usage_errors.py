"""Errors of the command line, in the words of the program."""

from __future__ import annotations

import pytest

from newapi_cli.cli.main import CONNECTION_FLAGS
from tests.support.home import Home
from tests.support.process import run_newapi


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ("chat -t hot hi", "--temperature must be a number from 0 to 2"),
        ("chat -t 3 hi", "--temperature must be a number from 0 to 2"),
        ("chat --max-tokens 0 hi", "--max-tokens must be an integer of at least 1"),
        ("chat --seed x hi", "--seed must be an integer"),
        ("chat --timeout -3 hi", "--timeout must be a number of seconds from 0 to 1,000,000"),
        ("demo --port x", "--port must be an integer from 0 to 65,535"),
        ("demo --port 70000", "--port must be an integer from 0 to 65,535"),
        ("sessions list -l x", "--limit must be an integer of at least 0"),
        ("models --sort size", "--sort must be one of name, in, out"),
        ("completion tcsh", "shell must be one of bash, zsh, fish, powershell"),
        ("chat --modle x hi", "no such option: --modle; did you mean --model?"),
        ("sessions lst", 'no such command "lst"; did you mean "list"?'),
        ("config set model", 'missing argument "VALUE"'),
    ],
)
def test_a_usage_error_is_in_plain_words(home: Home, args: str, message: str) -> None:
    result = run_newapi(*args.split(), home=home)
    assert (result.code, result.out) == (2, b"")
    assert result.err.splitlines()[0] == f"error: {message}"


@pytest.mark.parametrize(
    ("args", "hint"),
    [
        ("sessions lst", "newapi sessions list"),
        ("sessions zzz", "newapi sessions --help lists the commands"),
        ("demo --port x", "newapi demo --help"),
        ("version", "newapi --version"),
        ("help", "newapi --help"),
        ("sessions list --proxy x", "omit --proxy: it has no effect on newapi sessions list"),
        ("sessions rm --older-than 1d -P x", "omit -P: it has no effect on newapi sessions rm"),
    ],
)
def test_the_next_step_is_of_the_same_command(home: Home, args: str, hint: str) -> None:
    assert f"\n  try: {hint}\n" in run_newapi(*args.split(), home=home).err


CONNECTING = ["chat", "models", "balance", "usage", "login", "doctor"]
WITH_PROFILE = [
    "logout", "config list", "config get", "config set", "config unset", "config edit",
    "sessions list", "sessions show", "sessions export", "sessions import", "sessions rename",
]  # fmt: skip
OTHERS = ["config path", "sessions search", "sessions rm", "sessions path", "completion", "demo"]


@pytest.mark.parametrize("command", [*CONNECTING, *WITH_PROFILE, *OTHERS])
def test_help_lists_only_options_that_have_an_effect(home: Home, command: str) -> None:
    text = run_newapi(*command.split(), "--help", home=home).text
    listed = {flag for flag in (*CONNECTION_FLAGS, "--verbose", "--debug") if f"{flag} " in text}
    expected = {"--debug"}
    if command in CONNECTING:
        expected |= {*CONNECTION_FLAGS, "--verbose"}
    elif command in WITH_PROFILE:
        expected |= {"--profile", "-P"}
    elif command == "demo":
        expected |= {"--verbose"}
    assert listed == expected


@pytest.mark.parametrize("flag", ["--base-url", "--timeout", "--retries", "--proxy"])
def test_a_command_that_does_not_connect_rejects_options_of_the_connection(
    home: Home, flag: str
) -> None:
    result = run_newapi("config", "list", flag, "1", home=home)
    assert (result.code, result.err.splitlines()[0]) == (2, f"error: no such option: {flag}")


@pytest.mark.parametrize("args", ["sessions list", "config path", "completion fish"])
def test_verbose_and_debug_are_accepted_everywhere(home: Home, args: str) -> None:
    assert run_newapi(*args.split(), "-v", "--debug", home=home).code == 0
