"""Folding chunks into a completion."""

from __future__ import annotations

import pickle

import pytest

from newapi_cli.domain.completion import (
    Chunk,
    CompletionBuilder,
    ReasoningEnded,
    Source,
    Sources,
    Status,
    ToolCall,
    ToolCallDelta,
    Usage,
)
from tests.support.cases import each


def folded(*chunks: Chunk) -> CompletionBuilder:
    builder = CompletionBuilder()
    for chunk in chunks:
        builder.add(chunk)
    return builder


def calls_of(*deltas: ToolCallDelta) -> tuple[ToolCall, ...]:
    chunks = [Chunk(tool_calls=(delta,)) for delta in deltas]
    return folded(*chunks).completion(Status.COMPLETE).tool_calls


def test_pieces_of_text_are_joined_in_order() -> None:
    builder = folded(Chunk("a", "x"), Chunk(), Chunk("b"), Chunk(reasoning="y"))
    done = builder.completion(Status.COMPLETE)
    assert (done.content, done.reasoning) == ("ab", "xy")


def test_pieces_of_a_tool_call_are_joined() -> None:
    pieces = (ToolCallDelta(0, "", "", '{"a"'), ToolCallDelta(0, "", "", ":1}"))
    assert calls_of(ToolCallDelta(0, "c", "f"), *pieces) == (ToolCall("c", "f", '{"a":1}'),)


def test_the_first_index_of_a_tool_call_can_be_1() -> None:
    assert calls_of(ToolCallDelta(1, "c", "f", "{"), ToolCallDelta(1, "", "", "}")) == (
        ToolCall("c", "f", "{}"),
    )


def test_tool_calls_are_in_the_order_of_their_first_piece() -> None:
    calls = calls_of(
        ToolCallDelta(2, "b", "g", "{"),
        ToolCallDelta(1, "a", "f", "["),
        ToolCallDelta(2, "", "", "}"),
        ToolCallDelta(1, "", "", "]"),
    )
    assert calls == (ToolCall("b", "g", "{}"), ToolCall("a", "f", "[]"))


def test_pieces_of_a_tool_call_without_index_are_joined() -> None:
    assert calls_of(ToolCallDelta(None, "c", "f", "{"), ToolCallDelta(None, "", "", "}")) == (
        ToolCall("c", "f", "{}"),
    )


def test_a_new_id_without_an_index_starts_a_new_call() -> None:
    calls = calls_of(
        ToolCallDelta(None, "a", "f", "{}"),
        ToolCallDelta(None, "b", "g", "["),
        ToolCallDelta(None, "", "", "]"),
    )
    assert calls == (ToolCall("a", "f", "{}"), ToolCall("b", "g", "[]"))


def test_pieces_without_an_index_belong_to_the_last_call() -> None:
    calls = calls_of(
        ToolCallDelta(0, "a", "f", "{}"),
        ToolCallDelta(1, "b", "g", "["),
        ToolCallDelta(None, "", "", "]"),
    )
    assert calls == (ToolCall("a", "f", "{}"), ToolCall("b", "g", "[]"))


@pytest.mark.parametrize("index", [0, 1, None])
def test_the_same_id_repeated_in_each_piece_is_one_call(index: int | None) -> None:
    calls = calls_of(ToolCallDelta(index, "c", "f", "{"), ToolCallDelta(index, "c", "", "}"))
    assert calls == (ToolCall("c", "f", "{}"),)


def test_a_tool_call_has_the_first_id_and_name_and_another_id_is_another_call() -> None:
    assert calls_of(ToolCallDelta(0, "", "", "{"), ToolCallDelta(0, "c", "f", "}")) == (
        ToolCall("c", "f", "{}"),
    )
    assert calls_of(ToolCallDelta(0, "c", "f"), ToolCallDelta(0, "d", "g")) == (
        ToolCall("c", "f", "{}"),
        ToolCall("d", "g", "{}"),
    )


def test_offered_names_are_whole() -> None:
    builder = CompletionBuilder()
    builder.offered_tools = ("get", "time")
    builder.add(Chunk(tool_calls=(ToolCallDelta(None, "", "get"), ToolCallDelta(None, "", "time"))))
    names = [call.name for call in builder.completion(Status.COMPLETE).tool_calls]
    assert names == ["get", "time"]


def test_the_last_sources_count() -> None:
    builder = CompletionBuilder()
    for number in (1, 2):
        builder.add(Sources((Source("https://a.example"), Source("https://b.example"))[:number]))
    assert len(builder.completion(Status.COMPLETE).sources) == 2


def test_content_can_become_reasoning() -> None:
    builder = folded(Chunk("First ", "hm "), Chunk("I count."))
    builder.add(ReasoningEnded())
    assert (builder.has_answer, builder.characters) == (False, 0)
    builder.add(Chunk("Seven."))
    done = builder.completion(Status.COMPLETE)
    assert (done.content, done.reasoning) == ("Seven.", "hm First I count.")


@each(
    ("word", "standard"),
    [
        ("stop", "stop"),
        ("length", "length"),
        ("tool_calls", "tool_calls"),
        ("MAX_TOKENS", "length"),
        ("end_turn", "stop"),
        ("SAFETY", "content_filter"),
        ("tool_use", "tool_calls"),
        ("cancelled", "cancelled"),
        ("pause_turn", "pause_turn"),
    ],
)
def test_a_completion_has_the_standard_finish_reason(word: str, standard: str) -> None:
    builder = folded(Chunk("a", finish_reason=word))
    assert builder.finish_reason == word
    assert builder.completion(Status.COMPLETE).finish_reason == standard


def test_several_calls_in_one_chunk_are_several() -> None:
    chunk = Chunk(tool_calls=(ToolCallDelta(0, "a", "f", "{}"), ToolCallDelta(1, "b", "g", "{}")))
    assert len(folded(chunk).completion(Status.COMPLETE).tool_calls) == 2


def test_the_last_usage_counts() -> None:
    builder = folded(Chunk(usage=Usage(1, 1, 2)), Chunk(usage=Usage(1, 5, 6)), Chunk())
    assert builder.usage == Usage(1, 5, 6)


def test_the_finish_reason_is_kept_when_more_chunks_follow() -> None:
    assert folded(Chunk(finish_reason="stop"), Chunk(usage=Usage())).finish_reason == "stop"
    assert folded(Chunk("a"), Chunk("b")).finish_reason is None


def test_model_and_id_are_those_of_the_first_chunk_that_has_them() -> None:
    builder = folded(Chunk(), Chunk(model="m", id="i"), Chunk(model="n", id=""))
    assert (builder.model, builder.id) == ("m", "i")


@pytest.mark.parametrize(
    ("chunk", "has_answer", "has_anything"),
    [
        (Chunk(), False, False),
        (Chunk(finish_reason="stop", usage=Usage(1, 2, 3)), False, False),
        (Chunk(reasoning="x"), False, True),
        (Chunk("x"), True, True),
        (Chunk(" "), True, True),
        (Chunk(tool_calls=(ToolCallDelta(0, "c"),)), True, True),
    ],
)
def test_reasoning_is_not_an_answer(chunk: Chunk, has_answer: bool, has_anything: bool) -> None:
    builder = folded(chunk)
    assert (builder.has_answer, builder.has_anything) == (has_answer, has_anything)


def test_characters_are_counted_not_bytes() -> None:
    assert folded(Chunk("你好"), Chunk("👋", "x")).characters == 3


def test_later_chunks_do_not_change_a_completion() -> None:
    builder = folded(Chunk("a"))
    before = builder.completion(Status.INTERRUPTED, first_token_s=0.1, duration_s=0.2)
    builder.add(Chunk("b"))
    assert (before.content, before.status) == ("a", Status.INTERRUPTED)
    assert (before.first_token_s, before.duration_s) == (0.1, 0.2)
    assert pickle.loads(pickle.dumps(before)) == before
