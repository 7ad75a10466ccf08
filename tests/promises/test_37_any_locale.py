"""Text such as é and 你 arrives in every locale and encoding, and crashes nothing.

A pipe always receives UTF-8; a terminal with another encoding receives escapes for the rest.
"""

from __future__ import annotations

import pytest

from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.observed import Conditions, observe_process
from tests.support.process import Environment, newapi_command
from tests.support.steps import Send, sse
from tests.support.terminal import Terminal
from tests.support.wire import answer_events, error, response

C = {"LC_ALL": "C", "LANG": None, "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
LOCALES: dict[str, dict[str, str | None]] = {
    "C": {"LC_ALL": "C", "LANG": None},
    "C, not coerced": C,
    "C and ascii": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"},
    "ascii": C | {"PYTHONIOENCODING": "ascii"},
    "ascii:strict": C | {"PYTHONIOENCODING": "ascii:strict"},
    "latin-1": C | {"PYTHONIOENCODING": "latin-1"},
    "cp1252": C | {"PYTHONIOENCODING": "cp1252"},
    "gbk": C | {"PYTHONIOENCODING": "gbk"},
    "utf-16": {"PYTHONIOENCODING": "utf-16"},
    "an unknown locale": {"LC_ALL": "xx_YY.klingon"},
    "no locale at all": {"LC_ALL": None, "LANG": None},
}
in_each = pytest.mark.parametrize("env", LOCALES.values(), ids=LOCALES)
PROMPT = "naïve 你👋"
ANSWER = "é 你 👋 Paris"


@in_each
def test_a_pipe_sends_and_receives_utf_8(home: Home, server: FaultServer, env: Environment) -> None:
    server.add(*sse(*answer_events(ANSWER)))
    result = observe_process("chat", home=home, stdin=PROMPT.encode(), conditions=Conditions(env))
    assert (result.code, result.out, result.err) == (0, f"{ANSWER}\n".encode(), "")
    assert server.requests[-1].json["messages"][-1]["content"] == PROMPT


@pytest.mark.parametrize("name", ["C", "ascii", "gbk", "utf-16"])
def test_an_error_in_chinese_is_printed_in_utf_8(
    home: Home, server: FaultServer, name: str
) -> None:
    server.add(Send(response(400, error("无效的请求 é"))))
    result = observe_process("chat", "hi", home=home, conditions=Conditions(LOCALES[name]))
    assert (result.code, result.out) == (6, b"")
    assert "无效的请求 é" in result.err


SHOWN = {"ascii": r"\xe9 \u4f60 \U0001f44b Paris", "latin-1": r"é \u4f60 \U0001f44b Paris",
         "cp1252": r"é \u4f60 \U0001f44b Paris", "gbk": r"é 你 \U0001f44b Paris"}  # fmt: skip


@pytest.mark.parametrize("encoding", SHOWN)
@pytest.mark.parametrize("more", [(), ("--raw",)], ids=["markdown", "raw"])
def test_a_terminal_with_another_encoding_receives_what_it_can_show(
    home: Home, server: FaultServer, encoding: str, more: tuple[str, ...]
) -> None:
    server.add(*sse(*answer_events(ANSWER)))
    command = newapi_command("chat", *more, "hi")
    with Terminal(command, home=home, env=LOCALES[encoding]) as terminal:
        assert terminal.wait_exit() == 0
        assert SHOWN[encoding] in terminal.raw.decode(encoding)


@pytest.mark.parametrize("name", ["ascii", "utf-16"])
def test_help_is_printed(home: Home, name: str) -> None:
    result = observe_process("chat", "--help", home=home, conditions=Conditions(LOCALES[name]))
    assert (result.code, result.err) == (0, "")
    assert "newapi chat [OPTIONS] [PROMPT]" in result.text
