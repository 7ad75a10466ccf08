"""/copy, seen from the terminal and from the tools of a desktop that it calls."""

from __future__ import annotations

import base64
import re

import pytest

from tests.repl.conversing import answers, conversation, script
from tests.support.fault_server import FaultServer
from tests.support.home import Home

FIRST, LAST = 'print("first")', "for x in y:\n    last(x)"
ANSWER = f"Two of them:\n\n```python\n{FIRST}\n```\n\nand\n\n```python\n{LAST}\n```\n\nEnd."


@pytest.fixture
def coder(server: FaultServer) -> FaultServer:
    """Give a server that answers with two code blocks."""
    server.answer_with(lambda _: answers(ANSWER)[0])
    return server


def osc_52(raw: bytes) -> list[str]:
    """Give the texts that were sent to the clipboard of the terminal."""
    found = re.findall(rb"\x1b\]52;c;([A-Za-z0-9+/=]*)\x07", raw)
    return [base64.b64decode(data).decode() for data in found]


@pytest.mark.parametrize(
    ("typed", "copied"),
    [("/copy", ANSWER), ("/copy code", LAST), ("/copy 2", LAST), ("/copy 1", FIRST)],
)
def test_the_terminal_gets_what_is_copied(
    home: Home, coder: FaultServer, typed: str, copied: str
) -> None:
    with conversation(home) as talk:
        talk.say("a")
        told = talk.told(typed)
        assert f"copied {len(copied)} characters through the terminal (OSC 52)" in told
        assert ("some shells run a line as soon as it is pasted" in told) is (copied == LAST)
        talk.leave()
    assert osc_52(talk.terminal.raw) == [copied]


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("/copy 3", "no code block 3: the last answer has 2 code blocks"),
        ("/copy 0", "no code block 0"),
        ("/copy all", "unknown argument “all”"),
    ],
)
def test_what_is_not_there_is_told_and_not_copied(
    home: Home, coder: FaultServer, typed: str, told: str
) -> None:
    with conversation(home) as talk:
        talk.say("a")
        assert told in talk.told(typed)
        talk.leave()
    assert osc_52(talk.terminal.raw) == []


def test_an_answer_without_code_has_none_to_copy(home: Home, server: FaultServer) -> None:
    with conversation(home) as talk:
        assert "there is no answer yet" in talk.told("/copy")
        talk.say("a")
        assert "the last answer has no code block" in talk.told("/copy code")
        talk.leave()
    assert osc_52(talk.terminal.raw) == []


@pytest.mark.parametrize(
    ("tool", "variable"), [("xclip", "DISPLAY"), ("wl-copy", "WAYLAND_DISPLAY")]
)
def test_a_tool_of_the_desktop_gets_what_is_copied(
    home: Home, coder: FaultServer, tool: str, variable: str
) -> None:
    tools = script(home, tool, f'cat > {home.path}/clipboard; echo "$@" > {home.path}/arguments')
    path = f"{tools.parent}:/usr/bin:/bin"
    with conversation(home, env={"PATH": path, variable: ":0"}) as talk:
        talk.say("a")
        assert f"copied {len(LAST)} characters with {tool}" in talk.told("/copy code")
        talk.leave()
    assert (home.path / "clipboard").read_text() == LAST
    assert osc_52(talk.terminal.raw) == []


def test_a_tool_that_fails_leaves_it_to_the_terminal(home: Home, coder: FaultServer) -> None:
    tools = script(home, "xclip", "exit 1")
    env = {"PATH": f"{tools.parent}:/usr/bin:/bin", "DISPLAY": ":0"}
    with conversation(home, env=env) as talk:
        talk.say("a")
        assert "through the terminal" in talk.told("/copy 1")
        talk.leave()
    assert osc_52(talk.terminal.raw) == [FIRST]
