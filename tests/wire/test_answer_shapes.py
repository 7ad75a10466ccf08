"""A complete answer has the same text in every form."""

from __future__ import annotations

import base64

from tests.support.fault_server import FaultServer
from tests.support.home import CANARY, Home
from tests.support.process import run_newapi
from tests.support.shapes import NO_RETRY, Shape, json_out, rows
from tests.support.steps import Pause, Send, Step, sse
from tests.support.wire import (
    DONE,
    MODEL,
    PING,
    answer_events,
    chunk,
    completion,
    error,
    event,
    framed,
    head,
    response,
    usage,
    usage_chunk,
)

EVENTS = answer_events("你好, ", "é 👋")
TEXT = "你好, é 👋\n".encode()
WHOLE = b"".join(EVENTS)
FINISH = event(chunk(finish="stop"))
END = (FINISH, event(usage_chunk()), DONE)


def each_byte(data: bytes) -> list[bytes | Step]:
    """Split into single bytes, with pauses within characters outside ASCII."""
    pieces: list[bytes | Step] = []
    for byte in data:
        pieces.append(bytes([byte]))
        if byte >= 0x80:
            pieces.append(Pause(0.002))
    return pieces


FRAMINGS = rows(
    Shape("orderly", [sse(*EVENTS)], out=TEXT),
    Shape("no HTTP chunks", [sse(*EVENTS, chunked=False)], out=TEXT),
    Shape("pings", [sse(PING, PING, *(p for e in EVENTS for p in (PING, e)))], out=TEXT),
    Shape("pings of one-hub", [sse(b"::PING\n\n", EVENTS[0], b"::PING\n", *EVENTS[1:])], out=TEXT),
    Shape("CRLF", [sse(*(e.replace(b"\n", b"\r\n") for e in EVENTS))], out=TEXT),
    Shape("CR", [sse(*(e.replace(b"\n", b"\r") for e in EVENTS))], out=TEXT),
    Shape("no space after the colon", [sse(*(e.replace(b"data: ", b"data:") for e in EVENTS))],
          out=TEXT),
    Shape("other fields", [sse(*(b"event: message\nid: 1\nretry: 5\n" + e for e in EVENTS))],
          out=TEXT),
    Shape("a byte order mark", [sse(b"\xef\xbb\xbf" + EVENTS[0], *EVENTS[1:])], out=TEXT),
    Shape("all in one write", [sse(WHOLE)], out=TEXT),
    Shape("two events in one write", [sse(EVENTS[0] + EVENTS[1], *EVENTS[2:])], out=TEXT),
    Shape("events split in the middle", [sse(*(p for e in EVENTS for p in (e[:9], e[9:])))],
          out=TEXT),
    Shape("each byte alone", [sse(*each_byte(WHOLE))], out=TEXT),
    Shape("each byte alone, no HTTP chunks", [sse(*each_byte(WHOLE), chunked=False)], out=TEXT),
    Shape("a character over two HTTP chunks",
          [sse(*(p for e in EVENTS for p in (e[:-7], Pause(0.01), e[-7:])))], out=TEXT),
    Shape("100 before the answer", [[Send(head(100, [])), *sse(*EVENTS)]], out=TEXT),
    Shape("103 before the answer", [[Send(head(103, [("Link", "</x>; rel=preload")])) ] * 3
          + sse(*EVENTS)], out=TEXT),
    Shape("extensions of chunks and trailers", [[*sse(end=False), *(
        Send(framed(e).replace(b"\r\n", b";x=1\r\n", 1)) for e in EVENTS),
        Send(b"0\r\nX-Sum: 1\r\n\r\n")]], out=TEXT),
    Shape("a foreign charset", [sse(*EVENTS, content_type="text/event-stream; charset=gbk")],
          out=TEXT),
    Shape("labeled as JSON", [sse(*EVENTS, content_type="application/json")], out=TEXT),
    Shape("no label", [sse(*EVENTS, content_type="")], out=TEXT),
    Shape("finish reason, no [DONE]", [sse(*EVENTS[:-1])], out=TEXT),
    Shape("finish reason, no blank line", [sse(*EVENTS[:-2], EVENTS[-2].rstrip())], out=TEXT),
    Shape("finish reason, then FIN inside a chunk", [[*sse(*EVENTS[:-1], end=False),
          Send(framed(DONE)[:9])]], out=TEXT),
    Shape("data after [DONE]", [sse(*EVENTS, event(chunk("more")), DONE)], out=TEXT),
    Shape("finish and usage in one chunk", [
        sse(*EVENTS[:-3], event(chunk(finish="stop", usage=usage())), DONE)], out=TEXT),
    Shape("role in each chunk", [
        sse(*(event(chunk(t, delta={"role": "assistant"})) for t in ("你好, ", "é 👋")), *END)],
        out=TEXT),
    Shape("nulls", [sse(event({"choices": None}), event({"choices": [None]}),
          event({"choices": [{"delta": None}]}), event(chunk(delta={"content": None})), *EVENTS)],
          out=TEXT),
    Shape("an unknown finish reason", [sse(*EVENTS[:3], event(chunk(finish="pause_turn")), DONE)],
          out=TEXT),
    Shape("usage that is nonsense", [
        sse(*EVENTS[:-2], event(usage_chunk() | {"usage": {"prompt_tokens": "x"}}), DONE)],
        out=TEXT),
    Shape("separators of Unicode, raw in the JSON", [sse(event(chunk("a\u2028b\u0085c")), *END)],
          out="a\u2028b\u0085c\n".encode()),
    Shape("control characters", [sse(event(chunk("a\x1b[31mb\r\nc\x00d")), *END)],
          out=b"a\x1b[31mb\r\nc\x00d\n"),
    Shape("a surrogate pair over two deltas", [
        sse(b'data: {"choices":[{"index":0,"delta":{"content":"\\ud83d"}}]}\n\n',
            b'data: {"choices":[{"index":0,"delta":{"content":"\\ude00"}}]}\n\n', *END)],
        out="😀\n".encode()),
    Shape("half a surrogate pair", [
        sse(b'data: {"choices":[{"index":0,"delta":{"content":"a\\ud83d"}}]}\n\n', *END)],
        out="a\ufffd\n".encode()),
    Shape("the token limit", [sse(*EVENTS[:3], event(chunk(finish="length")), DONE)], out=TEXT,
          in_stderr=["length"]),
    Shape("a refusal", [
        sse(event(chunk(delta={"content": None, "refusal": "I may "})),
            event(chunk(delta={"refusal": "not."})), *END)], out=b"I may not.\n"),
    Shape("a refusal beside the content", [
        sse(event(chunk("Well. ", delta={"refusal": "I may not."})), *END)],
        out=b"Well. I may not.\n"),
    Shape("an empty delta beside the message", [
        sse(event({"choices": [{"index": 0, "delta": {}, "message": {"content": "Hi"}}]}), *END)],
        out=b"Hi\n"),
    Shape("a text with a value", [
        sse(event(chunk(delta={"content": [{"type": "text", "text": {"value": "Hi"}}]})), *END)],
        out=b"Hi\n"),
    Shape("images", [
        sse(event(chunk("See: ")), event(chunk(delta={"images": [
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}}]})), *END)],
        out=b"See: ![image](data:image/png;base64,AA)\n"),
    Shape("a malformed event among good ones", [
        sse(EVENTS[0], b'data: {"choices":[{"del\n\n', *EVENTS[1:])], out=TEXT, in_stderr=["1"]),
)  # fmt: skip


@FRAMINGS
def test_a_stream_has_the_exact_text_in_any_framing(home: Home, shape: Shape) -> None:
    shape.check(home)


REASONING = rows(
    Shape("reasoning_content", [sse(event(chunk(reasoning="hidden")), event(chunk("Paris.")),
          *END)]),
    Shape("reasoning", [sse(event(chunk(delta={"reasoning": "hidden"})), event(chunk("Paris.")),
          *END)]),
    Shape("both, with the same text", [
        sse(event(chunk(reasoning="hidden", delta={"reasoning": "hidden"})),
            event(chunk("Paris.")), *END)]),
    Shape("in the same chunk as the answer", [
        sse(event(chunk("Paris.", reasoning="hidden")), *END)]),
    Shape("tags split over chunks", [
        sse(*(event(chunk(p)) for p in ("<thi", "nk>\nhidd", "en\n</th", "ink>\n", "Paris.")),
            *END)]),
    Shape("tags in one chunk", [sse(event(chunk("<think>\nhidden\n</think>\n\nParis.")), *END)]),
    Shape("tags, each character alone", [
        sse(*(event(chunk(c)) for c in "<think>\nhidden\n</think>\nParis."), *END)]),
    Shape("a whole answer", [[Send(response(200, completion("<think>hidden</think>Paris.")))]]),
)  # fmt: skip


@REASONING
def test_reasoning_is_never_printed_to_stdout(home: Home, shape: Shape) -> None:
    for more in ((), ("--reasoning", "hide")):
        Shape(shape.name, shape.scripts, 0, b"Paris.\n", args=(*NO_RETRY, *more)).check(home)


def test_a_later_tag_is_part_of_the_answer(home: Home) -> None:
    text = "Write <think> and </think>."
    Shape("", [sse(event(chunk(text)), *END)], out=f"{text}\n".encode()).check(home)


def call(index: int | None = None, **members: object) -> bytes:
    """Return a chunk with a part of a tool call; `name` and `arguments` are of its function."""
    function = {k: members.pop(k) for k in ("name", "arguments") if k in members}
    if index is not None:
        members["index"] = index
    return event(chunk(delta={"tool_calls": [members | {"function": function}]}))


TOOL_END = (event(chunk(finish="tool_calls")), DONE)
PIECES = rows(
    Shape("OpenAI", [sse(
        call(0, id="call_1", type="function", name="weather", arguments=""),
        call(0, arguments='{"city":'), call(0, arguments='"Paris"}'), *TOOL_END)]),
    Shape("Claude counts from 1 and repeats the type", [sse(
        call(1, id="call_1", type="function", name="weather", arguments=""),
        call(1, type="function", arguments='{"city":"Pa'),
        call(1, type="function", arguments='ris"}'), *TOOL_END)]),
    Shape("Gemini sends a null type", [sse(
        call(0, id="call_1", type="function", name="weather", arguments=""),
        call(0, type=None, arguments='{"city":"Paris"}'), *TOOL_END)]),
    Shape("no index", [sse(
        call(id="call_1", type="function", name="weather", arguments='{"city":'),
        call(arguments='"Paris"}'), *TOOL_END)]),
    Shape("a custom tool, in pieces", [sse(
        call(0, id="call_1", type="custom", custom={"name": "weather", "input": '{"city":'}),
        call(0, custom={"input": '"Paris"}'}), *TOOL_END)]),
    Shape("whole answer", [[Send(response(200, completion(None, finish="tool_calls") | {
        "choices": [{"index": 0, "finish_reason": "tool_calls", "message": {
            "role": "assistant", "content": None, "tool_calls": [{
                "id": "call_1", "type": "function",
                "function": {"name": "weather", "arguments": '{"city":"Paris"}'}}]}}]}))]]),
)  # fmt: skip


@PIECES
def test_an_answer_of_tool_calls_only_is_printed_as_json(home: Home, shape: Shape) -> None:
    with FaultServer(*shape.scripts) as server:
        home.configure(server.url)
        result = run_newapi("chat", "hi", home=home)
    assert (result.code, result.err) == (0, "")
    assert result.text.endswith("\n")
    assert json_out(result) == [
        {
            "id": "call_1",
            "type": "function",
            "function": {"name": "weather", "arguments": '{"city":"Paris"}'},
        }
    ]


MISMATCHES = rows(
    Shape("a stream for a whole answer", [sse(*EVENTS)], out=TEXT, args=("--no-stream",)),
    Shape("a whole answer for a stream", [[Send(response(200, completion("你好, é 👋")))]],
          out=TEXT),
    Shape("a whole answer, labeled as a stream", [
        [Send(response(200, completion("你好, é 👋"), content_type="text/event-stream"))]],
        out=TEXT),
    Shape("a whole answer after line feeds", [
        [*sse(b"\n", b"\n", b'{"choices":[{"index":0,"message":{"content":"hi"},',
              b'"finish_reason":"stop"}]}', content_type="application/json")]],
        out=b"hi\n", args=("--no-stream",)),
    Shape("a whole answer in parts", [[Send(response(200, completion(None) | {"choices": [{
        "index": 0, "finish_reason": "stop", "message": {"content": [
            {"type": "text", "text": "Par"}, {"type": "text", "text": "is"}]}}]}))]],
        out=b"Paris\n", args=("--no-stream",)),
)  # fmt: skip


@MISMATCHES
def test_the_body_decides_whether_it_is_a_stream(home: Home, shape: Shape) -> None:
    shape.check(home)


def test_an_image_of_five_megabytes_arrives_byte_for_byte(home: Home) -> None:
    data = base64.b64encode(bytes(range(256)) * 15_360).decode()
    assert len(data) > 5_000_000
    picture = f"![image](data:image/png;base64,{data})"
    events = [event(chunk(picture)), *END]
    Shape("", [sse(*events)], out=f"{picture}\n".encode()).check(home)


def test_the_request_has_no_other_headers(home: Home) -> None:
    with FaultServer(sse(*EVENTS)) as server:
        home.configure(f"{server.url}/v1/chat/completions/")
        assert run_newapi("chat", "say", "hi", home=home).code == 0
        request = server.requests[0]
    assert (request.method, request.path) == ("POST", "/v1/chat/completions")
    assert request.json == {
        "model": MODEL,
        "messages": [{"role": "user", "content": "say hi"}],
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    assert request.header("Authorization") == f"Bearer {CANARY}"
    assert request.header("Content-Type") == "application/json"
    assert request.header("Accept-Encoding") in (None, "identity")
    assert request.header("Host") == server.url.removeprefix("http://")


def test_only_the_lookup_of_the_keys_own_log_carries_the_key(home: Home) -> None:
    fields = [("X-Oneapi-Request-Id", "2026")]
    with FaultServer(sse(*EVENTS, headers=fields), answer=lambda _: []) as server:
        home.configure(server.url)
        assert run_newapi("chat", "hi", home=home).code == 0
        with_key = [a.path for a in server.api_requests if a.header("Authorization") is not None]
    assert with_key == ["/api/log/token"]
    assert len(server.api_requests) > len(with_key)


def test_an_error_body_may_be_of_any_size(home: Home) -> None:
    script = [Send(response(500, error("no good " + "x" * 3_000_000)))]
    result = Shape("", [script], 6, in_stderr=["no good"]).check(home)
    assert len(result.err) < 10_000
