"""What a renderer is, and the loop that shows the events of a turn."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Protocol

from newapi_cli.domain.completion import Completion, TurnEvent
from newapi_cli.errors import LocalError, PipeClosed


class EventSource(Protocol):
    """The part of a turn that the loop needs."""

    def __iter__(self) -> Generator[TurnEvent, None, None]:
        """Yield the events."""

    @property
    def completion(self) -> Completion:
        """Return what has arrived so far."""


class Renderer(Protocol):
    """Writes one answer: `start`, then `show` for each event, then `finish`, however it ended."""

    def start(self) -> None:
        """Prepare the terminal."""

    def show(self, event: TurnEvent) -> None:
        """Write what an event adds."""

    def finish(self, completion: Completion) -> None:
        """Write the rest and restore the terminal."""


def show_turn(turn: EventSource, renderer: Renderer) -> Completion:
    """Show a turn to its end and return its completion. Raises what ended it early, after that."""
    finish: Callable[[Completion], None] | None = renderer.finish
    events = iter(turn)
    try:
        renderer.start()
        for event in events:
            renderer.show(event)
    except (PipeClosed, LocalError):
        finish = None  # nothing more can be written
        raise
    finally:
        events.close()  # now, not with the traceback: the turn is stored before its error is shown
        if finish is not None:
            finish(turn.completion)
    return turn.completion
