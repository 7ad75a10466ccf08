"""Answers of a real model, rendered while they stream and compared with one rendering."""

from __future__ import annotations

import json

import pytest

from newapi_cli.render.sanitizer import Sanitizer
from tests.render.live.documents import definitions_of, layout_for, reference_rows, streamed_rows
from tests.support.home import Home
from tests.support.process import run_newapi

PROMPTS = (
    "Write a list of five fruits.",
    "Write a numbered list of four steps to make tea.",
    "Write a Python function that adds two numbers, in a code block.",
    "Write a markdown table of three animals and their legs.",
    "Explain what a loop is, with an example in JavaScript.",
    "Write a bash command that lists files, in a code block.",
    "Give three headings for a report, in markdown.",
    "Quote a proverb as a markdown quote.",
    "Write a nested list of two countries with two cities each.",
    "Write JSON with a name and an age, in a code block.",
    "Write a SQL query that counts rows.",
    "Compare tea and coffee in a table.",
    "Write bold and italic words in markdown.",
    "Write a link to example.com in markdown.",
    "Write a C program that prints hello.",
    "Write a short poem of four lines.",
    "List three colors, each with a sentence.",
    "Write an HTML paragraph in a code block.",
    "Write a to-do list with check boxes.",
    "Explain a table, then give one with two columns.",
)


@pytest.mark.parametrize("prompt", PROMPTS)
def test_a_streamed_answer_equals_one_rendering(live_home: Home, prompt: str) -> None:
    result = run_newapi(
        "chat", "--json", "--stream", "--max-tokens", "96", prompt, home=live_home, stdin=None
    )
    lines = [json.loads(line) for line in result.text.splitlines()]
    pieces = [line["content"] for line in lines if line["type"] == "delta" and "content" in line]
    source = Sanitizer().feed("".join(pieces))
    assert source.strip()
    for width in (20, 80):
        layout = layout_for(width)
        rows = streamed_rows(pieces, layout, 3, definitions_of(source))
        assert rows == reference_rows(source, layout)
