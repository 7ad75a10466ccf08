"""Random responses: valid ones, mutations of them, and noise, each made from its number.

A stream is made from the seed of the run and a number alone, so that any of ten thousand can be
repeated alone: `byte_stream(seed, number)`.
"""

from __future__ import annotations

import gzip
import random
import zlib
from collections.abc import Sequence
from typing import NamedTuple

from tests.fuzz.event_streams import WORDS
from tests.support.steps import Fin, Reset, Send, Step
from tests.support.wire import (
    DONE,
    PING,
    answer_events,
    chunk,
    completion,
    error,
    event,
    framed,
    head,
    json_bytes,
    usage_chunk,
)

STATUSES = [200] * 160 + [
    201, 202, 204, 206, 299, 301, 302, 304, 307, 400, 401, 402, 403, 404, 408, 409, 413, 418, 422,
    425, 429, 499, 500, 501, 502, 503, 504, 520, 524, 529, 599, 600, 999, 100, 101, 102, 103, 199,
]  # fmt: skip
TYPES = [
    "text/event-stream", "text/event-stream", "application/json", "text/html; charset=gbk",
    "text/event-stream; charset=utf-16", "", "application/octet-stream", "\x01/\x7f",
]  # fmt: skip
OTHER_FIELDS = [
    ("X-Oneapi-Request-Id", "20260808120000000000000AbCdEfGh"), ("Retry-After", "0"),
    ("Retry-After", "99999"), ("Retry-After", "nan"), ("Location", "//[::1"), ("Set-Cookie", "a=b"),
    ("Content-Length", "-1"), ("Content-Length", "5"), ("Content-Length", "9" * 30),
    ("Transfer-Encoding", "chunked, chunked"), ("Transfer-Encoding", "gzip"), ("Upgrade", "h2c"),
    ("X-New-Api-Version", "\x1b[31mv1"), ("Trailer", "X"), ("Connection", "keep-alive"),
    ("Date", "yesterday"), ("X-Long", "x" * 70_000), ("Content-Encoding", "identity"), ("", ""),
]  # fmt: skip
ENCODINGS = ["gzip", "deflate", "br", "zstd", "gzip, gzip", "\u00ff"]
CALL = {"index": 0, "id": "c", "function": {"name": "f", "arguments": '{"a"'}}
EVENTS = [
    event(chunk("Hello, ")), event(chunk("world")), event(chunk("\u4f60\x1b[2J")), DONE, PING,
    event(chunk(reasoning="hm")), event(chunk("<think>a</think>b")), event(usage_chunk()),
    event(chunk(finish="stop")), event(chunk(finish="length")), event(chunk(finish="sensitive")),
    event(error("no channel", code="x")), json_bytes(error("bare")), b"data: {}\n\n", b"[DONE]\n",
    event(chunk(delta={"tool_calls": [CALL]})), b'data: {"choices":[null]}\n\n', b"<html>\n",
    b'data: {"choices":[{"delta":{"content":"\\ud83d"}}]}\n\n', b"data: nonsense\n\n", b"\r",
    b'data: {"usage":{"prompt_tokens":1e999,"total_tokens":-1}}\n\n', b"\xef\xbb\xbf", b"\n\n",
    b"data: " + b"[" * 5000 + b"\n\n", b'data: {"choices":[]}{"choices":[]}\n\n', b"\xff\xfe\0",
]  # fmt: skip
TOKENS = [
    *WORDS,
    b"\r\n",
    b"\r\n\r\n",
    b"0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n",
    b"\0",
    b"ffffffff\r\n",
]


class ByteStream(NamedTuple):
    """The writes of a server, of which some may be empty, and whether it ends with a reset."""

    number: int
    writes: tuple[bytes, ...]
    is_reset: bool

    def steps(self) -> Sequence[Step]:
        """Return its script for the fault server."""
        return [*(Send(each) for each in self.writes if each), Reset() if self.is_reset else Fin()]


def byte_stream(seed: int, number: int) -> ByteStream:
    """Return one stream: of ten, two are noise, five are mutated and three are valid."""
    chance = random.Random(f"{seed}/{number}")
    kind = chance.random()
    if kind < 0.1:
        data = chance.randbytes(chance.choice([0, 1, 16, 300, 5000]))
    elif kind < 0.2:
        data = b"HTTP/1.1 200 OK\r\n\r\n" + b"".join(
            chance.choices([*TOKENS, *EVENTS], k=chance.randrange(40))
        )
    else:
        data = _exchange(chance)
        if kind < 0.7:
            data = _mutated(chance, data)
    return ByteStream(number, _cut(chance, data), chance.random() < 0.15)


def _exchange(chance: random.Random) -> bytes:
    body, fields = _body(chance), [("Content-Type", chance.choice(TYPES))]
    fields += chance.choices(OTHER_FIELDS, k=chance.choice([0, 0, 0, 0, 0, 1, 2]))
    if chance.random() < 0.05:
        encoding = chance.choice(ENCODINGS)
        fields.append(("Content-Encoding", encoding))
        if encoding in ("gzip", "deflate"):
            body = gzip.compress(body) if encoding == "gzip" else zlib.compress(body)
    framing = chance.choice(["chunked", "length", "close"])
    if framing == "chunked":
        fields.append(("Transfer-Encoding", "chunked"))
        blocks = [block for block in _cut(chance, body) if block]
        body = b"".join(map(framed, blocks)) + b"0\r\n\r\n"
    elif framing == "length":
        fields.append(("Content-Length", str(len(body))))
    chance.shuffle(fields)
    start = b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" * chance.choice([0, 0, 0, 0, 1, 3])
    return start + head(chance.choice(STATUSES), fields) + body


def _body(chance: random.Random) -> bytes:
    kind = chance.random()
    if kind < 0.25:
        return b"".join(answer_events("Par", "is", finish=chance.choice(["stop", "length", ""])))
    if kind < 0.65:
        return b"".join(chance.choices(EVENTS, k=chance.randrange(14)))
    if kind < 0.75:
        return json_bytes(completion(chance.choice(["hi", "", None])))
    if kind < 0.9:
        code = chance.choice(["", "insufficient_user_quota", 7, None, "model_not_found"])
        named = chance.choice([None, "new_api_error", "upstream_error"])
        return json_bytes(error("\u4e0d\u884c (request id: x)", named, code)) * chance.choice(
            [1, 2]
        )
    return chance.choice([b"", b"<html><title>x", b"404 page not found", b"null", b"5", b"[1"])


def _mutated(chance: random.Random, data: bytes) -> bytes:
    for _ in range(chance.randrange(1, 7)):
        body = data.find(b"\r\n\r\n") + 4 if chance.random() < 0.7 else 0  # a head breaks easily
        begin = chance.randrange(min(body, len(data)), len(data) + 1)
        end = min(len(data), begin + chance.choice([0, 1, 1, 4, 40]))
        part = data[begin:end]
        new = chance.choice(
            [
                b"", part * 2, part[::-1], chance.choice(TOKENS), chance.randbytes(3),
                bytes(byte ^ 1 << chance.randrange(8) for byte in part), chance.choice(EVENTS),
            ]
        )  # fmt: skip
        data = data[:begin] + new + data[end:]
    return data[: chance.randrange(len(data) + 1)] if chance.random() < 0.25 else data


def _cut(chance: random.Random, data: bytes) -> tuple[bytes, ...]:
    """Split into writes: one, a few, or, if it is short, one for each byte."""
    if len(data) < 200 and chance.random() < 0.2:
        return tuple(data[at : at + 1] for at in range(len(data)))
    places = sorted(chance.randrange(len(data) + 1) for _ in range(chance.choice([0, 1, 3, 12])))
    return tuple(data[a:b] for a, b in zip([0, *places], [*places, len(data)], strict=True))
