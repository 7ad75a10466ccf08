"""One client's connection: reads requests, routes them, writes answers piece by piece."""

from __future__ import annotations

import time
from http.server import BaseHTTPRequestHandler
from types import MappingProxyType

from newapi_cli.demo.chat_call import ChatCall, model_of, parse_body, read_call
from newapi_cli.demo.failures import (
    Refusal,
    invalid_token,
    invalid_url,
    refusal_of,
    relay_refusal,
    upstream_refusal,
)
from newapi_cli.demo.journal import SeenRequest
from newapi_cli.demo.listener import Listener
from newapi_cli.demo.replies import DEMO_MODELS, Reply, reply_to
from newapi_cli.demo.request_body import BadBody, read_body
from newapi_cli.demo.stream import iter_events, whole_body
from newapi_cli.demo.watch import ClientGone, ClientWatch
from newapi_cli.demo.wire import (
    HOME_PAGE,
    HTML_TYPE,
    JSON_TYPE,
    SSE_TYPE,
    VERSION,
    Frame,
    encode_json,
    model_list,
    new_request_id,
    status_of,
)

CHAT_PATH = "/v1/chat/completions"


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
            self._refuse(relay_refusal(error.status, error.message, self.request_id, code))
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
        path = self.path.partition("?")[0]
        route = (self.command, path)
        if route == ("GET", "/api/status"):
            status = status_of(self.server.base_url, self.server.started_at_s)
            self._send(200, encode_json(status))
        elif route in (("GET", "/v1/models"), ("POST", CHAT_PATH)) and not self._has_good_key():
            self._refuse(invalid_token(self.request_id))
        elif route == ("GET", "/v1/models"):
            self._send(200, encode_json(model_list(DEMO_MODELS)))
        elif route == ("POST", CHAT_PATH):
            self._chat(fields)
        elif path.startswith(("/v1", "/api", "/assets")):
            self._refuse(invalid_url(self.command, path))
        else:
            self._send(200, HOME_PAGE, HTML_TYPE)

    def _has_good_key(self) -> bool:
        value = self.headers.get("Authorization", "").strip()
        key = value[6:].strip() if value[:6].lower() == "bearer" else value
        return key not in ("", "sk-wrong")

    def _chat(self, fields: dict[str, object] | None) -> None:
        call = read_call(fields, self.request_id, DEMO_MODELS)
        if isinstance(call, Refusal):
            self._refuse(call)
            return
        earlier = self.server.journal.count_call(call.model)
        refusal = refusal_of(
            call.model, self.request_id, earlier_calls=earlier, to_stream=call.is_stream
        )
        if refusal is not None:
            self._refuse(refusal)
            return
        frame = Frame(self.request_id, int(time.time()), call.model)
        reply = reply_to(call, self.server.pace_s)
        with ClientWatch(self.connection, self.server.stopping) as watch:
            if call.is_stream:
                self._stream(reply, call, frame, watch)
            else:
                self._answer_at_once(reply, call, frame, watch)

    def _stream(self, reply: Reply, call: ChatCall, frame: Frame, watch: ClientWatch) -> None:
        has_begun = False
        for pause_s, event in iter_events(reply, call, frame):
            watch.pause(pause_s)
            if not has_begun:
                self._begin_stream()
                has_begun = True
            self._write_piece(event)
        if reply.is_cut:
            self.close_connection = True
        elif self._is_chunked:
            self._end_stream()

    def _answer_at_once(
        self, reply: Reply, call: ChatCall, frame: Frame, watch: ClientWatch
    ) -> None:
        watch.pause(reply.first_pause_s)
        if reply.error is not None:
            self._refuse(upstream_refusal(429, reply.error, to_stream=False))
            return
        body = whole_body(reply, call, frame)
        self._send(200, body, sent_bytes=len(body) // 2 if reply.is_cut else None)

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

    def _refuse(self, refusal: Refusal) -> None:
        self._send(refusal.status, refusal.body, refusal.content_type, dict(refusal.headers))

    def _send(
        self,
        status: int,
        body: bytes,
        content_type: str = JSON_TYPE,
        headers: dict[str, str] | None = None,
        sent_bytes: int | None = None,
    ) -> None:
        """Send a body of known length; with `sent_bytes` only its beginning, then hang up."""
        self.send_response(status)
        if body:
            self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if sent_bytes is not None:
            self.close_connection = True
        elif self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[:sent_bytes])
