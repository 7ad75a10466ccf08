"""The code blocks of an answer, and nothing else."""

from __future__ import annotations

import re

from newapi_cli.domain.completion import Chunk, Completion, Notice, TurnEvent
from newapi_cli.errors import GatewayError
from newapi_cli.render.aside import Aside
from newapi_cli.render.sanitise import safe_text
from newapi_cli.streams import Output

OPENING = re.compile(r"( *)(`{3,}|~{3,})(.*)")


def code_blocks(markdown: str) -> list[str]:
    """Give the content of each fenced block, by CommonMark's rules for fences (section 4.5).

    A fence inside a list keeps the list's indentation out of its lines. One that never closes
    reaches to the end.

    >>> code_blocks("a\\n```py\\nx = 1\\n```\\n- b\\n  ~~~\\n  y\\n  ~~~\\n")
    ['x = 1\\n', 'y\\n']
    """
    blocks: list[str] = []
    lines: list[str] | None = None
    indent, fence = "", ""
    for line in markdown.split("\n"):
        if lines is None:
            match = OPENING.match(line)
            if match and not (match.group(2)[0] == "`" and "`" in match.group(3)):
                indent, fence, lines = match.group(1), match.group(2), []
            continue
        bare = line.strip()
        if bare and set(bare) == {fence[0]} and len(bare) >= len(fence):
            blocks.append("".join(lines))
            lines = None
        else:
            lines.append(line[_shared_indent(line, indent) :] + "\n")
    if lines:
        blocks.append("".join(lines).rstrip("\n") + "\n")
    return blocks


def _shared_indent(line: str, indent: str) -> int:
    return min(len(indent), len(line) - len(line.lstrip(" ")))


class ExtractRenderer:
    """Waits for the whole answer, then writes its code blocks, an empty line between two."""

    def __init__(self, stdout: Output, aside: Aside) -> None:
        self._stdout = stdout
        self._aside = aside

    def show(self, event: TurnEvent) -> None:
        """Show what stands beside the answer."""
        if isinstance(event, Chunk) and event.reasoning:
            self._aside.reason(event.reasoning)
        elif isinstance(event, Notice):
            self._aside.notice(event.text, is_detail=event.is_detail)

    def finish(self, completion: Completion) -> None:
        """Write the code; raises `GatewayError` where a whole answer has none."""
        self._aside.end_reasoning()
        blocks = code_blocks(completion.content)
        text = "\n".join(blocks)
        self._stdout.write(safe_text(text) if self._stdout.is_terminal else text)
        self._aside.summarise(completion)
        if not blocks and completion.finish_reason is not None:
            raise GatewayError(
                "the answer holds no code block",
                hint="ask for code, or leave out --extract to see the answer",
            )
