"""TAB in a shell runs nothing that a server, session or file has named, and sends nothing.

A name that a shell could interpret is not offered.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from newapi_cli.domain.session import Session, TurnRecord
from newapi_cli.store.sessions import SessionStore
from tests.completion.shells import FOUND, HOSTILE, START, Shell
from tests.sessions.helpers import data_dir, sessions_file
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.observed import Conditions, observe, observe_process
from tests.support.steps import Send
from tests.support.wire import response

MODELS = ["claude-x", "deepseek/v3", "gpt-4o"]
SESSIONS = ["plans:japan", "taxes"]  # without a common prefix, which TAB would complete first
in_each_shell = pytest.mark.parametrize(
    "name",
    [
        pytest.param(
            name, marks=pytest.mark.skipif(name not in FOUND, reason=f"{name} is not installed")
        )
        for name in START
    ],
)


@pytest.fixture
def hostile_names(home: Home, server: FaultServer) -> FaultServer:
    """Return a server that has listed hostile names; cache and sessions hold such names too."""
    rows = [{"id": each, "object": "model"} for each in (*MODELS[:1], *HOSTILE, *MODELS[1:])]
    server.add(Send(response(200, {"object": "list", "data": rows})))
    assert observe("models", home=home).code == 0
    cache = home.newapi_home / "cache" / "models.txt"
    cache.write_text(cache.read_text("utf-8") + "\n".join([*HOSTILE, ""]), "utf-8")
    data_dir(home).mkdir(mode=0o700)
    with SessionStore(sessions_file(home)) as store:
        for number, title in enumerate([*SESSIONS, *HOSTILE]):
            session = Session(f"{number:012x}", title=title, is_named=True)
            store.begin_turn(session, TurnRecord("touch P"), at_leaf=True)
    return server


def assert_nothing_ran(home: Home, server: FaultServer) -> None:
    """Assert that no command in a name was run, and that nothing was sent."""
    assert not list(home.path.rglob("P"))
    assert len(server.connections) == 1


@in_each_shell
@pytest.mark.parametrize(
    ("line", "names"), [("newapi chat -m ", MODELS), ("newapi chat -S ", SESSIONS)]
)
def test_tab_offers_only_the_safe_names(
    name: str, home: Home, hostile_names: FaultServer, line: str, names: Sequence[str]
) -> None:
    with Shell(name, home) as shell:
        screen = shell.offered(line, names)
        assert b"touch" not in shell.terminal.raw
    assert "touch" not in screen
    assert_nothing_ran(home, hostile_names)


@in_each_shell
@pytest.mark.parametrize("option", ["-m", "-S"])
@pytest.mark.parametrize("beginning", ["x", "\\$", "\\;", "\\`", "-t"])
def test_an_unsafe_name_is_not_completed_and_runs_nothing(
    name: str, home: Home, hostile_names: FaultServer, option: str, beginning: str
) -> None:
    with Shell(name, home) as shell:
        assert "touch" not in shell.completed(f"newapi chat {option} {beginning}")
    assert_nothing_ran(home, hostile_names)


BASH = {"COMP_WORDS": "newapi\nchat\n-m\n", "COMP_CWORD": "3", "_NEWAPI_COMPLETE": "complete_bash"}
FISH = {  # zsh uses the same variables
    "_TYPER_COMPLETE_ARGS": "newapi chat -m ",
    "_TYPER_COMPLETE_FISH_ACTION": "get-args",
    "_NEWAPI_COMPLETE": "complete_fish",
}


@pytest.mark.parametrize("env", [BASH, FISH], ids=["bash", "zsh and fish"])
def test_a_shell_receives_only_safe_names(
    home: Home, hostile_names: FaultServer, env: dict[str, str | None]
) -> None:
    of_sessions = {variable: value and value.replace("-m", "-S") for variable, value in env.items()}
    for variables, offered in ((env, MODELS), (of_sessions, SESSIONS)):
        result = observe(home=home, env=variables)
        names = [line.partition("\t")[0] for line in result.text.splitlines()]
        assert sorted(names) == offered
    assert_nothing_ran(home, hostile_names)


@pytest.mark.parametrize("lines", [100_000, 1], ids=["many lines", "a long line"])
def test_a_cache_of_megabytes_is_not_offered_whole(home: Home, lines: int) -> None:
    cache = home.newapi_home / "cache"
    cache.mkdir(parents=True, mode=0o700)
    (cache / "models.txt").write_text("".join(["x" * (10_000_000 // lines) + "\n"] * lines))
    result = observe_process(home=home, conditions=Conditions(FISH))
    assert result.peak_bytes < 200_000_000
    assert len(result.out) < 1_000_000
    assert result.seconds < 10
