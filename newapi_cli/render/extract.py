"""`--extract`: the code blocks of an answer without the text around them."""

from __future__ import annotations

from markdown_it import MarkdownIt

from newapi_cli.domain.completion import Chunk, Completion, Notice, Status, TurnEvent
from newapi_cli.errors import GatewayError
from newapi_cli.i18n import tr
from newapi_cli.render.plain import tool_calls_json
from newapi_cli.render.sanitizer import safe_text
from newapi_cli.render.status_lines import StatusLines
from newapi_cli.streams import Output

MAX_NESTING = 200  # beyond it the parser drops text; its default is 20


def commonmark_parser(*, html: bool = True) -> MarkdownIt:
    """Return a parser for source that is not rendered."""
    return MarkdownIt("commonmark", {"html": html, "maxNesting": MAX_NESTING})


def code_blocks(markdown: str) -> list[str]:
    """Return the content of each fenced block, those in lists and quotations too.

    >>> code_blocks("a\\n```py\\nx = 1\\n```\\n> - b\\n>   ~~~\\n>   y\\n")
    ['x = 1\\n', 'y\\n']
    """
    # As on the screen, `<details>` and other tags are text: code directly below them is code.
    tokens = commonmark_parser(html=False).parse(markdown)
    contents = (token.content for token in tokens if token.type == "fence" and token.content)
    return [content if content.endswith("\n") else f"{content}\n" for content in contents]


class ExtractRenderer:
    """Writes the code blocks of an answer when it is complete, separated by empty lines."""

    def __init__(self, stdout: Output, status: StatusLines) -> None:
        self._stdout = stdout
        self._status = status

    def start(self) -> None:
        """Do nothing: nothing is written before the end."""

    def show(self, event: TurnEvent) -> None:
        """Write reasoning and notices to stderr."""
        if isinstance(event, Chunk) and event.reasoning:
            self._status.write_reasoning(event.reasoning)
        elif isinstance(event, Notice):
            self._status.write_notice(event)

    def finish(self, completion: Completion) -> None:
        """Write the code, or the whole answer to stderr if it has none.

        Raises `GatewayError` for an answer without code, unless it failed: that is shown anyway.
        """
        self._status.end_reasoning()
        blocks = code_blocks(completion.content)
        text = "\n".join(blocks)
        self._stdout.write(safe_text(text) if self._stdout.is_terminal else text)
        if not blocks and completion.content:
            self._status.write_answer(completion.content)
        elif not blocks and completion.tool_calls:
            self._status.write_answer(tool_calls_json(completion.tool_calls))
        self._status.write_hidden_calls(completion)
        self._status.write_summary(completion)
        if not blocks and completion.status is Status.COMPLETE:
            raise GatewayError(
                tr("the answer contains no code block"),
                hint=tr("ask the model for code; its answer is printed above"),
            )
