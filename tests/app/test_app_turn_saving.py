"""How a turn is saved: while it arrives, and at every ending."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Generator

import pytest

from newapi_cli.app.turn import Turn
from newapi_cli.domain.completion import ChatRequest, Chunk, Completion, Status, StreamEnd, Tick
from newapi_cli.errors import GatewayError, IncompleteCompletion, Interrupted, NetworkError
from newapi_cli.render.renderer import show_turn

REQUEST = ChatRequest("m", ())
STOP = Chunk(finish_reason="stop")
END = StreamEnd(is_end_confirmed=True)


class FakeRecorder:
    """A recorder that stores its calls, with a clock that only tests advance."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.cost_s = 0.0  # of keeping
        self.kept: list[tuple[float, str]] = []
        self.ended: list[tuple[Status, str, str]] = []

    def clock(self) -> float:
        return self.now_s

    def save_partial(self, completion: Completion) -> None:
        """Record a partial answer."""
        self.kept.append((self.now_s, completion.content + completion.reasoning))
        self.now_s += self.cost_s

    def end(self, completion: Completion, error: str) -> None:
        """Record the end."""
        self.ended.append((completion.status, completion.content, error))


Step = Chunk | Tick | StreamEnd | BaseException | tuple[float, Chunk | Tick]


class SteppedClient:
    """Yields steps; one with a time first advances the clock by that many seconds."""

    def __init__(self, recording: FakeRecorder, *steps: Step) -> None:
        self._recording = recording
        self._steps = steps

    def start_chat(self, _request: ChatRequest) -> Generator[Chunk | Tick | StreamEnd, None, None]:
        """Yield the events."""
        for step in self._steps:
            if isinstance(step, BaseException):
                raise step
            if isinstance(step, tuple) and isinstance(step[0], float):
                self._recording.now_s += step[0]
                yield step[1]  # type: ignore[misc]  # a pair, and no named tuple
            else:
                yield step  # type: ignore[misc]  # likewise


@pytest.fixture
def recording() -> FakeRecorder:
    """Return a recorder."""
    return FakeRecorder()


@pytest.fixture
def turn(recording: FakeRecorder) -> Callable[..., Turn]:
    """Return a function that creates a recorded turn from steps."""
    return lambda *steps: Turn(
        REQUEST, SteppedClient(recording, *steps), recording, clock=recording.clock
    )


def test_a_short_answer_is_saved_once_at_its_end(
    turn: Callable[..., Turn], recording: FakeRecorder
) -> None:
    list(turn(Chunk("Par"), Chunk("is."), STOP, END))
    assert (recording.kept, recording.ended) == ([], [(Status.COMPLETE, "Paris.", "")])


def test_a_slow_answer_is_saved_every_two_seconds(
    turn: Callable[..., Turn], recording: FakeRecorder
) -> None:
    list(turn(*[(0.5, Chunk(f"{n} ")) for n in range(12)], STOP, END))
    assert [time for time, _ in recording.kept] == [2.0, 4.0, 6.0]
    assert recording.kept[0][1] == "0 1 2 3 "


def test_text_before_a_silence_is_saved_by_a_tick(
    turn: Callable[..., Turn], recording: FakeRecorder
) -> None:
    list(turn(Chunk("Par"), *[(0.04, Tick(0.04)) for _ in range(60)], STOP, END))
    assert [text for _, text in recording.kept] == ["Par"]
    assert recording.kept[0][0] <= 2.05


def test_reasoning_is_saved_too(turn: Callable[..., Turn], recording: FakeRecorder) -> None:
    list(turn((2.5, Chunk(reasoning="hm")), Chunk("ok"), STOP, END))
    assert recording.kept == [(2.5, "hm")]


def test_a_fast_answer_is_saved_every_four_thousand_characters(
    turn: Callable[..., Turn], recording: FakeRecorder
) -> None:
    list(turn(*[(0.01, Chunk("x" * 500)) for _ in range(200)], STOP, END))
    times = [time for time, _ in recording.kept]
    gaps = [after - before for before, after in itertools.pairwise(times)]
    assert times
    assert min(gaps) >= 0.25
    assert max(gaps) <= 0.3


def test_saving_takes_at_most_a_tenth_of_the_time_and_loses_at_most_two_seconds(
    turn: Callable[..., Turn], recording: FakeRecorder
) -> None:
    recording.cost_s = 0.1
    list(turn(*[(0.05, Chunk("x" * 5000)) for _ in range(100)], STOP, END))
    times = [time for time, _ in recording.kept]
    assert all(after - before >= 1.1 for before, after in itertools.pairwise(times))
    recording.kept.clear()
    recording.cost_s = 5.0
    list(turn(*[(0.5, Chunk("x" * 5000)) for _ in range(20)], STOP, END))
    times = [time for time, _ in recording.kept]
    assert all(after - before <= 7.6 for before, after in itertools.pairwise(times))


@pytest.mark.parametrize(
    ("steps", "ended"),
    [
        ((Chunk("Par"), NetworkError("reset", why="by peer")), Status.INCOMPLETE),
        ((NetworkError("reset", why="by peer"),), Status.ERROR),
        ((Chunk("Par"), GatewayError("refused", why="no")), Status.ERROR),
        ((Chunk("Par"), Interrupted()), Status.INTERRUPTED),
        ((Chunk("Par"), ZeroDivisionError()), Status.INTERRUPTED),
    ],
)
def test_every_ending_is_recorded_once(
    turn: Callable[..., Turn], recording: FakeRecorder, steps: tuple[Step, ...], ended: Status
) -> None:
    made = turn(*steps)
    with pytest.raises(
        (IncompleteCompletion, NetworkError, GatewayError, Interrupted, ZeroDivisionError)
    ):
        list(made)
    made.close()
    content = "Par" if isinstance(steps[0], Chunk) else ""
    assert [(status, text) for status, text, _ in recording.ended] == [(ended, content)]


def test_the_error_is_recorded_with_its_reason(
    turn: Callable[..., Turn], recording: FakeRecorder
) -> None:
    with pytest.raises(GatewayError):
        list(turn(GatewayError("refused", why="no such model")))
    assert recording.ended == [(Status.ERROR, "", "refused: no such model")]


def test_a_turn_that_was_not_iterated_is_recorded_when_it_is_closed(
    turn: Callable[..., Turn], recording: FakeRecorder
) -> None:
    turn(Chunk("Par")).close()
    assert recording.ended == [(Status.INTERRUPTED, "", "")]


class BrokenRenderer:
    """A renderer with a bug."""

    def start(self) -> None:
        """Do nothing."""

    def show(self, _event: object) -> None:
        """Fail."""
        raise ZeroDivisionError

    def finish(self, _completion: Completion) -> None:
        """Write nothing."""


def test_a_bug_in_the_renderer_leaves_the_part_recorded(
    turn: Callable[..., Turn], recording: FakeRecorder
) -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        show_turn(turn(Chunk("Par"), STOP, END), BrokenRenderer())
    assert caught.value.__traceback__ is not None  # which holds the loop's frame, and its events
    assert recording.ended == [(Status.INTERRUPTED, "Par", "")]
