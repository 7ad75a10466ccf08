"""Runs without saving touch no file, and reading commands create none."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from tests.repl.conversation import conversation
from tests.sessions.helpers import PICTURE, answer_numbered, chat, tree
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.process import newapi_command, run_newapi
from tests.support.steps import sse
from tests.support.wire import answer_events


@pytest.fixture
def server(fault_server: FaultServer, home: Home) -> FaultServer:
    """Return a configured server that answers `Answer N.`."""
    answer_numbered(fault_server, home, retries=0)
    return fault_server


@pytest.mark.parametrize("has_store", [False, True])
def test_a_run_without_saving_touches_no_file(
    home: Home, server: FaultServer, has_store: bool
) -> None:
    if has_store:
        chat(home, "first")
    before = tree(home.path)
    result = run_newapi("chat", "-n", "hi", home=home)
    assert (result.code, result.text.startswith("Answer"), result.err) == (0, True, "")
    assert tree(home.path) == before


@pytest.mark.parametrize("has_store", [False, True])
def test_a_conversation_without_saving_touches_no_file(
    home: Home, server: FaultServer, has_store: bool
) -> None:
    if has_store:
        chat(home, "first")
    before = tree(home.path)
    with conversation(home, "chat", "-n") as repl:
        repl.enter("hi")
        server.add(*sse(*answer_events(f"![x](data:image/png;base64,{PICTURE}) there")))
        repl.enter("a picture")
        repl.enter("/rename secret")
        repl.enter("/new")
        repl.enter("more")
        repl.type("/exit\r")
        assert repl.terminal.wait_exit() == 0
        assert "kept as" not in repl.terminal.all_text()
    assert tree(home.path) == before


@pytest.mark.parametrize("name", ["NEWAPI_SAVE"])
def test_saving_is_a_setting_too(home: Home, server: FaultServer, name: str) -> None:
    before = tree(home.path)
    chat(home, "hi", env={name: "false"})
    assert tree(home.path) == before


@pytest.mark.parametrize("args", [("-c",), ("-S", "x")], ids=["-c", "-S"])
def test_no_save_and_continue_exclude_each_other(
    home: Home, server: FaultServer, args: tuple[str, ...]
) -> None:
    result = run_newapi("chat", "-n", *args, "hi", home=home)
    assert (result.code, server.connections) == (2, [])


@pytest.mark.parametrize(
    "args",
    [["sessions", "list"], ["sessions", "search", "x"], ["sessions", "path"],
     ["sessions", "show"], ["sessions", "export"], ["sessions", "rm", "--older-than", "1d"]],
    ids=" ".join,
)  # fmt: skip
def test_reading_commands_create_no_file(home: Home, server: FaultServer, args: list[str]) -> None:
    before = tree(home.path)
    run_newapi(*args, home=home)
    assert tree(home.path) == before


@pytest.mark.skipif(shutil.which("bash") is None, reason="completion is bash's")
def test_shell_completion_creates_no_file(home: Home, server: FaultServer) -> None:
    before = tree(home.path)
    env = {
        "COMP_WORDS": "newapi\nchat\n-S\n",
        "COMP_CWORD": "3",
        "_NEWAPI_COMPLETE": "complete_bash",
    }
    subprocess.run(
        newapi_command(), env=home.environment(env), cwd=home.path, check=False, timeout=30
    )
    assert tree(home.path) == before
