"""A session as Markdown: every text is unchanged, and ends where it must."""

from __future__ import annotations

import random

import pytest
from markdown_it import MarkdownIt

from newapi_cli.domain.completion import Status
from newapi_cli.domain.session import TurnRecord
from newapi_cli.render.transcript import closed, ending, transcript_markdown
from tests.render.live.documents import (
    Document,
    answers,
    examples,
    random_document,
)
from tests.render.sessions import ATTACHMENT, BRANCHED, CALL, MORE, SKY, session
from tests.support.cases import each
from tests.support.scale import SEED, scaled

EXAMPLES = [*examples("CommonMark"), *answers()]
WHOLE = """\
# The sky

gpt · work · 2026-03-01 12:30 UTC to 2026-03-02 08:05 UTC

## You

Why is the sky blue?

## gpt (gpt-4o)

<details>
<summary>Reasoning</summary>

> They ask
> about light.

</details>

Because **air** scatters.

## You

And red?
At sunset?

## gpt

- longer
- waves

```py
x = 1
```

*(interrupted; the answer is incomplete)*
"""


def headings_of(markdown: str) -> list[str]:
    """Return the headings outside lists and quotes."""
    tokens = MarkdownIt("commonmark", {"maxNesting": 200}).parse(markdown)
    return [
        tokens[i + 1].content
        for i, token in enumerate(tokens)
        if token.type == "heading_open" and token.level == 0
    ]


def test_the_current_path_is_written_turn_by_turn() -> None:
    assert transcript_markdown(BRANCHED) == WHOLE


def test_a_session_without_turns_is_only_a_title() -> None:
    text = transcript_markdown(session(title="", model="", profile=""))
    assert text.startswith("# Untitled session\n\n2026-03-01 12:30 UTC to ")
    assert text.count("\n") == 3


def test_the_system_prompt_precedes_the_turns() -> None:
    text = transcript_markdown(session(SKY, system="Be brief."))
    assert headings_of(text) == ["The sky", "System prompt", "You", "gpt (gpt-4o)"]
    assert "## System prompt\n\nBe brief.\n\n## You" in text


def test_a_title_is_one_line() -> None:
    assert transcript_markdown(session(title=" a\nb\r\u2028c ")).startswith("# a b c\n\n")


def test_attachments_are_a_list() -> None:
    turn = SKY._replace(
        prompt="- a list", attachments=(ATTACHMENT, ATTACHMENT._replace(name="a`*b*``.pdf\n# x"))
    )
    text = transcript_markdown(session(turn))
    assert (
        "- a list\n\nAttached:\n\n- `photo.png`, 12.3 kB, image/png\n"
        "- ``` a`*b*``.pdf # x ```, 12.3 kB, image/png\n\n## gpt (gpt-4o)"
    ) in text


def test_an_answer_of_tool_calls_is_their_json() -> None:
    text = transcript_markdown(session(SKY._replace(answer="", tool_calls=(CALL,))))
    assert '```json\n[\n  {\n    "id": "c",' in text


def test_a_failed_turn_has_its_error() -> None:
    turn = TurnRecord("hi", status=Status.ERROR, error="no *such*\nmodel `x`", model="m")
    text = transcript_markdown(session(turn._replace(id=1)))
    assert text.endswith("## m\n\n*(failed)* `` no *such* model `x` ``\n")


@pytest.mark.parametrize(
    ("turn", "expected"),
    [
        (SKY, ""),
        (SKY._replace(finish_reason="length"), "truncated: the token limit was reached"),
        (MORE, "interrupted; the answer is incomplete"),
        (MORE._replace(answer=""), "interrupted; no answer arrived"),
        (MORE._replace(status=Status.INCOMPLETE), "the answer is incomplete"),
        (MORE._replace(status=Status.ERROR), "failed; the answer is incomplete"),
        (MORE._replace(status=Status.ERROR, answer=""), "failed"),
        (MORE._replace(status=Status.OPEN, answer=""), "not finished; no answer arrived"),
    ],
)
def test_how_a_turn_ended_is_written_unless_it_is_complete(turn: TurnRecord, expected: str) -> None:
    assert ending(turn) == expected


@each(
    ("text", "end"),
    [
        ("", ""),
        ("plain", ""),
        ("```\na\n```", ""),
        ("```\na\n```\n\n", ""),
        ("```\na", "\n```"),
        ("```\na\n\n\n", "```"),
        ("```", "\n```"),
        ("a\n~~~~ py\n```\n~~~\n", "~~~~"),
        ("   ````js\n```", "\n````"),
        ("> ```\n> a", ""),
        ("- ```\n  a", ""),
        ("    ```\n    a", ""),
        ("a `` b", ""),
        ("<!-- a\n\nb", "\n-->"),
        ("<!-- a -->\n\nb <!-- c", ""),
        ("<Script src=x>\n\nb", "\n</script>"),
        ("<pre>\nb</PRE>", ""),
        ("<?php\n\n", "?>"),
        ("<!DOCTYPE\n\n", ">"),
        ("<![CDATA[ x >\n", "]]>"),
        ("<details>\n\nx", ""),
        ("a < b", ""),
    ],
)
def test_only_open_blocks_are_closed(text: str, end: str) -> None:
    assert closed(text) == text + end


@each("document", EXAMPLES, ids=lambda document: document.name)
def test_no_text_includes_what_follows_it(document: Document) -> None:
    _check_stays_inside(document.source)


def test_no_random_text_includes_what_follows_it() -> None:
    rnd = random.Random(SEED)
    for _ in range(scaled(200, 20_000)):
        _check_stays_inside(random_document(rnd, EXAMPLES))


def _check_stays_inside(source: str) -> None:
    text = transcript_markdown(session(SKY._replace(prompt=source, answer=source, reasoning="")))
    assert source in text
    headings = headings_of(text)
    assert headings.count("You") >= 1
    assert "gpt (gpt-4o)" in headings
    after = headings_of(f"{closed(source)}\n\n## The end\n")
    assert after[-1:] == ["The end"]


@pytest.mark.parametrize("reasoning", ["```\nopen", "<!--", "a\rb\r\n# c", "</details>\n\n- x"])
def test_reasoning_stays_in_its_quote(reasoning: str) -> None:
    text = transcript_markdown(session(SKY._replace(reasoning=reasoning)))
    assert headings_of(text) == ["The sky", "You", "gpt (gpt-4o)"]


def test_a_prompt_of_a_megabyte_is_fast() -> None:
    prompt = "word *word* [x](y `z` " * 50_000 + "\n```\n"
    assert closed(prompt) == f"{prompt}```"
