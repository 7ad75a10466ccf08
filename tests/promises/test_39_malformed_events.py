"""Malformed events in an answer are skipped and reported once; the valid text is kept.

If no usable event is left, the exit code is 6.
"""

from __future__ import annotations

import pytest

from tests.sessions.helpers import last_turn
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.observed import observe
from tests.support.process import newapi_command, run_newapi
from tests.support.steps import Send, sse
from tests.support.terminal import Terminal
from tests.support.wire import DONE, chunk, event, response, usage

VALID = [event(chunk("Paris ")), event(chunk("is it."))]
END = [event(chunk(finish="stop")), DONE]
TEXT = "Paris is it.\n"


def with_content(content: object) -> bytes:
    """Return an event whose content is any JSON value."""
    return event(chunk(delta={"content": content}))


def raw(data: bytes) -> bytes:
    return b"data: " + data + b"\n\n"


def in_choice(member: bytes) -> bytes:
    return raw(b'{"choices":[{"index":0,' + member + b"}]}")


MALFORMED = {
    "not JSON": raw(b"<oops>"),
    "truncated JSON": raw(b'{"choices":[{"delta":{"content":"Lon'),
    "JSON followed by text": raw(b'{"choices":[]}]'),
    "single quotes": raw(b"{'choices':[]}"),
    "a trailing comma": raw(b'{"choices":[],}'),
    "a lone brace": raw(b"{"),
    "null": raw(b"null"),
    "a number": raw(b"5"),
    "a string": raw(b'"London"'),
    "a list": raw(b'[{"choices":[]}]'),
    "true": raw(b"true"),
    "NaN alone": raw(b"NaN"),
    "1,000 levels": raw(b"[" * 1000),
    "100,000 levels, closed": raw(b'{"choices":' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
    "an object 100,000 levels deep": raw(b'{"a":' * 100_000 + b"1" + b"}" * 100_000),
    "a number of 5,000 digits": raw(b'{"choices":[],"created":' + b"9" * 5000 + b"}"),
    "UTF-16": raw('{"choices":[]}'.encode("utf-16-le").replace(b"\n", b"")),
    "a control character in a string": raw(b'{"choices":[{"delta":{"content":"a\x01b"}}]}'),
    "choices are a string": raw(b'{"choices":"London"}'),
    "choices of numbers": raw(b'{"choices":[1,null,"x",[]]}'),
    "the delta is a number": in_choice(b'"delta":7'),
    "the delta is a list": in_choice(b'"delta":["London"]'),
    "content is a number": with_content(5),
    "content is a list of strings": with_content(["London"]),
    "content is an object": with_content({"text": "London"}),
    "content is true": with_content(True),
    "reasoning is a number": in_choice(b'"delta":{"reasoning_content":5}'),
    "tool calls are a string": in_choice(b'"delta":{"tool_calls":"x"}'),
    "malformed tool calls": in_choice(b'"delta":{"tool_calls":[null,5,{"index":"x"}]}'),
    "the text is a number": in_choice(b'"text":3'),
    "the text of a part is a number": with_content([{"type": "text", "text": 5}]),
    "images are a string": in_choice(b'"delta":{"images":"x"}'),
    "choices are an object": raw(b'{"choices":{"0":{"delta":{"content":"London"}}}}'),
}
UNUSUAL = {
    "choices are null": raw(b'{"choices":null}'),
    "no choices": raw(b"{}"),
    "another choice": raw(b'{"choices":[{"index":0},{"index":1,"delta":{"content":"London"}}]}'),
    "the delta is null": in_choice(b'"delta":null'),
    "no delta": in_choice(b'"finish_reason":null'),
    "content is null": with_content(None),
    "the finish reason is a number": in_choice(b'"finish_reason":5'),
    "the finish reason is empty": in_choice(b'"finish_reason":""'),
    "a model of another type": raw(b'{"model":[1],"id":{},"choices":[]}'),
    "infinity": raw(b'{"choices":[],"created":Infinity,"x":1e999,"y":-Infinity}'),
    "a member twice": raw(b'{"choices":[5],"choices":[]}'),
    "negative usage": raw(b'{"choices":[],"usage":{"prompt_tokens":-1,"total_tokens":-5}}'),
    "usage of strings": raw(b'{"choices":[],"usage":{"prompt_tokens":"x","total_tokens":1e999}}'),
    "usage is a list": raw(b'{"choices":[],"usage":[1]}'),
    "usage details are null": event({"choices": [], "usage": usage() | {"x": None}}),
    "an empty error": raw(b'{"choices":[],"error":null}'),
    "a ping": raw(b'{"type":"ping"}'),
    "blanks": raw(b"  "),
}


@pytest.mark.parametrize("bad", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_event_is_skipped_and_reported(
    home: Home, server: FaultServer, bad: bytes
) -> None:
    server.add(*sse(VALID[0], bad, VALID[1], *END))
    result = run_newapi("chat", "hi", home=home)
    assert (result.code, result.text) == (0, TEXT)
    assert "skipped 1 malformed event of the stream" in result.err
    assert result.err.count("\n") == 1


@pytest.mark.parametrize("unusual", UNUSUAL.values(), ids=UNUSUAL)
def test_an_unusual_event_is_ignored(home: Home, server: FaultServer, unusual: bytes) -> None:
    server.add(*sse(unusual, VALID[0], unusual, VALID[1], *END, unusual))
    result = run_newapi("chat", "hi", home=home)
    assert (result.code, result.text, result.err) == (0, TEXT, "")


HALVES = {
    "a lone half of a pair": (["a\\ud83d", "b"], "a\ufffdb"),
    "the other half alone": (["a\\udc4b", "b"], "a\ufffdb"),
    "a pair in two events": (["a\\ud83d", "\\udc4bb"], "a👋b"),
    "a half at the end": (["a", "b\\ud83d"], "ab\ufffd"),
}


@pytest.mark.parametrize(("pieces", "text"), HALVES.values(), ids=HALVES)
def test_halves_of_surrogate_pairs_are_joined_or_replaced(
    home: Home, server: FaultServer, pieces: list[str], text: str
) -> None:
    events = [raw(b'{"choices":[{"delta":{"content":"%s"}}]}' % each.encode()) for each in pieces]
    server.add(*sse(*events, *END))
    result = run_newapi("chat", "hi", home=home)
    assert (result.code, result.text, result.err) == (0, f"{text}\n", "")
    assert last_turn(home).answer == text


def all_events() -> list[bytes]:
    """Return a stream with all of them between the valid events."""
    return [*VALID[:1], *MALFORMED.values(), *UNUSUAL.values(), *VALID[1:], *END]


def test_all_of_them_together_are_reported_once(home: Home, server: FaultServer) -> None:
    server.add(*sse(*all_events()))
    result = observe("chat", "hi", home=home)
    assert (result.code, result.text) == (0, TEXT)
    # JSON followed by text counts as one: the text is the malformed part.
    assert f"skipped {len(MALFORMED)} malformed events of the stream" in result.err
    assert last_turn(home).answer == TEXT.strip()


def test_all_of_them_on_a_terminal_are_reported_once(home: Home, server: FaultServer) -> None:
    server.add(*sse(*all_events()))
    with Terminal(newapi_command("chat", "hi"), home=home) as terminal:
        assert terminal.wait_exit() == 0
        assert TEXT.strip() in terminal.all_text()
        assert terminal.all_text().count("malformed events") == 1


@pytest.mark.parametrize("bad", MALFORMED.values(), ids=MALFORMED)
@pytest.mark.parametrize("end", [[], [DONE], END], ids=["cut", "[DONE]", "finish reason"])
def test_malformed_events_alone_are_no_answer(
    home: Home, server: FaultServer, bad: bytes, end: list[bytes]
) -> None:
    server.add(*sse(bad, bad, *end))
    result = run_newapi("chat", "hi", home=home)
    assert (result.code, result.text) == (6, "")
    assert result.err.count("error:") == 1
    is_completion = end == END or (bad.startswith(b"data: {") and b'"choices"' in bad)
    message = "an empty answer" if is_completion else "answered outside the protocol"
    assert message in result.err


@pytest.mark.parametrize("bad", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_body_is_an_error(home: Home, server: FaultServer, bad: bytes) -> None:
    body = bad.removeprefix(b"data: ").rstrip(b"\n")
    server.add(Send(response(200, body)))
    result = run_newapi("chat", "--no-stream", "hi", home=home)
    assert (result.code, result.text) == (6, "")
    assert result.err.count("error:") == 1


def test_a_stream_without_a_usable_event_is_an_error(home: Home, server: FaultServer) -> None:
    server.add(*sse(*MALFORMED.values(), *UNUSUAL.values(), *END))
    result = observe("chat", "hi", home=home)
    assert (result.code, result.out, len(server.requests)) == (6, b"", 1)
    assert result.err.count("error:") == 1
