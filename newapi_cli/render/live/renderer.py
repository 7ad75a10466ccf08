"""The live renderer: when a frame is painted, and what is in it.

At most 25 frames a second. After a frame that took a time t, the next one is painted no earlier
than 10 t later, so painting takes at most a tenth of the time however large an open table grows.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from newapi_cli.domain.completion import (
    FRAME_S,
    Chunk,
    Completion,
    Notice,
    ReasoningEnded,
    StreamEnd,
    Tick,
    TurnEvent,
)
from newapi_cli.errors import Interrupted
from newapi_cli.i18n import ntr, tr
from newapi_cli.render.images import ImageFilter
from newapi_cli.render.live.answer_rows import StreamedAnswer
from newapi_cli.render.live.layout import Layout, Row
from newapi_cli.render.live.painter import Painter
from newapi_cli.render.live.theme import FAINT, Theme, terminal_console
from newapi_cli.render.plain import tool_calls_json
from newapi_cli.render.sanitizer import Sanitizer, safe_line
from newapi_cli.render.status_lines import REASONING_ENDED, StatusLines, StatusOptions
from newapi_cli.render.units import seconds
from newapi_cli.signals import Interrupts
from newapi_cli.streams import Streams
from newapi_cli.terminal import OutputModes

MAX_PAINT_SHARE = 0.1  # of the time
MAX_TAIL_ROWS = 10
MAX_REST_AFTER_SIGNAL = 8 * 1024  # characters that are still rendered: some 50 ms
MAX_CELLS_AT_ONCE = 16 * 1024  # in one write; signals are noticed between writes
MAX_CELLS_AFTER_SIGNAL = 32 * 1024
QUIET_AFTER_RESIZE_S = 0.1
SILENCE_BEFORE_STATUS_S = 0.3
SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
SPINS_PER_S = 10
MAX_REASONING_ROWS = 5
MAX_REASONING_CHARACTERS = 4000  # that are kept
MIN_DELTAS_FOR_SPEED, MIN_TIME_FOR_SPEED_S = 6, 0.5


class LiveRenderer:
    """Renders an answer on a terminal while it streams."""

    def __init__(
        self,
        streams: Streams,
        status: StatusLines,
        theme: Theme,
        options: StatusOptions,
        images: ImageFilter,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._streams = streams
        self._status_lines = status
        self._clock = clock
        self._interrupts = streams.interrupts or Interrupts(())
        self._model = safe_line(options.model)
        self._size = streams.stdout.size
        self._theme = theme
        self._layout = self._new_layout()
        self._answer = StreamedAnswer(self._layout, theme, self._interrupts)
        self._reasoning = Reasoning(is_shown=options.reasoning)
        self._images = images
        self._sanitizer = Sanitizer()
        self._painter = Painter(streams.stdout.write, self._size)
        self._modes = OutputModes(streams)
        self._next_frame_at = 0.0
        self._resized_at: float | None = None
        self._pending: list[Row] = []  # permanent rows for the next frame
        self._deltas = 0
        self._first_delta_at = 0.0
        self._is_dirty = False
        self._is_over = False
        self._is_cut_short = False  # a signal ended the layout
        self._has_status = False

    def start(self) -> None:
        """Set the terminal's modes until `finish`."""
        self._modes.enter()

    def show(self, event: TurnEvent) -> None:
        """Process an event, and paint a frame if one is due."""
        now = self._clock()
        silent_s = 0.0
        if isinstance(event, Chunk):
            self._add_chunk(event, now)
        elif isinstance(event, Tick):
            silent_s = event.silent_s
        elif isinstance(event, Notice):
            self._show_notice(event)
        elif isinstance(event, ReasoningEnded):
            self._end_reasoning()
        elif isinstance(event, StreamEnd):
            self._end()
            return
        self._paint_if_due(now, silent_s)

    def finish(self, completion: Completion) -> None:
        """Write the rest, also of an incomplete answer, and restore the terminal."""
        try:
            self._end()
            self._painter.paint(self._pending, [])  # notices after the end
            if completion.tool_calls and not completion.content:
                calls = StreamedAnswer(self._layout, self._theme)
                calls.feed(f"```json\n{tool_calls_json(completion.tool_calls)}\n```\n")
                self._painter.paint(calls.end(), [])
            if lines := self._status_lines.source_lines(completion):
                rows = [row for line in lines for row in self._layout.paragraph(line, FAINT)]
                self._painter.paint([Row("", 0), *rows], [])
        finally:
            try:
                self._painter.finish()
            finally:
                self._modes.leave()
        self._status_lines.write_hidden_calls(completion)
        self._status_lines.write_summary(completion, has_gap=True)
        if self._is_cut_short:
            self._interrupts.check()

    def _add_chunk(self, chunk: Chunk, now: float) -> None:
        if chunk.reasoning:
            self._reasoning.feed(chunk.reasoning, now)
            self._is_dirty = True
        if chunk.content:
            self._pending += self._reasoning.fold(self._layout, now)
            self._answer.feed(self._sanitizer.feed(self._images.feed(chunk.content)))
            self._first_delta_at = self._first_delta_at if self._deltas else now
            self._deltas += 1
            self._is_dirty = True
            self._pending += self._answer.take_backlog()

    def _end_reasoning(self) -> None:
        """End the text so far, which was reasoning, and begin the answer below a notice."""
        self._answer.feed(self._sanitizer.feed(self._images.end()) + self._sanitizer.end())
        self._pending += [*self._answer.end(), Row("", 0)]
        self._answer = StreamedAnswer(self._layout, self._theme)
        self._show_notice(Notice(REASONING_ENDED))
        self._pending.append(Row("", 0))

    def _show_notice(self, notice: Notice) -> None:
        """Show a notice above the tail, or on stderr if that is not a terminal."""
        if not self._streams.stderr.is_terminal:
            self._status_lines.write_notice(notice)
        elif text := self._status_lines.text_of(notice):
            self._pending += self._layout.paragraph(safe_line(self._streams.redact(text)), FAINT)
            self._is_dirty = True

    def _paint_if_due(self, now: float, silent_s: float) -> None:
        if self._modes.stop_if_requested(self._painter.finish):
            self._painter.forget()
            self._is_dirty = True
            now = self._clock()  # the time while the process was stopped is no cost of a frame
        if now < self._next_frame_at or self._is_being_resized(now):
            return
        status = self._status(now, silent_s)
        if not self._is_dirty and not status and not self._has_status:
            return
        self._paint(now, status)
        cost_s = self._clock() - now
        self._next_frame_at = now + max(FRAME_S, cost_s / MAX_PAINT_SHARE)

    def _paint(self, now: float, status: list[Row]) -> None:
        room = min(max(self._size[1] - 3, 1), MAX_TAIL_ROWS) - len(status)
        frame = self._answer.frame(max(room, 1), self._size[1])
        self._pending += frame.permanent
        reasoning = self._reasoning.rows(self._layout, now)
        while (count := self._count_at_once()) < len(self._pending):
            self._paint_pending(count)
            self._interrupts.check()
        self._paint_pending(count, [*frame.tail, *reasoning, *status])
        self._is_dirty = self._reasoning.is_active
        self._has_status = bool(status)

    def _paint_pending(self, count: int, tail: Sequence[Row] = ()) -> None:
        """Paint the first of the pending rows, and below them a tail."""
        self._painter.paint(self._pending[:count], tail)
        del self._pending[:count]

    def _count_at_once(self) -> int:
        """Return how many of the pending rows are painted before signals are noticed again."""
        cells = 0
        for index, row in enumerate(self._pending):
            cells += row.width + 1
            if cells > MAX_CELLS_AT_ONCE:
                return max(index, 1)
        return len(self._pending)

    def _status(self, now: float, silent_s: float) -> list[Row]:
        """Return the row that is displayed while nothing arrives."""
        if silent_s < SILENCE_BEFORE_STATUS_S or self._reasoning.rows(self._layout, now):
            return []
        parts = [tr("waiting for {model} {time}", model=self._model, time=seconds(silent_s))]
        streamed_s = now - silent_s - self._first_delta_at
        if streamed_s > MIN_TIME_FOR_SPEED_S and self._deltas >= MIN_DELTAS_FOR_SPEED:
            parts.append(tr("{speed:.0f} tokens/s before", speed=self._deltas / streamed_s))
        spinner = SPINNER[int(now * SPINS_PER_S) % len(SPINNER)]
        return [self._layout.line(f"{spinner} {' · '.join(parts)}", FAINT)]

    def _is_being_resized(self, now: float) -> bool:
        """Check the size of the window; nothing is painted while it changes."""
        size = self._streams.stdout.size
        if size != self._size:
            self._size, self._resized_at = size, now
        if self._resized_at is None:
            return False
        if now - self._resized_at < QUIET_AFTER_RESIZE_S:
            return True
        self._resized_at = None
        self._use_size()
        return False

    def _use_size(self) -> None:
        self._layout = self._new_layout()
        self._answer.layout = self._layout
        self._painter.resize(self._size)
        self._is_dirty = True

    def _new_layout(self) -> Layout:
        return Layout(terminal_console(self._streams), self._theme)

    def _end(self) -> None:
        """Write everything that is left as permanent rows."""
        if self._is_over:
            return
        self._is_over = True
        if self._resized_at is not None:
            self._use_size()
        self._answer.feed(self._sanitizer.feed(self._images.end()) + self._sanitizer.end())
        self._pending += self._reasoning.fold(self._layout, self._clock())
        self._pending += self._rows_of_rest()
        self._write_pending()

    def _rows_of_rest(self) -> list[Row]:
        """Return the rest of the answer: as it was written if a signal does not leave the time."""
        was_stopped = self._interrupts.code is not None
        try:
            if not was_stopped or self._answer.rest_size <= MAX_REST_AFTER_SIGNAL:
                return self._answer.end(is_interruptible=not was_stopped)
        except Interrupted:
            self._is_cut_short = True
        rows, count = self._answer.end_as_source(MAX_CELLS_AFTER_SIGNAL)
        return [*rows, *([self._row_for_left_out(count)] if count else ())]

    def _row_for_left_out(self, count: int) -> Row:
        return self._layout.line(ntr("… {n} more line", "… {n:,} more lines", count), FAINT)

    def _write_pending(self) -> None:
        """Write the pending rows; after a signal only so many that it takes no time."""
        allowed = MAX_CELLS_AFTER_SIGNAL
        while (count := self._count_at_once()) < len(self._pending):
            if self._interrupts.code is not None:
                allowed -= MAX_CELLS_AT_ONCE
            if allowed < 0:
                self._is_cut_short = True
                self._pending = [self._row_for_left_out(len(self._pending))]
            else:
                self._paint_pending(count)
        self._paint_pending(count)


class Reasoning:
    """Reasoning while it streams: its last rows, dim, and one line when the answer begins.

    `now` is the caller's clock in seconds.
    """

    def __init__(self, *, is_shown: bool) -> None:
        self._is_shown = is_shown
        self._sanitizer = Sanitizer()
        self._text = ""
        self._began_at: float | None = None

    @property
    def is_active(self) -> bool:
        """Return whether reasoning has arrived since the last `fold`."""
        return self._began_at is not None

    def feed(self, text: str, now: float) -> None:
        """Add a part of the reasoning."""
        if self._began_at is None:
            self._began_at = now
        self._text = (self._text + self._sanitizer.feed(text))[-MAX_REASONING_CHARACTERS:]

    def rows(self, layout: Layout, now: float) -> list[Row]:
        """Return the rows to display in this frame."""
        if self._began_at is None or not self._is_shown:
            return []
        title = tr("thinking {time}", time=seconds(now - self._began_at))
        last_rows = layout.paragraph(self._text.strip("\n"), FAINT)[-MAX_REASONING_ROWS:]
        return [layout.line(title, FAINT), *last_rows]

    def fold(self, layout: Layout, now: float) -> list[Row]:
        """End this reasoning and return its permanent rows: one line and an empty one."""
        if self._began_at is None:
            return []
        time = seconds(now - self._began_at)
        self._began_at, self._text = None, ""
        if not self._is_shown:
            return []
        return [layout.line(tr("thought for {time}", time=time), FAINT), Row("", 0)]
