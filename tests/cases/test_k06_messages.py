"""K6: text that a stream sends twice is printed once.

go-kratos/blades#189, infiniflow/ragflow#15443.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.cases.answers import ask, case, choices, deltas, folded, json_of, same, stream, whole
from tests.support.cases import each
from tests.support.home import Home

END = choices({}, "stop")
ANSWER = "Once upon a time."


@pytest.mark.parametrize("name", ["delta_msg.sse", "delta_msg2.sse", "rag_final.sse"])
def test_an_answer_that_is_repeated_is_printed_once(home: Home, name: str) -> None:
    result = ask(home, case(name))
    assert (result.code, result.text, result.err) == (0, "Once upon.\n", "")
    assert json_of(home, case(name))["content"] == "Once upon."
    assert same(case(name)).text == "Once upon."


def message(content: object, finish: str | None = None, **members: object) -> Any:
    """Return an object with a message; `delta` may be among the members of the choice."""
    choice = {"index": 0, "message": {"role": "assistant", "content": content}, **members}
    return {"choices": [{**choice, "finish_reason": finish}]}


ONCE = {
    "the whole answer at the end": [*deltas("Once ", "upon ", "a time."), message(ANSWER, "stop")],
    "the rest is new": [*deltas("Once ", "upon"), message(ANSWER, "stop")],
    "a part of it": [*deltas("Once ", "upon a time."), message("Once upon"), END],
    "beside each delta": [
        message("Once ", delta={"content": "Once "}),
        message("Once upon", delta={"content": "upon"}),
        message(ANSWER, "stop", delta={"content": " a time."})],
    "messages that grow": [message("Once"), message("Once upon"), message(ANSWER), END],
    "messages that grow, the last one twice": [
        message("Once upon"), message(ANSWER), message(ANSWER, "stop")],
    "messages that are pieces": [message("Once "), message("upon "), message("a time."), END],
    "without white space around it": [
        *deltas("Once ", "upon a time.", "\n"), message(f" {ANSWER}", "stop")],
    "as parts": [*deltas("Once ", "upon a time."),
                 message([{"type": "text", "text": ANSWER}], "stop")],
    "an empty message": [*deltas("Once ", "upon a time."), message("", "stop")],
    "a message that is null": [*deltas("Once ", "upon a time."), message(None, "stop")],
    "before the finish reason": [*deltas("Once ", "upon a time."), message(ANSWER), END],
    "after the finish reason": [*deltas("Once ", "upon a time."), END, message(ANSWER)],
    "another version of it": [*deltas("Once ", "upon a time."), message("It is removed.", "stop")],
    "with the reasoning in it": [
        *deltas("<think>hm</think>", "Once ", "upon a time."),
        message(f"<think>hm</think>{ANSWER}", "stop")],
    "without the reasoning": [
        *deltas("<think>hm</think>", "Once ", "upon a time."), message(ANSWER, "stop")],
    "a last delta": [*deltas("Once ", "upon ", "a time."), choices({"content": ANSWER}, "stop")],
    "a last delta before the finish reason": [*deltas("Once ", "upon ", "a time.", ANSWER), END],
    "a last delta of one piece": [*deltas(ANSWER), choices({"content": ANSWER}, "stop")],
    "a last delta with a line break": [
        *deltas("Once upon ", "a time."), choices({"content": f"{ANSWER}\n"}, "stop")],
}  # fmt: skip


@each("objects", ONCE.values(), ids=ONCE)
def test_text_that_comes_twice_is_taken_once(objects: list[Any]) -> None:
    found = same(stream(*objects))
    assert found.text.strip() == ANSWER
    assert found.completion.finish_reason == "stop"
    assert same(stream(*objects, done=False)).text == found.text


def test_a_last_delta_may_add_to_the_answer_that_it_repeats() -> None:
    last = choices({"content": f"{ANSWER} [1]"}, "stop")
    assert same(stream(*deltas("Once ", "upon a time."), last)).text == f"{ANSWER} [1]"


TWICE = {
    "two words": (["Ha", "Ha"], "HaHa"),
    "two words and an end": (["Ha", "Ha", "!"], "HaHa!"),
    "digits": (["1", "1", "11", "0"], "11110"),
    "a verse": (["La la ", "la.\n", "La la ", "la.\n", "End."], "La la la.\nLa la la.\nEnd."),
    "two equal lines": (["A line of a poem.\n", "A line of a poem.\n", "End."],
                        "A line of a poem.\nA line of a poem.\nEnd."),
    "a beginning again": (["On", "On", "ce"], "OnOnce"),
    "two equal halves": (["A line of a poem.\n"] * 2, "A line of a poem.\nA line of a poem.\n"),
}  # fmt: skip


@each(("pieces", "text"), TWICE.values(), ids=TWICE)
def test_pieces_that_are_equal_are_all_kept(pieces: list[str], text: str) -> None:
    assert same(stream(*deltas(*pieces), END)).text == text


def test_a_last_piece_that_is_equal_to_another_one_is_kept() -> None:
    last = choices({"content": "Ha"}, "stop")
    assert same(stream(*deltas("Ha"), last)).text == "HaHa"
    assert same(stream(*deltas("Ha", "Ha"), last)).text == "HaHaHa"


def test_the_reasoning_of_a_message_is_not_doubled() -> None:
    thoughts = choices({"reasoning_content": "I count."})
    last = {"choices": [{"index": 0, "finish_reason": "stop", "message": {
        "role": "assistant", "content": "Seven.", "reasoning_content": "I count."}}]}  # fmt: skip
    done = same(stream(thoughts, *deltas("Seven."), last)).completion
    assert (done.reasoning, done.content) == ("I count.", "Seven.")
    done = same(stream(last)).completion
    assert (done.reasoning, done.content) == ("I count.", "Seven.")
    grown = {"choices": [{"index": 0, "message": {"reasoning_content": "I "}}]}
    assert same(stream(grown, last)).completion.reasoning == "I count."


def test_a_whole_answer_as_one_event_is_an_answer() -> None:
    assert same(b"data: " + whole({"content": ANSWER}) + b"\n\n").text == ANSWER


def test_a_very_long_answer_is_not_doubled() -> None:
    piece = "x" * 100_000
    found = folded(stream(*deltas(*[piece] * 12), message(piece * 12, "stop")))
    assert len(found.text) == 12 * len(piece)
