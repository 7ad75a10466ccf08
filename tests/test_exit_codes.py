"""One table of exit codes, for the code, the help page and the README."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path

import pytest

from newapi_cli import errors
from newapi_cli.cli.main import app_for
from newapi_cli.errors import ExitCode, Interrupted, NewapiError

ROOT = Path(__file__).parent.parent

# The table of the product's description.
NUMBERS = {
    "COMPLETE": 0,
    "BUG": 1,
    "USAGE": 2,
    "CONFIG": 3,
    "AUTHENTICATION": 4,
    "NETWORK": 5,
    "GATEWAY": 6,
    "LIMIT": 7,
    "TIMEOUT": 8,
    "INCOMPLETE": 9,
    "LOCAL": 10,
    "SIGHUP": 129,
    "SIGINT": 130,
    "SIGPIPE": 141,
    "SIGTERM": 143,
}
CLASSES = {
    "NewapiError": 1,
    "UsageError": 2,
    "FileError": 2,
    "ConfigError": 3,
    "AuthenticationError": 4,
    "NetworkError": 5,
    "NotHttpError": 6,
    "GatewayError": 6,
    "ContextTooLongError": 6,
    "ModelNotFoundError": 6,
    "LimitError": 7,
    "DeadlineError": 8,
    "IncompleteCompletion": 9,
    "LocalError": 10,
    "Interrupted": 130,
    "InputEnded": 130,
    "PipeClosed": 141,
}


def test_the_codes_are_those_of_the_product() -> None:
    assert {code.name: code.value for code in ExitCode} == NUMBERS


def test_no_two_codes_are_alike() -> None:
    assert len(set(NUMBERS.values())) == len(list(ExitCode))
    assert len({code.meaning for code in ExitCode}) == len(list(ExitCode))


@pytest.mark.parametrize("code", ExitCode, ids=lambda code: code.name)
def test_every_code_has_a_meaning_in_one_line(code: ExitCode) -> None:
    assert code.meaning
    assert "\n" not in code.meaning
    assert not code.meaning.endswith(".")


def test_every_error_has_the_code_of_the_documented_tree() -> None:
    kinds = {
        name: int(kind.exit_code)
        for name, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, NewapiError)
    }
    assert kinds == CLASSES


def test_the_drawn_tree_shows_every_error_with_its_code() -> None:
    assert errors.__doc__
    drawn = {}
    for line in errors.__doc__.splitlines():
        words = line.strip("│├└─ ").split()
        if words and words[0] in CLASSES and words[0] != "NewapiError":
            drawn[words[0]] = int(words[1])
    assert drawn == {name: code for name, code in CLASSES.items() if name != "NewapiError"}


@pytest.mark.parametrize("code", [ExitCode.SIGINT, ExitCode.SIGTERM, ExitCode.SIGHUP])
def test_an_interruption_carries_the_code_of_its_signal(code: ExitCode) -> None:
    assert Interrupted(code).code == code


def test_an_error_has_its_four_parts() -> None:
    error = errors.UsageError("what", why="why", hint="hint", request_id="id")
    parts = (str(error), error.message, error.why, error.hint, error.request_id)
    assert parts == ("what", "what", "why", "hint", "id")


@pytest.mark.parametrize("code", ExitCode, ids=lambda code: code.name)
def test_the_readme_lists_every_code(code: ExitCode) -> None:
    lines = (ROOT / "README.md").read_text("utf-8").splitlines()
    assert f"| {code.value} | {code.meaning} |" in lines


def test_the_readme_lists_no_other_code() -> None:
    lines = (ROOT / "README.md").read_text("utf-8").splitlines()
    table = lines[lines.index("| code | meaning |") + 2 :]
    listed = [line.split("|")[1].strip() for line in table[: table.index("")]]
    assert listed == [str(code.value) for code in ExitCode]


def test_the_help_page_lists_every_code() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "newapi_cli", "--help"],
        capture_output=True,
        check=True,
        timeout=60,
        text=True,
        env={"PATH": "/usr/bin", "HOME": "/nonexistent", "COLUMNS": "100", "LANG": "C.UTF-8"},
    )
    page = " ".join(run.stdout.split())
    missing = [code for code in ExitCode if f"{code.value} {code.meaning}" not in page]
    assert missing == []


def test_the_help_page_has_the_table_from_the_code() -> None:
    epilog = app_for([]).info.epilog
    assert epilog
    for code in ExitCode:
        assert f"{code.value} {code.meaning}" in epilog
