"""The scripts in `completions/` are what `newapi completion` prints."""

from __future__ import annotations

import pytest

from newapi_cli.cli.completion import Shell, script
from tests.support.home import ROOT, Home
from tests.support.process import run_newapi

FILES = {
    Shell.BASH: "newapi.bash",
    Shell.ZSH: "_newapi",  # the name that compinit looks for
    Shell.FISH: "newapi.fish",
    Shell.POWERSHELL: "newapi.ps1",
}


@pytest.mark.parametrize("shell", Shell)
def test_script_is_fresh(shell: Shell) -> None:
    name = FILES[shell]
    written = (ROOT / "completions" / name).read_text("utf-8")
    again = f"stale; run: newapi completion {shell} > completions/{name}"
    assert written == script(shell), again


def test_an_unsupported_shell_is_a_usage_error() -> None:
    assert {path.name for path in (ROOT / "completions").iterdir()} == set(FILES.values())


def test_it_is_installed_below_the_home_folder(home: Home) -> None:
    result = run_newapi("completion", "fish", "--install", home=home)
    path = home.path / ".config/fish/completions/newapi.fish"
    assert (result.code, str(path) in result.err) == (0, True), result
    assert "newapi" in path.read_text("utf-8")


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_the_changed_startup_file_is_reported(home: Home, shell: str) -> None:
    result = run_newapi("completion", shell, "--install", home=home)
    assert (result.code, f", which ~/.{shell}rc now loads; restart" in result.err) == (0, True)
    assert (home.path / f".{shell}rc").exists()


def test_a_failure_names_the_file_and_the_way_without_it(home: Home) -> None:
    result = run_newapi("completion", "powershell", "--install", home=home, env={"PATH": "/nope"})
    assert result.code == 10
    assert "why: powershell: No such file or directory" in result.err
    assert "try: save the output of `newapi completion powershell` in a file" in result.err


def test_without_a_home_folder_nothing_is_installed(home: Home) -> None:
    missing = home.path / "missing"
    result = run_newapi("completion", "fish", "--install", home=home, env={"HOME": str(missing)})
    assert (result.code, result.out, "set HOME" in result.err) == (3, b"", True), result
    assert not missing.exists()


def test_an_invalid_home_folder_is_rejected(home: Home) -> None:
    (home.path / "relative").mkdir()
    result = run_newapi("completion", "fish", "--install", home=home, env={"HOME": "relative"})
    assert (result.code, "no home folder" in result.err) == (3, True), result
    assert list((home.path / "relative").iterdir()) == []
