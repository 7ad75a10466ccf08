"""The program in a pipeline: its input, its output and its exit code."""

from __future__ import annotations

import pytest

from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.process import run_in_shell, run_newapi
from tests.support.steps import sse
from tests.support.wire import answer_events

ANSWER = "The capital of France is Paris.\nSo it is."


@pytest.fixture
def server(fault_server: FaultServer, home: Home) -> FaultServer:
    """Return a configured server that answers every request."""
    fault_server.answer_with(lambda _: sse(*answer_events(*ANSWER.split(" "))))
    home.configure(fault_server.url)
    return fault_server


def asked(server: FaultServer) -> str:
    """Return the prompt of the last request."""
    content = server.requests[-1].json["messages"][-1]["content"]
    assert isinstance(content, str)
    return content


def test_a_prompt_needs_no_stdin(home: Home, server: FaultServer) -> None:
    assert run_in_shell('"$@" <&-', "chat", "hi", home=home).code == 0
    assert asked(server) == "hi"
    assert run_newapi("chat", "hi", home=home, stdin=None).code == 0
    assert asked(server) == "hi"


def test_an_argument_in_invalid_utf_8_is_rejected_or_sent_whole(
    home: Home, server: FaultServer
) -> None:
    result = run_in_shell("\"$@\" $'caf\\xe9'", "chat", home=home)
    assert result.code in (0, 2)
    assert result.code == 2 or asked(server) == "caf\ufffd"
