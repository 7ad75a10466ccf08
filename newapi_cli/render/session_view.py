"""A stored session as rows for a terminal; answers are rendered as live answers are."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from rich.console import Console
from rich.style import Style
from rich.text import Text

from newapi_cli.domain.session import Session, StoredSession, TurnRecord
from newapi_cli.i18n import tr
from newapi_cli.render.images import ImageFilter
from newapi_cli.render.live.answer_rows import StreamedAnswer
from newapi_cli.render.live.layout import MIN_WIDTH, Layout
from newapi_cli.render.live.theme import Theme, terminal_console
from newapi_cli.render.live.wrapping import TAB_SIZE
from newapi_cli.render.plain import tool_calls_json
from newapi_cli.render.sanitizer import safe_line, safe_text
from newapi_cli.render.status_lines import DIM as DIM_CODE
from newapi_cli.render.status_lines import RESET, source_lines
from newapi_cli.render.transcript import ending
from newapi_cli.render.units import model_text, summary, turns_on_path
from newapi_cli.streams import Streams

PARSED_CHARACTERS = 8 * 1024  # at a time: parsing in pieces limits the memory
LAST_TURNS = 2
LAST_PROMPT_ROWS = 4
LAST_ANSWER_ROWS = 8
MARK = "> "
PLAIN, BOLD, DIM, WARNING = Style.null(), Style(bold=True), Style(dim=True), Style(color="yellow")
IMAGE = re.compile(r"(data:image/[a-zA-Z0-9.+-]{1,20};base64,)[A-Za-z0-9+/=_-]{40,}")


class SessionViewOptions(NamedTuple):
    """What is shown in addition to the current path: reasoning, and all other branches."""

    reasoning: bool = False
    all_branches: bool = False


def show_session(
    streams: Streams,
    stored: StoredSession,
    theme: Theme,
    options: SessionViewOptions = SessionViewOptions(),  # noqa: B008  # immutable
    images: ImageFilter | None = None,
) -> Iterator[str]:
    """Yield the lines of a session for stdout's width, with colors if stdout displays them.

    With a filter, images in answers are saved and named as in a live answer; else truncated.
    """
    view = _SessionView(streams, theme, options, images)
    return (f"{row}\n" for row in view.rows(stored))


def last_turns_rows(streams: Streams, path: Sequence[TurnRecord]) -> list[str]:
    """Return the ends of the last turns of a path as dim rows, to remind of a resumed session."""
    console = terminal_console(streams)
    rows: list[str] = []
    for turn in path[-LAST_TURNS:]:
        prompt = _wrap(console, turn.typed_prompt, LAST_PROMPT_ROWS, console.width - len(MARK))
        if len(prompt) > LAST_PROMPT_ROWS:
            prompt[LAST_PROMPT_ROWS:] = ["…"]
        rows += [(MARK if i == 0 else "  ") + row for i, row in enumerate(prompt or [""])]
        answer = _wrap(console, turn.answer, -LAST_ANSWER_ROWS, console.width)
        if len(answer) > LAST_ANSWER_ROWS:
            answer[:-LAST_ANSWER_ROWS] = ["…"]
        rows += answer
        if how := ending(turn):
            rows.append(f"({how})")
    start, end = (DIM_CODE, RESET) if streams.wants_color(streams.stdout) else ("", "")
    return [start + row.rstrip() + end if row.strip() else "" for row in rows]


def _wrap(console: Console, text: str, count: int, width: int) -> list[str]:
    """Wrap safe text; of a long text only what fits the first (if negative, the last) rows."""
    enough = (abs(count) + 1) * max(console.width, 80) * 2
    text = _without_images(text).strip("\n")
    text = safe_text(text[:enough] if count > 0 else text[-enough:])
    if not text:
        return []
    lines = Text(text, end="").wrap(console, max(width, MIN_WIDTH), tab_size=TAB_SIZE)
    return [line.plain for line in lines]


class _SessionView:
    """Renders turns for one width."""

    def __init__(
        self,
        streams: Streams,
        theme: Theme,
        options: SessionViewOptions,
        images: ImageFilter | None,
    ) -> None:
        self._redact = streams.redact
        self._theme = theme
        self._options = options
        self._images = images
        self._layout = Layout(_console(streams, 0), theme)
        self._prompt_layout = Layout(_console(streams, len(MARK)), theme)

    def rows(self, stored: StoredSession) -> Iterator[str]:
        path = stored.path
        yield from self._header(stored.session, len(path))
        numbers = {turn.id: number for number, turn in enumerate(stored.turns, 1)}
        on_path = {turn.id for turn in path}
        not_sent = stored.session.left_out
        for turn in stored.turns if self._options.all_branches else path:
            yield ""
            if self._options.all_branches:
                place = _place(turn, numbers, is_on_path=turn.id in on_path)
                yield from self._line(place, DIM)
            yield from self._turn(turn, BOLD if turn.id in on_path else DIM)
            not_sent -= turn.id in on_path
            if not_sent == 0 and stored.session.left_out and turn.id in on_path:
                yield from ("", *self._line(tr("── the turns above are no longer sent ──"), DIM))

    def _header(self, session: Session, turns: int) -> Iterator[str]:
        yield from self._line(session.title or tr("Untitled session"), BOLD)
        count = turns_on_path(turns, session.turns)
        first, last = _local_date(session.created_at), _local_date(session.used_at)
        dates = tr("{first} to {last}", first=first, last=last)
        parts = (session.short_id, session.model, session.profile, count, dates)
        yield from self._line(" · ".join(part for part in parts if part), DIM)
        if session.system:
            yield from self._paragraph(tr("system prompt: {text}", text=session.system), DIM)

    def _turn(self, turn: TurnRecord, style: Style) -> Iterator[str]:
        yield from self._prompt(turn.typed_prompt, style)
        for attachment in turn.attachments:
            yield from self._line(tr("attached: {file}", file=attachment), DIM, indent="  ")
        if self._options.reasoning and turn.reasoning:
            yield from ("", *self._paragraph(turn.reasoning, DIM))
        answer = turn.answer
        if turn.tool_calls and not answer:
            answer = f"```json\n{tool_calls_json(turn.tool_calls)}\n```\n"
        if rows := self._answer(answer):
            yield from ("", *rows)
        if turn.sources:
            yield ""
            for line in source_lines(turn.sources):
                yield from self._line(line, DIM)
        if below := _summary(turn):
            yield from ("", *self._line(below, DIM))
        if how := ending(turn):
            gap = () if below else ("",)
            error = f" · {turn.error}" if turn.error else ""
            yield from (*gap, *self._line(how + error, WARNING))

    def _prompt(self, prompt: str, style: Style) -> Iterator[str]:
        text = safe_text(_without_images(prompt)).strip("\n")
        mark = self._layout.line(MARK.rstrip(), style).text + " "
        rows = self._prompt_layout.paragraph(text, style) if text else []
        for index, row in enumerate(rows):
            yield (mark if index == 0 else "  ") + row.text if row.text or index == 0 else ""
        if not rows:
            yield mark.rstrip()

    def _answer(self, answer: str) -> list[str]:
        if self._images is None:
            answer = _without_images(answer)
        else:
            answer = self._images.feed(answer) + self._images.end()
        answer = safe_text(answer)
        streamed = StreamedAnswer(self._layout, self._theme)
        rows = []
        for start in range(0, len(answer), PARSED_CHARACTERS):
            streamed.feed(answer[start : start + PARSED_CHARACTERS])
            rows += streamed.take_backlog()
        return [row.text for row in [*rows, *streamed.end()]]

    def _paragraph(self, text: str, style: Style) -> list[str]:
        rows = self._layout.paragraph(safe_text(_without_images(text)).strip("\n"), style)
        return [row.text for row in rows]

    def _line(self, text: str, style: Style, indent: str = "") -> list[str]:
        """Return the rows of a line that may contain untrusted text: safe, redacted, wrapped."""
        line = safe_line(self._redact(text))
        return [row.text for row in self._layout.paragraph(indent + line, style)]


def _console(streams: Streams, taken: int) -> Console:
    """Return a console that is narrower by `taken` columns, without styles if none are displayed.

    The width is never below `MIN_WIDTH`.
    """
    width = max(streams.stdout.width - taken, MIN_WIDTH)
    if streams.stdout.is_terminal or streams.wants_color(streams.stdout):
        console = terminal_console(streams)
        console.width = width
        return console
    return Console(color_system=None, width=width, markup=False, emoji=False, highlight=False)


def _place(turn: TurnRecord, numbers: dict[int, int], *, is_on_path: bool) -> str:
    number, parent = numbers[turn.id], numbers.get(turn.parent_id or 0)
    if not parent:
        place = tr("turn {n:,}, at the beginning", n=number)
    else:
        place = tr("turn {n:,}, after turn {parent:,}", n=number, parent=parent)
    return place if is_on_path else tr("{place}, on another branch", place=place)


def _summary(turn: TurnRecord) -> str:
    """Return the line that was displayed below the live answer, as far as it is known."""
    if not (turn.answer or turn.reasoning or turn.usage):
        return ""
    model = model_text(turn.model, turn.answered_by)
    return summary(model, turn.usage, turn.first_token_s, turn.duration_s)


def _without_images(text: str) -> str:
    return IMAGE.sub(r"\1…", text)


def _local_date(time: datetime) -> str:
    try:
        local = time.astimezone()
    except (OverflowError, OSError, ValueError):  # the year 1, or beyond what the system supports
        local = time.astimezone(UTC)
    return f"{local:%Y-%m-%d %H:%M}"
