"""What Tab completes, and what it offers."""

from __future__ import annotations

import pytest

from tests.repl.conversation import CTRL_C, TAB, conversation, last_prompt
from tests.repl.test_repl_commands import add_profile
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.process import run_newapi
from tests.support.steps import Send
from tests.support.wire import response


def know_models(home: Home, server: FaultServer, *names: str) -> None:
    """List the models, so that they are cached."""
    models = [{"id": name, "object": "model", "owned_by": "x"} for name in names]
    server.add(Send(response(200, {"object": "list", "data": models})))
    result = run_newapi("models", home=home)
    assert result.code == 0, result.err


def completed(home: Home, typed: str, shown: str) -> None:
    """Type, press Tab, wait for a text on the screen, and leave."""
    with conversation(home) as repl:
        repl.type(typed + TAB)
        repl.terminal.wait_until(
            lambda: f"> {shown}" in [row.rstrip() for row in repl.screen.split("\n")], what=shown
        )
        repl.type(CTRL_C)
        repl.leave()


@pytest.mark.parametrize("command", ["model", "retry"])
def test_models_are_completed(home: Home, server: FaultServer, command: str) -> None:
    know_models(home, server, "gpt-4o-mini", "deep-chat")
    completed(home, f"/{command} gp", f"/{command} gpt-4o-mini")


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("/th", "/thinking"),
        ("/set temp", "/set temperature"),
        ("/copy c", "/copy code"),
        ("/raw of", "/raw off"),
        ("/help k", "/help keys"),
        ("/profile te", "/profile test"),
    ],
)
def test_words_are_completed(home: Home, server: FaultServer, typed: str, shown: str) -> None:
    completed(home, typed, shown)


def test_profiles_are_offered(home: Home, server: FaultServer) -> None:
    add_profile(home, "team", "http://127.0.0.1:9")
    with conversation(home) as repl:
        repl.type("/profile te" + TAB)
        repl.terminal.wait_until(lambda: "team" in repl.screen)
        assert "test" in repl.screen.split("/profile te")[1]
        repl.type(CTRL_C)
        repl.leave()


def test_sessions_are_completed_by_their_name(home: Home, server: FaultServer) -> None:
    with conversation(home) as repl:
        repl.enter("a")
        repl.enter("/rename my trip to Rome")
        repl.leave()
    completed(home, "/sessions my", "/sessions my trip to Rome")


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("/file my", "/file my notes.txt"),
        ("/file fol", "/file folder one/"),
        ("/file folder one/in", "/file folder one/inside.txt"),
        ("/file ~/my", "/file ~/my notes.txt"),
        ("/file .hid", "/file .hidden"),
        ("/save my", "/save my notes.txt"),
        ("/save all fol", "/save all folder one/"),
    ],
)
def test_paths_are_completed(home: Home, server: FaultServer, typed: str, shown: str) -> None:
    (home.path / "my notes.txt").write_text("milk")
    (home.path / ".hidden").write_text("milk")
    (home.path / "folder one").mkdir()
    (home.path / "folder one" / "inside.txt").write_text("milk")
    completed(home, typed, shown)


def test_a_completed_path_is_attached(home: Home, server: FaultServer) -> None:
    (home.path / "my notes.txt").write_text("milk")
    with conversation(home) as repl:
        repl.type("/file my" + TAB)
        repl.terminal.wait_for("/file my notes.txt")
        repl.enter("")
        repl.enter("a")
        repl.leave()
    assert "milk" in last_prompt(server)


def test_tab_selects_a_completion_and_enter_accepts_it(home: Home, server: FaultServer) -> None:
    with conversation(home) as repl:
        repl.type("/s" + TAB)
        repl.terminal.wait_for("/sessions")
        repl.type(TAB)
        repl.terminal.wait_for("> /system")
        repl.type(TAB)
        repl.terminal.wait_for("> /set")
        repl.type("\r")
        repl.terminal.wait_until(lambda: "/sessions" not in repl.screen)
        repl.enter(" temperature 1")
        repl.enter("a")
        repl.leave()
    assert server.requests[0].json["temperature"] == 1


def test_a_message_is_not_completed(home: Home, server: FaultServer) -> None:
    with conversation(home) as repl:
        repl.type("say /mo" + TAB)
        repl.enter("")
        repl.leave()
    assert last_prompt(server) == "say /mo"
