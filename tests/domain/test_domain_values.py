"""Secrets, chunks that are folded, conversations, models."""

from __future__ import annotations

import pickle
from collections.abc import Callable

import pytest

from newapi_cli.domain.completion import (
    Chunk,
    CompletionBuilder,
    Status,
    ToolCall,
    ToolCallDelta,
    Usage,
)
from newapi_cli.domain.messages import Attachment, Message, Role
from newapi_cli.domain.models import PricedModel
from newapi_cli.domain.profile import (
    KeyKind,
    KeySource,
    Origin,
    Secret,
    Settings,
    Source,
    Timeouts,
)
from newapi_cli.domain.session import (
    SESSION_FIELDS,
    TURN_FIELDS,
    MessageHistory,
    Session,
    TurnRecord,
)

KEY = "sk-canaryV7qXw2LmT9cRb4NzKs8YdHf3GjPe6UaQ1tMo5vBxWi"
SHOWN = "sk-****BxWi"


# -- secrets ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "show",
    [
        str,
        repr,
        "{}".format,
        "{!r}".format,
        "{!s:>100}".format,
        "%s".__mod__,
        lambda secret: f"{secret}",
        lambda secret: str([secret]),
        lambda secret: str({"key": secret}),
        lambda secret: str(ValueError(secret)),
        lambda secret: repr(KeySource(KeyKind.VALUE, secret, Origin(Source.FLAG))),
        lambda secret: repr(
            Settings("p", key=KeySource(KeyKind.VALUE, secret, Origin(Source.FLAG)))
        ),
    ],
)
def test_a_secret_shows_its_last_four_characters_at_most(show: Callable[[Secret], str]) -> None:
    text = show(Secret(KEY))
    assert SHOWN in text
    assert KEY[3:-4] not in text
    assert KEY[3:11] not in text


@pytest.mark.parametrize("length", range(17))
def test_a_short_secret_shows_next_to_nothing(length: int) -> None:
    key = "abcdefghijklmnopq"[:length]
    assert str(Secret(key)) == ("****" if length < 16 else "****mnop")


def test_a_secret_without_the_prefix_does_not_get_one() -> None:
    assert str(Secret(KEY.removeprefix("sk-"))) == "****BxWi"


def test_a_secret_is_given_to_who_asks() -> None:
    assert Secret(KEY).reveal() == KEY


def test_secrets_are_equal_by_their_value() -> None:
    assert Secret(KEY) == Secret(KEY)
    assert hash(Secret(KEY)) == hash(Secret(KEY))
    assert Secret(KEY) != Secret(KEY + "x")
    assert Secret(KEY) != KEY


def test_a_secret_has_no_dictionary_to_look_into() -> None:
    assert not hasattr(Secret(KEY), "__dict__")
    assert KEY not in str(dir(Secret(KEY)))


# -- the fold of chunks -------------------------------------------------------------------------


def folded(*chunks: Chunk) -> CompletionBuilder:
    builder = CompletionBuilder()
    for chunk in chunks:
        builder.add(chunk)
    return builder


def calls_of(*deltas: ToolCallDelta) -> tuple[ToolCall, ...]:
    chunks = [Chunk(tool_calls=(delta,)) for delta in deltas]
    return folded(*chunks).completion(Status.COMPLETE).tool_calls


def test_pieces_of_text_are_joined_in_their_order() -> None:
    builder = folded(Chunk("a", "x"), Chunk(), Chunk("b"), Chunk(reasoning="y"))
    done = builder.completion(Status.COMPLETE)
    assert (done.content, done.reasoning) == ("ab", "xy")


def test_a_tool_call_in_pieces_is_put_together() -> None:
    pieces = (ToolCallDelta(0, "", "", '{"a"'), ToolCallDelta(0, "", "", ":1}"))
    assert calls_of(ToolCallDelta(0, "c", "f"), *pieces) == (ToolCall("c", "f", '{"a":1}'),)


def test_a_first_index_of_1_is_a_call_like_any_other() -> None:
    assert calls_of(ToolCallDelta(1, "c", "f", "{"), ToolCallDelta(1, "", "", "}")) == (
        ToolCall("c", "f", "{}"),
    )


def test_calls_stand_in_the_order_of_their_first_sight() -> None:
    found = calls_of(
        ToolCallDelta(2, "b", "g", "{"),
        ToolCallDelta(1, "a", "f", "["),
        ToolCallDelta(2, "", "", "}"),
        ToolCallDelta(1, "", "", "]"),
    )
    assert found == (ToolCall("b", "g", "{}"), ToolCall("a", "f", "[]"))


def test_a_call_without_any_index_is_put_together() -> None:
    assert calls_of(ToolCallDelta(None, "c", "f", "{"), ToolCallDelta(None, "", "", "}")) == (
        ToolCall("c", "f", "{}"),
    )


def test_a_new_id_without_an_index_begins_a_new_call() -> None:
    found = calls_of(
        ToolCallDelta(None, "a", "f", "{}"),
        ToolCallDelta(None, "b", "g", "["),
        ToolCallDelta(None, "", "", "]"),
    )
    assert found == (ToolCall("a", "f", "{}"), ToolCall("b", "g", "[]"))


def test_pieces_without_an_index_belong_to_the_last_call() -> None:
    found = calls_of(
        ToolCallDelta(0, "a", "f", "{}"),
        ToolCallDelta(1, "b", "g", "["),
        ToolCallDelta(None, "", "", "]"),
    )
    assert found == (ToolCall("a", "f", "{}"), ToolCall("b", "g", "[]"))


@pytest.mark.parametrize("index", [0, 1, None])
def test_the_same_id_repeated_in_each_piece_is_one_call(index: int | None) -> None:
    found = calls_of(ToolCallDelta(index, "c", "f", "{"), ToolCallDelta(index, "c", "", "}"))
    assert found == (ToolCall("c", "f", "{}"),)


def test_id_and_name_are_those_that_came_first() -> None:
    assert calls_of(ToolCallDelta(0, "", "", "{"), ToolCallDelta(0, "c", "f", "}")) == (
        ToolCall("c", "f", "{}"),
    )
    assert calls_of(ToolCallDelta(0, "c", "f"), ToolCallDelta(0, "d", "g")) == (
        ToolCall("c", "f", ""),
    )


def test_several_calls_in_one_chunk_are_several() -> None:
    chunk = Chunk(tool_calls=(ToolCallDelta(0, "a", "f", "{}"), ToolCallDelta(1, "b", "g", "{}")))
    assert len(folded(chunk).completion(Status.COMPLETE).tool_calls) == 2


def test_the_last_usage_that_was_told_counts() -> None:
    builder = folded(Chunk(usage=Usage(1, 1, 2)), Chunk(usage=Usage(1, 5, 6)), Chunk())
    assert builder.usage == Usage(1, 5, 6)


def test_the_finish_reason_outlives_what_follows_it() -> None:
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
def test_reasoning_is_something_but_no_answer(
    chunk: Chunk, has_answer: bool, has_anything: bool
) -> None:
    builder = folded(chunk)
    assert (builder.has_answer, builder.has_anything) == (has_answer, has_anything)


def test_characters_are_counted_not_bytes() -> None:
    assert folded(Chunk("你好"), Chunk("👋", "x")).characters == 3


def test_a_completion_is_a_value_that_later_chunks_do_not_change() -> None:
    builder = folded(Chunk("a"))
    before = builder.completion(Status.INTERRUPTED, first_token_s=0.1, duration_s=0.2)
    builder.add(Chunk("b"))
    assert (before.content, before.status) == ("a", Status.INTERRUPTED)
    assert (before.first_token_s, before.duration_s) == (0.1, 0.2)
    assert pickle.loads(pickle.dumps(before)) == before


# -- conversations ------------------------------------------------------------------------------


SAID = (TurnRecord("a", "b"), TurnRecord("c", "d"))


def test_a_prompt_is_asked_after_all_that_was_said() -> None:
    assert MessageHistory("be brief", SAID[:1]).messages_for("c") == (
        Message(Role.SYSTEM, "be brief"),
        Message(Role.USER, "a"),
        Message(Role.ASSISTANT, "b"),
        Message(Role.USER, "c"),
    )


def test_no_system_prompt_is_no_message() -> None:
    assert MessageHistory().messages_for("a") == (Message(Role.USER, "a"),)


def test_what_was_attached_is_sent_again_with_its_prompt() -> None:
    photo = Attachment("photo.png", "/photo.png", "image/png", 3, "ab")
    scan = photo._replace(name="scan.png")
    talk = MessageHistory("", (TurnRecord("a", "b", attachments=(photo,)),))
    assert [message.attachments for message in talk.messages_for("c", (scan,))] == [
        (photo,),
        (),
        (scan,),
    ]


def test_a_turn_without_an_answer_is_not_sent() -> None:
    failed = TurnRecord("lost", "", status=Status.ERROR)
    assert MessageHistory("", (failed, *SAID, failed)).messages_for("e") == MessageHistory(
        "", SAID
    ).messages_for("e")


def test_turns_that_are_left_out_are_not_sent() -> None:
    talk = MessageHistory("s", SAID, left_out=1)
    assert talk.messages_for("e") == MessageHistory("s", SAID[1:]).messages_for("e")
    assert talk.sent_turns == SAID[1:]


def test_roles_are_spelled_as_on_the_wire() -> None:
    assert [str(role) for role in Role] == ["system", "user", "assistant"]


# -- models -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "matches"),
    [
        ((), True),
        (("gpt",), True),
        (("GPT", "MINI"), True),
        (("mini", "gpt"), True),
        (("openai",), True),
        (("gpt", "claude"), False),
        (("gpt mini",), False),
        (("",), True),
    ],
)
def test_a_model_is_found_by_all_of_the_words(words: tuple[str, ...], matches: bool) -> None:
    assert PricedModel("gpt-4o-mini", "OpenAI").matches(words) is matches


# -- settings -----------------------------------------------------------------------------------


def test_the_clocks_are_those_of_the_promises() -> None:
    assert Timeouts() == Timeouts(10, 60, 300, 60, 300, 0)


def test_sources_are_ordered_from_the_weakest() -> None:
    assert [source.value for source in Source] == ["default", "profile", "environment", "flag"]


@pytest.mark.parametrize(
    ("value", "text", "flag", "whole"),
    [("x", "x", False, 0), (True, "", True, 1), (3, "", False, 3), (2.5, "", False, 0)],
)
def test_a_setting_of_another_kind_counts_as_not_set(
    value: object, text: str, flag: bool, whole: int
) -> None:
    settings = Settings("p", values={"name": value})
    assert (settings.text("name"), settings.flag("name")) == (text, flag)
    if not isinstance(value, bool):
        assert settings.integer("name") == whole
    assert (settings.text("other"), settings.flag("other"), settings.integer("other")) == (
        "",
        False,
        0,
    )


def test_the_field_tables_have_every_field_of_sessions_and_turns() -> None:
    assert {field.name for field in SESSION_FIELDS} == set(Session._fields)
    assert {field.name for field in TURN_FIELDS} == set(TurnRecord._fields)
