"""Without a terminal newapi never prompts for input: the command reports what is missing."""

from __future__ import annotations

import pytest

from tests.promises.conftest import ANSWER
from tests.sessions.keeping import only_session
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.observed import Conditions, observe, observe_process
from tests.support.process import newapi_command
from tests.support.terminal import Terminal

AT_MOST_S = 8.0
WOULD_ASK = [
    ([], "needs a terminal"),
    (["chat"], "no prompt was given"),
    (["chat", "-i"], "a conversation needs a terminal"),
    (["chat", "-i", "hi"], "a conversation needs a terminal"),
    (["login"], "not a terminal"),
    (["login", "https://gateway.invalid"], "--stdin"),
    (["sessions", "rm", "ID"], "--yes"),
    (["sessions", "rm", "--older-than", "0d"], "--yes"),
]


@pytest.mark.parametrize(("args", "told"), WOULD_ASK, ids=[" ".join(args) for args, _ in WOULD_ASK])
def test_a_command_that_would_prompt_is_a_usage_error(
    home: Home, server: FaultServer, args: list[str], told: str
) -> None:
    if "rm" in args:
        assert observe("chat", "hi", home=home).text == f"{ANSWER}\n"
        args = [only_session(home).session.id if word == "ID" else word for word in args]
    configured, asked = home.config_file.read_bytes(), len(server.connections)
    seen = observe(*args, home=home, stdin=None)
    assert (seen.code, seen.out) == (2, b"")
    assert told in seen.err
    assert seen.seconds < AT_MOST_S
    assert len(server.connections) == asked
    assert home.config_file.read_bytes() == configured
    if asked:
        assert len(only_session(home).path) == 1


def test_a_closed_stdin_is_not_a_terminal(home: Home, server: FaultServer) -> None:
    seen = observe_process("chat", home=home, conditions=Conditions(closed=(0,)))
    assert (seen.code, seen.out) == (2, b"")
    assert "no prompt was given" in seen.err
    assert server.connections == []


@pytest.mark.parametrize("redirected", ["< /dev/null", "> out", "< /dev/null > out 2> err"])
@pytest.mark.parametrize("args", ["login https://gateway.invalid", ""], ids=["login", "newapi"])
def test_redirected_commands_do_not_use_the_controlling_terminal(
    home: Home, server: FaultServer, redirected: str, args: str
) -> None:
    # The controlling terminal can be opened as /dev/tty; a script does not expect that.
    shell = ["sh", "-c", f'"$@" {redirected}', "sh", *newapi_command(*args.split())]
    with Terminal(shell, home=home) as terminal:
        assert terminal.wait_exit(AT_MOST_S) == 2
    assert server.connections == []
