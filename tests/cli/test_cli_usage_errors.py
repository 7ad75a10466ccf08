"""Errors of the command line, in the words of the program."""

from __future__ import annotations

import pytest

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
        ("sessions lst", "no such command 'lst'; did you mean 'list'?"),
        ("config set model", "missing argument 'VALUE'"),
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
    ],
)
def test_the_next_step_is_of_the_same_command(home: Home, args: str, hint: str) -> None:
    assert f"\n  try: {hint}\n" in run_newapi(*args.split(), home=home).err
