"""Compressed bombs, huge events and endless answers end, and use less than 200 MB of memory.

An answer ends after 16 million characters as incomplete, with all of it printed and kept: models
write at most half a million, and one event with an image can have 24 MB. A stalled answer times
out; one that continues in small steps ends with Ctrl-C or at `total_timeout`.
"""

from __future__ import annotations

import os
import threading
import tracemalloc
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

import pytest

from newapi_cli.domain.completion import Chunk, CompletionBuilder, Status, ToolCallDelta
from tests.sessions.helpers import last_turn
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.observed import Observed, observe_process
from tests.support.steps import Forever, Pause, Send, Step, sse
from tests.support.wire import answer_events, chunk, event, framed, head, response

MB = 1_000_000
AT_MOST_BYTES = 200 * MB
AT_MOST_S = 60.0  # on a busy machine
LONGEST = 16 * 1024 * 1024
BLOCK = 1 << 16


def assert_bounded(result: Observed, code: int, *texts: str) -> None:
    """Assert exit code, one error with these texts, and a limited use of memory."""
    assert result.code == code, result.err
    assert result.peak_bytes < AT_MOST_BYTES, f"{result.peak_bytes / MB:.0f} MB"
    assert result.err.count("error:") == 1, result.err
    assert [each for each in texts if each not in result.err] == [], result.err


# -- compressed -------------------------------------------------------------------------------


def gzip(data: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return packer.compress(data) + packer.flush()


ZEROS = bytes(32 * MB)
# 200 MB of zeros, by brotli.compress(bytes(200 << 20), quality=11) of Brotli 1.1.
BROTLI = bytes.fromhex(
    "cbffff3ff82700e2b14020f7fe8fffff7ff04f00c4611180eefd1fffffffe09f0088c30200ddfb3ffeffffc1"
    "3f0110870500baf77ffcffff837f02200e0b0074effff8ffff07ff04401c1600e8defff1ffff0ffe0980382c"
    "00d0bdffe3ffff1ffc1300715800a07bffc7ffff3ff82700e2b00040f7fe8fffff7ff04f00c4610180eefd1f"
    "ffffffe09f0088c30200ddfb3ffeffffc13f0110870500baf77ffcffff837f02200e0b0074effff8ffff07ff"
    "04401c1600e8defff1ffff0ffe0980382c00d0bdffe3ffff1ffc1300715800a07bffc7ffff3ff82700e2b000"
    "40f7fe8fffff7ff04f00c4610180eefd1fffffffe09f0088c30200ddfb3ffeffffc13f0110870500baf77ffc"
    "ffff837f02200e0b0074effff8ffff07ff04401c1600e8defff1ffff0ffe0980382c00d0bdffe3ffff1ffc13"
    "00715800a07bffc7ffff3ff82700e2b00040f7fe6f"
)
# 200 MB of zeros: a frame of blocks of one byte, repeated 128 KB times (RFC 8878, 3.1.1.2).
RUN = (128 * 1024 << 3 | 1 << 1).to_bytes(3, "little") + b"\0"
LAST_RUN = (128 * 1024 << 3 | 1 << 1 | 1).to_bytes(3, "little") + b"\0"
ZSTD = b"\x28\xb5\x2f\xfd\x00\x38" + RUN * 1599 + LAST_RUN
BOMBS = {
    "gzip": gzip(ZEROS),
    "gzip, gzip": gzip(gzip(ZEROS)),
    "x-gzip": gzip(ZEROS),
    "deflate": zlib.compress(ZEROS, 9),
    "br": BROTLI,
    "zstd": ZSTD,
    "GZIP": gzip(ZEROS),
    "identity, gzip": gzip(ZEROS),
}


@pytest.mark.parametrize("encoding", BOMBS)
def test_an_encoding_that_was_not_requested_is_rejected_unread(
    home: Home, server: FaultServer, encoding: str
) -> None:
    headers = [("Content-Encoding", encoding)]
    server.add(*sse(BOMBS[encoding], headers=headers))
    result = observe_process("chat", "hi", home=home)
    assert_bounded(result, 6, "encoding", encoding.lower())
    assert (result.out, len(server.requests)) == (b"", 1)


@pytest.mark.parametrize(("status", "message"), [(200, "encoding"), (500, "HTTP 500")])
def test_such_an_encoding_is_rejected_in_a_list_and_an_error_too(
    home: Home, server: FaultServer, status: int, message: str
) -> None:
    server.add(Send(response(status, BROTLI, headers=[("Content-Encoding", "br")])))
    assert_bounded(observe_process("models", home=home), 6, message)


# -- endless data -----------------------------------------------------------------------------


def forever(data: bytes, *, before: Sequence[bytes] = ()) -> list[Step]:
    """Return steps that send the same chunk forever."""
    return sse(*before, Forever([Send(framed(data))]))


PART = event(chunk("Paris is "))
EMPTY_OBJECTS = b'{"choices":[' + b"{}," * (7 * MB) + b"{}]}"
ENDLESS: dict[str, tuple[list[Step], int, bytes, str]] = {
    "a line": (forever(b"x" * BLOCK, before=[PART, b"data: "]), 6, b"Paris is \n", "bytes"),
    "a line from the start": (forever(b"x" * BLOCK, before=[b"data: "]), 6, b"", "bytes"),
    "a comment": (forever(b"x" * BLOCK, before=[PART, b": "]), 6, b"Paris is \n", "bytes"),
    "data lines of one event": (forever(b"data: %b\ndata:\n" % (b"x" * BLOCK)), 6, b"", "bytes"),
    "a line of 100 MB": (
        sse(PART, b"data: ", *[b"x" * MB] * 100, b"\n\n", *answer_events("y")),
        6, b"Paris is \n", "bytes"),
    "one event of empty objects": (
        sse(PART, b"data: " + EMPTY_OBJECTS + b"\n\n", event(chunk(finish="stop"))),
        0, b"Paris is \n", "skipped 1 malformed"),
    "a completion": (
        [Send(head(200, [("Connection", "close")]) + b'{"choices":[{"message":{"content":"'),
         Forever([Send(b"x" * BLOCK)])], 6, b"", "32 MB"),
    "a web page": (
        [Send(head(200, [("Connection", "close")]) + b"<html>"), Forever([Send(b"x" * BLOCK)])],
        6, b"", "32 MB"),
    "an error's body": (
        [Send(head(400, [("Connection", "close")]) + b'{"error":{"message":"'),
         Forever([Send(b"x" * BLOCK)])], 6, b"", "400"),
}  # fmt: skip


@pytest.mark.parametrize(("script", "code", "out", "message"), ENDLESS.values(), ids=ENDLESS)
def test_endless_data_is_rejected(
    home: Home, server: FaultServer, script: list[Step], code: int, out: bytes, message: str
) -> None:
    server.add(*script)
    result = observe_process("chat", "hi", home=home, timeout_s=AT_MOST_S)
    assert (result.code, result.out) == (code, out), result.err
    assert result.peak_bytes < AT_MOST_BYTES, f"{result.peak_bytes / MB:.0f} MB"
    assert message in result.err
    assert len(result.err) < 2000, "the error repeats the data"
    assert len(server.requests) == 1


TEXT = "word " * 3000
GIANTS = {
    "text": event(chunk(TEXT)),
    "reasoning": event(chunk(reasoning=TEXT)),
    "arguments of a tool": event(
        chunk(delta={"tool_calls": [{"index": 0, "id": "a", "function": {"arguments": TEXT}}]})
    ),
}


@pytest.mark.parametrize("kind", GIANTS)
def test_an_endless_answer_is_cut_off_and_kept(home: Home, server: FaultServer, kind: str) -> None:
    server.add(*forever(GIANTS[kind] * 4))
    result = observe_process("chat", "--reasoning", "hide", "hi", home=home, timeout_s=AT_MOST_S)
    assert_bounded(result, 9, "cut off", "exceeds the limit")
    turn = last_turn(home)
    assert turn.status is Status.INCOMPLETE
    if kind == "text":
        assert LONGEST < len(result.out) < LONGEST + 2 * len(TEXT)
        assert result.out == (TEXT * (len(result.out) // len(TEXT))).encode() + b"\n"
        assert turn.answer == result.text.removesuffix("\n")


def test_small_deltas_use_little_more_memory_than_their_text() -> None:
    builder = CompletionBuilder()
    tracemalloc.start()
    for number in range(20_000):
        builder.add(Chunk(content=f"{number:06}"))
        builder.add(Chunk(tool_calls=(ToolCallDelta(0, arguments=f"{number:06}"),)))
    used = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert used < 2 * (6 + 6) * 20_000 + 200_000


@contextmanager
def discarding_terminal() -> Iterator[int]:
    """Return a terminal whose output is discarded: an emulator would need minutes."""
    master, slave = os.openpty()

    def discard() -> None:
        with suppress(OSError):  # EIO, when the other end is closed
            while os.read(master, BLOCK):
                pass

    reader = threading.Thread(target=discard)
    reader.start()
    try:
        yield slave
    finally:
        os.close(slave)
        reader.join()
        os.close(master)


def test_an_endless_answer_on_a_terminal_is_cut_off_too(home: Home, server: FaultServer) -> None:
    server.add(*forever(event(chunk(f"{TEXT}\n\n")) * 4))
    with discarding_terminal() as slave:
        result = observe_process(
            "chat", "--raw", "hi", home=home, stdout=slave, timeout_s=AT_MOST_S
        )
    assert_bounded(result, 9, "cut off", "exceeds the limit")


def test_an_endless_slow_answer_ends_at_the_total_timeout(home: Home, server: FaultServer) -> None:
    home.configure(server.url, retries=0, total_timeout=1.5)
    server.add(*sse(Forever([Send(framed(event(chunk("a ")))), Pause(0.02)])))
    result = observe_process("chat", "hi", home=home)
    assert_bounded(result, 9, "response not complete within 1.5 s")
    assert result.text.startswith("a a a ")
    assert result.seconds < 15


# -- headers ----------------------------------------------------------------------------------

HEADERS = {
    "a header of 200 KB": [Send(head(200, [("X-Big", "x" * 200_000)]))],
    "200 headers": [Send(head(200, [(f"X-{number}", "x") for number in range(200)]))],
    "headers without an end": [
        Send(b"HTTP/1.1 200 OK\r\n"), Forever([Send(b"X-More: and more\r\n" * 1000)])],
    "a header without an end": [
        Send(b"HTTP/1.1 200 OK\r\nX-Big: "), Forever([Send(b"x" * BLOCK)])],
    "a status line without an end": [Send(b"HTTP/1.1 200 "), Forever([Send(b"x" * BLOCK)])],
}  # fmt: skip


@pytest.mark.parametrize("script", HEADERS.values(), ids=HEADERS)
def test_oversized_headers_are_invalid_http(
    home: Home, server: FaultServer, script: list[Step]
) -> None:
    home.configure(server.url, retries=2)
    server.add(*script)
    result = observe_process("chat", "hi", home=home)
    assert_bounded(result, 6, "HTTP")
    assert (result.out, len(server.requests)) == (b"", 1)


@pytest.mark.parametrize("status", [100, 102, 103])
def test_endless_informational_responses_time_out(
    home: Home, server: FaultServer, status: int
) -> None:
    provisional = b"HTTP/1.1 %d Wait\r\nLink: </x>\r\n\r\n" % status
    server.add(Forever([Send(provisional * 100), Pause(0.01)]))
    result = observe_process("chat", "--timeout", "1.5", "hi", home=home)
    assert_bounded(result, 8, "1.5 s")
    assert result.seconds < 15


# -- lists ------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", [b'{"id":"model"},', b"[],", b"{},", b"[", b"1,"], ids=repr)
def test_an_endless_list_is_rejected(home: Home, server: FaultServer, row: bytes) -> None:
    beginning = head(200, [("Connection", "close")]) + b'{"data":['
    server.add(Send(beginning), Forever([Send(row * (BLOCK // len(row)))]))
    result = observe_process("models", home=home, timeout_s=AT_MOST_S)
    assert_bounded(result, 6, "16 MB")
    assert (result.out, len(server.requests)) == (b"", 1)


@pytest.mark.parametrize("row", [b"[],", b"{},", b"1,"], ids=repr)
def test_a_list_of_too_many_values_is_rejected(home: Home, server: FaultServer, row: bytes) -> None:
    body = b'{"data":[' + row * (15 * MB // len(row)) + b"1]}"
    server.add(Send(response(200, body)))
    result = observe_process("models", home=home, timeout_s=AT_MOST_S)
    assert_bounded(result, 6, "not JSON")
    assert result.out == b""
