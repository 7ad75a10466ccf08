"""The event decoder against a reading of the standard, for any bytes, however they are cut."""

from __future__ import annotations

import re
import tracemalloc
from collections.abc import Iterable
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newapi_cli.api.sse import MAX_STRAY_BYTES, EventTooLarge, SseDecoder
from tests.fuzz.fuzzing import cut_at, fuzzed

CUTS = st.lists(st.integers(0, 1 << 16), max_size=12)
MEGABYTE = 1_000_000


class Decoded(NamedTuple):
    """What became of a stream: (type, data) of its events, its strays, whether it was too large."""

    events: list[tuple[str, str]]
    stray: bytes
    is_too_large: bool


def decoded(blocks: Iterable[bytes], limit: int = MEGABYTE) -> Decoded:
    """Feed blocks and the end."""
    decoder = SseDecoder(max_event_bytes=limit)
    events = []
    try:
        for block in blocks:
            events += decoder.feed(block)
        events += decoder.end()
    except EventTooLarge:
        return Decoded([(each.type, each.data) for each in events], decoder.stray, True)
    return Decoded([(each.type, each.data) for each in events], decoder.stray, False)


# -- the reference ----------------------------------------------------------------------------


def by_the_standard(stream: bytes) -> Decoded:
    """Read a stream as WHATWG HTML, section 9.2, words it, with our documented deviations.

    As the standard does, the whole stream is decoded before it is cut into lines.
    """
    text = stream.decode("utf-8", "replace").removeprefix("\ufeff")
    lines = re.split("\r\n|\r|\n", text)
    events: list[tuple[str, str]] = []
    stray: list[str] = []
    data: list[str] = []
    type_ = ""

    def dispatch() -> None:
        nonlocal type_
        if data:
            events.append((type_ or "message", "\n".join(data)))
        data.clear()
        type_ = ""

    for line in lines:
        name, colon, value = line.partition(":")
        value = value.removeprefix(" ")
        if not line:
            dispatch()
        elif colon and not name:
            pass  # a comment
        elif name == "data":
            data.append(value)
        elif name == "event":
            type_ = value
        elif name in ("id", "retry"):
            pass
        elif line.strip(" \t\x0b\x0c") == "[DONE]":  # deviation: a bare [DONE]
            dispatch()
            events.append(("message", "[DONE]"))
        else:  # deviation: unknown lines are not dropped, they are kept aside
            stray.append(line)
    dispatch()  # deviation: the end of the stream dispatches too
    return Decoded(events, "\n".join(stray).encode(), False)


# -- streams ----------------------------------------------------------------------------------

ENDS = [b"\n", b"\r", b"\r\n"]
WORDS = [
    b"data", b"data:", b"data: ", b"data:  ", b"event: ", b"event", b"id: 7", b"retry: 10", b":",
    b": PING", b"foo: bar", b"[DONE]", b" [DONE] ", b"data: [DONE]", b"\xef\xbb\xbf", b"\xff",
    b"\xed\xa0\x80", b"\xe4\xbd", b"\xa0", b"\xf0\x9f\x98", b"\0", b" ", b"\t", b"\x0b", b"\x0c",
    "\u2028\x85\x1c".encode(), b'{"error":{"message":"x"}}', b'{"choices":[]}', b"<html>",
    b'data: {"choices":[{"delta":{"content":"a"}}]}', b"DATA: x", b"data : x", b"dat", b"a: ",
]  # fmt: skip
FIELDS = st.sampled_from([b"data: ", b"data:", b"event: ", b"id: ", b": ", b"x: ", b"", b" data: "])
LINES = st.one_of(
    st.sampled_from(WORDS),
    st.tuples(FIELDS, st.binary(max_size=12)).map(b"".join),
    st.lists(st.sampled_from(WORDS), max_size=4).map(b"".join),
)
STREAMS = st.one_of(
    st.binary(max_size=80),
    st.lists(
        st.tuples(LINES, st.sampled_from([*ENDS, b"\n\n", b"\r\n\r\n", b""])), max_size=16
    ).map(lambda lines: b"".join(line + end for line, end in lines)),
    st.lists(st.sampled_from([*WORDS, *ENDS]), max_size=24).map(b"".join),
)


@fuzzed(800)
@given(STREAMS, CUTS)
def test_any_bytes_cut_anywhere_are_read_by_the_standard(stream: bytes, places: list[int]) -> None:
    wanted = by_the_standard(stream)
    found = decoded(cut_at(stream, places))
    assert found._replace(stray=b"") == wanted._replace(stray=b"")
    assert found.stray.decode("utf-8", "replace").encode() == wanted.stray


@fuzzed(500)
@given(STREAMS, CUTS)
def test_any_bytes_cut_anywhere_give_the_same_as_whole(stream: bytes, places: list[int]) -> None:
    whole = decoded([stream])
    assert decoded(cut_at(stream, places)) == whole
    assert decoded(stream[at : at + 1] for at in range(len(stream))) == whole


@fuzzed(800)
@given(STREAMS, CUTS, st.integers(1, 40))
def test_the_limit_does_not_depend_on_the_cuts(
    stream: bytes, places: list[int], limit: int
) -> None:
    """What came before an event that is too large may be given or not: its block decides."""
    one_by_one = decoded((stream[at : at + 1] for at in range(len(stream))), limit)
    for blocks in ([stream], cut_at(stream, places)):
        found = decoded(blocks, limit)
        assert found.is_too_large == one_by_one.is_too_large
        assert found.events == one_by_one.events[: len(found.events)]
        assert found == one_by_one or found.is_too_large


@fuzzed(300)
@given(STREAMS, st.integers(1, 40))
def test_events_are_refused_beyond_the_limit_only(stream: bytes, limit: int) -> None:
    found = decoded([stream], limit)
    longest_line = max(map(len, re.split(rb"\r\n|\r|\n", stream)))
    wanted = by_the_standard(stream)
    if longest_line > limit:
        assert found.is_too_large
    elif len(stream) <= limit:
        assert not found.is_too_large
    if not found.is_too_large:
        assert found.events == wanted.events
        invalid = 3  # bytes of U+FFFD, which may stand for one
        assert all(len(data.encode()) <= invalid * limit for _, data in found.events)


# -- memory -----------------------------------------------------------------------------------

HOSTILE = {
    "a line by two bytes": (b"ab", 2),
    "a data line by three bytes": (b"data: " + b"ab" * 100, 3),
    "data lines of two characters": (b"data:ab\n", 4096),
    "data lines of none": (b"data:\n", 4096),
    "data lines without a colon": (b"data\n", 4096),
    "types": (b"event:" + b"x" * 900 + b"\ndata:" + b"y" * 50 + b"\n", 4096),
    "comments": (b":ab\n", 4096),
    "strays": (b"ab\n", 4096),
    "CR only": (b"data:a\r", 1024),
}


@pytest.mark.parametrize(("unit", "size"), HOSTILE.values(), ids=HOSTILE)
def test_no_stream_costs_more_memory_than_the_limit_allows(unit: bytes, size: int) -> None:
    """A growing buffer is copied now and then: hence twice the limit, and what strays may take."""
    limit, block = 500_000, 1 << 16
    stream = unit * (4 * limit // len(unit))
    decoder = SseDecoder(max_event_bytes=limit)
    tracemalloc.start()
    try:
        for at in range(0, len(stream), size):
            decoder.feed(stream[at : at + size])
    except EventTooLarge:
        pass
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    strays = 20 * MAX_STRAY_BYTES  # lines of two bytes: 35 and a pointer for each
    assert peak < 2.2 * limit + 2 * block + (strays if decoder.stray else 0)
