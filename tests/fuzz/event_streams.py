"""Event streams decoded by our decoder, and by a slow implementation of the standard."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from newapi_cli.api.chat.sse import MAX_DONE, EventTooLarge, SseDecoder

MEGABYTE = 1_000_000
BLANKS = " \t\x0b\x0c"
ENDS = [b"\n", b"\r", b"\r\n"]
WORDS = [
    b"data", b"data:", b"data: ", b"data:  ", b"event: ", b"event", b"id: 7", b"retry: 10", b":",
    b": PING", b"foo: bar", b"[DONE]", b" [DONE] ", b"data: [DONE]", b"\xef\xbb\xbf", b"\xff",
    b"\xed\xa0\x80", b"\xe4\xbd", b"\xa0", b"\xf0\x9f\x98", b"\0", b" ", b"\t", b"\x0b", b"\x0c",
    "\u2028\x85\x1c".encode(), b'{"error":{"message":"x"}}', b'{"choices":[]}', b"<html>",
    b'data: {"choices":[{"delta":{"content":"a"}}]}', b"data: {", b"data: }", b"data: {}",
    b"DATA: x", b"data : x", b"dat", b"a: ",
]  # fmt: skip


class Decoded(NamedTuple):
    """The result: (type, data) of the events, the stray lines, whether an event was too large."""

    events: list[tuple[str, str]]
    stray: bytes
    is_too_large: bool


def decoded(blocks: Iterable[bytes], limit: int = MEGABYTE) -> Decoded:
    """Decode blocks with our decoder."""
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


class StrayLines(list[str]):
    """Deviation: unknown lines are not dropped, unless [DONE] is one of the events before them."""

    def __init__(self, events: list[tuple[str, str]]) -> None:
        super().__init__()
        self._events = events

    def append(self, line: str) -> None:
        """Add a line."""
        ends = (len(data) <= MAX_DONE and data.strip() == "[DONE]" for _, data in self._events)
        if not any(ends):
            super().append(line)


class PendingEvent:
    """The event that the lines so far make, and the list that it is added to."""

    def __init__(self, events: list[tuple[str, str]]) -> None:
        self._events = events
        self._data: list[str] = []
        self._types: list[str] = []
        self._late: list[str] = []  # types that came after data

    def add_data(self, value: str) -> None:
        """Add a line of data. Deviation: JSON after a complete object begins an event."""
        begins = value.lstrip(BLANKS).startswith("{") or value.strip(BLANKS) == "[DONE]"
        if begins and "\n".join(self._data).rstrip(f"{BLANKS}\n").endswith("}"):
            late, self._late = self._late, []
            self.dispatch()
            self._types = late
        self._data.append(value)

    def set_type(self, value: str) -> None:
        """Set the type."""
        (self._late if self._data else self._types).append(value)

    def dispatch(self) -> None:
        """End the event."""
        if self._data:
            types = ["", *self._types, *self._late]
            self._events.append((types[-1] or "message", "\n".join(self._data)))
        self._data, self._types, self._late = [], [], []


def by_the_standard(stream: bytes) -> Decoded:
    """Decode a stream by WHATWG HTML, section 9.2, with our documented deviations.

    As in the standard, the whole stream is decoded as UTF-8 before it is split into lines.
    """
    text = stream.decode("utf-8", "replace").removeprefix("\ufeff")
    lines = re.split("\r\n|\r|\n", text)
    events: list[tuple[str, str]] = []
    stray = StrayLines(events)
    pending = PendingEvent(events)
    for line in lines:
        name, colon, value = line.partition(":")
        value = value.removeprefix(" ")
        if not line:
            pending.dispatch()
        elif colon and not name:
            pass  # a comment
        elif name == "data":
            pending.add_data(value)
        elif name == "event":
            pending.set_type(value)
        elif name in ("id", "retry"):
            pass
        elif line.strip(BLANKS) == "[DONE]":  # deviation: a bare [DONE]
            pending.dispatch()
            events.append(("message", "[DONE]"))
        else:
            stray.append(line)
    pending.dispatch()  # deviation: the end of the stream dispatches too
    return Decoded(events, "\n".join(stray).encode(), False)
