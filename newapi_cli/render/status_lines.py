"""Everything on stderr: errors, warnings, notices, reasoning, the line below an answer.

Writing to stderr never makes an answer fail: what cannot be written is dropped.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from newapi_cli.domain.completion import Completion, Notice, Source
from newapi_cli.domain.messages import Attachment
from newapi_cli.errors import NewapiError
from newapi_cli.i18n import ntr, reword, tr
from newapi_cli.render.sanitizer import Sanitizer, safe_line, safe_text
from newapi_cli.render.units import model_text, summary
from newapi_cli.streams import Streams
from newapi_cli.text import shorten, wrap_line

BOLD, DIM, GREEN, RED, YELLOW = "\x1b[1m", "\x1b[2m", "\x1b[32m", "\x1b[1;31m", "\x1b[33m"
RESET = "\x1b[0m"
REASONING_ENDED = tr(
    "the text printed so far is reasoning, not a part of the answer:"
    " the server marks only its end (</think>)"
)

MAX_NAMES, MAX_NAME = 5, 40  # of tools, and of the characters of a name


class StatusOptions(NamedTuple):
    """What is written to stderr in addition to an answer.

    `model` is the requested one; `session` is the id of the session that the answer is saved in,
    empty if it is not saved. `next_steps` rewords the next steps in notices.
    """

    reasoning: bool
    usage: bool
    notices: bool
    details: bool
    model: str
    session: str = ""
    next_steps: Mapping[object, str] = MappingProxyType({})


class StatusLines:
    """Writes reasoning, notices and usage to stderr, dim on a terminal."""

    def __init__(self, streams: Streams, options: StatusOptions) -> None:
        self._streams = streams
        self._options = options
        self._has_color = streams.wants_color(streams.stderr)
        self._sanitizer = Sanitizer()
        self._in_reasoning = False
        self._at_line_start = True

    def write_reasoning(self, text: str) -> None:
        """Write a part of the reasoning as it arrives."""
        if not self._options.reasoning:
            return
        text = self._sanitizer.feed(text)
        if not self._in_reasoning:
            text = text.lstrip("\n")
        if not text:
            return
        start = DIM if self._has_color and not self._in_reasoning else ""
        self._in_reasoning = True
        self._write(start + text)
        self._at_line_start = text.endswith("\n")

    def end_reasoning(self) -> None:
        """Separate the reasoning, if any was written, from the answer by an empty line."""
        if not self._in_reasoning:
            return
        self._in_reasoning = False
        newline = "\n" if self._at_line_start else "\n\n"
        self._write((RESET if self._has_color else "") + newline)

    def text_of(self, notice: Notice) -> str:
        """Return the text of a notice, empty if it is not to be written."""
        if self._options.details or (self._options.notices and not notice.is_detail):
            return reword(notice.text, self._options.next_steps)
        return ""

    def write_notice(self, notice: Notice) -> None:
        """Write a notice as one line, if it is to be written."""
        if text := self.text_of(notice):
            self.end_reasoning()
            print_dim(self._streams, text)

    def write_reasoning_notice(self) -> None:
        """Write that the text which was printed as the answer is reasoning."""
        self.write_notice(Notice(REASONING_ENDED))

    def write_answer(self, text: str) -> None:
        """Write an answer that must not go to stdout."""
        lines = safe_text(text).rstrip("\n").split("\n")
        if self._streams.stderr.is_terminal:
            lines = [wrap_line(line, self._streams.stderr.width) for line in lines]
        self._streams.stderr.write("\n".join(lines) + "\n")

    def source_lines(self, completion: Completion) -> list[str]:
        """Return the sources of an answer as safe lines; none with `-q`."""
        if not self._options.notices:
            return []
        return [safe_line(self._streams.redact(line)) for line in source_lines(completion.sources)]

    def write_hidden_calls(self, completion: Completion) -> None:
        """Write which tools the model called in an answer whose text alone is displayed."""
        calls = completion.tool_calls if completion.content else ()
        if calls and self._options.notices:
            names = ", ".join(shorten(call.name, MAX_NAME) for call in calls[:MAX_NAMES])
            text = ntr(
                "the answer also contains {n} tool call: {names}",
                "the answer also contains {n:,} tool calls: {names}",
                len(calls),
                names=names,
            )
            print_dim(self._streams, text)

    def write_summary(self, completion: Completion, *, has_gap: bool = False) -> None:
        """Write the line below an answer, unless nothing arrived, and what it may cost beyond."""
        if self._options.usage and (completion.content or completion.reasoning or completion.usage):
            self._write("\n" if has_gap and self._streams.stderr.is_terminal else "")
            requested = completion.requested_model or self._options.model
            model = model_text(requested, completion.model)
            times = (completion.first_token_s, completion.duration_s)
            print_dim(self._streams, summary(model, completion.usage, *times, completion.cost))
        if completion.may_cost_more and self._options.notices:
            print_dim(self._streams, tr("the gateway may charge for the whole answer"))
        if self._options.details and completion.request_id:
            print_dim(self._streams, tr("id: {id}", id=completion.request_id))

    def _write(self, text: str) -> None:
        self._streams.print_err(text, end="")


def source_lines(sources: Iterable[Source]) -> list[str]:
    """Return the sources of an answer as a numbered list; the texts are foreign.

    >>> source_lines([Source("https://a.example", "A page"), Source("https://b.example")])
    ['1. A page · https://a.example', '2. https://b.example']
    """
    return [
        f"{number}. {' · '.join(filter(None, (source.title, source.url)))}"
        for number, source in enumerate(sources, 1)
    ]


def print_error(streams: Streams, error: NewapiError) -> None:
    """Write a line for each part that an error has."""
    _print_labeled(streams, tr("error:"), error.message, RED)
    for label, text in (
        (tr("why:"), error.why),
        (tr("id:"), error.request_id),
        (tr("try:"), error.hint),
    ):
        if text:
            _print_labeled(streams, label, text, indent="  ")


def print_warning(streams: Streams, text: str) -> None:
    """Write a warning."""
    _print_labeled(streams, tr("warning:"), text, YELLOW)


def print_attachments(streams: Streams, attachments: Iterable[Attachment]) -> None:
    """Write a line for each attachment of a prompt, if stderr is a terminal."""
    if streams.stderr.is_terminal:
        for attachment in attachments:
            print_dim(streams, str(attachment))


def print_dim(streams: Streams, text: str) -> None:
    """Write untrusted text as one safe, dim line."""
    line = safe_line(streams.redact(text))
    if streams.stderr.is_terminal:
        line = wrap_line(line, streams.stderr.width)
    is_dim = streams.wants_color(streams.stderr)
    streams.print_err(f"{DIM}{line}{RESET}" if is_dim else line)


def _print_labeled(
    streams: Streams, label: str, text: str, color: str = "", *, indent: str = ""
) -> None:
    line = f"{indent}{label} {safe_line(streams.redact(text))}"
    if streams.stderr.is_terminal:
        line = wrap_line(line, streams.stderr.width, "    ")
    if color and streams.wants_color(streams.stderr):
        line = line.replace(label, f"{color}{label}{RESET}", 1)
    streams.print_err(line)
