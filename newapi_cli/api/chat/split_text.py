"""State between the deltas of a stream: a split surrogate pair, a split think tag."""

from __future__ import annotations

from newapi_cli.domain.completion import Chunk, ToolCallDelta
from newapi_cli.text import well_formed

OPENING = "<think>"
CLOSING = "</think>"


class SurrogateJoiner:
    """Holds a trailing high surrogate back until the next delta brings its other half."""

    def __init__(self) -> None:
        self._held = ""

    def feed(self, text: str) -> str:
        """Return the text that is complete."""
        if self._held:
            text, self._held = self._held + text, ""
        if text and "\ud800" <= text[-1] <= "\udbff":
            text, self._held = text[:-1], text[-1]
        return well_formed(text)

    def end(self) -> str:
        """Return U+FFFD for a surrogate that has no other half."""
        held, self._held = self._held, ""
        return well_formed(held)


class ThinkTagSplitter:
    """Splits content that begins with `<think>` into reasoning and answer.

    Only a leading tag counts: an answer may mention `<think>` later. White space before the tag and
    after the closing one is dropped; white space before an ordinary answer is kept.
    """

    def __init__(self) -> None:
        self._held = ""
        self._state = "start"  # start | opened | thinking | after | answer

    def feed(self, text: str) -> tuple[str, str]:
        """Return the reasoning and the answer in the next content."""
        if self._state == "answer":
            return "", text
        self._held += text
        reasoning = ""
        if self._state == "start":
            self._leave_start()
        if self._state == "opened":
            self._held = self._held.lstrip("\n")
            if self._held:
                self._state = "thinking"
        if self._state == "thinking":
            reasoning = self._take_reasoning()
        if self._state == "after":
            self._held = self._held.lstrip()
            if self._held:
                self._state = "answer"
        if self._state != "answer":
            return reasoning, ""
        answer, self._held = self._held, ""
        return reasoning, answer

    def end(self) -> tuple[str, str]:
        """Return what was held back: an incomplete tag is text."""
        held, self._held = self._held, ""
        if self._state == "thinking":
            return held, ""
        return ("", held) if self._state == "start" else ("", "")

    def _leave_start(self) -> None:
        text = self._held.lstrip()
        if text.startswith(OPENING):
            self._held = text.removeprefix(OPENING)
            self._state = "opened"
        elif not OPENING.startswith(text):
            self._state = "answer"

    def _take_reasoning(self) -> str:
        reasoning, tag, rest = self._held.partition(CLOSING)
        if tag:
            self._held, self._state = rest, "after"
            return reasoning
        end = len(self._held) - _length_of_partial_tag(self._held)
        reasoning, self._held = self._held[:end], self._held[end:]
        return reasoning


def _length_of_partial_tag(text: str) -> int:
    """Return how many of the last characters may be the beginning of the closing tag."""
    sizes = range(min(len(text), len(CLOSING) - 1), 0, -1)
    return next((size for size in sizes if CLOSING.startswith(text[-size:])), 0)


class DeltaDecoder:
    """Joins what is split over the chunks of one stream."""

    def __init__(self) -> None:
        self._content = SurrogateJoiner()
        self._reasoning = SurrogateJoiner()
        self._arguments: dict[int | None, SurrogateJoiner] = {}  # by the index of the call
        self._think = ThinkTagSplitter()

    def feed(self, chunk: Chunk) -> Chunk:
        """Return the chunk with complete characters, reasoning and answer separated."""
        if chunk.tool_calls:
            chunk = chunk._replace(tool_calls=tuple(map(self._whole_call, chunk.tool_calls)))
        if not chunk.content and not chunk.reasoning:
            return chunk
        thinking, content = self._think.feed(self._content.feed(chunk.content))
        reasoning = self._reasoning.feed(chunk.reasoning) + thinking
        if content == chunk.content and reasoning == chunk.reasoning:
            return chunk
        return chunk._replace(content=content, reasoning=reasoning)

    def end(self) -> Chunk | None:
        """Return what was held back when the stream ended, None if nothing was."""
        thinking, content = self._think.feed(self._content.end())
        last_thinking, last_content = self._think.end()
        reasoning = self._reasoning.end() + thinking + last_thinking
        content += last_content
        ends = [(index, joiner.end()) for index, joiner in self._arguments.items()]
        calls = tuple(ToolCallDelta(index, arguments=end) for index, end in ends if end)
        if not (content or reasoning or calls):
            return None
        return Chunk(content=content, reasoning=reasoning, tool_calls=calls)

    def _whole_call(self, call: ToolCallDelta) -> ToolCallDelta:
        joiner = self._arguments.get(call.position)
        if joiner is None:
            if call.arguments.isascii():
                return call
            joiner = self._arguments[call.position] = SurrogateJoiner()
        return call._replace(arguments=joiner.feed(call.arguments))
