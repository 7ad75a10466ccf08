"""One client's connection: reads requests, routes them, writes answers piece by piece."""

from __future__ import annotations

import time
from http.server import BaseHTTPRequestHandler
from types import MappingProxyType

from newapi_cli.demo.chat_call import ChatCall, model_of, parse_body, read_call
from newapi_cli.demo.desk import CHAT_PATH, Visit
from newapi_cli.demo.failures import Refuser, invalid_url
from newapi_cli.demo.journal import SeenRequest
from newapi_cli.demo.keys import Standing
from newapi_cli.demo.listener import Listener
from newapi_cli.demo.replies import Reply, reply_to
from newapi_cli.demo.request_body import BadBody, read_body
from newapi_cli.demo.stream import iter_events, whole_body
from newapi_cli.demo.tally import Tally
from newapi_cli.demo.watch import ClientGone, ClientWatch
from newapi_cli.demo.wire import (
    DONE,
    HOME_PAGE,
    HTML_TYPE,
    SSE_TYPE,
    VERSION,
    Frame,
    Response,
    new_request_id,
)


class Connection(BaseHTTPRequestHandler):
    """Answers the requests of one connection, one after another (keep-alive)."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Listener
    request_id = ""

    def handle_one_request(self) -> None:
        """Read and answer one request, under an id of its own."""
        self.request_id = new_request_id()
        super().handle_one_request()

    def do_GET(self) -> None:
        """Answer any method: the path decides, as behind the real gateway."""
        self.path = self.requestline.split()[1]  # http.server would repair a leading "//"
        try:
            body = read_body(self.headers, self.rfile)
        except BadBody as error:
            self.close_connection = True
            code = "read_request_body_failed"
            self._send(self._refuser.relay(error.status, error.message, code))
            return
        content_type = self.headers.get("Content-Type", "")
        fields = parse_body(content_type, body) if self.command == "POST" else {}
        self._record(body, model_of(fields))
        try:
            self._route(fields)
        except (ClientGone, OSError):
            self.close_connection = True
            if not self.server.stopping.is_set():
                self.server.journal.add_disconnect()

    do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_HEAD = do_GET  # noqa: N815

    def send_response(self, code: int, message: str | None = None) -> None:
        """Begin any response, with the headers by which the gateway's family is known."""
        super().send_response(code, message)
        self.send_header("X-Oneapi-Request-Id", self.request_id)
        if not self.server.site.is_old:
            self.send_header("X-New-Api-Version", VERSION)

    def version_string(self) -> str:
        """Give the value of the Server header."""
        return "newapi-demo"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the name is inherited)
        """Stay silent: the terminal belongs to the chat."""

    def _record(self, body: bytes, model: str) -> None:
        headers = MappingProxyType({name.lower(): value for name, value in self.headers.items()})
        self.server.journal.add_request(SeenRequest(self.command, self.path, headers, body, model))

    def _route(self, fields: dict[str, object] | None) -> None:
        path, _, query = self.path.partition("?")
        visit = Visit(
            self.command,
            path,
            query,
            self.headers.get("Authorization", ""),
            self.client_address[0],
            self._refuser,
        )
        response = self.server.desk.answer(visit)
        if response is not None:
            self._send(response)
        elif (self.command, path) == ("POST", CHAT_PATH):
            self._chat(visit, fields)
        elif path.startswith(("/v1", "/api", "/assets")):
            self._send(invalid_url(self.command, path))
        else:
            self._send(Response(200, HOME_PAGE, HTML_TYPE))

    @property
    def _refuser(self) -> Refuser:
        return Refuser(self.request_id, self.server.site.is_old)

    def _chat(self, visit: Visit, fields: dict[str, object] | None) -> None:
        server, refuser = self.server, visit.refuser
        statement = server.accounts.statement(visit.key)
        if statement.standing is not Standing.LIVE:
            self._send(refuser.bad_key(statement.standing))
            return
        call = read_call(fields, statement.terms, server.desk.models_of(statement), refuser)
        if isinstance(call, Response):
            self._send(call)
            return
        earlier = server.journal.count_call(call.model)
        refusal = refuser.of_model(call.model, earlier_calls=earlier, to_stream=call.is_stream)
        if refusal is not None:
            self._send(refusal)
            return
        reply = reply_to(call, server.pace_s)
        tally = Tally(visit.key, call, reply, self.request_id)
        with ClientWatch(self.connection, server.stopping) as watch:
            if call.is_stream:
                self._stream(reply, call, tally, watch)
            else:
                self._answer_at_once(reply, call, tally, watch)

    def _frame(self, call: ChatCall) -> Frame:
        return Frame(self.request_id, int(time.time()), call.model)

    def _stream(self, reply: Reply, call: ChatCall, tally: Tally, watch: ClientWatch) -> None:
        server = self.server
        events = iter_events(reply, call, self._frame(call), is_old=server.site.is_old)
        has_begun = False
        try:
            for event in events:
                watch.pause(event.pause_s)
                if not has_begun:
                    self._begin_stream()
                    has_begun = True
                if event.data == DONE:
                    # before the end, so that who has read the answer finds it in the log
                    tally.charge(server.accounts, server.site)
                self._write_piece(event.data)
                tally.add(event.tokens)
            tally.charge(server.accounts, server.site)
        finally:
            tally.charge(server.accounts, server.site, is_whole=False)
        if reply.is_cut:
            self.close_connection = True
        elif self._is_chunked:
            self._end_stream()

    def _answer_at_once(
        self, reply: Reply, call: ChatCall, tally: Tally, watch: ClientWatch
    ) -> None:
        if reply.error is not None:
            watch.pause(reply.first_pause_s)
            self._send(self._refuser.upstream(429, reply.error, to_stream=False))
            return
        try:
            watch.pause(reply.first_pause_s)
        finally:
            tally.charge(self.server.accounts, self.server.site)  # who leaves pays too
        body = whole_body(reply, call, self._frame(call))
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

    def _write_piece(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data) if self._is_chunked else data)

    def _end_stream(self) -> None:
        try:
            self.wfile.write(b"0\r\n\r\n")
        except OSError:
            self.close_connection = True  # gone after [DONE]: the answer was complete

    def _send(self, response: Response, sent_bytes: int | None = None) -> None:
        """Send a body of known length; with `sent_bytes` only its beginning, then hang up."""
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
