"""The chat requests among all that a demo gateway received."""

from __future__ import annotations

from newapi_cli.demo.http_request import Request
from newapi_cli.demo.server import DemoGateway


def chats(gateway: DemoGateway) -> list[Request]:
    """Return the requests for chat completions in order, without those for prices."""
    return [each for each in gateway.requests if each.path.endswith("/chat/completions")]
