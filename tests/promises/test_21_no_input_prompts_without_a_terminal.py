"""Without a terminal newapi never prompts for input: the command reports what is missing."""

from __future__ import annotations

import pytest

from tests.promises.conftest import ANSWER
from tests.sessions.helpers import only_session
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.observed import Conditions, observe, observe_process
from tests.support.process import newapi_command
from tests.support.terminal import Terminal

AT_MOST_S = 8.0
WOULD_PROMPT = [
    ([], "needs a terminal"),
    (["chat"], "no prompt given"),
    (["chat", "-i"], "a conversation needs a terminal"),
    (["chat", "-i", "hi"], "a conversation needs a terminal"),
    (["login"], "not a terminal"),
    (["login", "https://gateway.invalid"], "--stdin"),
    (["sessions", "rm", "ID"], "--yes"),
    (["sessions", "rm", "--older-than", "0d"], "--yes"),
]


@pytest.mark.parametrize(
    ("args", "message"), WOULD_PROMPT, ids=[" ".join(args) for args, _ in WOULD_PROMPT]
)
def test_a_command_that_would_prompt_is_a_usage_error(
    home: Home, server: FaultServer, args: list[str], message: str
) -> None:
    if "rm" in args:
        assert observe("chat", "hi", home=home).text == f"{ANSWER}\n"
        args = [only_session(home).session.id if word == "ID" else word for word in args]
    config, connections = home.config_file.read_bytes(), len(server.connections)
    result = observe(*args, home=home, stdin=None)
    assert (result.code, result.out) == (2, b"")
    assert message in result.err
    assert result.seconds < AT_MOST_S
    assert len(server.connections) == connections
    assert home.config_file.read_bytes() == config
    if connections:
        assert len(only_session(home).path) == 1


def test_a_closed_stdin_is_not_a_terminal(home: Home, server: FaultServer) -> None:
    result = observe_process("chat", home=home, conditions=Conditions(closed=(0,)))
    assert (result.code, result.out) == (2, b"")
    assert "no prompt given" in result.err
    assert server.connections == []


@pytest.mark.parametrize("redirected", ["< /dev/null", "> out", "< /dev/null > out 2> err"])
@pytest.mark.parametrize("args", ["login https://gateway.invalid", ""], ids=["login", "newapi"])
def test_redirected_commands_do_not_use_the_controlling_terminal(
    home: Home, server: FaultServer, redirected: str, args: str
) -> None:
    # A command could still open /dev/tty, which scripts do not expect.
    shell = ["sh", "-c", f'"$@" {redirected}', "sh", *newapi_command(*args.split())]
    with Terminal(shell, home=home) as terminal:
        assert terminal.wait_exit(AT_MOST_S) == 2
    assert server.connections == []
