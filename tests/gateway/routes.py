"""A server that gives each path one answer, for gateways that are not New API of today."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple


class Asked(NamedTuple):
    """A request as it came; `key` is what stood in Authorization."""

    method: str
    path: str
    key: str


class Answer(NamedTuple):
    """What a path is answered with; a body that is no bytes is sent as JSON."""

    body: object
    status: int = 200
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def data(self) -> bytes:
        """Give the bytes of the body."""
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


INVALID_URL = Answer(
    {"error": {"message": "Invalid URL", "type": "invalid_request_error", "code": ""}}, 404
)


class Routes:
    """A running server; `answers` may be changed while it runs."""

    def __init__(self, url: str, answers: dict[str, Answer]) -> None:
        self.url = url
        self.answers = answers
        self.asked: list[Asked] = []
        self.held: set[str] = set()  # paths that are answered when the server ends
        self.is_over = threading.Event()

    @property
    def paths(self) -> list[str]:
        """Give the paths that were asked for, in their order."""
        return [each.path for each in self.asked]


@contextmanager
def serving(answers: Mapping[str, Answer]) -> Iterator[Routes]:
    """Serve on loopback. A path of `answers` may hold a query; one that is not there is a 404."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            key = self.headers.get("Authorization", "").removeprefix("Bearer ")
            routes.asked.append(Asked(self.command, self.path, key))
            if self.path in routes.held:
                routes.is_over.wait()
            answer = routes.answers.get(self.path, INVALID_URL)
            self.send_response(answer.status)
            for name, value in answer.headers:
                self.send_header(name, value)
            self.send_header("Content-Type", answer.content_type)
            self.send_header("Content-Length", str(len(answer.data)))
            self.end_headers()
            with contextlib.suppress(OSError):  # nobody need wait for a price
                self.wfile.write(answer.data)

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    routes = Routes(f"http://127.0.0.1:{server.server_address[1]}", dict(answers))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield routes
    finally:
        routes.is_over.set()
        server.shutdown()
        thread.join()
        server.server_close()
