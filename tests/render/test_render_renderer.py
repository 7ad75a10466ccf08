"""Which target is chosen; every event of a turn is shown, and its end written however it ends."""

from __future__ import annotations

from collections.abc import Generator
from itertools import product

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
from newapi_cli.render.renderer import OutputOptions, Target, choose_target, show_turn
from tests.support.cases import each

FLAGS = (False, True)
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


@each(
    ("options", "is_terminal", "is_dumb", "target"),
    [
        (OutputOptions(), True, False, Target.MARKDOWN),
        (OutputOptions(), True, True, Target.PLAIN),
        (OutputOptions(), False, False, Target.RAW),
        (OutputOptions(), False, True, Target.RAW),
        (OutputOptions(raw=True), True, False, Target.PLAIN),
        (OutputOptions(raw=True), False, False, Target.RAW),
        (OutputOptions(markdown=False), True, False, Target.PLAIN),
        (OutputOptions(markdown=False), False, False, Target.RAW),
        (OutputOptions(extract=True), True, False, Target.EXTRACT),
        (OutputOptions(extract=True), False, False, Target.EXTRACT),
        (OutputOptions(json=True), True, False, Target.JSON),
        (OutputOptions(json=True), False, False, Target.JSON),
        (OutputOptions(json=True, stream=True), True, False, Target.JSON_LINES),
        (OutputOptions(json=True, stream=True), False, False, Target.JSON_LINES),
        (OutputOptions(json=True, stream=False), False, False, Target.JSON),
        (OutputOptions(stream=True), False, False, Target.RAW),
        (OutputOptions(stream=False), True, False, Target.MARKDOWN),
    ],
)
def test_the_target_is_chosen_by_the_table(
    options: OutputOptions, is_terminal: bool, is_dumb: bool, target: Target
) -> None:
    assert choose_target(options, is_terminal=is_terminal, is_dumb=is_dumb) is target


def by_the_rules(options: OutputOptions, *, is_terminal: bool, is_dumb: bool) -> Target:
    """Decide by the rules: a flag, else a terminal, else plain."""
    if options.json:
        return Target.JSON_LINES if options.stream is True else Target.JSON
    if options.extract:
        return Target.EXTRACT
    is_rendered = is_terminal and options.markdown and not (options.raw or is_dumb)
    if is_rendered:
        return Target.MARKDOWN
    return Target.PLAIN if is_terminal else Target.RAW


def test_every_combination_follows_the_rules() -> None:
    for raw, extract, json, stream, markdown in product(FLAGS, FLAGS, FLAGS, (None, *FLAGS), FLAGS):
        options = OutputOptions(raw, extract, json, stream, markdown)
        for is_terminal, is_dumb in product(FLAGS, FLAGS):
            found = choose_target(options, is_terminal=is_terminal, is_dumb=is_dumb)
            assert found is by_the_rules(options, is_terminal=is_terminal, is_dumb=is_dumb), options
