"""A pipe gets the answer byte for byte, and a final line break if it has none."""

from __future__ import annotations

import os

import pytest

from newapi_cli.domain.completion import (
    Chunk,
    Completion,
    CompletionBuilder,
    Notice,
    ResponseStarted,
    Status,
    StreamEnd,
    Tick,
    ToolCallDelta,
    TurnEvent,
    Usage,
)
from newapi_cli.errors import PipeClosed
from newapi_cli.render.plain import PlainRenderer
from newapi_cli.render.status_lines import StatusLines, StatusOptions
from newapi_cli.streams import Input, Output, Streams
from tests.render.pipes import ALL, Pipes
from tests.support.cases import each

QUIET = StatusOptions(reasoning=False, usage=False, notices=False, details=False, model="asked")
END = StreamEnd(is_end_confirmed=True)


def completion_of(events: tuple[TurnEvent, ...]) -> Completion:
    builder = CompletionBuilder()
    for event in events:
        if isinstance(event, Chunk):
            builder.add(event)
        elif isinstance(event, ResponseStarted):
            builder.request_id = event.request_id
    return builder.completion(Status.COMPLETE, first_token_s=0.1, duration_s=0.2)


def rendered(*events: TurnEvent, options: StatusOptions = ALL) -> tuple[bytes, str]:
    """Return what pipes get from stdout and from stderr."""
    with Pipes() as pipes:
        renderer = PlainRenderer(pipes.streams.stdout, pipes.status(options), None)
        for event in events:
            renderer.show(event)
        renderer.finish(completion_of(events))
    return pipes.out, pipes.err.decode()


@each("ends", [(), (END,)], ids=["no end", "end"])
@each(
    ("pieces", "out"),
    [
        (["Par", "is"], b"Paris\n"),
        (["Paris\n"], b"Paris\n"),
        (["Paris\n\n"], b"Paris\n\n"),
        (["Paris", "\n"], b"Paris\n"),
        (["\n  a\t", "b  "], b"\n  a\tb  \n"),
        (["\x1b[31m\x07\x00\x9b\u202e"], "\x1b[31m\x07\x00\x9b\u202e\n".encode()),
        (["a\r", "\nb\r"], b"a\r\nb\r\n"),
        (["a\u2028b\x85c"], "a\u2028b\x85c\n".encode()),
        (["你", "好 👋"], "你好 👋\n".encode()),
        (["**bold** [x](y)"], b"**bold** [x](y)\n"),
        (["data:image/png;base64,AAAA"], b"data:image/png;base64,AAAA\n"),
        ([""], b""),
        ([], b""),
        (["x" * 300_000], b"x" * 300_000 + b"\n"),
    ],
)
def test_a_pipe_gets_the_bytes_of_the_answer(
    pieces: list[str], out: bytes, ends: tuple[TurnEvent, ...]
) -> None:
    assert rendered(*map(Chunk, pieces), *ends) == (out, "")


def test_each_delta_is_written_at_once() -> None:
    reading, writing = os.pipe()
    streams = Streams(Input(None), Output(writing), Output(None), {})
    renderer = PlainRenderer(streams.stdout, StatusLines(streams, QUIET), None)
    try:
        for piece in ("Par", "is"):
            renderer.show(Chunk(piece))
            assert os.read(reading, 100) == piece.encode()
    finally:
        os.close(reading)
        os.close(writing)


def test_a_closed_pipe_is_noticed_with_the_next_delta() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    streams = Streams(Input(None), Output(writing), Output(None), {})
    try:
        with pytest.raises(PipeClosed):
            PlainRenderer(streams.stdout, StatusLines(streams, QUIET), None).show(Chunk("a"))
    finally:
        os.close(writing)


def test_reasoning_goes_to_stderr_and_never_into_the_pipe() -> None:
    out, err = rendered(Chunk(reasoning="\n\nhm "), Chunk(reasoning="so"), Chunk("Yes"), END)
    assert (out, err) == (b"Yes\n", "hm so\n\n")


def test_reasoning_is_hidden_by_default() -> None:
    assert rendered(Chunk("Yes", "hm"), END, options=QUIET) == (b"Yes\n", "")


def test_control_characters_of_reasoning_are_shown() -> None:
    assert rendered(Chunk("Yes", "a\x1b[2Jb"), END)[1] == "a␛[2Jb\n\n"


def test_a_notice_goes_to_stderr() -> None:
    out, err = rendered(Chunk("a"), Notice("busy\x1b\nnow"), Chunk("b"), END)
    assert (out, err) == (b"ab\n", "busy␛ now\n")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (QUIET, ""),
        (ALL, "notice\n"),
        (ALL._replace(details=True), "notice\ndetail\n"),
        (ALL._replace(notices=False), ""),
    ],
)
def test_notices_and_details_are_written_on_request(options: StatusOptions, expected: str) -> None:
    events = (Notice("notice"), Notice("detail", is_detail=True))
    assert rendered(*events, options=options)[1] == expected


def test_ticks_and_the_rest_write_nothing() -> None:
    assert rendered(ResponseStarted("rid"), Tick(3.0), END) == (b"", "")


def test_the_summary_has_model_tokens_and_times() -> None:
    events = (Chunk("a", model="served", usage=Usage(1200, 34, 1234)), END)
    out, err = rendered(*events, options=ALL._replace(usage=True))
    assert out == b"a\n"
    assert err == "asked (served) · 1,200 tokens in, 34 out · first token 0.10 s · total 0.20 s\n"


def test_the_summary_has_the_requested_model_if_the_server_named_none() -> None:
    err = rendered(Chunk("a"), END, options=ALL._replace(usage=True))[1]
    assert err.startswith("asked · tokens unknown · ")


def test_the_request_id_is_a_detail() -> None:
    err = rendered(ResponseStarted("rid"), Chunk("a"), END, options=ALL._replace(details=True))[1]
    assert "id: rid\n" in err


def test_an_answer_of_tool_calls_is_written_as_json() -> None:
    call = ToolCallDelta(0, "c", "f", '{"a": "你"}')
    out, _ = rendered(Chunk(tool_calls=(call,)), END)
    assert out.decode() == (
        "[\n"
        "  {\n"
        '    "id": "c",\n'
        '    "type": "function",\n'
        '    "function": {\n'
        '      "name": "f",\n'
        '      "arguments": "{\\"a\\": \\"你\\"}"\n'
        "    }\n"
        "  }\n"
        "]\n"
    )


def test_tool_calls_of_an_answer_with_text_are_named_on_stderr() -> None:
    call, other = ToolCallDelta(0, "c", "f", "{}"), ToolCallDelta(1, "d", "g\x1b[31m", "{}")
    named = "the answer also contains 1 tool call: f\n"
    assert rendered(Chunk("text", tool_calls=(call,)), END) == (b"text\n", named)
    err = rendered(Chunk("text", tool_calls=(call, other)), END)[1]
    assert err == "the answer also contains 2 tool calls: f, g␛[31m\n"


def test_a_closed_stderr_does_not_stop_the_answer() -> None:
    with Pipes() as pipes:
        streams = Streams(Input(None), pipes.streams.stdout, Output(None), {})
        renderer = PlainRenderer(
            streams.stdout, StatusLines(streams, ALL._replace(usage=True)), None
        )
        events = (Chunk("a", "hm"), Notice("x"), END)
        for event in events:
            renderer.show(event)
        renderer.finish(completion_of(events))
    assert pipes.out == b"a\n"
