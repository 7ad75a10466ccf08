"""/copy, as the terminal and clipboard tools see it."""

from __future__ import annotations

import base64
import re

import pytest

from tests.repl.conversation import answers, conversation, write_script
from tests.support.fault_server import FaultServer
from tests.support.home import Home

FIRST, LAST = 'print("first")', "for x in y:\n    last(x)"
ANSWER = f"Two of them:\n\n```python\n{FIRST}\n```\n\nand\n\n```python\n{LAST}\n```\n\nEnd."


@pytest.fixture
def coder(server: FaultServer) -> FaultServer:
    """Return a server that answers with two code blocks."""
    server.answer_with(lambda _: answers(ANSWER)[0])
    return server


def osc_52(raw: bytes) -> list[str]:
    """Return the texts that were sent to the terminal's clipboard."""
    found = re.findall(rb"\x1b\]52;c;([A-Za-z0-9+/=]*)\x07", raw)
    return [base64.b64decode(data).decode() for data in found]


@pytest.mark.parametrize(
    ("typed", "copied"),
    [("/copy", ANSWER), ("/copy code", LAST), ("/copy 2", LAST), ("/copy 1", FIRST)],
)
def test_copied_text_is_sent_to_the_terminal(
    home: Home, coder: FaultServer, typed: str, copied: str
) -> None:
    with conversation(home) as repl:
        repl.enter("a")
        output = repl.output_of(typed)
        assert f"copied {len(copied)} characters through the terminal (OSC 52)" in output
        assert ("some shells run a line as soon as it is pasted" in output) is (copied == LAST)
        repl.leave()
    assert osc_52(repl.terminal.raw) == [copied]


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("/copy 3", "no code block 3: the last answer has 2 code blocks"),
        ("/copy 0", "no code block 0"),
        ("/copy all", 'unknown argument "all"'),
    ],
)
def test_a_missing_code_block_is_reported_and_not_copied(
    home: Home, coder: FaultServer, typed: str, message: str
) -> None:
    with conversation(home) as repl:
        repl.enter("a")
        assert message in repl.output_of(typed)
        repl.leave()
    assert osc_52(repl.terminal.raw) == []


def test_an_answer_without_code_has_no_block_to_copy(home: Home, server: FaultServer) -> None:
    with conversation(home) as repl:
        assert "no answer yet" in repl.output_of("/copy")
        repl.enter("a")
        assert "the last answer has no code block" in repl.output_of("/copy code")
        repl.leave()
    assert osc_52(repl.terminal.raw) == []


@pytest.mark.parametrize(
    ("tool", "variable"), [("xclip", "DISPLAY"), ("wl-copy", "WAYLAND_DISPLAY")]
)
def test_copied_text_is_passed_to_a_clipboard_tool(
    home: Home, coder: FaultServer, tool: str, variable: str
) -> None:
    tools = write_script(
        home, tool, f'cat > {home.path}/clipboard; echo "$@" > {home.path}/arguments'
    )
    path = f"{tools.parent}:/usr/bin:/bin"
    with conversation(home, env={"PATH": path, variable: ":0"}) as repl:
        repl.enter("a")
        assert f"copied {len(LAST)} characters with {tool}" in repl.output_of("/copy code")
        repl.leave()
    assert (home.path / "clipboard").read_text() == LAST
    assert osc_52(repl.terminal.raw) == []


def test_the_terminal_is_used_if_the_tool_fails(home: Home, coder: FaultServer) -> None:
    tools = write_script(home, "xclip", "exit 1")
    env = {"PATH": f"{tools.parent}:/usr/bin:/bin", "DISPLAY": ":0"}
    with conversation(home, env=env) as repl:
        repl.enter("a")
        assert "through the terminal" in repl.output_of("/copy 1")
        repl.leave()
    assert osc_52(repl.terminal.raw) == [FIRST]
