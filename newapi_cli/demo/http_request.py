"""HTTP requests: reading their bodies, and the log of the requests received."""

from __future__ import annotations

import os
import string
import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from io import BufferedIOBase

from newapi_cli.demo.chat_request import parse_json_object

MAX_BODY_BYTES = 128 * 1024 * 1024  # MAX_REQUEST_BODY_MB of the real gateway
MAX_LOGGED_REQUESTS = 1000

_ID_CHARACTERS = string.digits + string.ascii_letters


class InvalidBody(Exception):
    """The body cannot be read, and so neither can what follows it on the connection."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


@dataclass(frozen=True, slots=True)
class Request:
    """A request as received. `path` includes the query; header names are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    request_id: str
    client_host: str

    @property
    def key(self) -> str:
        """The API key without `sk-`; empty if there is none."""
        return key_from_header(self.headers.get("authorization", ""))

    @property
    def model(self) -> str:
        """The model that the body names; empty if there is none."""
        model = (self.json_object() or {}).get("model")
        return model if isinstance(model, str) else ""

    def json_object(self) -> dict[str, object] | None:
        """Return the JSON object in the body, or None if it is anything else."""
        return parse_json_object(self.headers.get("content-type", ""), self.body)


class RequestLog:
    """The last 1000 requests, and how many answers were abandoned. Thread-safe."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._requests: deque[Request] = deque(maxlen=MAX_LOGGED_REQUESTS)
        self._disconnects = 0

    @property
    def requests(self) -> list[Request]:
        """A copy of the last 1000 requests, oldest first."""
        with self._changed:
            return list(self._requests)

    @property
    def disconnects(self) -> int:
        """How many clients disconnected before their answer was complete."""
        with self._changed:
            return self._disconnects

    def add_request(self, request: Request) -> None:
        with self._changed:
            self._requests.append(request)

    def add_disconnect(self) -> None:
        with self._changed:
            self._disconnects += 1
            self._changed.notify_all()

    def wait_for_disconnect(self, timeout_s: float, count: int = 1) -> bool:
        """Wait until `count` clients have disconnected in all; return False after the timeout."""
        with self._changed:
            return self._changed.wait_for(lambda: self._disconnects >= count, timeout_s)


def new_request_id() -> str:
    """Return 23 digits of UTC time, down to nanoseconds, and 8 random characters."""
    seconds, nanoseconds = divmod(time.time_ns(), 1_000_000_000)
    timestamp = time.strftime("%Y%m%d%H%M%S", time.gmtime(seconds))
    suffix = "".join(_ID_CHARACTERS[byte % len(_ID_CHARACTERS)] for byte in os.urandom(8))
    return f"{timestamp}{nanoseconds:09d}{suffix}"


def key_from_header(authorization: str) -> str:
    """Return the key in an Authorization header without `Bearer` and `sk-`, both optional.

    >>> [key_from_header(value) for value in ("Bearer sk-a", " a ", "bearer a", "Bearer", "")]
    ['a', 'a', 'a', '', '']
    """
    value = authorization.strip()
    key = value[6:].strip() if value[:6].lower() == "bearer" else value
    return key.removeprefix("sk-")


def read_body(headers: Message, stream: BufferedIOBase) -> bytes:
    """Return the whole body, of known length or chunked; empty if there is none.

    Raise InvalidBody, with status 413 above 128 MB and 400 for invalid framing, and
    ConnectionError if the client disconnects early.
    """
    if headers.get("Transfer-Encoding", "").strip().lower() == "chunked":
        return _read_chunked(stream)
    return _read_exactly(stream, _parse_size(headers.get("Content-Length", "0"), 10, 0))


def _read_chunked(stream: BufferedIOBase) -> bytes:
    body = bytearray()
    while True:
        line = stream.readline(1024).decode("latin-1").partition(";")[0]
        size = _parse_size(line, 16, len(body))
        if not size:
            break
        body += _read_exactly(stream, size)
        stream.readline(3)
    while stream.readline(65536).strip():
        pass  # trailers
    return bytes(body)


def _parse_size(text: str, base: int, already_read: int) -> int:
    try:
        size = int(text.strip(), base)
    except ValueError as error:
        raise InvalidBody(400, "Invalid request, bad body length") from error
    if size < 0:
        raise InvalidBody(400, "Invalid request, bad body length")
    if size + already_read > MAX_BODY_BYTES:
        raise InvalidBody(413, "request body too large")
    return size


def _read_exactly(stream: BufferedIOBase, size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise ConnectionResetError("the client disconnected within its request")
    return data
