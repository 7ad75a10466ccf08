"""An incremental decoder of server-sent events: bytes in, events out, in bounded memory.

It follows the WHATWG HTML standard, section 9.2 (CR, LF and CRLF end a line, even if split over two
reads; a leading BOM and one space after the colon are dropped; comments and unknown fields are
ignored; `data` lines join with LF; the stream is UTF-8 whatever the charset), except that

- the end of the stream dispatches a pending event: small gateways omit the last blank line;
- a line `[DONE]` without `data:` is an event;
- a `data` line with a JSON object or `[DONE]` after a complete object begins an event: some servers
  omit the blank lines;
- lines that are not a field are kept in `stray`: New API appends bare JSON errors to a stream whose
  status is already 200.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from newapi_cli.i18n import tr

DONE = "[DONE]"
MAX_DONE = 64  # characters with the space around it
MAX_EVENT_BYTES = 24 * 1024 * 1024  # an image arrives as one event
# A string takes 1, 2 or 4 bytes per character, by the widest one, and is copied about three times:
# the limit is 24 MB of ASCII, 16 with Chinese, 9 with an emoji.
MAX_TEXT_COST = 48 * 1024 * 1024
WIDE, WIDEST = re.compile(rb"[\xc4-\xff]"), re.compile(rb"[\xf0-\xff]")
MAX_STRAY_BYTES = 64 * 1024
BOM = b"\xef\xbb\xbf"
KNOWN_FIELDS = (b"event", b"id", b"retry")


class ServerSentEvent(NamedTuple):
    """One dispatched event."""

    data: str
    type: str = "message"


class EventTooLarge(ValueError):
    """An event, or a line without an end, exceeds the limit."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def is_done(data: str) -> bool:
    """Return whether the data of an event ends the stream."""
    return len(data) <= MAX_DONE and data.strip(' \t\r\n"').upper() == DONE


def is_too_wide(data: bytes | bytearray) -> bool:
    """Return whether decoding bytes would take far more memory than the bytes themselves."""
    if 5 * len(data) <= MAX_TEXT_COST:
        return False
    width = 4 if WIDEST.search(data) else 2 if WIDE.search(data) else 1
    return (1 + width) * len(data) > MAX_TEXT_COST


class SseDecoder:
    """Decodes blocks of bytes, split anywhere, into events. Holds at most one event in memory."""

    def __init__(self, max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self._limit = max_event_bytes
        # No lists of pieces: with two bytes per read they would take 25 times the memory.
        self._line = bytearray()  # an incomplete line
        self._data = bytearray()  # the data lines of an event, each followed by an LF
        self._type = b""
        self._late_type: bytes | None = None  # arrived after data: of this event or of the next
        self._after_cr = False
        self._at_start = True
        self._stray: list[bytes] = []
        self._stray_size = 0
        self._is_done = False  # [DONE] has arrived: what follows is no part of the answer

    @property
    def stray(self) -> bytes:
        """The lines that are not part of an event, joined by LF; the first 64 KB of them."""
        return b"\n".join(self._stray)

    def feed(self, block: bytes) -> list[ServerSentEvent]:
        """Return the events that the next bytes complete.

        Raises `EventTooLarge`; the decoder cannot be used after that.
        """
        if self._after_cr and block:
            self._after_cr = False
            block = block.removeprefix(b"\n")
        if b"\r" in block:
            self._after_cr = block.endswith(b"\r")
            block = block.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        lines = block.split(b"\n")
        rest = lines.pop()
        events: list[ServerSentEvent] = []
        for line in lines:
            if self._line:
                self._line += line
                line = self._whole_line()
            self._take_line(line, events)
        if rest:
            self._line += rest
            self._check_size(len(self._line))
        return events

    def end(self) -> list[ServerSentEvent]:
        """Return the event that the end of the stream completes, if any."""
        events: list[ServerSentEvent] = []
        if self._line:
            self._take_line(self._whole_line(), events)
        self._dispatch(events)
        return events

    def _whole_line(self) -> bytes:
        line = bytes(self._line)
        self._line.clear()
        return line

    def _take_line(self, line: bytes, events: list[ServerSentEvent]) -> None:
        self._check_size(len(line))
        if self._at_start:
            self._at_start = False
            line = line.removeprefix(BOM)
        if line.startswith(b"data:"):
            value = line[6:] if line[5:6] == b" " else line[5:]
            if self._data:
                self._separate(value, events)
            self._keep(value)
        elif not line:
            self._dispatch(events)
        elif line[0] != 58:  # a colon begins a comment
            self._take_other(line, events)

    def _take_other(self, line: bytes, events: list[ServerSentEvent]) -> None:
        name, _, value = line.partition(b":")
        if name == b"data":
            self._keep(b"")
        elif name == b"event" and self._data:
            self._late_type = value.removeprefix(b" ")
        elif name == b"event":
            self._type = value.removeprefix(b" ")
        elif line.strip() == DONE.encode():
            self._dispatch(events)
            events.append(ServerSentEvent(DONE))
            self._is_done = True
        elif name in KNOWN_FIELDS or self._is_done:
            return
        elif self._stray_size < MAX_STRAY_BYTES:
            kept = line[: MAX_STRAY_BYTES - self._stray_size]
            self._stray.append(kept)
            self._stray_size += len(kept) + 1

    def _separate(self, value: bytes, events: list[ServerSentEvent]) -> None:
        """End the event before a data line that cannot continue its JSON."""
        begins = value.lstrip().startswith(b"{") or value.strip() == DONE.encode()
        if begins and self._data.rstrip().endswith(b"}"):
            late, self._late_type = self._late_type, None
            self._dispatch(events)
            self._type = late or b""

    def _keep(self, value: bytes) -> None:
        self._data += value
        self._data += b"\n"

    def _check_size(self, line_bytes: int) -> None:
        """Raise `EventTooLarge`. A line counts the same whether it arrives whole or in parts."""
        if line_bytes + len(self._data) + len(self._type) > self._limit:
            raise EventTooLarge(tr("an event is larger than {n:,} bytes", n=self._limit))

    def _dispatch(self, events: list[ServerSentEvent]) -> None:
        if self._data:
            self._data.pop()
            if is_too_wide(self._data):
                size = len(self._data)
                raise EventTooLarge(tr("a non-ASCII event of {n:,} bytes is too large", n=size))
            data = self._data.decode("utf-8", "replace")
            # Without blank lines it is one line of the event.
            self._is_done |= DONE in data and any(map(is_done, data.split("\n")))
            type_ = self._type if self._late_type is None else self._late_type
            events.append(ServerSentEvent(data, type_.decode("utf-8", "replace") or "message"))
            self._data.clear()
        self._type, self._late_type = b"", None
