"""TAB in real shells: commands, options and the known models."""

from __future__ import annotations

import shutil

import pytest

from newapi_cli.domain.session import Session, TurnRecord
from newapi_cli.store.sessions import SessionStore
from tests.completion.shells import FOUND, HOSTILE, Shell
from tests.support.home import Home

MODELS = ["claude-x", "deepseek/r1:free", "deepseek/v3", "gpt-4o", "z-one:1", "z-one:2"]
in_each_shell = pytest.mark.parametrize("name", FOUND)


@pytest.fixture
def cache(home: Home) -> Home:
    """Return a home whose cache contains hostile names too."""
    folder = home.newapi_home / "cache"
    folder.mkdir(parents=True)
    lines = [*MODELS[:2], *HOSTILE, *MODELS[2:]]
    (folder / "models.txt").write_text("\n".join(lines) + "\n", "utf-8")
    return home


def test_bash_is_installed() -> None:
    assert shutil.which("bash")


@in_each_shell
@pytest.mark.parametrize(
    ("line", "completed"),
    [
        ("newapi ch", "newapi chat "),
        ("newapi chat --mod", "newapi chat --model "),
        ("newapi chat -m cl", "newapi chat -m claude-x "),
        ("newapi chat --model gp", "newapi chat --model gpt-4o "),
        ("newapi chat -m deepseek/v", "newapi chat -m deepseek/v3 "),
        ("newapi chat -m deepseek/r", "newapi chat -m deepseek/r1:free "),
        ("newapi chat -m z", "newapi chat -m z-one:"),
        ("newapi chat -s 'a b' -m cl", "newapi chat -s 'a b' -m claude-x "),
        ("newapi chat -f newapi.b", "newapi chat -f newapi.bash "),
        ("newapi completion z", "newapi completion zsh "),
    ],
)
def test_tab_completes(name: str, cache: Home, line: str, completed: str) -> None:
    with Shell(name, cache) as shell:
        assert shell.completed(line) == completed


@in_each_shell
def test_tab_completes_a_name_past_its_colon(name: str, cache: Home) -> None:
    with Shell(name, cache) as shell:
        line = shell.completed("newapi chat -m deepseek/r1:f")
    assert line == "newapi chat -m deepseek/r1:free "


@pytest.mark.skipif("zsh" not in FOUND, reason="there is no zsh here")
def test_the_first_tab_of_a_session_completes_in_zsh(cache: Home) -> None:
    load = "fpath=($HOME $fpath)\nautoload -Uz compinit\ncompinit -u -D"
    with Shell("zsh", cache, load) as shell:
        assert shell.completed("newapi ch") == "newapi chat "


@in_each_shell
def test_tab_without_a_cache_completes_nothing_silently(name: str, home: Home) -> None:
    with Shell(name, home) as shell:
        assert shell.completed("newapi chat -m gp") == "newapi chat -m gp"
        assert shell.terminal.all_text().count("\n") == 0


# -- sessions -------------------------------------------------------------------------------------


@pytest.fixture
def talks(home: Home) -> Home:
    """Return a home with named sessions, harmless and hostile, and one without a name."""
    data = home.newapi_home / "data"
    data.mkdir(parents=True, mode=0o700)
    with SessionStore(data / "sessions.db") as store:
        for number, name in enumerate(["taxes", "travel:japan", *HOSTILE, ""]):
            session = Session(f"{number:012x}", title=name, is_named=bool(name))
            store.begin_turn(session, TurnRecord("hello"), at_leaf=True)
    return home


@in_each_shell
@pytest.mark.parametrize(
    ("line", "completed"),
    [
        ("newapi sess", "newapi sessions "),
        ("newapi sessions exp", "newapi sessions export "),
        ("newapi chat -S ta", "newapi chat -S taxes "),
        ("newapi sessions show tr", "newapi sessions show travel:japan "),
        ("newapi sessions rename 0000", "newapi sessions rename 00000000 "),  # by its short id
    ],
)
def test_tab_completes_sessions(name: str, talks: Home, line: str, completed: str) -> None:
    with Shell(name, talks) as shell:
        assert shell.completed(line) == completed


@in_each_shell
def test_tab_creates_no_store(name: str, home: Home) -> None:
    with Shell(name, home) as shell:
        assert shell.completed("newapi chat -S ta") == "newapi chat -S ta"
    assert not home.newapi_home.exists()
