"""How an answer is written: the targets, what a renderer is, and the loop that uses one."""

from __future__ import annotations

from collections.abc import Callable, Generator
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple, Protocol

from newapi_cli.errors import LocalError, PipeClosed

if TYPE_CHECKING:
    from newapi_cli.domain.completion import Completion, TurnEvent


class Target(Enum):
    """How an answer is written to stdout."""

    MARKDOWN = "markdown"  # on a terminal: rendered while it streams
    PLAIN = "plain"  # on a terminal, not rendered: the text with control characters visible
    RAW = "raw"  # in a pipe or a file: the answer's bytes
    EXTRACT = "extract"  # only its code blocks
    JSON = "json"  # one object
    JSON_LINES = "json lines"  # an object per delta


class OutputOptions(NamedTuple):
    """What the user requested. `stream` is the flag, None if it was not given."""

    raw: bool = False
    extract: bool = False
    json: bool = False
    stream: bool | None = None
    markdown: bool = True


def choose_target(options: OutputOptions, *, is_terminal: bool, is_dumb: bool) -> Target:
    """Return the target: by an explicit flag, else by what stdout is.

    >>> choose_target(OutputOptions(), is_terminal=False, is_dumb=False)
    <Target.RAW: 'raw'>
    """
    if options.json:
        return Target.JSON_LINES if options.stream else Target.JSON
    if options.extract:
        return Target.EXTRACT
    if not is_terminal:
        return Target.RAW
    if options.raw or not options.markdown or is_dumb:
        return Target.PLAIN
    return Target.MARKDOWN


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
    """Show a turn to its end and return its completion.

    Raises what ended it early, after that.
    """
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
