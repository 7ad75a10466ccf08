"""If the reader closes the pipe, as `head -1` does, the run ends at once, silently and with 141."""

from __future__ import annotations

import os

import pytest

from newapi_cli.domain.completion import Status
from tests.promises.conftest import ANSWER
from tests.sessions.helpers import last_turn
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.observed import observe, observe_process
from tests.support.process import run_in_shell
from tests.support.steps import Forever, Pause, Send, sse
from tests.support.wire import chunk, completion, event, framed, response

HEAD = '"$@" | head -1; exit "${PIPESTATUS[0]}"'
BLOCK = "line\n" * 1000
AT_MOST_S = 8.0


@pytest.mark.parametrize("args", [[], ["--json", "--stream"]], ids=["text", "json"])
def test_an_endless_answer_is_canceled_and_saved(
    home: Home, server: FaultServer, args: list[str]
) -> None:
    server.add(*sse(Forever([Send(framed(event(chunk(BLOCK)))), Pause(0.01)]), end=False))
    result = run_in_shell(HEAD, "chat", *args, "hi", home=home)
    assert (result.code, result.err, result.out.count(b"\n")) == (141, "", 1)
    assert result.seconds < AT_MOST_S
    server.wait_for_close(5)
    assert len(server.requests) == 1
    turn = last_turn(home)
    assert turn.status is Status.INTERRUPTED
    assert turn.answer.startswith(BLOCK)
    assert turn.answer.count(BLOCK) * len(BLOCK) == len(turn.answer)


def test_a_long_answer_that_is_not_streamed_exits_with_141(home: Home, server: FaultServer) -> None:
    server.add(Send(response(200, completion("".join(f"line {n}\n" for n in range(100_000))))))
    result = run_in_shell(HEAD, "chat", "--no-stream", "hi", home=home)
    assert (result.code, result.out, result.err) == (141, b"line 0\n", "")


@pytest.mark.parametrize(
    "args",
    [
        ["chat", "hi"],
        ["models"],
        ["models", "--json"],
        ["sessions", "export", "--all"],
        ["sessions", "list"],
        ["config", "list"],
        ["doctor"],
        ["demo", "hi"],
        ["completion", "bash"],
        ["--help"],
        ["chat", "--help"],
        ["--version"],
        ["chat", "--version"],
    ],
    ids=" ".join,
)
def test_every_command_exits_with_141_if_the_reader_has_already_exited(
    home: Home, server: FaultServer, args: list[str]
) -> None:
    if args[0] == "sessions":
        assert observe("chat", "hi", home=home).text == f"{ANSWER}\n"
    models = response(200, {"data": [{"id": f"model-{n}"} for n in range(3)]})
    if args[0] in ("models", "doctor"):
        server.answer_with(lambda _: [Send(models)])
    reading, writing = os.pipe()
    os.close(reading)
    result = observe_process(*args, home=home, stdout=writing)
    os.close(writing)
    assert (result.code, result.err) == (141, "")
