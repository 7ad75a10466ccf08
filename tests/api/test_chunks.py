"""Chunks from the JSON of completions: the documented fields, and whatever servers send."""

from __future__ import annotations

from typing import Any

import pytest

from newapi_cli.api.chat.chunks import (
    find_error_in_choice,
    has_unread_content,
    usage_from_json,
)
from newapi_cli.api.chat.folding import AnswerFolder
from newapi_cli.api.errors.error_object import ErrorObject
from newapi_cli.domain.completion import COUNTS, Chunk, ToolCallDelta, Usage
from tests.api.wrong_shapes import WRONG, name_of, places, replaced
from tests.support.cases import each

# -- both documented responses -----------------------------------------------------------------

WHOLE = {
    "id": "chatcmpl-xxxxxxxx",
    "object": "chat.completion",
    "created": 1677652288,
    "model": "gpt-4",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Hello! How can I assist you today?"},
            "finish_reason": "stop",
        }
    ],
    "usage": {"prompt_tokens": 9, "completion_tokens": 12, "total_tokens": 21},
}


def streamed(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    return {
        "id": "chatcmpl-xxx",
        "object": "chat.completion.chunk",
        "created": 1677652288,
        "model": "gpt-4",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
    }


def chunk_of(value: dict[str, Any]) -> Chunk:
    """Return the chunk of the only object of a response."""
    folder = AnswerFolder()
    chunk, rest = folder.fold(value), folder.end()
    if rest is None:
        return chunk
    return chunk._replace(
        content=chunk.content + rest.content,
        reasoning=chunk.reasoning + rest.reasoning,
        tool_calls=chunk.tool_calls + rest.tool_calls,
    )


def test_the_documented_json_answer_is_read() -> None:
    assert chunk_of(WHOLE) == Chunk(
        content="Hello! How can I assist you today?",
        finish_reason="stop",
        usage=Usage(9, 12, 21),
        model="gpt-4",
        id="chatcmpl-xxxxxxxx",
    )


@pytest.mark.parametrize(
    ("delta", "finish", "content"),
    [
        ({"role": "assistant"}, None, ""),
        ({"content": "Hello"}, None, "Hello"),
        ({"content": "!"}, None, "!"),
        ({}, "stop", ""),
    ],
)
def test_the_documented_stream_is_read(
    delta: dict[str, Any], finish: str | None, content: str
) -> None:
    chunk = chunk_of(streamed(delta, finish))
    assert chunk == Chunk(content=content, finish_reason=finish, model="gpt-4", id="chatcmpl-xxx")


# -- what else comes ---------------------------------------------------------------------------


def test_a_chunk_with_usage_has_no_choices() -> None:
    chunk = chunk_of({"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2}})
    assert chunk == Chunk(usage=Usage(1, 2, 3))


@pytest.mark.parametrize("finish", ["stop", "length", "end", "<|eot_id|>", "pause_turn"])
def test_the_finish_reason_is_kept_unchanged(finish: str) -> None:
    assert chunk_of(streamed({}, finish)).finish_reason == finish


@pytest.mark.parametrize("finish", [None, "", 0, False, [], {}])
def test_an_invalid_finish_reason_is_none(finish: Any) -> None:
    assert chunk_of(streamed({}, finish)).finish_reason is None


@pytest.mark.parametrize(
    "delta",
    [
        {"reasoning_content": "hm"},
        {"reasoning": "hm"},
        {"reasoning_content": "hm", "reasoning": "hm"},
        {"reasoning_content": None, "reasoning": "hm"},
        {"reasoning_content": "", "reasoning": "hm"},
    ],
)
def test_reasoning_in_either_member_or_both_is_read_once(delta: dict[str, Any]) -> None:
    assert chunk_of(streamed(delta)).reasoning == "hm"


def test_content_in_parts_is_joined() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "x"}, 5, None, {"type": "text", "text": "b"}]
    assert chunk_of(streamed({"content": parts})).content == "ab"


def test_choice_0_is_read_or_else_the_only_one() -> None:
    first, second = {"index": 0, "delta": {"content": "a"}}, {"index": 1, "delta": {"content": "b"}}
    assert chunk_of({"choices": [second, first]}).content == "a"
    assert chunk_of({"choices": [second]}).content == "b"


@pytest.mark.parametrize("index", [{}, {"index": None}, {"index": 0}])
def test_a_choice_without_an_index_is_choice_0(index: dict[str, Any]) -> None:
    assert chunk_of({"choices": [{**index, "delta": {"content": "a"}}]}).content == "a"


def test_tool_calls_keep_the_servers_values() -> None:
    calls = [
        {"index": 1, "id": "c1", "type": "function", "function": {"name": "f", "arguments": "{"}},
        {"type": None, "function": {"arguments": "}"}},
    ]
    assert chunk_of(streamed({"tool_calls": calls})).tool_calls == (
        ToolCallDelta(1, "c1", "f", "{"),
        ToolCallDelta(None, "", "", "}"),
    )


@each(
    ("choice", "text"),
    [
        ({"delta": {"content": None, "refusal": "I may not."}}, "I may not."),
        ({"delta": {"content": "", "refusal": "I may not."}}, "I may not."),
        ({"message": {"content": [{"type": "refusal", "refusal": "I may not."}]}}, "I may not."),
        ({"delta": {"refusal": " I may not.", "content": "Yes."}}, "Yes. I may not."),
        ({"delta": {"content": "I may not.", "refusal": "I may not."}}, "I may not."),
        ({"delta": {"content": [{"text": "Yes. "}], "refusal": "No."}}, "Yes. No."),
        ({"delta": {"content": "Yes", "refusal": 5, "images": 5}}, "Yes"),
        ({"message": {"content": None, "audio": {"data": "AA", "transcript": "Hi"}}}, "Hi"),
        ({"text": "Once upon"}, "Once upon"),
        ({"delta": {}, "message": {"content": "a"}}, "a"),
        ({"message": {"content": [{"type": "text", "text": {"value": "a"}}]}}, "a"),
        ({"index": "0", "delta": {"content": "a"}}, "a"),
    ],
)
def test_text_in_other_members_is_the_answer(choice: dict[str, Any], text: str) -> None:
    assert chunk_of({"choices": [choice]}).content == text


@pytest.mark.parametrize("thoughts", ["hm", [{"type": "text", "text": "hm"}]])
def test_thinking_in_content_parts_is_reasoning(thoughts: object) -> None:
    parts = [{"type": "thinking", "thinking": thoughts}, {"type": "text", "text": "a"}]
    chunk = chunk_of(streamed({"content": parts}))
    assert (chunk.reasoning, chunk.content) == ("hm", "a")


def test_a_deprecated_function_call_is_a_tool_call() -> None:
    delta = {"function_call": {"name": "f", "arguments": "{"}}
    assert chunk_of(streamed(delta)).tool_calls == (ToolCallDelta(None, "", "f", "{"),)


def test_arguments_that_are_an_object_become_its_text() -> None:
    function = {"name": "f", "arguments": {"city": "北京"}}
    (call,) = chunk_of(streamed({"tool_calls": [{"function": function}]})).tool_calls
    assert call.arguments == '{"city": "北京"}'


@pytest.mark.parametrize(("given", "text"), [(["北京", 1], '["北京", 1]'), ([], "[]"), (5, "")])
def test_arguments_that_are_a_list_become_its_text(given: object, text: str) -> None:
    function = {"name": "f", "arguments": given}
    (call,) = chunk_of(streamed({"tool_calls": [{"function": function}]})).tool_calls
    assert call.arguments == text


@pytest.mark.parametrize("beside", [{}, {"function": None}, {"function": {}}])
def test_a_custom_tool_call_has_a_name_and_an_input(beside: dict[str, Any]) -> None:
    custom = {"name": "patch", "input": "*** Begin"}
    calls = [{"index": 0, "id": "c", "type": "custom", "custom": custom, **beside}]
    assert chunk_of(streamed({"tool_calls": calls})).tool_calls == (
        ToolCallDelta(0, "c", "patch", "*** Begin"),
    )


def test_arguments_nested_more_deeply_than_the_stack_are_none() -> None:
    arguments: dict[str, Any] = {}
    for _ in range(100_000):
        arguments = {"a": arguments}
    function = {"name": "f", "arguments": arguments}
    (call,) = chunk_of(streamed({"tool_calls": [{"function": function}]})).tool_calls
    assert call.arguments == ""


UNREAD: dict[str, Any] = {
    "choices are an object": {"choices": {"0": {"delta": {"content": "a"}}}},
    "choices are a text": {"choices": "a"},
    "choices are a number": {"choices": 5},
    "choices of texts": {"choices": ["a"]},
    "the delta is a text": {"choices": [{"delta": "a"}]},
    "the message is a list": {"choices": [{"message": ["a"]}]},
    "content is a number": streamed({"content": 5}),
    "content is true": streamed({"content": True}),
    "content is an object": streamed({"content": {"text": "a"}}),
    "content of texts": streamed({"content": ["a"]}),
    "content of unknown parts": streamed({"content": [{"type": "x", "y": "a"}]}),
    "reasoning is an object": streamed({"reasoning": {"x": "a"}}),
    "a refusal is a list": streamed({"refusal": ["a"]}),
    "content whose text is a number": streamed({"content": [{"type": "text", "text": 5}]}),
    "content whose value is a list": streamed({"content": [{"text": {"value": ["a"]}}]}),
    "images are a text": streamed({"images": "a"}),
    "images of texts": streamed({"images": ["a"]}),
    "the text is a number": {"choices": [{"index": 0, "text": 3}]},
    "tool calls are a text": streamed({"tool_calls": "a"}),
    "tool calls of texts": streamed({"tool_calls": ["a"]}),
    "a function call is a text": streamed({"function_call": "f"}),
    "with an end": streamed({"content": 5}, "stop"),
}
EMPTY: dict[str, Any] = {
    "nothing": {},
    "no choices": {"choices": []},
    "null": {"choices": None},
    "a choice that is null": {"choices": [None]},
    "usage": {"choices": [], "usage": {"total_tokens": 1}},
    "a role": streamed({"role": "assistant", "content": ""}),
    "an end": streamed({}, "stop"),
    "null everywhere": streamed(
        dict.fromkeys(["content", "reasoning", "refusal", "tool_calls", "function_call", "audio"])
    ),
    "a delta that is null": {"choices": [{"delta": None, "message": None}]},
    "an empty value": streamed({"content": [{"type": "text", "text": {"value": ""}}]}),
    "no images": streamed({"content": None, "images": []}),
    "an empty text": {"choices": [{"index": 0, "text": ""}]},
    "an empty part": streamed({"content": [{"type": "text", "text": ""}]}),
    "a call without a piece of its arguments": streamed(
        {"tool_calls": [{"index": 0, "function": {"arguments": ""}}]}
    ),
    "an annotation": streamed({"annotations": [{"type": "url_citation"}]}),
    "sound": streamed({"audio": {"id": "x", "data": "AA"}}),
    "another choice": {"choices": [{"index": 0}, {"index": 1, "delta": {"content": "b"}}]},
}  # fmt: skip


@each("value", UNREAD.values(), ids=UNREAD)
def test_content_in_an_unsupported_form_is_noticed(value: dict[str, Any]) -> None:
    assert not chunk_of(value).has_anything
    assert has_unread_content(value)


@each("value", EMPTY.values(), ids=EMPTY)
def test_an_object_without_an_answer_has_no_unread_content(value: dict[str, Any]) -> None:
    assert not chunk_of(value).has_anything
    assert not has_unread_content(value)


# -- wrong shapes, everywhere ------------------------------------------------------------------

FULL: dict[str, Any] = {
    **WHOLE,
    "choices": [
        {
            "index": 0,
            "delta": {
                "role": "assistant",
                "content": "a",
                "reasoning_content": "b",
                "reasoning": "b",
                "tool_calls": [
                    {
                        "index": 0,
                        "id": "c",
                        "type": "function",
                        "function": {"name": "f", "arguments": "{}"},
                    }
                ],
            },
            "finish_reason": "stop",
        }
    ],
    "usage": {
        "prompt_tokens": 1,
        "completion_tokens": 2,
        "total_tokens": 3,
        "prompt_tokens_details": {"cached_tokens": 1},
        "completion_tokens_details": {"reasoning_tokens": 1},
    },
}


@pytest.mark.parametrize(
    ("value", "path"),
    [
        pytest.param(value, path, id=f"{name} {name_of(path)}")
        for name, value in (("streamed", FULL), ("whole", WHOLE))
        for path in places(value)[1:]
    ],
)
def test_a_chunk_with_a_wrong_member_is_still_a_chunk(
    value: dict[str, Any], path: tuple[str | int, ...]
) -> None:
    for wrong in WRONG:
        chunk = chunk_of(replaced(value, path, wrong))
        assert isinstance(chunk.content, str), wrong
        assert isinstance(chunk.reasoning, str), wrong
        assert isinstance(chunk.model, str), wrong
        assert isinstance(chunk.id, str), wrong
        assert isinstance(chunk.finish_reason, str | None), wrong
        for call in chunk.tool_calls:
            assert isinstance(call.position, int | None), wrong
            assert all(isinstance(text, str) for text in call[1:4]), wrong
        assert isinstance(has_unread_content(replaced(value, path, wrong)), bool), wrong
        counts = () if chunk.usage is None else chunk.usage[: len(COUNTS)]
        assert all(isinstance(count, int | None) for count in counts), wrong


# -- usage --------------------------------------------------------------------------------------


@each("count", [None, -1, 2**70, float("nan"), float("inf"), float("-inf"), "9", "", True, [], {}])
def test_an_invalid_count_is_unknown(count: Any) -> None:
    usage = usage_from_json({"prompt_tokens": count, "completion_tokens": 3})
    assert usage == Usage(None, 3, None)


@pytest.mark.parametrize(("count", "read"), [(0, 0), (7, 7), (7.0, 7)])
def test_a_whole_number_is_a_count(count: Any, read: int) -> None:
    assert usage_from_json({"prompt_tokens": count}).prompt_tokens == read


def test_a_missing_total_is_the_sum_of_the_counts() -> None:
    assert usage_from_json({"prompt_tokens": 1, "completion_tokens": 2}).total_tokens == 3
    assert usage_from_json({"prompt_tokens": 1}).total_tokens is None


def test_a_total_of_the_server_is_kept() -> None:
    usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 9}
    assert usage_from_json(usage).total_tokens == 9


def test_the_details_of_usage_are_read() -> None:
    usage = usage_from_json(FULL["usage"])
    assert (usage.cached_tokens, usage.reasoning_tokens) == (1, 1)


@pytest.mark.parametrize(
    "picture", ["data:image/png;base64,AA", {"url": "data:image/png;base64,AA"}]
)
def test_an_image_in_a_content_part_is_a_markdown_image(picture: object) -> None:
    parts = [{"type": "text", "text": "See "}, {"type": "image_url", "image_url": picture}]
    chunk = chunk_of({"choices": [{"message": {"content": parts}}]})
    assert chunk.content == "See ![image](data:image/png;base64,AA)"


@pytest.mark.parametrize(("content", "text"), [("See ", "See "), (None, "")])
def test_images_follow_the_content(content: str | None, text: str) -> None:
    images = [{"type": "image_url", "image_url": {"url": f"data:,{name}"}} for name in "ab"]
    chunk = chunk_of(streamed({"content": content, "images": images}))
    assert chunk.content == f"{text}![image](data:,a)![image](data:,b)"


# -- errors in a choice -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("about", "error_object"),
    [
        ({"code": 502, "message": "upstream broke"}, ErrorObject("upstream broke", "", "502")),
        ("upstream broke", ErrorObject("upstream broke")),
        (5, ErrorObject("")),
    ],
)
def test_an_error_in_a_choice_ends_the_answer(about: object, error_object: ErrorObject) -> None:
    value = {"choices": [{"index": 0, "error": about}]}
    assert find_error_in_choice(value) == error_object
    assert chunk_of(value).finish_reason == "error"


@pytest.mark.parametrize(
    "choices",
    [None, [], 5, [{"error": None}], [{"error": {}}], [{}], [{"index": 1, "error": "no"}, {}]],
)
def test_a_choice_without_an_error_has_none(choices: object) -> None:
    assert find_error_in_choice({"choices": choices}) is None
    assert chunk_of({"choices": choices}).finish_reason is None
