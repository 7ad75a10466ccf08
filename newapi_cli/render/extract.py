"""The code blocks of an answer, and nothing else."""

from __future__ import annotations

from markdown_it import MarkdownIt

from newapi_cli.domain.completion import Chunk, Completion, Notice, Status, TurnEvent
from newapi_cli.errors import GatewayError
from newapi_cli.render.plain import tool_calls_json
from newapi_cli.render.sanitizer import safe_text
from newapi_cli.render.status_lines import StatusLines
from newapi_cli.streams import Output


def code_blocks(markdown: str) -> list[str]:
    """Give the content of each fenced block, wherever it stands.

    >>> code_blocks("a\\n```py\\nx = 1\\n```\\n> - b\\n>   ~~~\\n>   y\\n")
    ['x = 1\\n', 'y\\n']
    """
    tokens = MarkdownIt("commonmark").parse(markdown)
    contents = (token.content for token in tokens if token.type == "fence" and token.content)
    return [content if content.endswith("\n") else f"{content}\n" for content in contents]


class ExtractRenderer:
    """Waits for the whole answer, then writes its code blocks, an empty line between two."""

    def __init__(self, stdout: Output, aside: StatusLines) -> None:
        self._stdout = stdout
        self._aside = aside

    def show(self, event: TurnEvent) -> None:
        """Show what stands beside the answer."""
        if isinstance(event, Chunk) and event.reasoning:
            self._aside.reason(event.reasoning)
        elif isinstance(event, Notice):
            self._aside.notice(event)

    def finish(self, completion: Completion) -> None:
        """Write the code; of an answer without any, all of it on stderr.

        Raises `GatewayError` for that, unless the answer did not end well: that is told anyway.
        """
        self._aside.end_reasoning()
        blocks = code_blocks(completion.content)
        text = "\n".join(blocks)
        self._stdout.write(safe_text(text) if self._stdout.is_terminal else text)
        if not blocks and completion.content:
            self._aside.show_answer(completion.content)
        elif not blocks and completion.tool_calls:
            self._aside.show_answer(tool_calls_json(completion.tool_calls))
        self._aside.summarize(completion)
        if not blocks and completion.status is Status.COMPLETE:
            raise GatewayError(
                "the answer holds no code block",
                hint="the answer stands above, on standard error; ask for code",
            )
