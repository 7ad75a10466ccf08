"""Event streams are read by the standard, and as gateways send them, wherever they are split.

The standard is WHATWG HTML, section 9.2. Each rule is tested in the response reader with a split at
every position, and all rules together in the program, whole and byte by byte.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest

from newapi_cli.api.chat.body_decoder import BodyDecoder
from newapi_cli.domain.completion import AnswerEvent, Chunk
from newapi_cli.errors import NewapiError
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.observed import observe
from tests.support.process import run_newapi
from tests.support.steps import Send, Step, sse
from tests.support.wire import DONE, PING, chunk, error, event, head, json_bytes

END = event(chunk(finish="stop")) + DONE


def chunk_json(text: str) -> bytes:
    """Return the JSON of a chunk."""
    return json_bytes(chunk(text))


def in_lines(data: bytes, end: bytes) -> bytes:
    """Return a stream with other line ends."""
    return data.replace(b"\n", end)


A, B = event(chunk("a")), event(chunk("b"))
RULES: dict[str, tuple[bytes, str]] = {
    "LF ends a line": (A + B, "ab"),
    "CRLF ends a line": (in_lines(A + B, b"\r\n"), "ab"),
    "CR ends a line": (in_lines(A + B, b"\r"), "ab"),
    "all three in one stream": (in_lines(A, b"\r\n") + in_lines(B, b"\r") + A, "aba"),
    "a byte order mark is dropped": (b"\xef\xbb\xbf" + A, "a"),
    "a byte order mark is dropped once": (b"\xef\xbb\xbf\xef\xbb\xbf" + A + B, "b"),
    "no space after the colon": (b"data:" + chunk_json("a") + b"\n\n", "a"),
    "two spaces after the colon": (b"data:  " + chunk_json("a") + b"\n\n", "a"),
    "comments": (PING + b":\n\n" + A + b": x\n" + B, "ab"),
    "a comment inside an event": (b"data: " + chunk_json("a") + b"\n: x\n\n", "a"),
    "unknown fields": (b"foo: 1\nDATA: 2\nid: 3\nretry: 4\nid\n" + A + B, "ab"),
    "several data lines are one event": (
        b'data: {"choices":[{"index":0,\ndata:"delta":{"content":\ndata: "a"}}]}\n\n', "a"),
    "an empty data line": (b"data:\n\ndata\n\n" + A, "a"),
    "a field without a colon": (b"data\n" + A, "a"),
    "an event without data": (b"event: x\n\n" + A, "a"),
    "any type of event": (b"event: completion.chunk\n" + A + b"event: ping\n\n" + B, "ab"),
    "blank lines": (b"\n\n\n" + A + b"\n\n\n" + B, "ab"),
    "characters of many bytes": (event(chunk("é你👋")), "é你👋"),
    "invalid UTF-8": (A.replace(b'"a"', b'"a\xff\xe4\xb8"'), "a\ufffd\ufffd"),
    "a surrogate pair in two events": (
        A.replace(b'"a"', b'"\\ud83d"') + B.replace(b'"b"', b'"\\udc4b"'), "👋"),
    "line ends in Python only": (
        event(chunk("a\u2028b\u2029c\x85d")), "a\u2028b\u2029c\x85d"),
    "NUL": (event(chunk("a\0b")), "a\0b"),
}  # fmt: skip
ENDS: dict[str, tuple[bytes, str]] = {
    "no [DONE]": (A + event(chunk(finish="stop")), "a"),
    "no blank line at the end": ((A + event(chunk(finish="stop"))).rstrip(b"\n"), "a"),
    "no blank line after [DONE]": (A + END.rstrip(b"\n"), "a"),
    "[DONE] without a space": (A + END.replace(b" [", b"["), "a"),
    "[DONE] with a space after it": (A + END.replace(b"]\n", b"] \n"), "a"),
    "[DONE] alone": (A + END.replace(b"data: [DONE]", b"[DONE]"), "a"),
    "two [DONE]": (A + END + DONE, "a"),
    "text after [DONE]": (A + END + B, "a"),
    "a ping event": (b'event: ping\ndata: {"type":"ping"}\n\n' + A + END, "a"),
    "no blank line between two events": (A.rstrip(b"\n") + b"\n" + B + END, "ab"),
    "a completion instead of a stream": (json_bytes(chunk("a", finish="stop")), "a"),
}
STREAMS = {name: (stream + END, text) for name, (stream, text) in RULES.items()} | ENDS


def read(blocks: Iterable[bytes]) -> str:
    """Return the text of an answer."""
    return "".join(each.content for each in chunks(blocks))


def chunks(blocks: Iterable[bytes]) -> Iterator[Chunk]:
    """Read an answer to its end, or to `[DONE]`, as the client does."""
    return (event for event in events(blocks) if isinstance(event, Chunk))


def events(blocks: Iterable[bytes]) -> Iterator[AnswerEvent]:
    reader = BodyDecoder("")
    for block in blocks:
        yield from reader.feed(block)
        if reader.is_end_confirmed:
            break
    yield from reader.end()


def single(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))]


@pytest.mark.parametrize(("stream", "text"), STREAMS.values(), ids=STREAMS)
def test_each_rule_holds_wherever_the_stream_is_split(stream: bytes, text: str) -> None:
    assert read([stream]) == text
    assert read(single(stream)) == text
    for at in range(1, len(stream)):
        assert read([stream[:at], stream[at:]]) == text, (stream[:at], stream[at:])


BARE = json_bytes(error("the gateway's words"))
ERRORS = {
    "an error as an event": A + event(error("the gateway's words")),
    "bare JSON after pings": A + PING + BARE,
    "bare JSON after pings alone": PING + BARE,
    "two values back to back": A + b"\n" + BARE + BARE,
    "an error as text": A + event({"error": "the gateway's words"}),
}


@pytest.mark.parametrize("stream", ERRORS.values(), ids=ERRORS)
def test_an_error_among_the_events_is_found_wherever_it_is_split(stream: bytes) -> None:
    for blocks in ([stream], single(stream), *([stream[:n], stream[n:]] for n in range(1, 60))):
        text = ""
        with pytest.raises(NewapiError) as caught:
            for each in chunks(blocks):
                text += each.content
        assert "the gateway's words" in caught.value.why
        assert text == ("a" if stream.startswith(A) else "")


def answered(data: bytes, *, how: str) -> list[Step]:
    """Return the steps of a response that ends with the connection or by its length."""
    # The stream is UTF-8 whatever charset is declared; windows-1252 would break “é”.
    fields = [("Content-Type", "text/event-stream; charset=windows-1252")]
    ends = ("Content-Length", str(len(data))) if "length" in how else ("Connection", "close")
    pieces = single(data) if "byte" in how else [data]
    return [Send(head(200, [*fields, ends])), *map(Send, pieces)]


@pytest.mark.parametrize("how", ["whole", "byte by byte", "by length", "by length, byte by byte"])
def test_all_rules_together_hold_in_the_program(home: Home, server: FaultServer, how: str) -> None:
    # A byte order mark counts only at the beginning.
    rules = sorted(RULES.items(), key=lambda rule: rule[0] != "a byte order mark is dropped")
    text = "".join(text for _, (_, text) in rules)
    server.add(*answered(b"".join(stream for _, (stream, _) in rules) + END, how=how))
    result = observe("chat", "hi", home=home)
    assert (result.code, result.text) == (0, f"{text}\n")
    assert len(server.requests) == 1


@pytest.mark.parametrize("how", ["whole", "byte by byte"])
@pytest.mark.parametrize(("stream", "text"), ENDS.values(), ids=ENDS)
def test_each_end_of_a_stream_is_recognized(
    home: Home, server: FaultServer, stream: bytes, text: str, how: str
) -> None:
    server.add(*answered(stream, how=how))
    result = run_newapi("chat", "hi", home=home)
    assert (result.code, result.text, result.err) == (0, f"{text}\n", "")


@pytest.mark.parametrize("stream", ERRORS.values(), ids=ERRORS)
def test_an_error_among_the_events_is_reported_in_the_gateways_words(
    home: Home, server: FaultServer, stream: bytes
) -> None:
    server.add(*answered(stream, how="byte by byte"))
    result = run_newapi("chat", "hi", home=home)
    assert (result.code, result.text) == (6, "a\n" if stream.startswith(A) else "")
    assert result.err.count("error:") == 1
    assert "the gateway's words" in result.err


def test_an_answer_in_chunks_is_the_same_wherever_it_is_split(
    home: Home, server: FaultServer
) -> None:
    server.add(*sse(*single(event(chunk("é你👋")) + END)))
    result = observe("chat", "hi", home=home)
    assert (result.code, result.text, result.err) == (0, "é你👋\n", "")
