"""A conversation that is too long for the model: nothing is left out unasked."""

from __future__ import annotations

import pytest

from tests.repl.conversing import (
    CTRL_C,
    ENTER,
    Conversing,
    conversation,
    said,
    stored_sessions,
)
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.steps import Send, Step
from tests.support.wire import error, response

WORDS = (
    "This model's maximum context length is 800 tokens. However, your messages resulted in 1000"
    " tokens. Please reduce the length of the messages."
)
LONG = "long " * 100


def refusal() -> list[Step]:
    """Give the refusal that OpenAI writes."""
    body = error(WORDS, "invalid_request_error", "context_length_exceeded")
    return [Send(response(400, body))]


def ask_three(talk: Conversing) -> None:
    """Fill the conversation."""
    for number in (1, 2, 3):
        talk.say(f"question {number} {LONG}")


def ask_too_much(talk: Conversing, server: FaultServer, question: str) -> str:
    """Ask what is refused, and give what is told up to the question y/N, in words."""
    server.add(*refusal())
    talk.type(question + ENTER)
    talk.wait_for_line()
    talk.terminal.wait_for("[y/N]")
    return talk.words().rpartition(f"> {question}")[2]


def questions(server: FaultServer, request: int = -1) -> list[str]:
    """Give the beginnings of the questions that a request carried."""
    messages = said(server, request)
    return [text[:10].strip() for role, text in messages if role == "user"]


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (100, 40)])
def test_the_turns_that_could_go_are_listed_and_yes_asks_without_them(
    home: Home, server: FaultServer, columns: int, rows: int
) -> None:
    with conversation(home, columns=columns, rows=rows) as talk:
        ask_three(talk)
        told = ask_too_much(talk, server, "and now?")
        assert "too long for the model" in told
        assert "use a model with a larger context: /model NAME" in told
        assert "1 of 3 turns could be left out (it stays in the session, but is not sent)" in told
        assert "· question 1 long" in told
        assert "question 2 long" not in told
        talk.say("y")
        assert "Answer 5." in talk.text
        talk.leave()
    assert questions(server, 3) == ["question 1", "question 2", "question 3", "and now?"]
    assert questions(server) in (
        ["question 2", "question 3", "and now?"],
        ["question 3", "and now?"],
    )
    (stored,) = stored_sessions(home)
    prompts = [turn.prompt[:10].strip() for turn in stored.path]
    assert prompts == ["question 1", "question 2", "question 3", "and now?"]
    assert stored.path[-1].answer == "Answer 5."


@pytest.mark.parametrize("key", ["n", "", "what?", "\x03"])
def test_everything_but_yes_sends_nothing_and_drops_nothing(
    home: Home, server: FaultServer, key: str
) -> None:
    with conversation(home) as talk:
        ask_three(talk)
        ask_too_much(talk, server, "and now?")
        if key == "\x03":
            talk.type(key)
            talk.wait_for_line()
        else:
            talk.say(key)
        assert "nothing was left out; /model changes the model, /retry sends again" in talk.words()
        assert len(server.requests) == 4
        if key == "what?":  # no answer, so it is the next draft: what was typed is never dropped
            talk.terminal.wait_for("> what?")
            talk.type(CTRL_C)
        talk.say("/retry")
        talk.leave()
    assert questions(server) == ["question 1", "question 2", "question 3", "and now?"]


def test_the_bar_says_how_many_are_sent_and_another_model_gets_all_again(
    home: Home, server: FaultServer
) -> None:
    with conversation(home, columns=100) as talk:
        ask_three(talk)
        ask_too_much(talk, server, "and now?")
        talk.say("y")
        left = 4 - len(questions(server))
        talk.terminal.wait_for(f"4 turns ({4 - left} sent)")
        talk.say("next")
        assert questions(server)[0] == f"question {left + 1}"
        talk.say("/model larger")
        talk.terminal.wait_until(lambda: "sent)" not in talk.screen.split("\n")[-1])
        talk.say("all of it")
        talk.leave()
    assert len(questions(server)) == 6


def test_what_was_left_out_stays_so_in_a_later_run(home: Home, server: FaultServer) -> None:
    with conversation(home) as talk:
        ask_three(talk)
        ask_too_much(talk, server, "and now?")
        talk.say("y")
        sent = questions(server)
        talk.leave()
    with conversation(home, "chat", "-c") as talk:
        talk.say("later")
        talk.leave()
    assert questions(server) == [*sent, "later"]


def test_a_conversation_that_is_still_too_long_is_asked_about_again(
    home: Home, server: FaultServer
) -> None:
    with conversation(home) as talk:
        ask_three(talk)
        ask_too_much(talk, server, "and now?")
        server.add(*refusal())
        talk.say("y")
        talk.terminal.wait_until(lambda: talk.text.count("[y/N]") == 2)
        talk.say("y")
        assert "Answer 6." in talk.text
        talk.leave()
    counts = [len(questions(server, number)) for number in (3, 4, 5)]
    assert counts == sorted(counts, reverse=True)
    assert len(set(counts)) == 3


def test_a_message_that_is_too_long_alone_is_told(home: Home, server: FaultServer) -> None:
    server.add(*refusal())
    with conversation(home) as talk:
        told = talk.told("far too much")
        assert "the message alone is too long" in told
        assert "[y/N]" not in told
        talk.leave()


def test_a_retry_that_has_become_too_long_keeps_its_answer_where_nothing_may_go(
    home: Home, server: FaultServer
) -> None:
    with conversation(home) as talk:
        ask_three(talk)
        ask_too_much(talk, server, "/retry")
        talk.say("n")
        talk.say("on")
        talk.leave()
    assert said(server)[-2:] == [("assistant", "Answer 3."), ("user", "on")]
