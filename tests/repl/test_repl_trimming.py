"""A conversation that is too long for the model: nothing is left out without confirmation."""

from __future__ import annotations

import pytest

from tests.repl.conversation import (
    CTRL_C,
    ENTER,
    ConversationTerminal,
    conversation,
    sent_messages,
    stored_sessions,
)
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.steps import Send, Step
from tests.support.wire import error, response

ERROR_MESSAGE = (
    "This model's maximum context length is 800 tokens. However, your messages resulted in 1000"
    " tokens. Please reduce the length of the messages."
)
LONG = "long " * 100


def refusal() -> list[Step]:
    """Return OpenAI's response to a conversation that is too long."""
    body = error(ERROR_MESSAGE, "invalid_request_error", "context_length_exceeded")
    return [Send(response(400, body))]


def send_three_prompts(repl: ConversationTerminal) -> None:
    """Send three long prompts."""
    for number in (1, 2, 3):
        repl.enter(f"question {number} {LONG}")


def send_too_much(repl: ConversationTerminal, server: FaultServer, question: str) -> str:
    """Send a prompt that is refused; return the output up to the confirmation, as words."""
    server.add(*refusal())
    repl.type(question + ENTER)
    repl.wait_for_line()
    repl.terminal.wait_for("[y/N]")
    return repl.words().rpartition(f"> {question}")[2]


def sent_prompts(server: FaultServer, request: int = -1) -> list[str]:
    """Return the beginnings of the prompts in a request."""
    messages = sent_messages(server, request)
    return [text[:10].strip() for role, text in messages if role == "user"]


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (100, 40)])
def test_turns_to_leave_out_are_listed_and_yes_sends_without_them(
    home: Home, server: FaultServer, columns: int, rows: int
) -> None:
    with conversation(home, columns=columns, rows=rows) as repl:
        send_three_prompts(repl)
        output = send_too_much(repl, server, "and now?")
        assert "too long for the model" in output
        assert "use a model with a larger context: /model NAME" in output
        assert "1 of 3 turns could be left out (it stays in the session, but is not sent)" in output
        assert "· question 1 long" in output
        assert "question 2 long" not in output
        repl.enter("y")
        assert "Answer 5." in repl.text
        repl.leave()
    assert sent_prompts(server, 3) == ["question 1", "question 2", "question 3", "and now?"]
    assert sent_prompts(server) in (
        ["question 2", "question 3", "and now?"],
        ["question 3", "and now?"],
    )
    (stored,) = stored_sessions(home)
    prompts = [turn.prompt[:10].strip() for turn in stored.path]
    assert prompts == ["question 1", "question 2", "question 3", "and now?"]
    assert stored.path[-1].answer == "Answer 5."


@pytest.mark.parametrize("key", ["n", "", "what?", "\x03"])
def test_anything_but_yes_sends_nothing_and_leaves_nothing_out(
    home: Home, server: FaultServer, key: str
) -> None:
    with conversation(home) as repl:
        send_three_prompts(repl)
        send_too_much(repl, server, "and now?")
        if key == "\x03":
            repl.type(key)
            repl.wait_for_line()
        else:
            repl.enter(key)
        assert "nothing was left out; /model changes the model, /retry sends again" in repl.words()
        assert len(server.requests) == 4
        if key == "what?":  # no answer, so it is the next draft: what was typed is never dropped
            repl.terminal.wait_for("> what?")
            repl.type(CTRL_C)
        repl.enter("/retry")
        repl.leave()
    assert sent_prompts(server) == ["question 1", "question 2", "question 3", "and now?"]


def test_the_status_bar_counts_the_sent_turns_and_another_model_gets_all(
    home: Home, server: FaultServer
) -> None:
    with conversation(home, columns=100) as repl:
        send_three_prompts(repl)
        send_too_much(repl, server, "and now?")
        repl.enter("y")
        left = 4 - len(sent_prompts(server))
        repl.terminal.wait_for(f"4 turns ({4 - left} sent)")
        repl.enter("next")
        assert sent_prompts(server)[0] == f"question {left + 1}"
        repl.enter("/model larger")
        repl.terminal.wait_until(lambda: "sent)" not in repl.screen.split("\n")[-1])
        repl.enter("all of it")
        repl.leave()
    assert len(sent_prompts(server)) == 6


def test_turns_stay_left_out_in_a_later_run(home: Home, server: FaultServer) -> None:
    with conversation(home) as repl:
        send_three_prompts(repl)
        send_too_much(repl, server, "and now?")
        repl.enter("y")
        sent = sent_prompts(server)
        repl.leave()
    with conversation(home, "chat", "-c") as repl:
        repl.enter("later")
        repl.leave()
    assert sent_prompts(server) == [*sent, "later"]


def test_a_conversation_that_is_still_too_long_prompts_again(
    home: Home, server: FaultServer
) -> None:
    with conversation(home) as repl:
        send_three_prompts(repl)
        send_too_much(repl, server, "and now?")
        server.add(*refusal())
        repl.enter("y")
        repl.terminal.wait_until(lambda: repl.text.count("[y/N]") == 2)
        repl.enter("y")
        assert "Answer 6." in repl.text
        repl.leave()
    counts = [len(sent_prompts(server, number)) for number in (3, 4, 5)]
    assert counts == sorted(counts, reverse=True)
    assert len(set(counts)) == 3


def test_a_message_that_is_too_long_alone_is_reported(home: Home, server: FaultServer) -> None:
    server.add(*refusal())
    with conversation(home) as repl:
        output = repl.output_of("far too much")
        assert "the message alone is too long" in output
        assert "[y/N]" not in output
        repl.leave()


def test_a_retry_that_is_too_long_keeps_the_previous_answer(
    home: Home, server: FaultServer
) -> None:
    with conversation(home) as repl:
        send_three_prompts(repl)
        send_too_much(repl, server, "/retry")
        repl.enter("n")
        repl.enter("on")
        repl.leave()
    assert sent_messages(server)[-2:] == [("assistant", "Answer 3."), ("user", "on")]
