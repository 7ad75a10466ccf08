"""The text of an answer as it arrives: unchanged in a pipe, made safe on a terminal."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from newapi_cli.domain.completion import (
    Chunk,
    Completion,
    Notice,
    ReasoningEnded,
    StreamEnd,
    ToolCall,
    TurnEvent,
)
from newapi_cli.render.sanitizer import Sanitizer
from newapi_cli.render.status_lines import StatusLines
from newapi_cli.streams import Output

if TYPE_CHECKING:
    from newapi_cli.render.images import ImageFilter  # 2 ms, for a terminal only
    from newapi_cli.terminal import OutputModes


class PlainRenderer:
    """Writes each delta at once, and a final line break if the answer has none.

    With `images` and `modes` the text is made safe for a terminal; without them it is not changed.
    """

    def __init__(
        self,
        stdout: Output,
        status: StatusLines,
        images: ImageFilter | None,
        modes: OutputModes | None = None,
    ) -> None:
        self._stdout = stdout
        self._status = status
        self._images = images
        self._sanitizer = Sanitizer()
        self._last = ""
        self._modes = modes

    def start(self) -> None:
        """Set the terminal's modes until `finish`."""
        if self._modes is not None:
            self._modes.enter()

    def show(self, event: TurnEvent) -> None:
        """Write a delta or a notice."""
        if self._modes is not None:
            self._modes.stop_if_requested(self._break_line_on_terminal)
        if isinstance(event, Chunk):
            if event.reasoning:
                self._status.write_reasoning(event.reasoning)
            if event.content:
                self._write(self._safe(event.content) if self._images else event.content)
        elif isinstance(event, StreamEnd):
            self._end_text()
        elif isinstance(event, ReasoningEnded):
            self._end_text()
            self._status.write_reasoning_notice()
        elif isinstance(event, Notice):
            self._break_line_on_terminal()
            self._status.write_notice(event)

    def finish(self, completion: Completion) -> None:
        """Write tool calls if there is no text, the last line break and the summary."""
        try:
            if completion.tool_calls and not completion.content:
                self._write(tool_calls_json(completion.tool_calls))
            self._end_text()
            if self._modes is not None:
                self._write_sources(completion)
        finally:
            if self._modes is not None:
                self._modes.leave()
        self._status.end_reasoning()
        self._status.write_hidden_calls(completion)
        self._status.write_summary(completion)

    def _write_sources(self, completion: Completion) -> None:
        if lines := self._status.source_lines(completion):
            self._write("\n".join(["", *lines, ""]))

    def _end_text(self) -> None:
        if self._images:
            self._write(self._sanitizer.feed(self._images.end()) + self._sanitizer.end())
        if self._last and self._last != "\n":
            self._write("\n")

    def _write(self, text: str) -> None:
        if text:
            self._status.end_reasoning()
            self._stdout.write(text)
            self._last = text[-1]

    def _safe(self, text: str) -> str:
        return self._sanitizer.feed(self._images.feed(text) if self._images else text)

    def _break_line_on_terminal(self) -> None:
        if self._images and self._last not in ("", "\n"):
            self._stdout.write("\n")
            self._last = "\n"


def tool_calls_json(calls: tuple[ToolCall, ...]) -> str:
    """Return tool calls as a JSON list; the arguments are the model's text, unparsed."""
    values = [
        {
            "id": call.id,
            "type": "function",
            "function": {"name": call.name, "arguments": call.arguments},
        }
        for call in calls
    ]
    return json.dumps(values, ensure_ascii=False, indent=2)
