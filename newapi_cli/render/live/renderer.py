"""Drives the parts of the live renderer: when a frame is painted, and what stands in it.

At most 25 frames a second, and after a frame of cost c the next one not before ten times c, so that
painting never takes more than a tenth of the time, however large an open table grows.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from rich.style import Style

from newapi_cli.domain.completion import Chunk, Completion, Notice, StreamEnd, Tick, TurnEvent
from newapi_cli.render.console import terminal_console
from newapi_cli.render.images import ImageFilter
from newapi_cli.render.live.answer_rows import GrowingAnswer
from newapi_cli.render.live.layout import Layout, Row
from newapi_cli.render.live.painter import Painter
from newapi_cli.render.live.reasoning import Thinking
from newapi_cli.render.live.theme import Theme
from newapi_cli.render.plain import tool_calls_json
from newapi_cli.render.sanitizer import Sanitizer, safe_line
from newapi_cli.render.status_lines import StatusLines, StatusOptions
from newapi_cli.render.units import seconds
from newapi_cli.streams import Streams
from newapi_cli.terminal import OutputModes

FRAME_S = 0.04
SHARE = 0.1  # of the time, for painting
MAX_TAIL_ROWS = 10
MAX_BACKLOG = 8 * 1024
QUIET_AFTER_RESIZE_S = 0.1
SILENCE_BEFORE_STATUS_S = 0.3
SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
SPINS_PER_S = 10
DIM = Style(dim=True)


class LiveRenderer:
    """Writes an answer to a terminal while it streams."""

    def __init__(
        self,
        streams: Streams,
        aside: StatusLines,
        theme: Theme,
        wish: StatusOptions,
        pictures: ImageFilter,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._streams = streams
        self._aside = aside
        self._clock = clock
        self._model = safe_line(wish.model)
        self._size = (streams.stdout.width, streams.stdout.height)
        self._theme = theme
        self._layout = self._new_layout()
        self._answer = GrowingAnswer(self._layout, theme)
        self._thinking = Thinking(is_shown=wish.reasoning)
        self._pictures = pictures
        self._sanitizer = Sanitizer()
        self._painter = Painter(streams.stdout.write, self._size)
        self._modes = OutputModes(streams)
        self._began_at = clock()
        self._next_frame_at = 0.0
        self._resized_at: float | None = None
        self._pending: list[Row] = []  # for good, with the next frame
        self._deltas = 0
        self._first_at = 0.0
        self._backlog = 0  # characters since the answer was last laid out
        self._is_dirty = False
        self._is_over = False
        self._has_status = False
        self._modes.enter()

    def show(self, event: TurnEvent) -> None:
        """Take an event, and paint a frame if it is time for one."""
        now = self._clock()
        silent_s = 0.0
        if isinstance(event, Chunk):
            self._take(event, now)
        elif isinstance(event, Tick):
            silent_s = event.silent_s
        elif isinstance(event, Notice):
            self._tell(event)
        elif isinstance(event, StreamEnd):
            self._end()
            return
        self._frame_if_due(now, silent_s)

    def finish(self, completion: Completion) -> None:
        """Print the rest, also of an answer that was cut; then restore the terminal."""
        try:
            self._end()
            if completion.tool_calls and not completion.content:
                calls = GrowingAnswer(self._layout, self._theme)
                calls.feed(f"```json\n{tool_calls_json(completion.tool_calls)}\n```\n")
                self._painter.paint(calls.end(), [])
        finally:
            try:
                self._painter.finish()
            finally:
                self._modes.leave()
        self._aside.summarize(completion, has_gap=True)

    def _take(self, chunk: Chunk, now: float) -> None:
        if chunk.reasoning:
            self._thinking.feed(chunk.reasoning, now)
            self._is_dirty = True
        if chunk.content:
            self._pending += self._thinking.fold(self._layout, now)
            self._answer.feed(self._sanitizer.feed(self._pictures.feed(chunk.content)))
            self._first_at = self._first_at if self._deltas else now
            self._deltas += 1
            self._backlog += len(chunk.content)
            if self._backlog > MAX_BACKLOG:  # parsed in pieces, it never needs much memory
                self._pending += self._answer.settle()
                self._backlog = 0
            self._is_dirty = True

    def _tell(self, notice: Notice) -> None:
        """Put a notice above the tail; where stderr is elsewhere, it goes there."""
        if not self._aside.tells(notice):
            return
        if not self._streams.stderr.is_terminal:
            self._aside.notice(notice)
            return
        self._pending += self._layout.paragraph(safe_line(self._streams.redact(notice.text)), DIM)
        self._is_dirty = True

    def _frame_if_due(self, now: float, silent_s: float) -> None:
        if self._modes.stop_if_requested(self._painter.finish):
            self._painter.forget()
            self._is_dirty = True
            now = self._clock()  # the time in which the program stood still is no cost of a frame
        if now < self._next_frame_at or self._is_being_resized(now):
            return
        status = self._status(now, silent_s)
        if not self._is_dirty and not status and not self._has_status:
            return
        self._paint(now, status)
        cost_s = self._clock() - now
        self._next_frame_at = now + max(FRAME_S, cost_s / SHARE)

    def _paint(self, now: float, status: list[Row]) -> None:
        room = min(max(self._size[1] - 3, 1), MAX_TAIL_ROWS) - len(status)
        frame = self._answer.frame(max(room, 1))
        thinking = self._thinking.rows(self._layout, now)
        permanent = self._pending + frame.permanent
        self._painter.paint(permanent, [*frame.tail, *thinking, *status])
        self._pending = []
        self._backlog = 0
        self._is_dirty = self._thinking.is_under_way
        self._has_status = bool(status)

    def _status(self, now: float, silent_s: float) -> list[Row]:
        """Give the row that says what is waited for, in a silence."""
        if silent_s < SILENCE_BEFORE_STATUS_S or self._thinking.rows(self._layout, now):
            return []
        spin = SPINNER[int(now * SPINS_PER_S) % len(SPINNER)]
        text = f"{spin} waiting for {self._model} {seconds(silent_s)}"
        if (took_s := now - silent_s - self._first_at) > 0.5 and self._deltas > 5:
            text += f" · {self._deltas / took_s:.0f} tokens/s before"
        return [self._layout.line(text, DIM)]

    def _is_being_resized(self, now: float) -> bool:
        """Look at the size of the window; while it changes nothing is painted."""
        size = (self._streams.stdout.width, self._streams.stdout.height)
        if size != self._size:
            self._size, self._resized_at = size, now
        if self._resized_at is None:
            return False
        if now - self._resized_at < QUIET_AFTER_RESIZE_S:
            return True
        self._resized_at = None
        self._take_size()
        return False

    def _take_size(self) -> None:
        self._layout = self._new_layout()
        self._answer.layout = self._layout
        self._painter.resize(self._size)
        self._is_dirty = True

    def _new_layout(self) -> Layout:
        return Layout(terminal_console(self._streams), self._theme)

    def _end(self) -> None:
        """Print all that is left, for good."""
        if self._is_over:
            return
        self._is_over = True
        if self._resized_at is not None:
            self._take_size()
        self._answer.feed(self._sanitizer.feed(self._pictures.end()) + self._sanitizer.end())
        folded = self._thinking.fold(self._layout, self._clock())
        self._painter.paint([*self._pending, *folded, *self._answer.end()], [])
        self._pending = []
