"""Text as it comes: byte for byte into a pipe, with control characters shown on a terminal."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from newapi_cli.domain.completion import (
    Chunk,
    Completion,
    Notice,
    StreamEnd,
    ToolCall,
    TurnEvent,
)
from newapi_cli.render.images import ImageFilter
from newapi_cli.render.sanitizer import Sanitizer
from newapi_cli.render.status_lines import StatusLines
from newapi_cli.streams import Output

if TYPE_CHECKING:
    from newapi_cli.terminal import OutputModes


class PlainRenderer:
    """Writes each delta at once, and at the end a line break where the answer has none."""

    def __init__(
        self,
        stdout: Output,
        aside: StatusLines,
        pictures: ImageFilter | None,
        modes: OutputModes | None = None,
    ) -> None:
        """Write for a terminal where `pictures` and `modes` are given, else the bytes as they come.

        The modes hold until `finish`: what is typed meanwhile is no part of the answer.
        """
        self._stdout = stdout
        self._aside = aside
        self._pictures = pictures
        self._sanitizer = Sanitizer()
        self._last = ""
        self._modes = modes
        if modes is not None:
            modes.enter()

    def show(self, event: TurnEvent) -> None:
        """Write a delta, or tell a notice."""
        if self._modes is not None:
            self._modes.stop_if_requested(self._break_line_on_terminal)
        if isinstance(event, Chunk):
            if event.reasoning:
                self._aside.reason(event.reasoning)
            if event.content:
                self._write(self._safe(event.content) if self._pictures else event.content)
        elif isinstance(event, StreamEnd):
            self._end_text()
        elif isinstance(event, Notice):
            self._break_line_on_terminal()
            self._aside.notice(event)

    def finish(self, completion: Completion) -> None:
        """Write the tool calls of an answer without text, the last line break, the usage line."""
        try:
            if completion.tool_calls and not completion.content:
                self._write(tool_calls_json(completion.tool_calls))
            self._end_text()
        finally:
            if self._modes is not None:
                self._modes.leave()
        self._aside.end_reasoning()
        self._aside.summarize(completion)

    def _end_text(self) -> None:
        if self._pictures:
            self._write(self._sanitizer.feed(self._pictures.end()) + self._sanitizer.end())
        if self._last and self._last != "\n":
            self._write("\n")

    def _write(self, text: str) -> None:
        if text:
            self._aside.end_reasoning()
            self._stdout.write(text)
            self._last = text[-1]

    def _safe(self, text: str) -> str:
        return self._sanitizer.feed(self._pictures.feed(text) if self._pictures else text)

    def _break_line_on_terminal(self) -> None:
        if self._pictures and self._last not in ("", "\n"):
            self._stdout.write("\n")
            self._last = "\n"


def tool_calls_json(calls: tuple[ToolCall, ...]) -> str:
    """Write tool calls as a JSON list, arguments as the text that the model gave."""
    values = [
        {
            "id": call.id,
            "type": "function",
            "function": {"name": call.name, "arguments": call.arguments},
        }
        for call in calls
    ]
    return json.dumps(values, ensure_ascii=False, indent=2)
