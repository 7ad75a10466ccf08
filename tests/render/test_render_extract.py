"""The code blocks of an answer, as CommonMark (section 4.5) defines them."""

from __future__ import annotations

import json
from contextlib import nullcontext

import pytest

from newapi_cli.domain.completion import (
    Chunk,
    CompletionBuilder,
    Notice,
    Status,
    ToolCallDelta,
)
from newapi_cli.errors import GatewayError
from newapi_cli.render.extract import ExtractRenderer, code_blocks
from tests.render.pipes import Pipes
from tests.support.cases import each

BLOCKS: dict[str, tuple[str, list[str]]] = {
    "none": ("just text\n", []),
    "nothing": ("", []),
    "one": ("```\nx\n```\n", ["x\n"]),
    "with a language": ("Here:\n\n```py\nx = 1\n```\nThat is it.\n", ["x = 1\n"]),
    "with an info string": ("```py title=\"a b\"\nx\n```\n", ["x\n"]),
    "a space before the language": ("``` py\nx\n```\n", ["x\n"]),
    "tildes": ("~~~\nx\n~~~\n", ["x\n"]),
    "tildes with backticks in the info": ("~~~ a`b`\nx\n~~~\n", ["x\n"]),
    "two": ("```\na\n```\ntext\n~~~\nb\n~~~\n", ["a\n", "b\n"]),
    "two in a row": ("```\na\n```\n```\nb\n```\n", ["a\n", "b\n"]),
    "empty": ("```\n```\n", []),
    "an empty line": ("```\n\n```\n", ["\n"]),
    "no final line break": ("```\nx\n```", ["x\n"]),
    "a longer fence around a shorter one": ("````\n```\nx\n```\n````\n", ["```\nx\n```\n"]),
    "tildes around backticks": ("~~~\n```\nx\n```\n~~~\n", ["```\nx\n```\n"]),
    "closed by a longer fence": ("```\nx\n`````\ntext\n", ["x\n"]),
    "a closing fence with blanks after it": ("```\nx\n```  \ntext\n", ["x\n"]),
    "words after the fence do not close": ("```\nx\n``` y\nz\n```\n", ["x\n``` y\nz\n"]),
    "indented by three": ("   ```\n   x\n     y\n   ```\n", ["x\n  y\n"]),
    "less indented than its fence": ("  ```\nx\n  ```\n", ["x\n"]),
    "a fence in a line is none": ("a ```x``` b\n", []),
    "two backticks are none": ("``\nx\n``\n", []),
    "backticks in the info are no fence": ("``` a`b\n", []),
    "never closed": ("```\nx\ny", ["x\ny\n"]),
    "never closed, with an empty line at the end": ("```\nx\n\n", ["x\n\n"]),
    "never closed and empty": ("text\n```py", []),
    "below a tag": ("<details>\n<summary>x</summary>\n```py\nx\n```\n</details>\n", ["x\n"]),
    "below an unknown tag": ("<answer>\n```\nx\n```\n</answer>\n", ["x\n"]),
    "in a list": ("- a\n\n  ```\n  x\n    y\n  ```\n- b\n", ["x\n  y\n"]),
    "in a numbered list": ("1. a\n\n   ```sh\n   x\n   ```\n", ["x\n"]),
    "deep in a list": ("- a\n  - b\n    - c\n\n      ```\n      x\n      ```\n", ["x\n"]),
    "beginning beside the marker": ("- ```py\n  x\n  ```\n- b\n", ["x\n"]),
    "beginning beside a number": (
        "1. ```sh\n   x\n   ```\n2. ```sh\n   y\n   ```\n",
        ["x\n", "y\n"],
    ),
    "an indented fence in the code does not close": (
        '```py\ndef f():\n    """\n    ```\n    x\n    ```\n    """\n```\n',
        ['def f():\n    """\n    ```\n    x\n    ```\n    """\n'],
    ),
    "in a quotation": ("> ```\n> x\n> ```\n", ["x\n"]),
    "tabs in the code": ("```\n\tx\n```\n", ["\tx\n"]),
    "characters outside ASCII": ("```\n你 👋\n```\n", ["你 👋\n"]),
    "blanks at the ends of lines": ("```\nx  \n  \ny\n```\n", ["x  \n  \ny\n"]),
    "HTML in the code": ("```\n<b>&amp;</b>\n```\n", ["<b>&amp;</b>\n"]),
}  # fmt: skip


@each(("markdown", "blocks"), BLOCKS.values(), ids=BLOCKS)
def test_each_fenced_block_is_extracted(markdown: str, blocks: list[str]) -> None:
    assert code_blocks(markdown) == blocks


def written(
    content: str, finish_reason: str | None = "stop", status: Status = Status.COMPLETE
) -> tuple[bytes, bytes]:
    builder = CompletionBuilder()
    builder.add(Chunk(content, finish_reason=finish_reason))
    with Pipes() as pipes:
        renderer = ExtractRenderer(pipes.streams.stdout, pipes.status())
        renderer.show(Chunk(content, "hm"))
        renderer.show(Notice("busy"))
        renderer.finish(builder.completion(status))
    return pipes.out, pipes.err


def test_a_pipe_gets_the_code_byte_for_byte_and_nothing_else() -> None:
    out, err = written("text\n```\n\tx\x1b[0m\u2028\n```\n")
    assert out == "\tx\x1b[0m\u2028\n".encode()
    assert err == b"hm\n\nbusy\n"


def test_two_blocks_are_separated_by_an_empty_line() -> None:
    assert written("```\na\n```\n```\nb\n```\n")[0] == b"a\n\nb\n"


def test_a_complete_answer_without_code_is_an_error() -> None:
    with pytest.raises(GatewayError) as caught:
        written("no code")
    assert "no code block" in caught.value.message
    assert caught.value.hint


def test_the_code_of_an_incomplete_answer_is_written() -> None:
    assert written("```\nx\ny", None, Status.INCOMPLETE)[0] == b"x\ny\n"


CALL = ToolCallDelta(0, "c1", "f", "{}")
ENDS_BADLY = [Status.INCOMPLETE, Status.INTERRUPTED, Status.ERROR]


@pytest.mark.parametrize("status", ENDS_BADLY)
@pytest.mark.parametrize("reason", [None, "content_filter"])
def test_a_failed_answer_without_code_is_written_to_stderr(
    status: Status, reason: str | None
) -> None:
    assert written("no code", reason, status=status) == (b"", b"hm\n\nbusy\nno code\n")


def test_an_answer_that_never_arrived_is_no_missing_code() -> None:
    assert written("", None, status=Status.ERROR) == (b"", b"hm\n\nbusy\n")


@pytest.mark.parametrize("status", [Status.COMPLETE, *ENDS_BADLY])
def test_tool_calls_are_written_to_stderr_if_there_is_no_text(status: Status) -> None:
    with Pipes() as pipes:
        renderer = ExtractRenderer(pipes.streams.stdout, pipes.status())
        builder = CompletionBuilder()
        builder.add(Chunk(tool_calls=(CALL,), finish_reason="tool_calls"))
        with pytest.raises(GatewayError) if status is Status.COMPLETE else nullcontext():
            renderer.finish(builder.completion(status))
    assert pipes.out == b""
    assert json.loads(pipes.err)[0]["function"] == {"name": "f", "arguments": "{}"}
