"""A turn from its request to the screen: the very same for one-shot use and for conversations."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from newapi_cli.cli.context import Context
from newapi_cli.domain.completion import ChatRequest
from newapi_cli.domain.message import Message
from newapi_cli.flows.turn import Turn
from newapi_cli.render.aside import AsideWish
from newapi_cli.render.play import play
from newapi_cli.render.target import Target


class Manner(NamedTuple):
    """How answers are shown, decided once from flags, settings and streams."""

    target: Target
    reasoning: bool
    usage: bool
    quiet: bool


class Answering:
    """Asks the settings' server and shows what it answers."""

    def __init__(self, context: Context, manner: Manner) -> None:
        self._context = context
        self._manner = manner

    def request(self, messages: tuple[Message, ...], model: str) -> ChatRequest:
        """Give the request for messages, with the settings' parameters."""
        return ChatRequest(
            model=model,
            messages=messages,
            sampling=self._context.sampling(),
            stream=self._context.settings.flag("stream"),
        )

    @contextmanager
    def turn(self, request: ChatRequest) -> Iterator[Turn]:
        """Let the request leave and give its turn; signals end it while the block runs."""
        context = self._context
        client = context.client()
        with context.interrupts:
            yield Turn(
                request,
                client,
                require_finish_reason=context.settings.flag("require_finish_reason"),
            )

    def show(self, turn: Turn) -> None:
        """Play a turn to its end. The renderer is loaded here: the request has left by now."""
        manner = self._manner
        wish = AsideWish(
            reasoning=manner.reasoning,
            usage=manner.usage,
            notices=not manner.quiet,
            details=self._context.is_verbose,
            model=turn.request.model,
        )
        play(turn, self._context.renderer(manner.target, wish))
