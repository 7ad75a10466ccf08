"""The connection of one client: reads requests, and sends responses and streams."""

from __future__ import annotations

import selectors
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler
from socketserver import BaseServer
from types import MappingProxyType, TracebackType
from typing import NamedTuple, cast

from newapi_cli.demo.http_request import (
    InvalidBody,
    Request,
    RequestLog,
    new_request_id,
    read_body,
)
from newapi_cli.demo.responses import SSE_TYPE, Response
from newapi_cli.demo.routes import ChatAnswer, Routes
from newapi_cli.demo.stream import DONE

_NO_SERVER = cast(BaseServer, None)  # the base class only stores it


class ClientGone(Exception):
    """The client has disconnected, or the server is stopping."""


class Shared(NamedTuple):
    """What all connections of a server share."""

    routes: Routes
    log: RequestLog
    stopping: threading.Event


class Connection(BaseHTTPRequestHandler):
    """Serves the requests of one connection, one after another (keep-alive)."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def __init__(
        self,
        connection: socket.socket,
        client_address: tuple[str, int],
        shared: Shared,
    ) -> None:
        self._shared = shared
        self._request_id = ""
        super().__init__(connection, client_address, _NO_SERVER)  # serves all requests

    def handle_one_request(self) -> None:
        self._request_id = new_request_id()
        super().handle_one_request()

    def do_GET(self) -> None:
        """Serve a request of any method; the routes distinguish them."""
        # as sent: http.server would repair a leading "//"
        path = self.requestline.split()[1]
        try:
            body = read_body(self.headers, self.rfile)
        except InvalidBody as error:
            self.close_connection = True
            errors = self._shared.routes.errors(self._request_id)
            self._send(errors.relay(error.status, error.message, "read_request_body_failed"))
            return
        headers = MappingProxyType({name.lower(): value for name, value in self.headers.items()})
        client_host = self.client_address[0]
        request = Request(self.command, path, headers, body, self._request_id, client_host)
        self._shared.log.add_request(request)
        try:
            self._respond(request)
        except (ClientGone, OSError):
            self.close_connection = True
            if not self._shared.stopping.is_set():
                self._shared.log.add_disconnect()

    do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_HEAD = do_GET  # noqa: N815

    def send_response(self, code: int, message: str | None = None) -> None:
        """Begin a response, an error of http.server included."""
        super().send_response(code, message)
        for name, value in self._shared.routes.headers(self._request_id).items():
            self.send_header(name, value)

    def version_string(self) -> str:
        """Return the value of the Server header."""
        return "newapi-demo"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (inherited)
        """Log nothing: the terminal belongs to the client."""

    def _respond(self, request: Request) -> None:
        response = self._shared.routes.respond(request)
        if isinstance(response, Response):
            self._send(response)
            return
        with DisconnectWatch(self.connection, self._shared.stopping) as watch:
            if response.encoder.request.is_stream:
                self._send_stream(response, watch)
            else:
                self._send_completion(response, watch)

    def _send_stream(self, answer: ChatAnswer, watch: DisconnectWatch) -> None:
        has_begun = False
        try:
            for event in answer.encoder.events():
                watch.pause(event.pause_s)
                if not has_begun:
                    self._begin_stream()
                    has_begun = True
                if event.data == DONE:
                    # before the end: a client that has read it finds the answer in the log
                    answer.charge.settle()
                self._send_piece(event.data)
                answer.charge.add_sent(event.tokens)
            answer.charge.settle()
        finally:
            answer.charge.settle(is_complete=False)
        if answer.encoder.reply.is_cut:
            self.close_connection = True
        elif self._is_chunked:
            self._end_stream()

    def _send_completion(self, answer: ChatAnswer, watch: DisconnectWatch) -> None:
        reply = answer.encoder.reply
        try:
            watch.pause(reply.first_pause_s)
        finally:
            answer.charge.settle()  # a client that disconnects pays too
        body = answer.encoder.completion()
        self._send(Response(200, body), sent_bytes=len(body) // 2 if reply.is_cut else None)

    def _begin_stream(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", SSE_TYPE)
        self.send_header("Cache-Control", "no-cache")
        self.send_header("X-Accel-Buffering", "no")
        if self._is_chunked:
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.close_connection = True
        self.send_header("Connection", "close" if self.close_connection else "keep-alive")
        self.end_headers()

    @property
    def _is_chunked(self) -> bool:
        return self.request_version != "HTTP/1.0"

    def _send_piece(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data) if self._is_chunked else data)

    def _end_stream(self) -> None:
        try:
            self.wfile.write(b"0\r\n\r\n")
        except OSError:
            self.close_connection = True  # disconnected after [DONE]: the answer was complete

    def _send(self, response: Response, sent_bytes: int | None = None) -> None:
        """Send a response; with `sent_bytes`, only the beginning of its body, then close."""
        self.send_response(response.status)
        if response.body:
            self.send_header("Content-Type", response.content_type)
        self.send_header("Content-Length", str(len(response.body)))
        for name, value in response.headers.items():
            self.send_header(name, value)
        if sent_bytes is not None:
            self.close_connection = True
        elif self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(response.body[:sent_bytes])


class DisconnectWatch:
    """Pauses that end as soon as the client disconnects or the server stops.

    A client that closes only its sending half counts as disconnected, as it does for net/http of
    Go, on which the real gateway is built.
    """

    def __init__(self, connection: socket.socket, stopping: threading.Event) -> None:
        self._connection = connection
        self._stopping = stopping
        self._has_next_request = False
        self._selector = selectors.DefaultSelector()
        self._selector.register(connection, selectors.EVENT_READ)

    def __enter__(self) -> DisconnectWatch:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._selector.close()

    def pause(self, seconds: float) -> None:
        """Wait; zero seconds check once.

        Raises ClientGone as soon as the client is gone.
        """
        ends_at = time.monotonic() + seconds
        if not self._has_next_request and self._selector.select(seconds):
            self._peek()
        if self._has_next_request:
            # the end of the connection is not visible behind bytes that wait to be read
            self._stopping.wait(max(0.0, ends_at - time.monotonic()))
        if self._stopping.is_set():
            raise ClientGone

    def _peek(self) -> None:
        try:
            peeked = self._connection.recv(1, socket.MSG_PEEK)
        except OSError as error:
            raise ClientGone from error
        if not peeked:
            raise ClientGone
        self._has_next_request = True
