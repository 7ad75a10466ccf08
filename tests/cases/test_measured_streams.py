"""What real gateways of several ages were measured to do with streams."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.cases.answers import ask, choices, deltas, folded, json_of, same, stream, whole
from tests.support.cases import each
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.process import run_newapi
from tests.support.steps import Send
from tests.support.wire import (
    DONE,
    MODEL,
    chunk,
    completion,
    event,
    json_bytes,
    response,
    usage,
    usage_chunk,
)

# New API of April 2025 numbers the choices of a Claude stream by content blocks.
CLAUDE = [
    {"choices": [{"delta": {"role": "assistant", "content": ""}, "index": 0}]},
    {"choices": [{"delta": {"reasoning_content": "Hmm."}, "index": 0}]},
    {"choices": [{"delta": {"reasoning_content": "\n"}, "index": 0}]},
    {"choices": [{"delta": {"content": "Hello "}, "index": 1}]},
    {"choices": [{"delta": {"content": "there."}, "index": 1}]},
    {"choices": [{"delta": {}, "finish_reason": "stop", "index": 0}]},
]


def test_a_claude_stream_of_an_old_gateway_is_an_answer(home: Home) -> None:
    result = ask(home, stream(*CLAUDE))
    assert (result.code, result.text, result.err) == (0, "Hello there.\n", "")
    value = json_of(home, stream(*CLAUDE))
    assert (value["content"], value["reasoning"]) == ("Hello there.", "Hmm.\n")
    assert value["finish_reason"] == "stop"
    assert same(stream(*CLAUDE)).text == "Hello there."


def tool(choice: int, **call: object) -> Any:
    """Return a piece of a call in the choice with an index."""
    return choices({"tool_calls": [{"type": "function", **call}]}, index=choice)


CALLS = {
    "the heads in choice 0": [
        choices({"content": "Let me look."}),
        tool(0, id="a", function={"name": "look", "arguments": ""}),
        tool(1, function={"arguments": '{"p":'}), tool(1, function={"arguments": '"a"}'}),
        tool(0, id="b", function={"name": "look", "arguments": ""}),
        tool(2, function={"arguments": '{"p":"b"}'})],
    "each in the choice of its block": [
        choices({"reasoning_content": "Hm."}), choices({"content": "Let me look."}, index=1),
        tool(2, id="a", function={"name": "look", "arguments": '{"p":"a"}'}),
        tool(3, id="b", function={"name": "look", "arguments": '{"p":"b"}'})],
    "without text": [
        tool(0, id="a", function={"name": "look", "arguments": '{"p":"a"}'}),
        tool(1, id="b", function={"name": "look", "arguments": '{"p":"b"}'})],
}  # fmt: skip


@each("objects", CALLS.values(), ids=CALLS)
def test_tool_calls_in_other_choices_are_those_of_the_answer(objects: list[Any]) -> None:
    found = same(stream(*objects, choices({}, "tool_calls")))
    assert found.calls == [("a", "look", '{"p":"a"}'), ("b", "look", '{"p":"b"}')]
    assert found.text == ("Let me look." if objects is not CALLS["without text"] else "")


def test_a_single_choice_is_the_answer_whatever_its_index() -> None:
    for index in (1, 2, 7, "1", "0", None, -1, True):
        body = stream(choices({"content": "Yes."}, index=index), choices({}, "stop", index=index))
        assert (same(body).text, same(body).completion.finish_reason) == ("Yes.", "stop")
        only = {"index": index, "message": {"content": "Yes."}, "finish_reason": "stop"}
        assert same(json_bytes({"choices": [only]})).text == "Yes."


def test_text_in_two_blocks_is_one_answer() -> None:
    blocks: list[tuple[int, dict[str, object]]] = [
        (0, {"reasoning_content": "Hm."}),
        (1, {"content": "One, "}),
        (2, {"reasoning_content": "Hm."}),
        (3, {"content": "two."}),
    ]
    objects = [choices(delta, index=index) for index, delta in blocks]
    assert same(stream(*objects, choices({}, "stop"))).text == "One, two."


def test_of_several_choices_the_first_is_the_answer() -> None:
    opening = [choices({"role": "assistant", "content": ""}, index=index) for index in (0, 1)]
    texts = [
        choices({"content": text}, index=index)
        for pair in (("Yes", "No"), (", sir.", ", madam."))
        for index, text in enumerate(pair)
    ]
    ends = [choices({}, "stop"), choices({}, "length", index=1)]  # fmt: skip
    found = same(stream(*opening, *texts, *ends))
    assert (found.text, found.completion.finish_reason) == ("Yes, sir.", "stop")
    together = [{"choices": [*a["choices"], *b["choices"]]}
                for a, b in zip(texts[::2], texts[1::2], strict=True)]  # fmt: skip
    assert same(stream(*together, ends[0])).text == "Yes, sir."
    reversed_ = [{"choices": each["choices"][::-1]} for each in together]
    assert same(stream(*reversed_, ends[0])).text == "Yes, sir."


def test_the_calls_of_another_choice_are_skipped() -> None:
    opening = [choices({"role": "assistant", "content": None}, index=index) for index in (0, 1)]
    calls = [tool(index, index=0, id=id_, function={"name": "f", "arguments": "{}"})
             for index, id_ in enumerate("ab")]  # fmt: skip
    assert folded(stream(*opening, *calls, choices({}, "tool_calls"))).calls == [("a", "f", "{}")]


def test_choice_0_is_complete_even_if_another_one_begins() -> None:
    pieces = ((1, "No"), (0, "Yes"), (1, ", madam."), (0, ", sir."))
    texts = [choices({"content": text}, index=index) for index, text in pieces]
    found = same(stream(*texts, choices({}, "stop"), choices({}, "length", index=1)))
    assert found.text.endswith("Yes, sir.")
    assert "madam" not in found.text
    assert found.completion.finish_reason == "stop"


# -- an empty answer that is charged ------------------------------------------------------------


EMPTY = {
    "usage only": stream(usage_chunk(1234, 0, is_estimated=True)),
    "a finish reason": stream(chunk(finish="stop"), usage_chunk(1234, 0)),
    "whole": json_bytes(completion(None) | {"usage": usage(1234, 0)}),
}


@pytest.mark.parametrize("body", EMPTY.values(), ids=EMPTY)
def test_the_usage_of_an_empty_answer_is_reported(home: Home, body: bytes) -> None:
    result = ask(home, body, "-u")
    assert (result.code, result.text) == (6, "")
    assert "empty answer" in result.err
    assert "1,234 tokens in" in result.err
    assert json_of(home, body)["usage"]["prompt_tokens"] == 1234


# -- the model's name ---------------------------------------------------------------------------


def test_the_line_below_an_answer_names_the_requested_model_first(home: Home) -> None:
    served = "/models/SmolLM2-135M.gguf"
    body = whole({"content": "Yes."}, model=served)
    assert f"{MODEL} ({served}) · " in ask(home, body, "-u").err
    assert json_of(home, body)["model"] == served
    same_name = whole({"content": "Yes."}, model=MODEL)
    assert ask(home, same_name, "-u").err.startswith(f"{MODEL} · ")
    assert ask(home, stream(*deltas("Yes."), choices({}, "stop")), "-u").err.startswith(
        f"{MODEL} · "
    )


def test_the_views_of_a_session_name_both_models(home: Home) -> None:
    body = whole({"content": "Yes."}, model="served-name")
    with FaultServer([Send(response(200, body))]) as server:
        home.configure(server.url)
        assert run_newapi("chat", "hi", home=home).code == 0
    assert f"{MODEL} (served-name) · " in run_newapi("sessions", "show", home=home).text
    assert f"## {MODEL} (served-name)" in run_newapi("sessions", "export", home=home).text
    exported = json.loads(run_newapi("sessions", "export", "--json", home=home).text)
    assert exported["turns"][0]["answered_by"] == "served-name"


# -- comments as data, and events without blank lines -------------------------------------------

ONCE = event(choices({"content": "Once "}))
UPON = event(choices({"content": "upon."})) + event(choices({}, "stop"))
FRAMED = {
    "a comment before": b"data: : OPENROUTER PROCESSING\n\n" + ONCE + UPON + DONE,
    "comments of all forms": b"data:: X\n\ndata:  : Y\n\ndata: :\n\n" + ONCE + UPON + DONE,
    "a comment in the same event": b"data: : X\n" + ONCE + b"data: : Y\n" + UPON + DONE,
    "a comment before [DONE]": ONCE + UPON + b"data: : done\ndata: [DONE]\n\n",
    "no blank lines": (ONCE + UPON + DONE).replace(b"\n\n", b"\n"),
    "no blank lines but the last": (ONCE + UPON).replace(b"\n\n", b"\n") + DONE,
    "no blank lines, and comments": (
        b"data: : X\n\n" + ONCE + b"data: : Y\n\n" + UPON + DONE
    ).replace(b"\n\n", b"\n"),
}


@each("body", FRAMED.values(), ids=FRAMED)
def test_comments_and_missing_blank_lines_need_no_notice(home: Home, body: bytes) -> None:
    found = same(body)
    assert (found.text, found.completion.finish_reason, found.malformed) == (
        "Once upon.",
        "stop",
        0,
    )
    result = ask(home, body)
    assert (result.code, result.text, result.err) == (0, "Once upon.\n", "")


KIMI = {"prompt_tokens": 10, "completion_tokens": 2, "cached_tokens": 4}
DEEPSEEK = {"prompt_tokens": 10, "completion_tokens": 2, "prompt_cache_hit_tokens": 4}


@each(
    ("last", "cached"),
    [
        ({**choices({}, "stop"), "usage": DEEPSEEK}, 4),
        ({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop", "usage": KIMI}]}, 4),
        ({**choices({}, "stop"), "x_groq": {"id": "r", "usage": usage(10, 2)}}, None),
        ({**choices({}, "stop"), "usage": {**DEEPSEEK, "prompt_tokens_details":
            {"cached_tokens": 0}}}, 4),
    ],
    ids=["DeepSeek", "Kimi", "Groq", "DeepSeek with an empty detail"],
)  # fmt: skip
def test_the_tokens_of_a_provider_are_counted(last: Any, cached: int | None) -> None:
    found = same(stream(choices({"content": "Paris."}), last)).completion.usage
    assert found is not None
    assert (found.prompt_tokens, found.completion_tokens, found.cached_tokens) == (10, 2, cached)
