"""What the flows need of other rooms."""

from __future__ import annotations

from collections.abc import Generator
from typing import Protocol

from newapi_cli.domain.completion import ChatRequest, TurnEvent


class ChatClient(Protocol):
    """Something that answers chat requests: `api.client.Client`, or a double in a test."""

    def start_chat(self, request: ChatRequest) -> Generator[TurnEvent, None, None]:
        """Let the request leave now and give the events of its answer."""
