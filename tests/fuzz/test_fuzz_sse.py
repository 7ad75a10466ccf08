"""The event decoder compared with the standard, for any bytes, however they are split."""

from __future__ import annotations

import re
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newapi_cli.api.chat.sse import MAX_STRAY_BYTES, EventTooLarge, SseDecoder
from tests.fuzz.event_streams import ENDS, WORDS, by_the_standard, decoded
from tests.fuzz.fuzzing import cut_at, fuzzed

CUTS = st.lists(st.integers(0, 1 << 16), max_size=12)


# -- streams ----------------------------------------------------------------------------------

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


@fuzzed(400)
@given(STREAMS, CUTS)
def test_any_bytes_cut_anywhere_are_read_by_the_standard(stream: bytes, places: list[int]) -> None:
    wanted = by_the_standard(stream)
    found = decoded(cut_at(stream, places))
    assert found._replace(stray=b"") == wanted._replace(stray=b"")
    assert found.stray.decode("utf-8", "replace").encode() == wanted.stray


@fuzzed(250)
@given(STREAMS, CUTS)
def test_any_bytes_cut_anywhere_give_the_same_as_whole(stream: bytes, places: list[int]) -> None:
    whole = decoded([stream])
    assert decoded(cut_at(stream, places)) == whole
    assert decoded(stream[at : at + 1] for at in range(len(stream))) == whole


@fuzzed(400)
@given(STREAMS, CUTS, st.integers(1, 40))
def test_the_limit_does_not_depend_on_the_cuts(
    stream: bytes, places: list[int], limit: int
) -> None:
    """Events before one that is too large may be returned or not, depending on the blocks."""
    one_by_one = decoded((stream[at : at + 1] for at in range(len(stream))), limit)
    for blocks in ([stream], cut_at(stream, places)):
        found = decoded(blocks, limit)
        assert found.is_too_large == one_by_one.is_too_large
        assert found.events == one_by_one.events[: len(found.events)]
        assert found == one_by_one or found.is_too_large


@fuzzed(150)
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
    """A growing buffer is sometimes copied: hence twice the limit, plus the stray lines."""
    limit, block = 200_000, 1 << 14
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
