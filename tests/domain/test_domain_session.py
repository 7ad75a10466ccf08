"""The messages of a history, and the tables of stored fields."""

from __future__ import annotations

from newapi_cli.domain.completion import Status
from newapi_cli.domain.messages import Attachment, Message, Role
from newapi_cli.domain.session import (
    SESSION_FIELDS,
    TURN_FIELDS,
    MessageHistory,
    Session,
    TurnRecord,
)

TURNS = (TurnRecord("a", "b"), TurnRecord("c", "d"))


def test_a_prompt_is_sent_after_the_history() -> None:
    assert MessageHistory("be brief", TURNS[:1]).messages_for("c") == (
        Message(Role.SYSTEM, "be brief"),
        Message(Role.USER, "a"),
        Message(Role.ASSISTANT, "b"),
        Message(Role.USER, "c"),
    )


def test_an_empty_system_prompt_is_not_sent() -> None:
    assert MessageHistory().messages_for("a") == (Message(Role.USER, "a"),)


def test_attachments_of_earlier_turns_are_sent_again() -> None:
    photo = Attachment("photo.png", "/photo.png", "image/png", 3, "ab")
    scan = photo._replace(name="scan.png")
    history = MessageHistory("", (TurnRecord("a", "b", attachments=(photo,)),))
    sent = [message.attachments for message in history.messages_for("c", (scan,))]
    assert sent == [(photo,), (), (scan,)]


def test_a_turn_without_an_answer_is_not_sent() -> None:
    failed = TurnRecord("lost", "", status=Status.ERROR)
    history = MessageHistory("", (failed, *TURNS, failed))
    assert history.messages_for("e") == MessageHistory("", TURNS).messages_for("e")


def test_turns_that_are_left_out_are_not_sent() -> None:
    history = MessageHistory("s", TURNS, left_out=1)
    assert history.messages_for("e") == MessageHistory("s", TURNS[1:]).messages_for("e")
    assert history.sent_turns == TURNS[1:]


def test_roles_are_spelled_as_on_the_wire() -> None:
    assert [str(role) for role in Role] == ["system", "user", "assistant"]


def test_the_field_tables_have_every_field_of_sessions_and_turns() -> None:
    assert {field.name for field in SESSION_FIELDS} == set(Session._fields)
    assert {field.name for field in TURN_FIELDS} == set(TurnRecord._fields)
