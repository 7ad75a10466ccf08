"""The event decoder: WHATWG HTML, section 9.2, and the deviations that a chat client needs."""

from __future__ import annotations

import random
import tracemalloc
from collections.abc import Iterable

import pytest

from newapi_cli.api.chat.sse import (
    MAX_STRAY_BYTES,
    EventTooLarge,
    ServerSentEvent,
    SseDecoder,
)
from tests.support.cases import each
from tests.support.scale import REPEAT, SEED

Pairs = list[tuple[str, str]]
LIMIT = 1000

# What each stream gives: (type, data) of its events, the end of the stream included.
EXAMPLES: dict[str, tuple[bytes, Pairs]] = {
    "LF": (b"data: a\n\ndata: b\n\n", [("message", "a"), ("message", "b")]),
    "CRLF": (b"data: a\r\n\r\ndata: b\r\n\r\n", [("message", "a"), ("message", "b")]),
    "CR": (b"data: a\r\rdata: b\r\r", [("message", "a"), ("message", "b")]),
    "all three ends of a line": (
        b"data: a\r\ndata: b\rdata: c\n\r\n",
        [("message", "a\nb\nc")],
    ),
    "CR and CRLF are two ends": (b"data: a\r\r\ndata: b\n\n", [("message", "a"), ("message", "b")]),
    "LF and CR are two ends": (b"data: a\n\rdata: b\n\n", [("message", "a"), ("message", "b")]),
    "a byte order mark": (b"\xef\xbb\xbfdata: a\n\n", [("message", "a")]),
    "a byte order mark before a blank line": (b"\xef\xbb\xbf\ndata: a\n\n", [("message", "a")]),
    "a second byte order mark is text": (b"\xef\xbb\xbf\xef\xbb\xbfdata: a\n\n", []),
    "a byte order mark later is text": (b"data: a\n\n\xef\xbb\xbfdata: b\n\n", [("message", "a")]),
    "a byte order mark in data": (b"data: \xef\xbb\xbfa\n\n", [("message", "\ufeffa")]),
    "no space after the colon": (b"data:a\n\n", [("message", "a")]),
    "one of two spaces is dropped": (b"data:  a\n\n", [("message", " a")]),
    "a tab is no space": (b"data:\ta\n\n", [("message", "\ta")]),
    "a trailing space stays": (b"data: a \n\n", [("message", "a ")]),
    "colons in the value": (b"data: a: b:c\n\n", [("message", "a: b:c")]),
    "several data lines": (b"data: a\ndata: b\ndata:\ndata: c\n\n", [("message", "a\nb\n\nc")]),
    "empty data is an event": (b"data:\n\n", [("message", "")]),
    "a data line without a colon": (b"data\n\n", [("message", "")]),
    "two data lines without a colon": (b"data\ndata\n\n", [("message", "\n")]),
    "objects without blank lines": (
        b'data: {"a": 1}\ndata: {"b": 2}\n\ndata: {"c": 3}\ndata: [DONE]\n',
        [("message", each) for each in ('{"a": 1}', '{"b": 2}', '{"c": 3}', "[DONE]")],
    ),
    "types of objects without blank lines": (
        b"event: a\ndata: {}\nevent: b\ndata: {}\ndata: {}\nid: 1\nevent: c\n\n",
        [("a", "{}"), ("b", "{}"), ("c", "{}")],
    ),
    "an object on several lines": (
        b'data: {"a": [\ndata: {"b": {}\ndata: },\ndata: {}\ndata: ]\ndata: }\n\n',
        [("message", '{"a": [\n{"b": {}\n},\n{}\n]\n}')],
    ),
    "comments": (b": PING\n\n:\n::PING\n\ndata: a\n: x\n\n", [("message", "a")]),
    "a comment amid an event": (b"data: a\n: x\ndata: b\n\n", [("message", "a\nb")]),
    "an event without data is none": (b"event: x\nid: 1\n\ndata: a\n\n", [("message", "a")]),
    "a type": (b"event: ping\ndata: a\n\ndata: b\n\n", [("ping", "a"), ("message", "b")]),
    "the last type counts": (b"event: a\nevent: b\ndata: x\n\n", [("b", "x")]),
    "an empty type is message": (b"event: a\nevent\ndata: x\n\n", [("message", "x")]),
    "a type after its data": (b"data: x\nevent: a\n\n", [("a", "x")]),
    "id and retry": (b"id: 1\nretry: 5\nid\nretry: x\ndata: a\n\n", [("message", "a")]),
    "other fields": (b"foo: 1\ndatax: 2\nDATA: 3\ndata : 4\ndata: a\n\n", [("message", "a")]),
    "blank lines": (b"\n\n\n\ndata: a\n\n\n\n", [("message", "a")]),
    "characters outside ASCII": ("data: 你好 é 👋\n\n".encode(), [("message", "你好 é 👋")]),
    "what only Python takes for an end of a line": (
        "data: a\u2028b\u2029c\x85d\x0be\x0cf\x1cg\x1dh\x1ei\n\n".encode(),
        [("message", "a\u2028b\u2029c\x85d\x0be\x0cf\x1cg\x1dh\x1ei")],
    ),
    "NUL": (b"data: a\0b\n\n", [("message", "a\0b")]),
    "invalid UTF-8": (b"data: a\xffb\xe4\xb8\n\n", [("message", "a\ufffdb\ufffd")]),
    "a character cut by the end of a line": (
        b"data: \xe4\xb8\ndata: \xad\n\n",
        [("message", "\ufffd\n\ufffd")],
    ),
    "surrogates in UTF-8": (b"data: \xed\xa0\x80\n\n", [("message", "\ufffd\ufffd\ufffd")]),
    "nothing": (b"", []),
    # -- deviations
    "no blank line at the end": (b"data: a\n\ndata: b\n", [("message", "a"), ("message", "b")]),
    "no end of the last line": (b"data: a\n\ndata: b", [("message", "a"), ("message", "b")]),
    "DONE without a blank line": (b"data: [DONE]", [("message", "[DONE]")]),
    "a bare DONE": (b"data: a\n\n[DONE]\n", [("message", "a"), ("message", "[DONE]")]),
    "a bare DONE in spaces": (b" [DONE] \n\n", [("message", "[DONE]")]),
    "a bare DONE ends the event before it": (
        b"data: a\n[DONE]\n\n",
        [("message", "a"), ("message", "[DONE]")],
    ),
    "bare JSON is no event": (b': PING\n\n{"error":{"message":"x"}}', []),
}  # fmt: skip

EACH_EXAMPLE = pytest.mark.parametrize(("stream", "expected"), EXAMPLES.values(), ids=EXAMPLES)


def decoded(blocks: Iterable[bytes]) -> Pairs:
    decoder = SseDecoder()
    events: list[ServerSentEvent] = []
    for block in blocks:
        events += decoder.feed(block)
    events += decoder.end()
    return [(event.type, event.data) for event in events]


def single_bytes(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))]


@EACH_EXAMPLE
def test_a_stream_in_one_block_is_decoded(stream: bytes, expected: Pairs) -> None:
    assert decoded([stream]) == expected


@EACH_EXAMPLE
def test_a_stream_byte_by_byte_is_decoded_the_same(stream: bytes, expected: Pairs) -> None:
    assert decoded(single_bytes(stream)) == expected


@EACH_EXAMPLE
def test_a_stream_split_anywhere_is_decoded_the_same(stream: bytes, expected: Pairs) -> None:
    for at in range(len(stream) + 1):
        assert decoded([stream[:at], b"", stream[at:]]) == expected, stream[:at]


def test_an_event_is_complete_with_its_blank_line() -> None:
    decoder = SseDecoder()
    assert decoder.feed(b"data: a\n") == []
    assert decoder.feed(b"\n") == [ServerSentEvent("a")]


def test_a_cr_at_the_end_of_a_block_ends_the_line_at_once() -> None:
    decoder = SseDecoder()
    assert decoder.feed(b"data: a\r\n\r") == [ServerSentEvent("a")]
    assert decoder.feed(b"\ndata: b\r\r") == [ServerSentEvent("b")]


def test_a_second_end_returns_nothing() -> None:
    decoder = SseDecoder()
    decoder.feed(b"data: a")
    assert decoder.end() == [ServerSentEvent("a")]
    assert decoder.end() == []


# -- what stands in a stream without being one --------------------------------------------------


def test_stray_lines_are_kept_in_order() -> None:
    decoder = SseDecoder()
    decoder.feed(b': PING\n\n{"error":1}\r\ndata: a\n\nid: 7\nevent: x\nretry: 1\n<html>\n')
    assert decoder.stray == b'{"error":1}\n<html>'


def test_stray_lines_after_the_end_of_a_stream_without_blank_lines_are_ignored() -> None:
    for end in (b"data: [DONE]\n\n", b"data: x\ndata: [DONE]\n\n", b"data: [DONE]\ndata: x\n\n"):
        decoder = SseDecoder()
        decoder.feed(b"first\n" + end + b'{"error":1}\n')
        assert decoder.stray == b"first", end


def test_a_stray_line_without_an_end_is_kept_at_the_end() -> None:
    decoder = SseDecoder()
    decoder.feed(b': PING\n\n{"error"')
    decoder.feed(b":1}")
    assert decoder.stray == b""
    decoder.end()
    assert decoder.stray == b'{"error":1}'


@pytest.mark.parametrize("line", [b"x" * 999 + b"\n", b"y" * 100_000 + b"\n", b"z\n"])
def test_at_most_64_kb_of_stray_lines_are_kept(line: bytes) -> None:
    decoder = SseDecoder()
    for _ in range(2 * MAX_STRAY_BYTES // len(line) + 2):
        decoder.feed(line)
    assert 0.9 * MAX_STRAY_BYTES < len(decoder.stray) <= MAX_STRAY_BYTES


# -- bounds -----------------------------------------------------------------------------------

TOO_LARGE = {
    "one line": b"data: " + b"x" * (LIMIT + 1) + b"\n\n",
    "a line without an end": b"data: " + b"x" * (LIMIT + 1),
    "many lines": b"data: xxxx\n" * (LIMIT // 4 + 1) + b"\n",
    "many empty lines": b"data:\n" * (LIMIT + 2) + b"\n",
    "many lines without a colon": b"data\n" * (LIMIT + 2) + b"\n",
    "a comment without an end": b":" + b"x" * (LIMIT + 1),
    "an unknown field without an end": b"x" * (LIMIT + 1),
}
SMALL_ENOUGH = {
    "one line": b"data: " + b"x" * (LIMIT - 100) + b"\n\n",
    "many lines": b"data: x\n" * (LIMIT // 4) + b"\n",
    "many events": (b"data: " + b"x" * (LIMIT // 2) + b"\n\n") * 10,
    "many comments": b": PING\n" * LIMIT + b"data: x\n\n",
}


@each("stream", TOO_LARGE.values(), ids=TOO_LARGE)
@each("size", [1, 7, 1 << 20])
def test_an_event_over_the_limit_is_rejected(stream: bytes, size: int) -> None:
    decoder = SseDecoder(max_event_bytes=LIMIT)
    with pytest.raises(EventTooLarge):
        for at in range(0, len(stream), size):
            decoder.feed(stream[at : at + size])


@each("stream", SMALL_ENOUGH.values(), ids=SMALL_ENOUGH)
@each("size", [1, 7, 1 << 20])
def test_an_event_within_the_limit_is_decoded_however_it_is_split(stream: bytes, size: int) -> None:
    decoder = SseDecoder(max_event_bytes=LIMIT)
    events: list[ServerSentEvent] = []
    for at in range(0, len(stream), size):
        events += decoder.feed(stream[at : at + size])
    assert events


def test_a_line_that_never_ends_costs_no_more_than_its_limit() -> None:
    decoder = SseDecoder(max_event_bytes=4_000_000)
    tracemalloc.start()
    try:
        with pytest.raises(EventTooLarge):
            while True:
                decoder.feed(b"x" * 65536)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2 * 4_000_000


def test_a_long_line_in_small_parts_is_joined_once() -> None:
    decoder = SseDecoder()
    tracemalloc.start()
    try:
        decoder.feed(b"data: ")
        for _ in range(2000):
            decoder.feed(b"x" * 1000)
        events = decoder.feed(b"\n\n")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(events[0].data) == 2_000_000
    assert peak < 5 * 2_000_000


# -- against a slow reading of the standard -----------------------------------------------------

WORDS = [
    b"data", b"event", b"id", b"retry", b"foo", b":", b": ", b" ", b"\n", b"\n\n", b"\r", b"\r\n",
    b"\xef\xbb\xbf", b"\xff", b"\xe4\xbd", "你".encode(), "\u2028".encode(), b"\0", b"a", b"{}",
    b"data: x\n\n", b"data:y\r\n\r\n",
]  # fmt: skip


def events_by_the_standard(stream: bytes) -> Pairs:
    """Interpret a stream by the text of the standard, and dispatch a pending event at its end."""
    text = stream.decode("utf-8", "replace").removeprefix("\ufeff")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    events: Pairs = []
    data, type_ = "", ""
    for line in [*text.split("\n"), ""]:
        if line == "":
            if data:
                events.append((type_ or "message", data.removesuffix("\n")))
            data, type_ = "", ""
            continue
        name, colon, value = line.partition(":")
        if colon and not name:
            continue
        value = value.removeprefix(" ")
        if name == "data":
            data += value + "\n"
        elif name == "event":
            type_ = value
    return events


def test_random_streams_split_at_random_follow_the_standard() -> None:
    chance = random.Random(SEED)
    for _ in range(5000):
        stream = b"".join(chance.choices(WORDS, k=chance.randrange(30)))
        cuts = sorted(chance.choices(range(len(stream) + 1), k=chance.randrange(6)))
        blocks = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
        assert decoded(blocks) == events_by_the_standard(stream), (REPEAT, blocks)
