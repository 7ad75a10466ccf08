"""A client for the tests of demo gateways: http.client and plain sockets."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from newapi_cli.demo.server import DemoGateway

WAIT_S = 10.0  # only a hanging test takes that long
LONG_PAUSE_S = 600.0  # only a disconnect ends it within a test


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> Any:
        return self.json["error"]

    @property
    def events(self) -> list[str]:
        """The data of each server-sent event. Fail if the body holds anything else."""
        *events, rest = self.body.decode().split("\n\n")
        assert rest == ""
        assert all(event.startswith("data: ") and "\n" not in event for event in events)
        return [event.removeprefix("data: ") for event in events]

    @property
    def chunks(self) -> list[Any]:
        return [json.loads(event) for event in self.events if event != "[DONE]"]

    @property
    def finish_reasons(self) -> list[str]:
        choices = [choice for chunk in self.chunks for choice in chunk.get("choices", [])]
        return [choice["finish_reason"] for choice in choices if choice["finish_reason"]]

    def text(self, field: str = "content") -> str:
        choices = [choice for chunk in self.chunks for choice in chunk.get("choices", [])]
        return "".join(choice["delta"].get(field, "") for choice in choices)


def connect(gateway: DemoGateway) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(gateway.base_url.removeprefix("http://"), timeout=WAIT_S)


def request(
    gateway: DemoGateway,
    method: str,
    path: str,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    connection = connect(gateway)
    try:
        connection.request(method, path, body, dict(headers or {}))
        response = connection.getresponse()
        return Answer(response.status, dict(response.getheaders()), response.read())
    finally:
        connection.close()


def get(gateway: DemoGateway, path: str, key: str = "sk-any") -> Answer:
    return request(gateway, "GET", path, headers={"Authorization": f"Bearer {key}"})


def chat_body(model: str, *texts: str, **fields: object) -> bytes:
    messages = [{"role": "user", "content": text} for text in texts]
    return json.dumps({"model": model, "messages": messages, **fields}).encode()


def post(gateway: DemoGateway, body: bytes, key: str = "sk-any") -> Answer:
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {key}"}
    return request(gateway, "POST", "/v1/chat/completions", body, headers)


def ask(gateway: DemoGateway, model: str, *texts: str, **fields: object) -> Answer:
    """Post a chat request; by default it streams, with usage."""
    defaults = {"stream": True, "stream_options": {"include_usage": True}}
    return post(gateway, chat_body(model, *texts, **{**defaults, **fields}))


def raw_chat(body: bytes, *headers: str) -> bytes:
    head = [
        "POST /v1/chat/completions HTTP/1.1",
        "Host: demo",
        "Authorization: Bearer sk-any",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        *headers,
    ]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def open_socket(gateway: DemoGateway) -> socket.socket:
    host, port = gateway.base_url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), WAIT_S)


def read_until(client: socket.socket, expected: bytes) -> bytes:
    """Read until these bytes have arrived. Fail if the server disconnects before."""
    data = b""
    while expected not in data:
        more = client.recv(65536)
        assert more, data
        data += more
    return data


def read_to_end(client: socket.socket) -> bytes:
    data = b""
    while more := client.recv(65536):
        data += more
    return data
