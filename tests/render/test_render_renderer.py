"""Every event of a turn is shown, and the end is written however the turn ends."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from newapi_cli.domain.completion import (
    Chunk,
    Completion,
    CompletionBuilder,
    Notice,
    Status,
    TurnEvent,
)
from newapi_cli.errors import (
    GatewayError,
    IncompleteCompletion,
    Interrupted,
    LocalError,
    NewapiError,
    PipeClosed,
)
from newapi_cli.render.renderer import show_turn

EVENTS: tuple[TurnEvent, ...] = (Chunk("a"), Notice("n"), Chunk("b"))


class ScriptedTurn:
    """A turn that yields events and may then raise an error."""

    def __init__(self, error: BaseException | None = None) -> None:
        self._error = error

    def __iter__(self) -> Generator[TurnEvent, None, None]:
        yield from EVENTS
        if self._error is not None:
            raise self._error

    @property
    def completion(self) -> Completion:
        """Return an empty one."""
        return CompletionBuilder().completion(Status.COMPLETE)


class NotingRenderer:
    """Notes its calls; raises an error at the last event, if it has one."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.shown: list[TurnEvent] = []
        self.finished: list[Completion] = []
        self._error = error

    def start(self) -> None:
        """Note nothing."""

    def show(self, event: TurnEvent) -> None:
        """Note an event."""
        self.shown.append(event)
        if self._error is not None and len(self.shown) == len(EVENTS):
            raise self._error

    def finish(self, completion: Completion) -> None:
        """Note the end."""
        self.finished.append(completion)


def test_every_event_is_shown_and_the_end_written_once() -> None:
    renderer = NotingRenderer()
    found = show_turn(ScriptedTurn(), renderer)
    assert tuple(renderer.shown) == EVENTS
    assert renderer.finished == [found]


@pytest.mark.parametrize("error", [GatewayError("x"), IncompleteCompletion("x"), Interrupted()])
def test_an_error_of_the_turn_is_raised_after_the_end_is_written(error: NewapiError) -> None:
    renderer = NotingRenderer()
    with pytest.raises(type(error)) as caught:
        show_turn(ScriptedTurn(error), renderer)
    assert caught.value is error
    assert tuple(renderer.shown) == EVENTS
    assert len(renderer.finished) == 1


@pytest.mark.parametrize("error", [PipeClosed("x"), LocalError("x")])
def test_nothing_more_is_written_after_a_failed_write(error: NewapiError) -> None:
    renderer = NotingRenderer(error)
    with pytest.raises(type(error)):
        show_turn(ScriptedTurn(), renderer)
    assert renderer.finished == []
