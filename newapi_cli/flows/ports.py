"""What the flows need of other rooms."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from newapi_cli.domain.completion import ChatRequest, TurnEvent


class AnswerStream(Protocol):
    """The events of an answer. Closing it breaks the request off, begun to be read or not."""

    def __iter__(self) -> Iterator[TurnEvent]:
        """Give the events."""

    def close(self) -> None:
        """Break off."""


class ChatClient(Protocol):
    """Something that answers chat requests: `api.client.Client`, or a double in a test."""

    def start_chat(self, request: ChatRequest) -> AnswerStream:
        """Let the request leave now and give the events of its answer."""
