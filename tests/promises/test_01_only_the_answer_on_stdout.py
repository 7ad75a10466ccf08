"""A complete answer prints only the answer to stdout, byte for byte, and exits with 0."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from newapi_cli.domain.completion import Status
from tests.promises.conftest import ANSWER, PIECES
from tests.sessions.helpers import last_turn
from tests.support.connection import Request
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.observed import observe, observe_process
from tests.support.steps import Send, Step, sse
from tests.support.wire import answer_events, chunk, completion, event, response

ARGS = pytest.mark.parametrize("args", [[], ["--no-stream"]], ids=["streamed", "whole"])
LINE = (
    'Zeile 一二三 "quoted" \\ é👋 \t\r\n'
    "\x1b[31m\x00 \u202e <b>&amp;</b> `**x**`\n\n   data: [DONE]\n"
)


def stream_or_completion(request: Request) -> list[Step]:
    """Stream the answer if a stream is requested, else send it whole."""
    if request.json["stream"]:
        return sse(*answer_events(*PIECES))
    return [Send(response(200, completion(ANSWER)))]


@ARGS
def test_a_file_receives_the_answer_and_one_newline(
    home: Home, server: FaultServer, tmp_path: Path, args: list[str]
) -> None:
    server.answer_with(stream_or_completion)
    with (tmp_path / "f").open("wb") as file:
        result = observe_process("chat", *args, "hi", home=home, stdout=file)
    assert (result.code, result.err) == (0, "")
    assert (tmp_path / "f").read_bytes() == f"{ANSWER}\n".encode()


@ARGS
def test_a_pipe_receives_the_answer_and_one_newline(
    home: Home, server: FaultServer, args: list[str]
) -> None:
    server.answer_with(stream_or_completion)
    result = observe("chat", *args, "hi", home=home)
    assert (result.code, result.text, result.err) == (0, f"{ANSWER}\n", "")
    [request] = server.requests
    assert request.json["stream"] is not bool(args)
    turn = last_turn(home)
    assert (turn.status, turn.answer) == (Status.COMPLETE, ANSWER)


@pytest.mark.parametrize("end", ["", "\n"], ids=["no line feed", "line feed"])
def test_a_long_answer_arrives_unchanged_wherever_it_is_split(
    home: Home, server: FaultServer, end: str
) -> None:
    text = LINE * 10_000 + f"end{end}"
    chance = random.Random(5)
    pieces, start = [], 0
    while start < len(text):
        size = chance.choice([1, 7, 100, 3000])
        pieces.append(text[start : start + size])
        start += size
    stream = b"".join(answer_events(*pieces))
    blocks = [stream[at : at + 50_021] for at in range(0, len(stream), 50_021)]
    assert any(block[-1] >= 0x80 for block in blocks), "no block ends inside a character"
    server.add(*sse(*blocks))
    result = observe("chat", "hi", home=home)
    assert (result.code, result.err) == (0, "")
    assert result.out == f"{text.removesuffix(end)}\n".encode()


def test_reasoning_and_usage_are_not_part_of_the_output(home: Home, server: FaultServer) -> None:
    thought = event(chunk(reasoning="Let me think."))
    server.add(*sse(thought, *answer_events(*PIECES)))
    result = observe("chat", "hi", home=home)
    assert (result.code, result.text, result.err) == (0, f"{ANSWER}\n", "")
