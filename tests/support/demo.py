"""What a demo gateway has seen, without questions for its prices, which may come at any time."""

from __future__ import annotations

from newapi_cli.demo.server import DemoGateway, SeenRequest


def chats(gateway: DemoGateway) -> list[SeenRequest]:
    """Give the requests for chat completions, in their order."""
    return [each for each in gateway.requests if each.path.endswith("/chat/completions")]
