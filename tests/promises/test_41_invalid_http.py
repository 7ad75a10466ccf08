"""Invalid HTTP of any kind ends with a documented exit code and one message, never with 1.

Some 400 responses are broken, unusual or truncated. Only a complete answer exits with 0; the text
of a truncated one is printed.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import pytest

from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.observed import observe
from tests.support.process import Result, run_newapi
from tests.support.steps import BeforeReading, Reset, Send, Step
from tests.support.wire import answer_events, completion, error, framed, head, json_bytes, response

TEXT = "Paris is it."
EVENTS = answer_events("Paris ", "is it.")
STREAM = b"".join(EVENTS)
CHUNKED = b"".join(map(framed, EVENTS)) + b"0\r\n\r\n"
AT_MOST_S = 10.0
OK = b"HTTP/1.1 200 OK\r\n"


def by_length(*lengths: str, more: str = "") -> bytes:
    lines = "".join(f"Content-Length: {length}\r\n" for length in lengths)
    return OK + (lines + more).encode() + b"\r\n" + STREAM


def in_chunks(body: bytes, *, coding: str = "chunked", more: str = "") -> bytes:
    return OK + f"Transfer-Encoding: {coding}\r\n{more}\r\n".encode() + body


def with_first_size(size: bytes) -> bytes:
    """Write the first chunk with another size line."""
    return in_chunks(size + b"\r\n" + EVENTS[0] + b"\r\n" + CHUNKED[len(framed(EVENTS[0])) :])


SIZE = b"%x" % len(EVENTS[0])
STATUS_LINES = (
    b"", b"\r\n", b"\n", b"\r\n\r\n", b"200 OK\r\n\r\n", b"HTTP\r\n\r\n", b"HTTP/1.1\r\n\r\n",
    b"HTTP/1.1 \r\n\r\n",
    b"HTTP/1.1 OK\r\n\r\n", b"HTTP/1.1 20 OK\r\n\r\n", b"HTTP/1.1 2000 OK\r\n\r\n",
    b"HTTP/1.1 -200 OK\r\n\r\n",
    b"HTTP/1.1 0x200 OK\r\n\r\n", b"HTTP/1.1 099 Low\r\n\r\n", b"HTTP/1.1 1e2 OK\r\n\r\n",
    b"HTTP/1.1 \xb2\xb0\xb0 OK\r\n\r\n",
    b"HTTP/9.9 200 OK\r\n\r\n", b"HTTP/2 200\r\n\r\n", b"http/1.1 200 OK\r\n\r\n",
    b"ICY 200 OK\r\n\r\n", b"HTTP/1.1\t200\tOK\r\n\r\n",
    b"HTTP/1.1 200 \x1b[31mred\x07\r\n\r\n", b"HTTP/1.1 500 \x1b]0;title\x07\r\n\r\n",
    b"HTTP/1.1 200 " + b"x" * 70_000 + b"\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"SSH-2.0-OpenSSH_9.2\r\n", b"220 mail.example ESMTP\r\n",
    b"* OK IMAP4\r\n",
    b"+OK POP3\r\n", b"-ERR unknown command\r\n", b"\x15\x03\x01\x00\x02\x02\x28",
    b"\x16\x03\x01" + bytes(600), bytes(2000),
    b"\xff" * 2000, b"\x00\x00\x12\x04\x00\x00\x00\x00\x00" + bytes(18),
    b"<html><title>Hi</title></html>", b"hello\n", b"{}",
    json_bytes(completion("x")), STREAM, b"RFB 003.008\n",
    b"J\x00\x00\x00\x0a8.0.36\x00" + bytes(64), b"a: b\r\n" * 50,
)  # fmt: skip
STATUSES = (100, 101, 102, 103, 199, 201, 202, 203, 204, 205, 206, 226, 299, 300, 304, 305, 306,
            399, 402, 405, 406, 407,
            409, 410, 411, 412, 414, 415, 416, 417, 418, 421, 422, 423, 426, 428, 431, 451, 499,
            501, 505, 506,
            507, 511, 525, 526, 527, 530, 598, 599, 600, 700, 999)  # fmt: skip
HEADERS = (
    "X", ": x", "X : y", "X\t: y", " X: y", "\tX: y", "X: a\r\n b", "X: a\r\n\tb", "X: a\rY: b",
    "X:", "X: \x00",
    "X: \x1b[31m", "X: \x07\x08", "X: é", "X\x00Y: z", "X Y: z", "=?utf-8?q?x?=: y",
    "Set-Cookie: a=b\r\nSet-Cookie: c=d",
    "Content-Type: text/html", "Content-Type: image/png", "Content-Type: \x1b", "Content-Type:",
    "Content-Type: a\r\nContent-Type: b",
    "Content-Type: text/event-stream; charset=utf-16",
    "Content-Type: text/event-stream; charset=nonsense",
    "Content-Encoding: identity", "Content-Encoding: ", "Content-Encoding: gzip",
    "Content-Encoding: gzip, identity",
    "Location: http://[::1", "Location: \x7f", "Retry-After: soon", "Retry-After: -5",
    "Retry-After: 9" + "9" * 500,
    "Date: yesterday", "Date: Thu, 01 Jan 99999 00:00:00 GMT", "Age: x", "Connection: \x00",
    "Connection: Upgrade\r\nUpgrade: h2c",
    "Keep-Alive: timeout=-1", "X-Oneapi-Request-Id: \x1b]0;x\x07", "X-Request-Id: " + "x" * 60_000,
    "Link: <x>; rel=next",
    "Alt-Svc: h3=x", "Trailer: X", "X: " + "y" * 65_000,
    *("\r\n".join(f"X-{n}: y" for n in range(m)) for m in (90, 150)),
)  # fmt: skip
LENGTHS: Sequence[tuple[str, ...]] = (
    ("0",), ("1",), ("-1",), ("+5",), ("",), ("x",), ("0x10",), ("1e3",), ("9" * 30,),
    ("9" * 5000,), ("10", "20"), ("10, 10",),
    ("10,20",), (" 10 ",), (str(len(STREAM)),), (str(len(STREAM)),) * 2, (str(len(STREAM) + 1),),
    (str(len(STREAM) - 1),),
    (str(len(STREAM) - 30),), ("٣",), ("1_0",), ("\x00",), (f"00{len(STREAM)}",),
    (f"{len(STREAM)}.0",),
)  # fmt: skip
SIZES = (
    b"", b" ", b"g", b"-1", b"+" + SIZE, b"0x" + SIZE, b"0" + SIZE, b"000000000000000" + SIZE,
    SIZE.upper(), SIZE + b" ", b" " + SIZE,
    SIZE + b";a=b", SIZE + b';a="\r', SIZE + b"\t", SIZE + b"\x00", b"1", b"7fffffff",
    b"ffffffffffffffff", b"f" * 200, b"f" * 70_000,
    b"1_0", b"\xb2", SIZE + b";" + b"x" * 70_000, b"\r", SIZE + b"\r", b"%d" % len(EVENTS[0]),
    b"%x" % (len(EVENTS[0]) + 1),
    b"%x" % (len(EVENTS[0]) - 1),
)  # fmt: skip
BODIES = {
    "no last chunk": in_chunks(CHUNKED[:-5]),
    "half of the last chunk": in_chunks(CHUNKED[:-2]),
    "no line end after a chunk": in_chunks(CHUNKED.replace(b"\n\n\r\n", b"\n\n", 1)),
    "chunks with LF alone": in_chunks(CHUNKED.replace(b"\r\n", b"\n")),
    "invalid chunks": in_chunks(STREAM),
    "a trailer": in_chunks(CHUNKED[:-2] + b"X: y\r\n\r\n"),
    "an invalid trailer": in_chunks(CHUNKED[:-2] + b"\x00\x01\x02"),
    "a trailer of 70,000 bytes": in_chunks(CHUNKED[:-2] + b"X: " + b"y" * 70_000 + b"\r\n\r\n"),
    "a thousand trailers": in_chunks(CHUNKED[:-2] + b"X: y\r\n" * 1000 + b"\r\n"),
    "bytes after the last chunk": in_chunks(CHUNKED + b"more"),
    "a second response after the first": in_chunks(CHUNKED + in_chunks(CHUNKED)),
    "chunked twice": in_chunks(CHUNKED, coding="chunked, chunked"),
    "gzip, chunked": in_chunks(CHUNKED, coding="gzip, chunked"),
    "CHUNKED": in_chunks(CHUNKED, coding="CHUNKED"),
    "chunked in blanks": in_chunks(CHUNKED, coding=" chunked "),
    "an unknown coding": in_chunks(CHUNKED, coding="zz"),
    "identity as a transfer coding": in_chunks(STREAM, coding="identity"),
    "two transfer codings": in_chunks(CHUNKED, more="Transfer-Encoding: identity\r\n"),
    "chunks with a length": in_chunks(CHUNKED, more="Content-Length: 5\r\n"),
    "no framing": OK + b"\r\n" + STREAM,
    "no framing, kept alive": OK + b"Connection: keep-alive\r\n\r\n" + STREAM,
    "HTTP/1.0": b"HTTP/1.0 200 OK\r\n\r\n" + STREAM,
    "HTTP/1.0 in chunks": b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + CHUNKED,
    "headers with LF alone": b"HTTP/1.1 200 OK\nContent-Type: text/event-stream\n\n" + STREAM,
    "headers with CR alone": b"HTTP/1.1 200 OK\rX: y\r\r" + STREAM,
    "no headers": b"HTTP/1.1 200 OK\r\n\r\n" + STREAM,
    "no reason": b"HTTP/1.1 200\r\n\r\n" + STREAM,
    "a blank line before": b"\r\n" + OK + b"\r\n" + STREAM,
    "100 before the response": b"HTTP/1.1 100 Continue\r\n\r\n" + in_chunks(CHUNKED),
    "20 times 103 before the response":
        b"HTTP/1.1 103 Hint\r\nLink: x\r\n\r\n" * 20 + in_chunks(CHUNKED),
    "101 without an upgrade": b"HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\n\r\n\x81\x05hello",
    "204 with a body": b"HTTP/1.1 204 No Content\r\n\r\n" + STREAM,
    "205 with a body": b"HTTP/1.1 205 Reset\r\nContent-Length: 5\r\n\r\nhello",
    "304 with a body": b"HTTP/1.1 304 Not Modified\r\n\r\n" + STREAM,
    "206 with an answer": b"HTTP/1.1 206 Part\r\nContent-Range: x\r\n\r\n" + STREAM,
    "an empty body": OK + b"Content-Length: 0\r\n\r\n",
    "bytes that are not text": OK + b"\r\n" + bytes(range(256)) * 20,
    "undeclared gzip": OK + b"\r\n\x1f\x8b\x08" + bytes(500),
    "an unterminated error": response(500, b'{"error":{"message":"x'),
    "an error of bytes": response(500, bytes(range(256))),
    "an error of 5,000 levels": response(500, b'{"error":' + b"[" * 5000),
    "an error in the middle of a number": response(404, b"4" * 5000),
}  # fmt: skip
WHOLE = in_chunks(CHUNKED, more="Content-Type: text/event-stream\r\n")
PLAIN = response(200, completion(TEXT))
ERROR = response(400, error("the gateway's words"))


def cuts(data: bytes, every: int) -> dict[str, bytes]:
    return {f"{at} of {len(data)} bytes": data[:at] for at in range(1, len(data), every)}


def body_after(status_line: bytes) -> bytes:
    return STREAM if b"HTTP/" in status_line else b""


VARIANTS: Mapping[str, Mapping[str, bytes]] = {
    "status lines": {repr(line[:40]): line + body_after(line) for line in STATUS_LINES},
    "statuses": {f"{n}": head(n, [("Connection", "close")]) + STREAM for n in STATUSES},
    "statuses with an error": {f"{n}": response(n, error("words")) for n in STATUSES},
    "headers": {repr(line[:60]): in_chunks(CHUNKED, more=f"{line}\r\n") for line in HEADERS},
    "lengths": {repr(lengths)[:60]: by_length(*lengths) for lengths in LENGTHS},
    "sizes of chunks": {repr(size[:40]): with_first_size(size) for size in SIZES},
    "bodies": BODIES,
    "truncated streams": cuts(WHOLE, 17),
    "truncated completions": cuts(PLAIN, 19),
    "truncated errors": cuts(ERROR, 11),
}  # fmt: skip


def assert_documented_end(result: Result, what: str) -> None:
    """Assert a documented code, one error unless it is 0, and no text that was not sent."""
    code, out, err = result.code, result.text, result.err
    details = f"{what}: {code}, {out[:200]!r}, {err[:500]!r}"
    assert code in (0, 4, 5, 6, 7, 9), details
    assert err.count("error:") == (code != 0), details
    assert len(err) < 3000, details
    assert "\x1b" not in err and "\x07" not in err, details
    if code == 0:
        assert out == f"{TEXT}\n", details
    else:
        assert not out or TEXT.startswith(out.removesuffix("\n")), details
    assert (code == 9) <= bool(out), details
    assert (code == 5) <= (not out), details


@pytest.mark.parametrize("kind", VARIANTS)
def test_each_variant_ends_with_a_documented_exit_code(
    home: Home, server: FaultServer, kind: str
) -> None:
    for what, data in VARIANTS[kind].items():
        server.add(Send(data))
        started = time.monotonic()
        result = run_newapi("chat", "hi", home=home)
        assert time.monotonic() - started < AT_MOST_S, what
        assert_documented_end(result, what)
    assert len(server.requests) == len(VARIANTS[kind])


def test_there_are_hundreds_of_variants() -> None:
    assert sum(map(len, VARIANTS.values())) > 400


RESETS = {"at once": b"", "in the header": WHOLE[:30], "before the body": WHOLE[:75]} | cuts(
    WHOLE, 150
)


@pytest.mark.parametrize("data", RESETS.values(), ids=RESETS)
def test_a_reset_ends_with_a_documented_exit_code(
    home: Home, server: FaultServer, data: bytes
) -> None:
    server.add(Send(data), Reset())
    assert_documented_end(run_newapi("chat", "hi", home=home), "a reset")


EARLY: dict[str, Sequence[Step]] = {
    "a reset before the request": [Reset()],
    "a close before the request": [],
    "a banner before the request": [Send(b"220 smtp.example ESMTP\r\n")],
    "a response before the request": [Send(response(400, error("too early")))],
}


@pytest.mark.parametrize("steps", EARLY.values(), ids=EARLY)
def test_a_server_that_does_not_read_the_request_ends_with_a_documented_exit_code(
    home: Home, steps: Sequence[Step]
) -> None:
    with FaultServer([BeforeReading(), *steps]) as server:
        home.configure(server.url, retries=0)
        assert_documented_end(run_newapi("chat", "hi", home=home), "early")


# The most common cases, tested in a process, with their exit code.
COMMON: dict[str, tuple[bytes, int, str]] = {
    "SSH": (b"SSH-2.0-OpenSSH_9.2\r\n", 6, "is not valid HTTP"),
    "a mail server": (b"220 mail.example ESMTP\r\n", 6, "is not valid HTTP"),
    "a TLS alert": (b"\x15\x03\x01\x00\x02\x02\x28", 6, "is not valid HTTP"),
    "nothing": (b"", 5, "without a response"),
    "half a header": (WHOLE[:30], 5, "127.0.0.1"),
    "half an answer": (WHOLE[: len(WHOLE) // 2], 9, "cut off"),
    "an invalid chunk size": (with_first_size(b"g"), 5, "127.0.0.1"),
    "a length that is too large": (by_length(str(len(STREAM) + 9)), 0, ""),
    "half of the declared length": (by_length(str(len(STREAM)))[:-360], 9, "cut off"),
    "204": (BODIES["204 with a body"], 6, "empty answer"),
    "an empty body": (BODIES["an empty body"], 6, "empty answer"),
    "bytes that are not text": (BODIES["bytes that are not text"], 6, "outside the protocol"),
    "an unknown status": (response(999, error("words")), 6, "999"),
    "103 before the answer": (BODIES["20 times 103 before the response"], 0, ""),
    "a plain answer": (PLAIN, 0, ""),
}


@pytest.mark.parametrize(("data", "code", "message"), COMMON.values(), ids=COMMON)
def test_common_cases_have_their_own_exit_code_and_message(
    home: Home, server: FaultServer, data: bytes, code: int, message: str
) -> None:
    server.add(Send(data))
    result = observe("chat", "hi", home=home)
    assert_documented_end(result, "")
    assert result.code == code, result.err
    assert message in result.err
    assert len(server.requests) == 1
