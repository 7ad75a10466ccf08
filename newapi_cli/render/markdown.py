"""Markdown on a terminal: each finished block is laid out by rich and printed once, for good.

Nothing that is printed is ever painted again, so the scrollback holds the answer exactly once. A
block is finished when a complete line shows that another one has begun.
"""

from __future__ import annotations

import re

from markdown_it import MarkdownIt
from markdown_it.token import Token
from rich.console import Console
from rich.markdown import Markdown
from rich.segment import Segment

from newapi_cli.domain.completion import Chunk, Completion, Notice, StreamEnd, TurnEvent
from newapi_cli.render.aside import Aside
from newapi_cli.render.plain import tool_calls_json
from newapi_cli.render.sanitise import Sanitiser, safe_text
from newapi_cli.render.tables import terminal_console
from newapi_cli.streams import Streams

DEFINITION = re.compile(r"^ {0,3}\[[^\]]+\]:[^\n]*$", re.MULTILINE)
CLOSED_BY_A_BLANK_LINE = ("paragraph_open", "table_open", "blockquote_open", "html_block")


def markdown_parser() -> MarkdownIt:
    """Give the parser: CommonMark with tables and strike-through; HTML stays visible text."""
    return MarkdownIt("commonmark", {"html": False}).enable(["strikethrough", "table"])


class AnswerMarkdown(Markdown):
    """rich's Markdown with our parser; a link shows its target, entities cannot hide controls."""

    def __init__(self, source: str) -> None:
        super().__init__(source, hyperlinks=False)
        self.parsed = markdown_parser().parse(source)
        for token in self.parsed:
            _make_safe(token)


def _make_safe(token: Token) -> None:
    token.content = safe_text(token.content)
    for child in token.children or ():
        _make_safe(child)


class BlockSplitter:
    """Cuts growing source into finished blocks. What it gave and what it holds are all it got."""

    def __init__(self) -> None:
        self._tail = ""
        self._parser = markdown_parser()

    def feed(self, text: str) -> str:
        """Take text and give the source of the blocks that are now finished, or the empty text."""
        self._tail += text
        if "\n" not in text:
            return ""
        complete = self._tail[: self._tail.rindex("\n") + 1]
        end = self._end_of_finished(complete)
        lines = complete.split("\n")
        finished = "".join(f"{line}\n" for line in lines[:end])
        self._tail = self._tail[len(finished) :]
        return finished

    def end(self) -> str:
        """Give the rest."""
        rest, self._tail = self._tail, ""
        return rest

    def _end_of_finished(self, source: str) -> int:
        """Give the number of the first line that may still change."""
        blocks = [
            t for t in self._parser.parse(source) if t.level == 0 and t.nesting >= 0 and t.map
        ]
        if not blocks:
            return 0
        last = blocks[-1]
        last_begin, last_end = last.map or (0, 0)
        lines = source.split("\n")
        followed_by_blank = any(not line.strip() for line in lines[last_end:-1])
        if last.type == "heading_open" or last.type == "hr":
            return last_end
        if last.type == "fence" and _is_closed(last, lines[last_end - 1]):
            return last_end
        if last.type in CLOSED_BY_A_BLANK_LINE and followed_by_blank:
            return last_end
        return (blocks[-2].map or (0, last_begin))[1] if len(blocks) > 1 else 0


def _is_closed(fence: Token, last_line: str) -> bool:
    bare = last_line.strip()
    begin, end = fence.map or (0, 0)
    return end - begin > 1 and bare.startswith(fence.markup) and set(bare) == {fence.markup[0]}


class MarkdownRenderer:
    """Writes an answer to a terminal, block by block."""

    def __init__(self, streams: Streams, aside: Aside) -> None:
        self._streams = streams
        self._aside = aside
        self._sanitiser = Sanitiser()
        self._splitter = BlockSplitter()
        self._definitions = ""
        self._has_printed = False

    def show(self, event: TurnEvent) -> None:
        """Print the blocks that a delta finishes, or tell a notice."""
        if isinstance(event, Chunk):
            if event.reasoning:
                self._aside.reason(event.reasoning)
            if event.content:
                self._print(self._splitter.feed(self._sanitiser.feed(event.content)))
        elif isinstance(event, StreamEnd):
            self._print_rest()
        elif isinstance(event, Notice):
            self._aside.notice(event.text, is_detail=event.is_detail)

    def finish(self, completion: Completion) -> None:
        """Print the rest, also of an answer that was cut."""
        self._print_rest()
        if completion.tool_calls and not completion.content:
            self._print(f"```json\n{tool_calls_json(completion.tool_calls)}\n```\n")
        self._aside.end_reasoning()
        self._aside.summarise(completion)

    def _print_rest(self) -> None:
        self._print(self._splitter.feed(self._sanitiser.end()) + self._splitter.end())

    def _print(self, source: str) -> None:
        if not source.strip():
            return
        self._aside.end_reasoning()
        rows = self._rows(f"{source}\n{self._definitions}")
        self._definitions += "".join(f"{found}\n" for found in DEFINITION.findall(source))
        if rows:
            self._streams.stdout.write(("\n" if self._has_printed else "") + rows)
            self._has_printed = True

    def _rows(self, source: str) -> str:
        """Lay blocks out at the present width, without the blank rows around them."""
        console: Console = terminal_console(self._streams)
        lines = console.render_lines(AnswerMarkdown(source), pad=False)
        rows = [console._render_buffer(_without_trailing_blanks(line)) for line in lines]
        while rows and not rows[0].strip():
            rows.pop(0)
        while rows and not rows[-1].strip():
            rows.pop()
        return "".join(f"{row}\n" for row in rows)


def _without_trailing_blanks(line: list[Segment]) -> list[Segment]:
    while line and not line[-1].text.strip() and not (line[-1].style and line[-1].style.bgcolor):
        line = line[:-1]
    return line
