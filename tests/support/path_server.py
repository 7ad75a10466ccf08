"""A server with a fixed answer for each path, for gateways that are not New API of today."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple


class Request(NamedTuple):
    """A request as received; `key` is the API key in Authorization."""

    method: str
    path: str
    key: str


class Answer(NamedTuple):
    """The answer for a path; a body other than bytes is sent as JSON."""

    body: object
    status: int = 200
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def data(self) -> bytes:
        """The bytes of the body."""
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


INVALID_URL = Answer(
    {"error": {"message": "Invalid URL", "type": "invalid_request_error", "code": ""}}, 404
)


class PathServer:
    """A running server; its `answers` may be changed while it runs."""

    def __init__(self, url: str, answers: dict[str, Answer]) -> None:
        self.url = url
        self.answers = answers
        self.requests: list[Request] = []
        self.blocked: set[str] = set()  # paths without an answer until `released` is set
        self.released = threading.Event()

    @property
    def paths(self) -> list[str]:
        """The requested paths, in order."""
        return [each.path for each in self.requests]


@contextmanager
def serving(answers: Mapping[str, Answer]) -> Iterator[PathServer]:
    """Serve on loopback. A path may include a query; any other path is answered with a 404."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            key = self.headers.get("Authorization", "").removeprefix("Bearer ")
            path_server.requests.append(Request(self.command, self.path, key))
            if self.path in path_server.blocked:
                path_server.released.wait()
            answer = path_server.answers.get(self.path, INVALID_URL)
            self.send_response(answer.status)
            for name, value in answer.headers:
                self.send_header(name, value)
            self.send_header("Content-Type", answer.content_type)
            self.send_header("Content-Length", str(len(answer.data)))
            self.end_headers()
            with contextlib.suppress(OSError):  # the client may have disconnected
                self.wfile.write(answer.data)

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    path_server = PathServer(f"http://127.0.0.1:{server.server_address[1]}", dict(answers))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield path_server
    finally:
        path_server.released.set()
        server.shutdown()
        thread.join()
        server.server_close()
