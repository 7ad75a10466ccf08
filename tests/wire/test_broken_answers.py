"""Answers that break off, lost connections, silence."""

from __future__ import annotations

from dataclasses import replace

from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.process import run_newapi
from tests.support.shapes import NO_RETRY, Shape, rows
from tests.support.steps import BeforeReading, Fin, Reset, Send, sse
from tests.support.wire import (
    DONE,
    PING,
    REQUEST_ID,
    answer_events,
    chunk,
    completion,
    error,
    event,
    head,
    json_bytes,
    response,
    usage_chunk,
)

ROLE = event(chunk("", delta={"role": "assistant"}))
PART = event(chunk("Paris is"))
USAGE = event(usage_chunk())
ESTIMATED_USAGE = event(usage_chunk(9, 0, is_estimated=True))
FINISH = event(chunk(finish="stop"))
SUFFIX = f" (request id: {REQUEST_ID})"
ID_HEADER = [("X-Oneapi-Request-Id", REQUEST_ID)]
GEMINIS = json_bytes([{"error": {"message": "gem bad", "code": 400}}])
RAW_ERROR = json_bytes(error(f"no channel left{SUFFIX}", code="get_channel_failed"))


def in_stream(**members: object) -> bytes:
    return event({"error": members})


def in_choice(about: object) -> bytes:
    """Return an event with an error in its choice, as OpenRouter sends it."""
    choice = {"index": 0, "delta": {}, "finish_reason": "error", "error": about}
    return event({"choices": [choice]})


ERRORS = rows(
    Shape(
        "raw error first, status 200, labeled as a stream",
        [sse(RAW_ERROR)],
        6,
        in_stderr=["no channel left", REQUEST_ID],
    ),
    Shape(
        "raw error after pings, end of the connection as the end",
        [sse(PING, RAW_ERROR, chunked=False)],
        6,
        in_stderr=["no channel left", REQUEST_ID],
    ),
    Shape(
        "raw error over several lines",
        [sse(PING, b'{\n  "error": {\n    "message": "no channel left"\n  }\n}\n')],
        6,
        in_stderr=["no channel left"],
    ),
    Shape(
        "text, then a raw error",
        [sse(ROLE, PART, RAW_ERROR + b"\n")],
        6,
        b"Paris is\n",
        in_stderr=["no channel left", REQUEST_ID],
    ),
    Shape(
        "text, then a raw error without a line feed",
        [sse(ROLE, PART, RAW_ERROR, chunked=False)],
        6,
        b"Paris is\n",
        in_stderr=["no channel left", REQUEST_ID],
    ),
    Shape(
        "text, then an error as an event, usage, [DONE]",
        [sse(PART, in_stream(message="overloaded upstream", code=429), USAGE, DONE)],
        6,
        b"Paris is\n",
        in_stderr=["overloaded upstream"],
    ),
    Shape(
        "error as the first event, with the id in the header",
        [sse(in_stream(message="no good", type="", code=None), DONE, headers=ID_HEADER)],
        6,
        in_stderr=["no good", REQUEST_ID],
    ),
    Shape(
        "error as an event with nothing but a code",
        [sse(in_stream(code="server_overloaded"), DONE)],
        6,
        in_stderr=["server_overloaded"],
    ),
    Shape(
        "error as an event, as text",
        [sse(event({"error": "no good at all"}), DONE)],
        6,
        in_stderr=["no good at all"],
    ),
    Shape(
        "error as an event, as a list",
        [sse(event({"error": [{"message": "no good at all"}]}), DONE)],
        6,
        in_stderr=["no good at all"],
    ),
    Shape(
        "error as an event, in a list",
        [sse(event([{"error": {"message": "gem bad", "code": 400}}]), DONE)],
        6,
        in_stderr=["gem bad"],
        not_printed=["malformed", "empty answer"],
    ),
    Shape(
        "error as the body, in a list",
        [[Send(response(200, GEMINIS))]],
        6,
        in_stderr=["gem bad"],
    ),
    Shape(
        "text, then an error in the choice",
        [sse(PART, in_choice({"message": "upstream broke", "code": 502}), USAGE, DONE)],
        6,
        b"Paris is\n",
        in_stderr=["upstream broke"],
    ),
    Shape(
        "an error in the choice, as text",
        [sse(in_choice("upstream broke"), DONE)],
        6,
        in_stderr=["upstream broke"],
    ),
    Shape(
        "text, then an event called error",
        [sse(PART, b"event: error\n" + in_stream(message="no good"))],
        6,
        b"Paris is\n",
        in_stderr=["no good"],
    ),
    Shape(
        "a web page labeled as a stream",
        [sse(b"<!doctype html><html><body>hello</body></html>")],
        6,
        in_stderr=["web page"],
        not_printed=["<html"],
    ),
)


@ERRORS
def test_an_error_in_a_stream_is_reported_after_the_partial_answer(
    home: Home, shape: Shape
) -> None:
    shape.check(home)


EMPTY = rows(
    Shape("usage and [DONE] only", [sse(ESTIMATED_USAGE, DONE, headers=ID_HEADER)], 6,
          in_stderr=["empty answer", REQUEST_ID]),
    Shape("[DONE] only", [sse(DONE)], 6, in_stderr=["empty answer"]),
    Shape("pings only", [sse(PING, PING)], 6, in_stderr=["empty answer"]),
    Shape("no byte at all", [sse()], 6, in_stderr=["empty answer"]),
    Shape("finish without text", [sse(ROLE, FINISH, USAGE, DONE)], 6, in_stderr=["empty answer"]),
    Shape("a whole answer without text", [[Send(response(200, completion(None)))]], 6,
          in_stderr=["empty answer"]),
    Shape("204", [[Send(head(204, []))]], 6, in_stderr=["empty answer"]),
    Shape("200 without a body", [[Send(response(200))]], 6, in_stderr=["empty answer"]),
    Shape("events that are no objects", [sse(event(5), event(None), event([]), DONE)], 6,
          in_stderr=["outside the protocol", "why: 5"]),
    Shape("only reasoning", [sse(event(chunk(reasoning="hmm")), FINISH, DONE)], 6,
          in_stderr=["empty answer"], not_printed=["hmm"]),
    Shape("only some reasoning", [sse(event(chunk(reasoning="hmm")))], 6,
          in_stderr=["empty answer"], not_printed=["hmm"]),
    Shape("filtered before any text", [sse(event(chunk(finish="content_filter")), DONE)], 6,
          in_stderr=["content_filter"]),
    Shape("filtered in the middle", [sse(PART, event(chunk(finish="content_filter")), DONE)], 6,
          b"Paris is\n", in_stderr=["content_filter"]),
    Shape("failed in the middle", [sse(PART, event(chunk(finish="error")), DONE)], 6,
          b"Paris is\n", in_stderr=["the server stopped the answer (error)"]),
    Shape("a whole answer of another shape", [[Send(response(200, {"choices": {"0": "London"}}))]],
          6, in_stderr=["it is neither an event stream nor a completion"]),
)  # fmt: skip

IN_A_LIST = b'[{"error":{"code":400,"message":"no good at all"}}]'


def test_an_error_in_a_list_is_reported_in_its_words(home: Home) -> None:
    shape = Shape("400", [[Send(response(400, IN_A_LIST))]], 6, in_stderr=["no good at all"])
    assert "[{" not in shape.check(home).err


WITHOUT_CODE = rows(
    Shape("an error in the midst", [sse(PART, in_stream(message="overloaded"))], 6,
          in_stderr=["error: ", "overloaded", "Paris is\n"], not_printed=["code block"]),
    Shape("filtered", [sse(PART, event(chunk(finish="content_filter")), DONE)], 6,
          in_stderr=["content_filter", "Paris is\n"], not_printed=["code block"]),
    Shape("cut", [sse(PART)], 9, in_stderr=["cut off", "Paris is\n"], not_printed=["code block"]),
    Shape("empty", [sse(DONE)], 6, in_stderr=["empty answer"], not_printed=["code block"]),
    Shape("complete", [sse(PART, FINISH, DONE)], 6, in_stderr=["Paris is\n", "code block"]),
)  # fmt: skip


@WITHOUT_CODE
def test_extract_prints_an_answer_without_code(home: Home, shape: Shape) -> None:
    replace(shape, args=(*NO_RETRY, "--extract")).check(home)


@EMPTY
def test_an_empty_or_filtered_answer_is_not_a_success(home: Home, shape: Shape) -> None:
    shape.check(home)


CUT = rows(
    Shape("end of the body, no [DONE]", [sse(ROLE, PART)], 9, b"Paris is\n", in_stderr=["cut off"]),
    Shape("end of the body after usage", [sse(PART, USAGE)], 9, b"Paris is\n",
          in_stderr=["cut off"]),
    Shape("FIN between two chunks", [[*sse(PART, end=False), Fin()]], 9, b"Paris is\n",
          in_stderr=["cut off"]),
    Shape("FIN inside a character", [sse(PART, event(chunk("你"))[:-5], chunked=False)], 9,
          b"Paris is\n", in_stderr=["cut off"]),
)  # fmt: skip


@CUT
def test_a_cut_off_answer_keeps_its_part_and_is_not_retried(home: Home, shape: Shape) -> None:
    shape.check(home)


NETWORK = rows(
    Shape("FIN before the headers", [[Fin()]], 5, in_stderr=["127.0.0.1"]),
    Shape("reset before the headers", [[Reset()]], 5, in_stderr=["127.0.0.1"]),
    Shape("FIN inside the headers", [[Send(b"HTTP/1.1 200 OK\r\nContent-"), Fin()]], 5,
          in_stderr=["127.0.0.1"]),
    Shape("FIN before the body", [[Send(response(200, completion("Paris"))[:-120]), Fin()]], 5,
          in_stderr=["127.0.0.1"]),
)  # fmt: skip


@NETWORK
def test_a_connection_lost_before_any_answer_is_a_network_error(home: Home, shape: Shape) -> None:
    shape.check(home)


def test_an_encoding_that_was_not_requested_is_rejected(home: Home) -> None:
    script = sse(*answer_events("hi"), headers=[("Content-Encoding", "zz")])
    Shape("", [script], 6, in_stderr=["zz"]).check(home)


def test_a_server_without_http_is_reported(home: Home) -> None:
    with FaultServer([BeforeReading(), Send(b"SSH-2.0-OpenSSH_9.2\r\n")]) as server:
        home.configure(server.url)
        result = run_newapi("chat", "--retries", "0", "hi", home=home)
    assert result.code in (5, 6), result.err
    assert "HTTP" in result.err
    assert result.out == b""
