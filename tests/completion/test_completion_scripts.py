"""The scripts in `completions/` are what `newapi completion` prints."""

from __future__ import annotations

import pytest

from newapi_cli.cli.completion import Shell, script
from tests.support.home import ROOT

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


def test_there_is_no_script_of_a_shell_that_is_not_supported() -> None:
    assert {path.name for path in (ROOT / "completions").iterdir()} == set(FILES.values())
