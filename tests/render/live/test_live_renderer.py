"""When frames are painted, and what they contain besides the answer."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path

import pytest

from newapi_cli.domain.completion import (
    Chunk,
    CompletionBuilder,
    Notice,
    ResponseStarted,
    Status,
    StreamEnd,
    Tick,
    ToolCallDelta,
    TurnEvent,
)
from newapi_cli.errors import ExitCode, Interrupted, NextStep, PipeClosed
from newapi_cli.i18n import tr
from newapi_cli.render.images import ImageFilter
from newapi_cli.render.live.renderer import LiveRenderer
from newapi_cli.render.live.theme import theme_named
from newapi_cli.render.status_lines import StatusLines, StatusOptions
from newapi_cli.signals import Interrupts
from newapi_cli.streams import Input, Output, Streams
from tests.render.live.documents import answers, layout_for, reference_rows
from tests.render.live.interrupting import signal_at_call
from tests.render.live.screens import ReflowingScreen, Screen

OPTIONS = StatusOptions(
    reasoning=True, usage=False, notices=True, details=False, model="some-model"
)
END = StreamEnd(is_end_confirmed=True)
FRAME_S = 0.04
SHARE = 0.1


class Clock:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Glass(Output):
    """A terminal that shows what is written at once; each write takes `cost_s` of the clock."""

    def __init__(self, clock: Clock, columns: int, rows: int) -> None:
        super().__init__(None)
        self.is_terminal = True
        self.clock = clock
        self.cost_s = 0.0
        self.screen = ReflowingScreen(columns, rows)
        self.frames: list[float] = []
        self.raw = ""
        self.failure: Exception | None = None
        self.on_write: Callable[[], None] = lambda: None

    def write(self, text: str) -> int:
        """Show it."""
        if self.failure is not None:
            raise self.failure
        self.on_write()
        self.frames.append(self.clock.now)
        self.clock.now += self.cost_s
        self.raw += text
        self.screen.write(text)
        return len(text)

    @property
    def size(self) -> tuple[int, int]:
        """Return the columns and rows."""
        return (self.screen.columns, self.screen.lines)


class Stage:
    """A renderer, its clock and its terminal, which is stderr too unless `is_apart`."""

    def __init__(
        self,
        tmp_path: Path,
        columns: int = 60,
        rows: int = 20,
        options: StatusOptions = OPTIONS,
        *,
        is_apart: bool = False,
        interrupts: Interrupts | None = None,
    ) -> None:
        self.clock = Clock()
        self.glass = Glass(self.clock, columns, rows)
        self.err = Glass(self.clock, columns, rows) if is_apart else self.glass
        if is_apart:
            self.err.is_terminal = False
        environ = {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
        self.streams = Streams(Input(None), self.glass, self.err, environ)
        self.streams.interrupts = interrupts
        self.builder = CompletionBuilder()
        self.renderer = LiveRenderer(
            self.streams,
            StatusLines(self.streams, options),
            theme_named("ansi"),
            options,
            ImageFilter(lambda: tmp_path),
            self.clock,
        )
        self.renderer.start()

    def show(self, *events: TurnEvent, after_s: float = 0.0) -> None:
        """Show events, some time after the one before."""
        for event in events:
            self.clock.now += after_s
            if isinstance(event, Chunk):
                self.builder.add(event)
            self.renderer.show(event)

    def finish(self) -> str:
        """Finish and return the terminal's text; the terminal must be restored."""
        self.renderer.finish(self.builder.completion(Status.COMPLETE))
        self.assert_left_in_order()
        return self.text

    def assert_left_in_order(self) -> None:
        """Check that a shell finds the terminal as it expects it."""
        assert self.glass.screen.cursor.x == 0
        assert not self.glass.screen.cursor.hidden
        assert self.glass.raw.count("\x1b[?7l") == self.glass.raw.count("\x1b[?7h")

    @property
    def text(self) -> str:
        """Return all text on the terminal."""
        return self.glass.screen.text()


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


# -- time -----------------------------------------------------------------------------------------


def test_the_first_token_is_painted_at_once(stage: Stage) -> None:
    stage.show(ResponseStarted("rid"), after_s=0.5)
    stage.show(Chunk("Hel"), after_s=0.1)
    assert stage.text == "Hel"
    assert stage.glass.frames == [stage.clock.now]


def test_the_first_token_after_a_status_is_painted_within_a_frame(stage: Stage) -> None:
    stage.show(*(Tick(0.4 + n / 50) for n in range(10)), after_s=0.02)
    stage.show(Chunk("Hel"), after_s=0.001)
    came = stage.clock.now
    stage.show(Tick(0.02), Tick(0.04), after_s=0.02)
    assert stage.text == "Hel"
    assert stage.glass.frames[-1] - came <= FRAME_S


def test_frames_are_at_most_25_a_second(stage: Stage) -> None:
    stage.show(*(Chunk(f"w{n} ") for n in range(2000)), after_s=0.001)
    times = stage.glass.frames
    assert 40 <= len(times) <= 51
    assert min(b - a for a, b in pairwise(times)) >= FRAME_S - 1e-9


@pytest.mark.parametrize("cost_s", [0.005, 0.02, 0.1, 1.0])
def test_painting_takes_a_tenth_of_the_time_at_most(stage: Stage, cost_s: float) -> None:
    stage.glass.cost_s = cost_s
    began = stage.clock.now
    while stage.clock.now < began + 100 * cost_s:
        stage.show(Chunk("word "), after_s=0.004)
    times = stage.glass.frames
    assert len(times) > 5
    assert min(b - a for a, b in pairwise(times)) >= cost_s / SHARE
    assert len(times) * cost_s <= (SHARE + 0.02) * (stage.clock.now - began)


def test_nothing_is_painted_while_nothing_changes(stage: Stage) -> None:
    stage.show(Chunk("done"))
    count = len(stage.glass.frames)
    stage.show(*(Tick(n / 100) for n in range(25)), after_s=0.01)
    assert len(stage.glass.frames) == count


def test_deltas_between_two_frames_are_painted_with_the_next_tick(stage: Stage) -> None:
    stage.show(Chunk("one "))
    stage.show(Chunk("two "), Chunk("three"), after_s=0.001)
    assert stage.text == "one"
    stage.show(Tick(0.04), after_s=0.04)
    assert stage.text == "one two three"


def test_the_end_is_painted_at_once(stage: Stage) -> None:
    stage.show(Chunk("one "))
    stage.show(Chunk("two"), END, after_s=0.001)
    assert stage.text == "one two"
    assert stage.glass.frames[-1] == stage.clock.now


# -- the status row -------------------------------------------------------------------------------


def test_a_status_row_appears_after_three_tenths_of_a_second(stage: Stage) -> None:
    stage.show(Tick(0.1), Tick(0.2), Tick(0.29), after_s=0.1)
    assert stage.text == ""
    stage.show(Tick(0.3), after_s=0.01)
    assert re.fullmatch(r". waiting for some-model 0\.30 s", stage.text)
    stage.show(Tick(1.3), after_s=1.0)
    assert re.fullmatch(r". waiting for some-model 1\.30 s", stage.text)


def test_a_status_row_below_the_answer_leaves_no_trace(stage: Stage) -> None:
    stage.show(Chunk("# Title\n\nHalf a"))
    stage.show(Tick(0.5), after_s=0.5)
    assert re.fullmatch(r"Title\n\nHalf a\n. waiting for some-model 0\.50 s.*", stage.text)
    stage.show(Chunk(" sentence."), after_s=0.1)
    assert stage.text == "Title\n\nHalf a sentence."
    stage.show(Tick(0.6), after_s=0.6)
    stage.show(END)
    assert stage.finish() == "Title\n\nHalf a sentence."


@pytest.mark.parametrize("first", ["#", "-", "1", "```", "> ", "|", "\n", "**", "Text"])
def test_the_status_row_leaves_no_trace_whatever_follows(stage: Stage, first: str) -> None:
    stage.show(Tick(0.4), after_s=0.4)
    stage.show(Chunk(first), after_s=0.1)
    stage.show(Tick(0.05), after_s=0.05)
    assert "waiting" not in stage.text
    stage.show(Chunk("\nand more\n"), END, after_s=0.1)
    assert "waiting" not in stage.finish()
    assert "and more" in stage.text


def test_the_status_row_leaves_no_trace_of_a_turn_that_fails(stage: Stage) -> None:
    stage.show(Tick(0.4), Tick(0.5), after_s=0.1)
    assert "waiting" in stage.text
    assert stage.finish() == ""


def test_the_models_name_is_made_safe(tmp_path: Path) -> None:
    stage = Stage(tmp_path, options=OPTIONS._replace(model="evil\x1b]0;x\x07\nname"))
    stage.show(Tick(0.5), after_s=0.5)
    assert "evil␛]0;x␇ name" in stage.text


def test_a_long_status_is_truncated_to_the_width(tmp_path: Path) -> None:
    stage = Stage(tmp_path, columns=20, options=OPTIONS._replace(model="m" * 50))
    stage.show(Tick(0.5), after_s=0.5)
    assert len(stage.text) <= 20
    assert stage.finish() == ""


# -- reasoning ------------------------------------------------------------------------------------


def test_reasoning_shows_its_last_rows_and_folds_to_one(stage: Stage) -> None:
    for number in range(12):
        stage.show(Chunk(reasoning=f"thought {number}\n"), after_s=0.25)
    stage.show(Tick(0.05), after_s=0.05)
    lines = stage.text.split("\n")
    assert lines[0].startswith("thinking ")
    assert lines[1:] == [f"thought {number}" for number in range(7, 12)]
    stage.show(Chunk("The answer."), after_s=0.2)
    assert stage.text == "thought for 3.00 s\n\nThe answer."
    stage.show(END)
    assert stage.finish() == "thought for 3.00 s\n\nThe answer."


def test_reasoning_is_dim_plain_and_safe(stage: Stage) -> None:
    stage.show(Chunk(reasoning="**not** bold \x1b[2J\n# none"))
    assert stage.text.split("\n")[1:] == ["**not** bold ␛[2J", "# none"]
    assert stage.glass.raw.count("\x1b[2m") >= 3


def test_much_reasoning_costs_no_more_rows(tmp_path: Path) -> None:
    stage = Stage(tmp_path, rows=6)
    for number in range(300):
        stage.show(Chunk(reasoning=f"some words of thought {number}. " * 9), after_s=0.05)
        assert stage.glass.screen.scrollback_lines() == []
    stage.show(Chunk("Yes"), END, after_s=0.05)
    assert re.fullmatch(r"thought for 15\.0 s\n\nYes", stage.finish())


def test_reasoning_is_hidden_by_default(tmp_path: Path) -> None:
    stage = Stage(tmp_path, options=OPTIONS._replace(reasoning=False))
    stage.show(Chunk(reasoning="secret thought"), Tick(0.1), Chunk("Yes"), END, after_s=0.1)
    assert stage.finish() == "Yes"
    assert "secret" not in stage.glass.raw
    assert "thought for" not in stage.glass.raw


def test_a_silence_of_hidden_reasoning_has_its_status_row(tmp_path: Path) -> None:
    stage = Stage(tmp_path, options=OPTIONS._replace(reasoning=False))
    stage.show(Chunk(reasoning="secret thought"), Tick(0.5), after_s=0.5)
    assert "some-model" in stage.text
    stage.show(Chunk("Yes"), END, after_s=0.5)
    assert stage.finish() == "Yes"


def test_reasoning_without_an_answer_keeps_its_line(stage: Stage) -> None:
    stage.show(Chunk(reasoning="hm"), after_s=0.1)
    stage.show(END, after_s=2.0)
    assert stage.finish() == "thought for 2.00 s"


def test_reasoning_between_two_parts_of_the_answer_folds_again(stage: Stage) -> None:
    stage.show(Chunk("One.\n\n"), Chunk(reasoning="hm"), Chunk("Two."), END, after_s=1.0)
    lines = [line for line in stage.finish().split("\n") if line]
    assert lines == ["One.", "thought for 1.00 s", "Two."]


# -- notices --------------------------------------------------------------------------------------


def test_a_notice_is_above_the_tail(stage: Stage) -> None:
    stage.show(Chunk("Finished.\n\nHalf a"), after_s=0.1)
    stage.show(Notice("busy\x1b, retry 1/2"), after_s=0.1)
    assert stage.text.split("\n")[-1] == "Half a"
    assert "busy␛, retry 1/2" in stage.text
    stage.show(Chunk(" sentence."), END, after_s=0.1)
    assert stage.finish() == "Finished.\nbusy␛, retry 1/2\n\nHalf a sentence."


def test_a_notice_before_the_answer_is_above_it(stage: Stage) -> None:
    stage.show(Tick(0.5), Notice("429, retry 1/2 in 3 s"), Tick(0.5), after_s=0.1)
    assert stage.text.split("\n")[0] == "429, retry 1/2 in 3 s"
    stage.show(Chunk("Yes."), END, after_s=0.1)
    assert stage.finish() == "429, retry 1/2 in 3 s\nYes."


@pytest.mark.parametrize("after_s", [0.0, 0.1])  # too early for a frame, and not
def test_a_notice_after_the_end_is_shown(stage: Stage, after_s: float) -> None:
    stage.show(Chunk("Cut"), END, Notice("the token limit"), after_s=after_s)
    assert stage.finish() == "Cut\nthe token limit"


def test_a_notice_is_in_the_words_of_the_place(tmp_path: Path) -> None:
    next_steps: Mapping[object, str] = {NextStep.AFTER_TOKEN_LIMIT: "/continue continues it"}
    stage = Stage(tmp_path, options=OPTIONS._replace(next_steps=next_steps))
    notice = Notice(tr("limit; {step}", step=NextStep.AFTER_TOKEN_LIMIT))
    stage.show(Chunk("Cut"), END, notice)
    assert stage.finish() == "Cut\nlimit; /continue continues it"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (OPTIONS, False),
        (OPTIONS._replace(details=True), True),
        (OPTIONS._replace(notices=False), False),
    ],
)
def test_a_detail_is_shown_on_request(
    tmp_path: Path, options: StatusOptions, expected: bool
) -> None:
    stage = Stage(tmp_path, options=options)
    stage.show(Notice("a detail", is_detail=True), Chunk("Yes"), END, after_s=0.1)
    assert ("a detail" in stage.finish()) is expected


def test_a_notice_goes_to_stderr_if_that_is_redirected(tmp_path: Path) -> None:
    stage = Stage(tmp_path, is_apart=True)
    stage.show(Chunk("One"), Notice("busy"), Chunk(" two"), END, after_s=0.1)
    assert stage.finish() == "One two"
    assert stage.err.raw == "busy\n"


def test_a_key_in_a_notice_is_redacted(stage: Stage) -> None:
    stage.streams.redactors.append(lambda text: text.replace("sk-secret", "sk-…"))
    stage.show(Notice("key sk-secret was refused"), END, after_s=0.1)
    assert stage.finish() == "key sk-… was refused"


# -- ends -----------------------------------------------------------------------------------------

HELD = [
    "Text",
    "- ",
    "```",
    "#",
    "1",
    "[a",
    "a\r",
    "data:imag",
    "| a |\n|--",
    "**b",
    "&am",
    "x\n\n",
]


@pytest.mark.parametrize("held", HELD)
@pytest.mark.parametrize("events", [(END,), ()], ids=["end", "interrupted"])
def test_nothing_that_arrived_is_lost(
    stage: Stage, held: str, events: tuple[TurnEvent, ...]
) -> None:
    stage.show(Chunk("A paragraph.\n\n- item\n\n"), Chunk("Some text.\n\n"), Chunk(held), *events)
    text = stage.finish()
    source = f"A paragraph.\n\n- item\n\nSome text.\n\n{held}"
    wanted = Screen(60, 20)
    wanted.write("".join(f"{row.text}\n" for row in reference_rows(source, layout_for(60))))
    assert text == wanted.text()


@pytest.mark.parametrize("events", [(END,), ()], ids=["end", "interrupted"])
def test_finished_answers_equal_printed_ones(tmp_path: Path, events: tuple[TurnEvent, ...]) -> None:
    for document in answers():
        stage = Stage(tmp_path, columns=80, rows=24)
        pieces = [document.source[at : at + 7] for at in range(0, len(document.source), 7)]
        stage.show(*map(Chunk, pieces), *events, after_s=0.03)
        wanted = Screen(80, 24)
        rows = reference_rows(document.source, layout_for(80))
        wanted.write("".join(f"{row.text}\n" for row in rows))
        assert stage.finish() == wanted.text(), document.name


def test_finishing_twice_writes_nothing_more(stage: Stage) -> None:
    stage.show(Chunk("Yes"), END)
    stage.finish()
    raw = stage.glass.raw
    stage.finish()
    assert stage.glass.raw == raw


def test_an_empty_answer_writes_nothing(stage: Stage) -> None:
    stage.show(ResponseStarted("rid"), Tick(0.1), END)
    assert stage.finish() == ""


@pytest.mark.parametrize("events", [(END,), ()], ids=["end", "no end"])
def test_tool_calls_are_shown_as_code(stage: Stage, events: tuple[TurnEvent, ...]) -> None:
    call = ToolCallDelta(0, "c1", "weather", '{"city": "Bern\\u202e"}')
    stage.show(Chunk(tool_calls=(call,)), *events, after_s=0.1)
    text = stage.finish()
    assert '"name": "weather"' in text
    assert '"id": "c1"' in text


def test_the_summary_is_below_the_answer(tmp_path: Path) -> None:
    stage = Stage(tmp_path, options=OPTIONS._replace(usage=True))
    stage.show(Chunk("Yes", model="served"), END)
    assert re.fullmatch(
        r"Yes\n\nsome-model \(served\) · tokens unknown · total \d.\d\d s", stage.finish()
    )


@pytest.mark.parametrize("failure", [PipeClosed("gone"), Interrupted()], ids=["gone", "closed"])
def test_a_closed_terminal_is_raised_to_the_caller(stage: Stage, failure: Exception) -> None:
    stage.show(Chunk("Yes"))
    stage.glass.failure = failure
    with pytest.raises(type(failure)):
        stage.show(Chunk(" and"), after_s=1.0)


def test_an_image_is_shown_by_its_path(stage: Stage, tmp_path: Path) -> None:
    text = "See ![cat](data:image/png;base64,iVBORw0KGgo=) here"
    stage.show(*map(Chunk, text), END, after_s=0.05)
    shown = stage.finish().replace("\n", " ")
    assert "base64" not in stage.glass.raw
    assert len(list(tmp_path.iterdir())) == 1
    assert shown.startswith("See cat (")
    assert shown.endswith("here")


# -- the live region ------------------------------------------------------------------------------


@pytest.mark.parametrize("rows", [4, 8, 24])
def test_a_long_fence_shows_its_last_lines_and_keeps_the_others(tmp_path: Path, rows: int) -> None:
    stage = Stage(tmp_path, rows=rows)
    stage.show(Chunk("Code:\n\n```python\n"))
    for number in range(60):
        stage.show(Chunk(f"x_{number}_ = {number}\n"), after_s=0.05)
        assert f"x_{number}_" in "\n".join(stage.glass.screen.screen_lines())
    stage.show(Chunk("```\n\nDone."), END, after_s=0.05)
    wanted = ["Code:", "", *(f"x_{number}_ = {number}" for number in range(60)), "", "Done."]
    assert stage.finish().split("\n") == wanted


@pytest.mark.parametrize(
    "line",
    ["- item {n}\n", "> quote {n}\n>\n", "   - nested {n}\n", "| cell {n} | b |\n", "word{n} "],
)
def test_long_blocks_do_not_hide_new_text(tmp_path: Path, line: str) -> None:
    stage = Stage(tmp_path, rows=8)
    stage.show(Chunk("1. first\n" if line.startswith(" ") else "| a | b |\n|---|---|\n" if "|" in line else ""))  # noqa: E501  # fmt: skip
    for number in range(40):
        stage.show(Chunk(line.format(n=number)), after_s=0.05)
        name = re.sub(r"[\s|>-]|b", "", line.format(n=number))
        screen = "".join("".join(stage.glass.screen.screen_lines()).split())
        assert name in screen.replace("│", ""), number
    stage.show(END)
    shown = "".join(stage.finish().split())
    for number in range(40):
        assert str(number) in shown


def test_the_live_region_fits_a_low_window(tmp_path: Path) -> None:
    stage = Stage(tmp_path, rows=5)
    for number in range(30):
        stage.show(Chunk(f"- item {number}\n\n  text {number}\n\n"), after_s=0.05)
        stage.show(Tick(0.4), after_s=0.4)
        assert "waiting" in stage.text
        scrolled = stage.glass.screen.scrollback_lines()
        assert not any("waiting" in line for line in scrolled)
    stage.show(END)
    assert "waiting" not in stage.finish()


# -- windows that change --------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(60, 10), (30, 20), (120, 40), (20, 6)], ids=str)
def test_resizing_loses_nothing(tmp_path: Path, size: tuple[int, int]) -> None:
    stage = Stage(tmp_path, columns=60, rows=20)
    words = [f"w{number}x" for number in range(400)]
    for number, word in enumerate(words):
        if number == 200:
            stage.glass.screen.resize(size[1], size[0])
        stage.show(Chunk(f"{word}\n\n" if number % 9 == 0 else f"{word} "), after_s=0.03)
    stage.show(END)
    shown = "".join(stage.finish().split())  # a terminal reflows inside words
    assert [word for word in words if shown.count(word) != 1] == []


def test_nothing_is_painted_during_a_resize(stage: Stage) -> None:
    stage.show(Chunk("One "))
    for columns in range(59, 40, -1):
        stage.glass.screen.resize(20, columns)
        count = len(stage.glass.frames)
        stage.show(Chunk("word "), after_s=0.09)
        assert len(stage.glass.frames) == count
    stage.show(Tick(0.2), after_s=0.11)
    assert stage.text.replace("\n", " ").split() == ["One", *["word"] * 19]


def test_a_resize_just_before_the_end_is_noticed(stage: Stage) -> None:
    stage.show(Chunk("word " * 30))
    stage.glass.screen.resize(20, 30)
    stage.show(END, after_s=0.01)
    assert stage.finish().split() == ["word"] * 30
    assert max(map(len, stage.text.split("\n"))) <= 30


# -- tables that grow -----------------------------------------------------------------------------


@pytest.mark.parametrize("rows", [6, 20])
def test_a_growing_table_repaints_at_most_the_window(tmp_path: Path, rows: int) -> None:
    """Its columns become wider now and then, which changes all of its rows."""
    stage = Stage(tmp_path, columns=60, rows=rows)
    source = "| name | text |\n|---|---|\n" + "".join(
        f"| n{n} | {'word ' * (n % 7)}{'wide ' * (n // 12)}w{n}x |\n" for n in range(60)
    )
    for begin in range(0, len(source), 40):
        written = len(stage.glass.raw)
        stage.show(Chunk(source[begin : begin + 40]), after_s=0.05)
        frame = stage.glass.raw[written:]
        assert frame.count("\n") < rows
        assert len(stage.glass.screen.scrollback_lines()) == 0
    stage.show(END, after_s=0.05)
    wanted = reference_rows(source, layout_for(60))
    shown = stage.finish().split("\n")
    assert shown == [re.sub(r"\x1b\[[\d;]*m", "", row.text) for row in wanted]


# -- signals during a layout ----------------------------------------------------------------------

LONG_TABLE = "before\n\n| a | b |\n|---|---|\n" + "".join(f"| w{n}x | v |\n" for n in range(5000))


@pytest.fixture
def interrupts() -> Iterator[Interrupts]:
    with Interrupts(("SIGINT",)) as interrupts:
        yield interrupts


def test_after_a_signal_a_large_rest_is_shown_as_it_was_written(
    tmp_path: Path, interrupts: Interrupts
) -> None:
    stage = Stage(tmp_path, interrupts=interrupts)
    with pytest.raises(Interrupted), signal_at_call(9000):
        stage.show(Chunk(LONG_TABLE))
    lines = stage.finish().split("\n")
    count = len(lines) - 1
    assert lines[:count] == LONG_TABLE.split("\n")[:count]
    assert count > 1000
    assert lines[-1] == f"… {LONG_TABLE.count(chr(10)) + 1 - count:,} more lines"


def test_a_signal_while_the_rest_is_rendered_is_raised_when_the_terminal_is_restored(
    tmp_path: Path, interrupts: Interrupts
) -> None:
    stage = Stage(tmp_path, interrupts=interrupts)
    stage.show(Chunk(LONG_TABLE))
    with signal_at_call(90_000):
        stage.show(END)
    with pytest.raises(Interrupted):
        stage.finish()
    stage.assert_left_in_order()
    assert stage.text.startswith("before\n")
    assert re.search(r"\n… \d,\d+ more lines\Z", stage.text)


def test_a_signal_while_rows_are_written_leaves_out_the_others(
    tmp_path: Path, interrupts: Interrupts
) -> None:
    stage = Stage(tmp_path, interrupts=interrupts)
    stage.glass.on_write = lambda: signal.raise_signal(signal.SIGINT)
    with pytest.raises(Interrupted):
        stage.show(Chunk("".join(f"w{n}x\n\n" for n in range(10_000))))
    stage.glass.on_write = lambda: None
    with pytest.raises(Interrupted):
        stage.finish()
    lines = stage.text.split("\n")
    assert lines[:-1:2] == [f"w{n}x" for n in range(len(lines) // 2)]
    assert re.fullmatch(r"… [\d,]+ more lines", lines[-1])


def test_after_a_signal_a_small_rest_is_formatted(tmp_path: Path, interrupts: Interrupts) -> None:
    stage = Stage(tmp_path, interrupts=interrupts)
    stage.show(Chunk("one **two"), Chunk("** three"), after_s=0.001)
    interrupts.code = ExitCode.SIGINT
    assert stage.finish() == "one two three"


def test_code_of_which_a_part_is_permanent_continues_as_it_was_written(
    tmp_path: Path, interrupts: Interrupts
) -> None:
    stage = Stage(tmp_path, interrupts=interrupts)
    lines = [f"x{n} = {n}" for n in range(3000)]
    stage.show(Chunk("```python\n" + "\n".join(lines[:40]) + "\n"))
    stage.show(Chunk("\n".join(lines[40:])), after_s=0.001)
    interrupts.code = ExitCode.SIGINT
    shown = stage.finish().split("\n")
    assert shown[:-1] == lines[: len(shown) - 1]
    assert len(shown) > 1000
