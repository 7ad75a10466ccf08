"""Reading the body of an HTTP/1.1 request, of known length or chunked."""

from __future__ import annotations

from email.message import Message
from io import BufferedIOBase

MAX_BODY_BYTES = 128 * 1024 * 1024  # MAX_REQUEST_BODY_MB of the real gateway


class BadBody(Exception):
    """A body that can't be read; what follows it on the connection can't be either."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def read_body(headers: Message, stream: BufferedIOBase) -> bytes:
    """Read the whole body; empty where none was announced.

    BadBody with status 413 beyond 128 MB and 400 for broken framing; ConnectionError when the
    client leaves before the end.
    """
    if headers.get("Transfer-Encoding", "").strip().lower() == "chunked":
        return _read_chunked(stream)
    return _read_exactly(stream, _checked_size(headers.get("Content-Length", "0"), 10, 0))


def _read_chunked(stream: BufferedIOBase) -> bytes:
    body = bytearray()
    while True:
        line = stream.readline(1024).decode("latin-1").partition(";")[0]
        size = _checked_size(line, 16, len(body))
        if not size:
            break
        body += _read_exactly(stream, size)
        stream.readline(3)
    while stream.readline(65536).strip():
        pass  # trailers
    return bytes(body)


def _checked_size(text: str, base: int, already_read: int) -> int:
    try:
        size = int(text.strip(), base)
    except ValueError as error:
        raise BadBody(400, "Invalid request, bad body length") from error
    if size < 0:
        raise BadBody(400, "Invalid request, bad body length")
    if size + already_read > MAX_BODY_BYTES:
        raise BadBody(413, "request body too large")
    return size


def _read_exactly(stream: BufferedIOBase, size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise ConnectionResetError("the client left in the middle of its request")
    return data
