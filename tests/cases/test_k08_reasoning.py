"""K8: reasoning is never the answer, however a server marks it.

vllm-project/vllm#31045, microsoft/autogen#7009, QwenLM/Qwen3#1297. The tags, split at every
character, are in tests/api/test_think_tags.py.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.cases.answers import ask, case, choices, deltas, json_of, same, stream, whole
from tests.sessions.helpers import stored_sessions
from tests.support.cases import each
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.process import newapi_command, run_newapi
from tests.support.steps import sse
from tests.support.terminal import Terminal
from tests.support.wire import answer_events

END = choices({}, "stop")
THOUGHTS = "First I count. Then I add.\n"


def answer(body: bytes) -> tuple[str, str]:
    """Return the reasoning and the text of an answer in all its forms."""
    done = same(body).completion
    return done.reasoning, done.content


# -- a closing tag alone ------------------------------------------------------------------------


def test_thoughts_closed_by_a_tag_alone_are_not_the_answer(home: Home) -> None:
    value = json_of(home, case("reas_close_only.sse"))
    assert (value["content"], value["reasoning"]) == ("Seven.", THOUGHTS)
    assert value["status"] == "complete"
    assert answer(case("reas_close_only.sse")) == (THOUGHTS, "Seven.")


def test_a_pipe_that_has_the_thoughts_gets_a_notice(home: Home) -> None:
    result = ask(home, case("reas_close_only.sse"))
    assert result.code == 0
    assert result.text == f"{THOUGHTS}Seven.\n"
    assert "reasoning, not a part of the answer" in result.err
    assert "</think>" in result.err
    assert ask(home, case("reas_close_only.sse"), "-q").err == ""


def test_nothing_is_reported_where_nothing_was_printed(home: Home) -> None:
    body = stream(*deltas("I count.\n</think>\n\nSeven."), END)
    result = ask(home, body)
    assert (result.text, result.err) == ("Seven.\n", "")
    one = ask(home, whole({"content": "I count.\n</think>\n\nSeven."}))
    assert (one.text, one.err) == ("Seven.\n", "")
    assert ask(home, case("reas_close_only.sse"), "--json").err == ""


def test_extracted_code_has_no_code_of_the_thoughts(home: Home) -> None:
    body = stream(*deltas("Try:\n```\nwrong\n```\nNo.\n", "</think>\n\n", "```\nright\n```\n"), END)
    result = ask(home, body, "-x")
    assert (result.code, result.text, result.err) == (0, "right\n", "")


def test_lines_of_json_end_with_the_answer_alone(home: Home) -> None:
    result = ask(home, case("reas_close_only.sse"), "--json", "--stream")
    *_, last = map(json.loads, result.text.splitlines())
    assert (last["content"], last["reasoning"]) == ("Seven.", THOUGHTS)
    assert "reasoning, not a part of the answer" in result.err


def test_neither_the_session_nor_the_next_request_holds_the_thoughts(home: Home) -> None:
    events = case("reas_close_only.sse").split(b"\n\n")
    with FaultServer(sse(*(each + b"\n\n" for each in events if each))) as server:
        server.add(*sse(*answer_events("Yes.")))
        home.configure(server.url)
        assert run_newapi("chat", "what is 3 + 4?", home=home).code == 0
        assert run_newapi("chat", "-c", "sure?", home=home).code == 0
        messages = server.requests[1].json["messages"]
    assert [each["content"] for each in messages] == ["what is 3 + 4?", "Seven.", "sure?"]
    [stored] = stored_sessions(home)
    assert [(turn.answer, turn.reasoning) for turn in stored.turns] == [
        ("Seven.", THOUGHTS),
        ("Yes.", ""),
    ]


@pytest.mark.parametrize("args", [(), ("--raw",)])
def test_a_terminal_shows_where_the_thoughts_end(home: Home, args: tuple[str, ...]) -> None:
    events = case("reas_close_only.sse").split(b"\n\n")
    with FaultServer(sse(*(each + b"\n\n" for each in events if each))) as server:
        home.configure(server.url)
        with Terminal(newapi_command("chat", "-n", *args, "hi"), home=home) as terminal:
            assert terminal.wait_exit() == 0
    text = terminal.all_text()
    places = [text.index(each) for each in ("Then I add.", "reasoning, not a part", "Seven.")]
    assert places == sorted(places)
    assert "</think>" in text[places[1] : places[2]]


def test_all_of_an_answer_before_a_closing_tag_is_an_empty_answer(home: Home) -> None:
    result = ask(home, stream(*deltas("It is Rome.", "\n</think>\n"), END))
    assert result.code == 6
    assert "only reasoning was sent" in result.err
    assert "sessions show --reasoning" in result.err


# -- members ------------------------------------------------------------------------------------


def test_reasoning_details_are_reasoning(home: Home) -> None:
    value = json_of(home, case("reas_details.sse"))
    assert (value["content"], value["reasoning"]) == ("Seven.", "First I count. Then I add.")
    assert answer(case("reas_details.sse")) == ("First I count. Then I add.", "Seven.")


MEMBERS: dict[str, dict[str, Any]] = {
    "reasoning_content": {"reasoning_content": "I count."},
    "reasoning": {"reasoning": "I count."},
    "both": {"reasoning": "I count.", "reasoning_content": "I count."},
    "reasoning and its details": {
        "reasoning": "I count.",
        "reasoning_details": [{"type": "reasoning.text", "text": "I count."}],
    },
    "a summary": {"reasoning_details": [{"type": "reasoning.summary", "summary": "I count."}]},
    "an encrypted part": {
        "reasoning_details": [
            {"type": "reasoning.encrypted", "data": "gAAA"},
            {"type": "reasoning.text", "text": "I count."},
        ]
    },
    "thinking": {"thinking": "I count."},
    "thinking blocks": {
        "thinking_blocks": [{"type": "thinking", "thinking": "I count.", "signature": "x"}]
    },
    "reasoning_text": {"reasoning_text": "I count."},
    "a list of texts": {"reasoning": ["I ", "count."]},
}
PARTS: dict[str, Any] = {
    "of Mistral": {"type": "thinking", "thinking": [{"type": "text", "text": "I count."}]},
    "of Anthropic": {"type": "thinking", "thinking": "I count.", "signature": "x"},
    "of type reasoning": {"type": "reasoning", "text": "I count."},
    "with a summary": {
        "type": "reasoning", "summary": [{"type": "summary_text", "text": "I count."}]},
    "of Gemini": {"thought": True, "text": "I count."},
}  # fmt: skip


@each("members", MEMBERS.values(), ids=MEMBERS)
def test_reasoning_in_any_member_is_reasoning(members: dict[str, Any]) -> None:
    expected = ("I count.", "Seven.")
    assert answer(stream(choices(members), choices({"content": "Seven."}), END)) == expected
    assert answer(stream(choices({"content": "", **members}), *deltas("Seven."), END)) == expected
    assert answer(stream(choices({"content": "Seven.", **members}), END)) == expected
    assert answer(whole({"content": "Seven.", **members})) == expected


@each("part", PARTS.values(), ids=PARTS)
def test_reasoning_in_a_part_of_the_content_is_reasoning(part: dict[str, Any]) -> None:
    content = [part, {"type": "text", "text": "Seven."}]
    assert answer(whole({"content": content})) == ("I count.", "Seven.")
    assert answer(stream(choices({"content": content}), END)) == ("I count.", "Seven.")
    assert answer(stream(choices({"content": [part]}), *deltas("Seven."), END)) == (
        "I count.",
        "Seven.",
    )


# -- tags ---------------------------------------------------------------------------------------


def test_adjacent_blocks_are_reasoning(home: Home) -> None:
    value = json_of(home, case("think_adj.sse"))
    assert (value["content"], value["reasoning"]) == ("Seven.", "plan A\nplan B")
    assert answer(case("think_adj.sse")) == ("plan A\nplan B", "Seven.")
    assert ask(home, case("think_adj.sse")).text == "Seven.\n"


@each(
    ("content", "reasoning"),
    [
        ("<thinking>I count.</thinking>Seven.", "I count."),
        ("<thinking>\nI count.\n</thinking>\n\n<thinking>Then I add.</thinking>\nSeven.",
         "I count.\nThen I add."),
        (" \n<think>I count.</think>\n<think>Then I add.</think>\n<think></think>Seven.",
         "I count.\nThen I add."),
        ("<thought>I count.</thought>Seven.", "I count."),
        ("<seed:think>I count.</seed:think>Seven.", "I count."),
        ("[THINK]I count.[/THINK]Seven.", "I count."),
        ("</think>\n\nSeven.", ""),
    ],
)  # fmt: skip
def test_reasoning_in_tags_is_reasoning(content: str, reasoning: str) -> None:
    assert answer(whole({"content": content})) == (reasoning, "Seven.")
    assert answer(stream(*deltas(content), END)) == (reasoning, "Seven.")
    assert answer(stream(*deltas(*content), END)) == (reasoning, "Seven.")


# -- nothing but reasoning ----------------------------------------------------------------------


def test_an_answer_in_the_reasoning_can_be_found(home: Home) -> None:
    result = ask(home, case("reas_only.sse"))
    assert (result.code, result.text) == (6, "")
    assert "only reasoning was sent" in result.err
    assert "newapi sessions show --reasoning" in result.err
    assert "--reasoning show" in result.err
    value = json_of(home, case("reas_only.sse"))
    assert (value["content"], value["reasoning"]) == ("", "The capital is Rome.")


def test_the_command_of_the_hint_shows_the_answer(home: Home) -> None:
    with FaultServer(
        sse(*(case("reas_only.sse").split(b"\n\n")[0] + b"\n\n", b"data: [DONE]\n\n"))
    ) as server:
        home.configure(server.url)
        assert run_newapi("chat", "hi", home=home).code == 6
    assert "The capital is Rome." in run_newapi("sessions", "show", "--reasoning", home=home).text


def test_the_option_of_the_hint_shows_the_answer(home: Home) -> None:
    result = ask(home, case("reas_only.sse"), "--reasoning", "show")
    assert "The capital is Rome." in result.err
