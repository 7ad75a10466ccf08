"""A stored session as rows for a terminal: answers laid out by the layout of the live ones."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from rich.console import Console
from rich.style import Style
from rich.text import Text

from newapi_cli.domain.completion import Completion
from newapi_cli.domain.session import Session, StoredSession, TurnRecord
from newapi_cli.render.console import terminal_console
from newapi_cli.render.images import ImageFilter
from newapi_cli.render.live.answer_rows import StreamedAnswer
from newapi_cli.render.live.layout import MIN_WIDTH, TAB_SIZE, Layout
from newapi_cli.render.live.theme import Theme
from newapi_cli.render.plain import tool_calls_json
from newapi_cli.render.sanitizer import safe_line, safe_text
from newapi_cli.render.status_lines import DIM as DIM_CODE
from newapi_cli.render.status_lines import RESET
from newapi_cli.render.transcript import ending
from newapi_cli.render.units import summary, tokens
from newapi_cli.streams import Streams

PIECE = 8 * 1024  # parsed in pieces, a long answer never needs much memory
LAST_TURNS = 2
LAST_PROMPT_ROWS = 4
LAST_ANSWER_ROWS = 8
MARK = "> "
PLAIN, BOLD, DIM, WARNING = Style.null(), Style(bold=True), Style(dim=True), Style(color="yellow")
PICTURE = re.compile(r"(data:image/[a-zA-Z0-9.+-]{1,20};base64,)[A-Za-z0-9+/=_-]{40,}")


class SessionViewOptions(NamedTuple):
    """What of a session is shown: its reasoning too, and the turns of its other branches."""

    reasoning: bool = False
    all_branches: bool = False


def show_session(
    streams: Streams,
    stored: StoredSession,
    theme: Theme,
    wish: SessionViewOptions = SessionViewOptions(),  # noqa: B008  # a value that cannot change
    pictures: ImageFilter | None = None,
) -> str:
    """Give a session as text for stdout's width, with colors where stdout shows them.

    Pictures in answers are saved and named as in a live answer where a filter is given, else cut.
    """
    shown = _Shown(streams, theme, wish, pictures)
    return "".join(f"{row}\n" for row in shown.rows(stored))


def last_turns_rows(streams: Streams, path: Sequence[TurnRecord]) -> list[str]:
    """Give the last turns of a path in short, as dim rows: what a resumed session was about."""
    console = terminal_console(streams)
    rows: list[str] = []
    for turn in path[-LAST_TURNS:]:
        wrapped = _wrapped(console, turn.prompt, LAST_PROMPT_ROWS, console.width - len(MARK))
        prompt = wrapped[:LAST_PROMPT_ROWS]
        prompt += ["…"] if len(wrapped) > LAST_PROMPT_ROWS else []
        rows += [(MARK if i == 0 else "  ") + row for i, row in enumerate(prompt or [""])]
        rows += _end_of_answer(console, turn)
        if how := ending(turn):
            rows.append(f"({how})")
    begin, end = (DIM_CODE, RESET) if streams.wants_color(streams.stdout) else ("", "")
    return [begin + row.rstrip() + end if row.strip() else "" for row in rows]


def _end_of_answer(console: Console, turn: TurnRecord) -> list[str]:
    rows = _wrapped(console, turn.answer, -LAST_ANSWER_ROWS, console.width)
    if len(rows) <= LAST_ANSWER_ROWS:
        return rows
    return ["…", *rows[-LAST_ANSWER_ROWS:]]


def _wrapped(console: Console, text: str, count: int, width: int) -> list[str]:
    """Wrap safe text; of a long one only what the first (below 0: the last) rows can hold."""
    enough = (abs(count) + 1) * max(console.width, 80) * 2
    text = _without_pictures(text).strip("\n")
    text = safe_text(text[:enough] if count > 0 else text[-enough:])
    if not text:
        return []
    lines = Text(text, end="").wrap(console, max(width, MIN_WIDTH), tab_size=TAB_SIZE)
    return [line.plain for line in lines]


class _Shown:
    """Lays turns out for one width."""

    def __init__(
        self, streams: Streams, theme: Theme, wish: SessionViewOptions, pictures: ImageFilter | None
    ) -> None:
        self._redacted = streams.redact
        self._theme = theme
        self._wish = wish
        self._pictures = pictures
        self._layout = Layout(_console(streams, 0), theme)
        self._beside_mark = Layout(_console(streams, len(MARK)), theme)

    def rows(self, stored: StoredSession) -> Iterator[str]:
        """Give the rows of a session."""
        path = stored.path
        yield from self._head(stored.session, len(path))
        numbers = {turn.id: number for number, turn in enumerate(stored.turns, 1)}
        on_path = {turn.id for turn in path}
        to_leave_out = stored.session.left_out
        for turn in stored.turns if self._wish.all_branches else path:
            yield ""
            if self._wish.all_branches:
                place = _place(turn, numbers, is_on_path=turn.id in on_path)
                yield from self._told(place, DIM)
            yield from self._turn(turn, BOLD if turn.id in on_path else DIM)
            to_leave_out -= turn.id in on_path
            if to_leave_out == 0 and stored.session.left_out and turn.id in on_path:
                yield from ("", *self._told("── what stands above is no longer sent ──", DIM))

    def _head(self, session: Session, turns: int) -> Iterator[str]:
        yield from self._told(session.title or "A conversation", BOLD)
        count = f"{turns} turn{'s' * (turns != 1)}"
        if session.turns > turns:
            count += f" of {session.turns}"
        dates = f"{_date(session.created_at)} to {_date(session.used_at)}"
        parts = (session.short_id, session.model, session.profile, count, dates)
        yield from self._told(" · ".join(part for part in parts if part), DIM)
        if session.system:
            yield from self._paragraph(f"system prompt: {session.system}", DIM)

    def _turn(self, turn: TurnRecord, style: Style) -> Iterator[str]:
        yield from self._prompt(turn.prompt, style)
        for attachment in turn.attachments:
            yield from self._told(f"  attached: {attachment}", DIM, indent="  ")
        if self._wish.reasoning and turn.reasoning:
            yield from ("", *self._paragraph(turn.reasoning, DIM))
        answer = turn.answer
        if turn.tool_calls and not answer:
            answer = f"```json\n{tool_calls_json(turn.tool_calls)}\n```\n"
        if rows := self._answer(answer):
            yield from ("", *rows)
        if told := _summary(turn):
            yield from ("", *self._told(told, DIM))
        if how := ending(turn):
            gap = () if told else ("",)
            error = f" · {turn.error}" if turn.error else ""
            yield from (*gap, *self._told(how + error, WARNING))

    def _prompt(self, prompt: str, style: Style) -> Iterator[str]:
        text = safe_text(_without_pictures(prompt)).strip("\n")
        mark = self._layout.line(MARK.rstrip(), style).text + " "
        rows = self._beside_mark.paragraph(text, style) if text else []
        for index, row in enumerate(rows):
            yield (mark if index == 0 else "  ") + row.text if row.text or index == 0 else ""
        if not rows:
            yield mark.rstrip()

    def _answer(self, answer: str) -> list[str]:
        if self._pictures is None:
            answer = _without_pictures(answer)
        else:
            answer = self._pictures.feed(answer) + self._pictures.end()
        answer = safe_text(answer)
        growing = StreamedAnswer(self._layout, self._theme)
        rows = []
        for begin in range(0, len(answer), PIECE):
            growing.feed(answer[begin : begin + PIECE])
            rows += growing.take_permanent()
        return [row.text for row in [*rows, *growing.end()]]

    def _paragraph(self, text: str, style: Style) -> list[str]:
        rows = self._layout.paragraph(safe_text(_without_pictures(text)).strip("\n"), style)
        return [row.text for row in rows]

    def _told(self, text: str, style: Style, indent: str = "") -> list[str]:
        """Give our own words with foreign ones in them: one line, wrapped, without keys."""
        line = safe_line(self._redacted(text))
        return [row.text for row in self._layout.paragraph(indent + line, style)]


def _console(streams: Streams, taken: int) -> Console:
    """Give a console that is narrower by some columns; without styles where nobody sees them."""
    width = max(streams.stdout.width - taken, MIN_WIDTH)
    if streams.stdout.is_terminal or streams.wants_color(streams.stdout):
        console = terminal_console(streams)
        console.width = width
        return console
    return Console(color_system=None, width=width, markup=False, emoji=False, highlight=False)


def _place(turn: TurnRecord, numbers: dict[int, int], *, is_on_path: bool) -> str:
    parent = numbers.get(turn.parent_id or 0)
    place = f"turn {numbers[turn.id]}, {f'after turn {parent}' if parent else 'at the beginning'}"
    return place if is_on_path else f"{place}, on another branch"


def _summary(turn: TurnRecord) -> str:
    """Give the line that stood under the live answer, as far as it is known."""
    if not (turn.answer or turn.reasoning or turn.usage):
        return ""
    if turn.duration_s is None:
        model = turn.answered_by or turn.model
        return " · ".join(part for part in (model, tokens(turn.usage)) if part)
    completion = Completion(
        content=turn.answer,
        reasoning=turn.reasoning,
        tool_calls=turn.tool_calls,
        finish_reason=turn.finish_reason,
        usage=turn.usage,
        model=turn.answered_by,
        id="",
        status=turn.status,
        request_id=turn.request_id,
        first_token_s=turn.first_token_s,
        duration_s=turn.duration_s,
    )
    return summary(completion, turn.model)


def _without_pictures(text: str) -> str:
    return PICTURE.sub(r"\1…", text)


def _date(time: datetime) -> str:
    """Write a time as the clock on the wall shows it."""
    try:
        local = time.astimezone()
    except (OverflowError, OSError, ValueError):  # the year 1, or what this system cannot say
        local = time.astimezone(UTC)
    return f"{local:%Y-%m-%d %H:%M}"
