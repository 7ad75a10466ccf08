"""The one loop in which an answer meets the screen."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Protocol

from newapi_cli.domain.completion import Completion, TurnEvent
from newapi_cli.errors import LocalError, PipeClosed


class PlayedTurn(Protocol):
    """A turn as this loop sees it."""

    def __iter__(self) -> Generator[TurnEvent, None, None]:
        """Give the events."""

    @property
    def completion(self) -> Completion:
        """Give what has come so far."""


class Renderer(Protocol):
    """Writes one answer. `finish` comes once, after the last event, however the turn ended."""

    def show(self, event: TurnEvent) -> None:
        """Take the next event."""

    def finish(self, completion: Completion) -> None:
        """Write what is still to be written."""


def play(turn: PlayedTurn, renderer: Renderer) -> Completion:
    """Show a turn to its end and give its completion; what ended it early is raised after that."""
    finish: Callable[[Completion], None] | None = renderer.finish
    events = iter(turn)
    try:
        for event in events:
            renderer.show(event)
    except (PipeClosed, LocalError):
        finish = None  # nobody reads what would be written now
        raise
    finally:
        events.close()  # now, not when the error is forgotten: the record comes before its telling
        if finish is not None:
            finish(turn.completion)
    return turn.completion
