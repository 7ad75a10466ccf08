"""Shells on a terminal, with the scripts of `completions/` loaded, where TAB can be pressed."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.support.home import ROOT, Home
from tests.support.terminal import Terminal

SCRIPTS = ROOT / "completions"
PROMPT = "READY> "
TAB = "\t"
TYPED_AFTER = "@@"  # a shell reads keys in their order: what shows this has done with TAB
TIMEOUT_S = 30.0
# Names that would run a command, or drive a terminal, where a shell took them for more than a name.
HOSTILE = [
    "x$(touch P)",
    "x\\$(touch P)",
    "\\$(touch P)",
    "$(touch P)",
    "`touch P`",
    "x\\`touch P\\`",
    ";touch P",
    "x;touch P",
    "x'; touch P; '",
    'x"; touch P; "',
    "x))'; touch P; '((",
    "x touch P",
    "x\ttouch P",
    "x\x1b]0;touch P\x07",
    "x*touch",
    "x{touch,P}",
    "x&touch",
    "x>P",
    "-touch",
]


def _bash(folder: Path, script: str) -> list[str]:
    start = folder / "start.bash"
    start.write_text(
        f"PS1='{PROMPT}'\nbind 'set show-all-if-ambiguous on'\n{script or 'source newapi.bash'}\n"
    )
    return ["bash", "--noprofile", "--rcfile", str(start), "-i"]


def _zsh(folder: Path, script: str) -> list[str]:
    load = "autoload -Uz compinit\ncompinit -u -D\nsource _newapi"
    (folder / ".zshrc").write_text(f"PS1='{PROMPT}'\n{script or load}\n")
    return ["zsh", "-d", "-i"]


def _fish(folder: Path, script: str) -> list[str]:
    settings = folder / "fish"
    settings.mkdir()
    (settings / "config.fish").write_text(
        "function fish_prompt\n"
        f"    echo -n '{PROMPT}'\n"
        "end\n"
        "set -g fish_greeting\n"
        "set -g fish_autosuggestion_enabled 0\n"
        f"{script or 'source newapi.fish'}\n"
    )
    return ["fish", "-i"]


START: dict[str, Callable[[Path, str], Sequence[str]]] = {"bash": _bash, "zsh": _zsh, "fish": _fish}
FOUND = [name for name in START if shutil.which(name)]


class Shell:
    """A shell at its prompt. `script` replaces the lines that load the completion."""

    def __init__(self, name: str, home: Home, script: str = "") -> None:
        folder = home.path / "shell"
        commands = home.path / "bin"
        for each in (folder, commands):
            each.mkdir()
        newapi = commands / "newapi"
        newapi.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m newapi_cli "$@"\n')
        newapi.chmod(0o700)
        for file in SCRIPTS.iterdir():
            shutil.copy(file, home.path)  # the shell's current folder
        self.terminal = Terminal(
            START[name](folder, script),
            home=home,
            env={
                "PATH": f"{commands}:{os.environ['PATH']}",
                "ZDOTDIR": str(folder),
                "XDG_CONFIG_HOME": str(folder),
                "XDG_DATA_HOME": str(folder),
            },
            columns=100,
            rows=50,
        )

    def __enter__(self) -> Shell:
        self.terminal.wait_for(PROMPT.rstrip(), TIMEOUT_S)
        return self

    def __exit__(self, *_: object) -> None:
        self.terminal.close()

    def completed(self, line: str) -> str:
        """Type a line and press TAB; return the completed line."""
        self.terminal.send(f"{line}{TAB}{TYPED_AFTER}".encode())
        self.terminal.wait_for(TYPED_AFTER, TIMEOUT_S)
        rows = [row for row in self.terminal.screen_text().splitlines() if TYPED_AFTER in row]
        return rows[-1].rpartition(PROMPT)[2].partition(TYPED_AFTER)[0]

    def offered(self, line: str, awaited: Sequence[str]) -> str:
        """Type a line and press TAB; return the screen when it shows the expected text."""
        self.terminal.send(f"{line}{TAB}".encode())
        for text in awaited:
            self.terminal.wait_for(text, TIMEOUT_S)
        return self.terminal.all_text()
