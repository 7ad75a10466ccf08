"""What stands beside the answer, on stderr: reasoning, notices, the usage line.

Nothing here may ever fail the answer: what stderr refuses is let go.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from newapi_cli.domain.completion import Completion, Notice
from newapi_cli.domain.messages import Attachment
from newapi_cli.render.sanitizer import Sanitizer, safe_line, safe_text
from newapi_cli.render.units import summary
from newapi_cli.streams import Streams
from newapi_cli.text import wrap_line

DIM = "\x1b[2m"
RESET = "\x1b[0m"


class StatusOptions(NamedTuple):
    """What is told beside the answer. `model` is the one asked for.

    `session` is the id of the session that the answer is kept in, empty where it is not.
    """

    reasoning: bool
    usage: bool
    notices: bool
    details: bool
    model: str
    session: str = ""


class StatusLines:
    """Writes dim lines and running reasoning to stderr."""

    def __init__(self, streams: Streams, wish: StatusOptions) -> None:
        self._streams = streams
        self._wish = wish
        self._color = streams.wants_color(streams.stderr)
        self._sanitizer = Sanitizer()
        self._in_reasoning = False
        self._at_line_start = True

    def reason(self, text: str) -> None:
        """Show a piece of reasoning."""
        if not self._wish.reasoning:
            return
        text = self._sanitizer.feed(text)
        if not self._in_reasoning:
            text = text.lstrip("\n")
        if not text:
            return
        start = DIM if self._color and not self._in_reasoning else ""
        self._in_reasoning = True
        self._write(start + text)
        self._at_line_start = text.endswith("\n")

    def end_reasoning(self) -> None:
        """Close the reasoning with an empty line before the answer, if any was shown."""
        if not self._in_reasoning:
            return
        self._in_reasoning = False
        newline = "\n" if self._at_line_start else "\n\n"
        self._write((RESET if self._color else "") + newline)

    def tells(self, notice: Notice) -> bool:
        """Say whether a notice was asked for."""
        return self._wish.details or (self._wish.notices and not notice.is_detail)

    def notice(self, notice: Notice) -> None:
        """Tell one line, unless it was not asked for."""
        if self.tells(notice):
            self.end_reasoning()
            self._line(notice.text)

    def show_answer(self, text: str) -> None:
        """Show an answer that has no place on stdout."""
        lines = safe_text(text).rstrip("\n").split("\n")
        if self._streams.stderr.is_terminal:
            lines = [wrap_line(line, self._streams.stderr.width) for line in lines]
        self._streams.stderr.write("\n".join(lines) + "\n")

    def summarize(self, completion: Completion, *, has_gap: bool = False) -> None:
        """Write the line under the answer, where anything of one came."""
        if self._wish.usage and (completion.content or completion.reasoning or completion.usage):
            self._write("\n" if has_gap and self._streams.stderr.is_terminal else "")
            self._line(summary(completion, self._wish.model))
        if self._wish.details and completion.request_id:
            self._line(f"request id: {completion.request_id}")

    def _line(self, text: str) -> None:
        print_dim(self._streams, text)

    def _write(self, text: str) -> None:
        self._streams.print_err(text, end="")


def print_attachments(streams: Streams, attachments: Iterable[Attachment]) -> None:
    """Tell a person at the terminal what goes with the prompt, one line each."""
    if streams.stderr.is_terminal:
        for attachment in attachments:
            print_dim(streams, str(attachment))


def print_dim(streams: Streams, text: str) -> None:
    """Write foreign text as one safe, dim line."""
    line = safe_line(streams.redact(text))
    if streams.stderr.is_terminal:
        line = wrap_line(line, streams.stderr.width)
    is_dim = streams.wants_color(streams.stderr)
    streams.print_err(f"{DIM}{line}{RESET}" if is_dim else line)
