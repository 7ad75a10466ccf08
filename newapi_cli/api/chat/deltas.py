"""What must be remembered from one delta to the next: a split surrogate pair, a split think tag."""

from __future__ import annotations

from newapi_cli.domain.completion import Chunk, ToolCallDelta
from newapi_cli.text import well_formed

OPENING = "<think>"
CLOSING = "</think>"


class SurrogateJoiner:
    """Holds a trailing high surrogate back until its other half comes, in the next delta."""

    def __init__(self) -> None:
        self._held = ""

    def feed(self, text: str) -> str:
        """Give the text that is whole so far."""
        if self._held:
            text, self._held = self._held + text, ""
        if text and "\ud800" <= text[-1] <= "\udbff":
            text, self._held = text[:-1], text[-1]
        return well_formed(text)

    def end(self) -> str:
        """Give what stands in for a half that stayed alone."""
        held, self._held = self._held, ""
        return well_formed(held)


class ThinkTagSplitter:
    """Parts content that begins with `<think>` into reasoning and answer.

    Only a leading tag counts: an answer may well speak of `<think>` further on. White space before
    the tag and after the closing one is dropped, white space before an ordinary answer is kept.
    """

    def __init__(self) -> None:
        self._held = ""
        self._place = "start"  # start | opened | thinking | after | answer

    def feed(self, text: str) -> tuple[str, str]:
        """Take content and give (reasoning, answer)."""
        if self._place == "answer":
            return "", text
        self._held += text
        reasoning = ""
        if self._place == "start":
            self._leave_start()
        if self._place == "opened":
            self._held = self._held.lstrip("\n")
            if self._held:
                self._place = "thinking"
        if self._place == "thinking":
            reasoning = self._take_reasoning()
        if self._place == "after":
            self._held = self._held.lstrip()
            if self._held:
                self._place = "answer"
        if self._place != "answer":
            return reasoning, ""
        answer, self._held = self._held, ""
        return reasoning, answer

    def end(self) -> tuple[str, str]:
        """Give what was held back: an unfinished tag is text after all."""
        held, self._held = self._held, ""
        if self._place == "thinking":
            return held, ""
        return ("", held) if self._place == "start" else ("", "")

    def _leave_start(self) -> None:
        begun = self._held.lstrip()
        if begun.startswith(OPENING):
            self._held = begun.removeprefix(OPENING)
            self._place = "opened"
        elif not OPENING.startswith(begun):
            self._place = "answer"

    def _take_reasoning(self) -> str:
        reasoning, tag, rest = self._held.partition(CLOSING)
        if tag:
            self._held, self._place = rest, "after"
            return reasoning
        kept = _length_of_begun_tag(self._held)
        reasoning, self._held = (
            self._held[: len(self._held) - kept],
            self._held[-kept:] * (kept > 0),
        )
        return reasoning


def _length_of_begun_tag(text: str) -> int:
    """Give how many of the last characters may be the beginning of the closing tag."""
    sizes = range(min(len(text), len(CLOSING) - 1), 0, -1)
    return next((size for size in sizes if CLOSING.startswith(text[-size:])), 0)


class DeltaDecoder:
    """Makes the chunks of one stream whole, in the order in which they came."""

    def __init__(self) -> None:
        self._content = SurrogateJoiner()
        self._reasoning = SurrogateJoiner()
        self._arguments: dict[int | None, SurrogateJoiner] = {}  # by the place of their call
        self._think = ThinkTagSplitter()

    def feed(self, chunk: Chunk) -> Chunk:
        """Give the chunk with whole text, its reasoning parted from its answer."""
        if chunk.tool_calls:
            chunk = chunk._replace(tool_calls=tuple(map(self._whole_call, chunk.tool_calls)))
        if not chunk.content and not chunk.reasoning:
            return chunk
        thought, content = self._think.feed(self._content.feed(chunk.content))
        reasoning = self._reasoning.feed(chunk.reasoning) + thought
        if content == chunk.content and reasoning == chunk.reasoning:
            return chunk
        return chunk._replace(content=content, reasoning=reasoning)

    def end(self) -> Chunk | None:
        """Give what was still held back when the stream ended, if anything was."""
        thought, content = self._think.feed(self._content.end())
        last_thought, last_content = self._think.end()
        reasoning = self._reasoning.end() + thought + last_thought
        content += last_content
        ends = [(place, joiner.end()) for place, joiner in self._arguments.items()]
        calls = tuple(ToolCallDelta(place, arguments=end) for place, end in ends if end)
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
