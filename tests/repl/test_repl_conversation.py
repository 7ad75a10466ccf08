"""What is said in a conversation: turns that remember, commands, errors, asking again."""

from __future__ import annotations

import re

import pytest

from tests.repl.conversing import (
    CTRL_D,
    ENTER,
    REFUSAL,
    TAB,
    conversation,
    last_prompt,
    said,
)
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.process import run_newapi
from tests.support.steps import Reset, Send, Step, sse
from tests.support.wire import MODEL, answer_events, chunk, error, event, response

SIZES = [(80, 24), (40, 12), (20, 8), (120, 40)]


# -- turns ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("columns", "rows"), SIZES, ids=[f"{c}x{r}" for c, r in SIZES])
def test_the_third_question_carries_the_first_two_turns(
    home: Home, server: FaultServer, columns: int, rows: int
) -> None:
    with conversation(home, columns=columns, rows=rows) as talk:
        for question in ("first?", "second?", "third?"):
            talk.say(question)
        for number in (1, 2, 3):
            assert f"Answer {number}." in talk.terminal.all_text()
        talk.leave()
    assert said(server) == [
        ("user", "first?"),
        ("assistant", "Answer 1."),
        ("user", "second?"),
        ("assistant", "Answer 2."),
        ("user", "third?"),
    ]


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (20, 8)], ids=["80x24", "20x8"])
def test_what_is_typed_beyond_the_width_is_one_message(
    home: Home, server: FaultServer, columns: int, rows: int
) -> None:
    question = "why 你好 " * 60 + "end"
    with conversation(home, columns=columns, rows=rows) as talk:
        talk.say(question)
        talk.leave()
    assert last_prompt(server) == question


def test_the_settings_of_the_run_hold_for_every_turn(home: Home, server: FaultServer) -> None:
    args = ("-s", "be brief", "-t", "0.5", "-m", "other", "-o", "top_k=4")
    with conversation(home, "chat", *args) as talk:
        talk.say("a")
        talk.say("b")
        talk.leave()
    for request in server.requests:
        body = request.json
        assert (body["model"], body["temperature"], body["top_k"]) == ("other", 0.5, 4)
        assert body["messages"][0] == {"role": "system", "content": "be brief"}


def test_the_bar_names_the_model_and_counts_the_turns(home: Home, server: FaultServer) -> None:
    with conversation(home) as talk:
        talk.terminal.wait_for(f"test · {MODEL} · 0 turns · /help · Ctrl-D leaves")
        talk.say("hi")
        talk.terminal.wait_for(f"test · {MODEL} · hi · 1 turn · 12 tokens · /help")
        talk.say("ho")
        talk.terminal.wait_for(f"test · {MODEL} · hi · 2 turns · 24 tokens · /help")
        talk.leave()


def test_an_empty_line_sends_nothing(home: Home, server: FaultServer) -> None:
    with conversation(home) as talk:
        talk.say("")
        talk.say("   ")
        talk.leave()
    assert server.connections == []


def test_an_argument_and_i_answer_and_stay(home: Home, server: FaultServer) -> None:
    with conversation(home, "chat", "-i", "first") as talk:
        assert "Answer 1." in talk.terminal.all_text()
        talk.say("second")
        talk.leave()
    assert said(server) == [("user", "first"), ("assistant", "Answer 1."), ("user", "second")]


def test_reasoning_never_goes_back_to_the_server(home: Home, server: FaultServer) -> None:
    server.add(*sse(event(chunk(reasoning="Hm, thinking.")), *answer_events("Yes.")))
    with conversation(home) as talk:
        talk.say("a")
        assert "thought for" in talk.terminal.all_text()
        talk.say("b")
        talk.leave()
    assert said(server) == [("user", "a"), ("assistant", "Yes."), ("user", "b")]


@pytest.mark.parametrize("enter", ["\r", "\n"], ids=["terminal", "shell of an editor"])
def test_a_dumb_terminal_converses_too(home: Home, server: FaultServer, enter: str) -> None:
    with conversation(home, env={"TERM": "dumb"}, is_ready=False) as talk:
        talk.terminal.wait_for(re.compile("^>", re.MULTILINE))
        talk.type("hi" + enter)
        talk.terminal.wait_for("Answer 1.")
        talk.terminal.wait_for(re.compile("Answer 1.*^>", re.MULTILINE | re.DOTALL))
        talk.type("exit" + enter)
        assert talk.terminal.wait_exit() == 0
    assert last_prompt(server) == "hi"


# -- commands ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "word", ["/exit", "/quit", "/q", "exit", "quit", ":q", "exit()", " /exit "]
)
def test_words_that_leave(home: Home, server: FaultServer, word: str) -> None:
    with conversation(home) as talk:
        talk.type(word + ENTER)
        assert talk.terminal.wait_exit() == 0
    assert server.connections == []


def test_ctrl_d_on_an_empty_line_leaves(home: Home, server: FaultServer) -> None:
    with conversation(home) as talk:
        talk.type(CTRL_D)
        assert talk.terminal.wait_exit() == 0


def test_help_lists_every_command_and_key(home: Home, server: FaultServer) -> None:
    with conversation(home, rows=40) as talk:
        talk.say("/help")
        text = talk.terminal.all_text()
        for word in ("/help", "/model", "/system", "/new", "/retry", "/exit", "Enter", "Ctrl-C"):
            assert word in text
        talk.leave()
    assert server.connections == []


def test_an_unknown_command_suggests_and_sends_nothing(home: Home, server: FaultServer) -> None:
    meant = {
        "/modle": "/model",
        "/modle gpt-4o": "/model",
        "/exti": "/exit",
        "/zzz": "/help",
        " /modle": "/model",
    }
    with conversation(home) as talk:
        for count, (typed, wanted) in enumerate(meant.items(), start=1):
            talk.say(typed)
            told = talk.terminal.all_text().split("unknown command")
            assert len(told) == 1 + count, typed
            assert wanted in told[-1]
        talk.leave()
    assert server.connections == []


@pytest.mark.parametrize("typed", ["/", "/ help", "/?", " / model x"])
def test_a_slash_without_a_name_is_no_message(home: Home, server: FaultServer, typed: str) -> None:
    with conversation(home) as talk:
        told = talk.told(typed)
        assert "no command name after the slash; /help lists the commands" in told
        talk.leave()
    assert server.connections == []


def test_messages_that_look_like_commands_are_sent(home: Home, server: FaultServer) -> None:
    sent = {
        "//x": "/x",
        "//": "/",
        "/etc/hosts is what?": "/etc/hosts is what?",
        "// is a slash": "/ is a slash",
        '"""/ is one too"""': "/ is one too",
        "/* a comment */": "/* a comment */",
        "exit now?": "exit now?",
    }
    with conversation(home) as talk:
        for typed, wanted in sent.items():
            talk.say(typed)
            assert last_prompt(server) == wanted
        talk.leave()
    assert len(server.requests) == len(sent)


def test_tab_completes_a_command(home: Home, server: FaultServer) -> None:
    with conversation(home) as talk:
        talk.type("/mo" + TAB)
        talk.terminal.wait_for("> /model")
        talk.say(" other")
        talk.say("hi")
        talk.leave()
    assert server.requests[0].json["model"] == "other"


def test_tab_offers_the_commands_that_there_are(home: Home, server: FaultServer) -> None:
    with conversation(home) as talk:
        talk.type("/" + TAB)
        talk.terminal.wait_for("/retry")
        assert "/system" in talk.terminal.screen_text()
        talk.type("\x03")
        talk.leave()
    assert server.connections == []


# -- errors and asking again ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ([Send(response(401, error("Invalid token")))], "rejected the key"),
        ([Send(response(429))], "rate limit"),
        ([Send(response(500, error("boom")))], "boom"),
        ([Send(response(200, "<!doctype html>", content_type="text/html"))], "web page"),
        ([Reset()], "error:"),
        (sse(event(error("in the stream"))), "in the stream"),
        (sse(*answer_events("")), "empty answer"),
    ],
    ids=["401", "429", "500", "page", "reset", "in stream", "empty"],
)
def test_an_error_ends_the_turn_and_not_the_conversation(
    home: Home, server: FaultServer, script: list[Step], told: str
) -> None:
    server.add(*script)
    with conversation(home) as talk:
        talk.say("a")
        assert told in talk.terminal.all_text()
        talk.say("b")
        talk.leave()
    assert said(server) == [("user", "b")]


def test_a_dead_server_is_told_and_the_conversation_goes_on(home: Home) -> None:
    with FaultServer() as server:
        home.configure(server.url, retries=0)
    with conversation(home) as talk:
        talk.say("a")
        assert "cannot connect" in talk.terminal.all_text()
        talk.say("/help")
        talk.leave()


def test_an_answer_that_was_cut_stays_in_the_conversation(home: Home, server: FaultServer) -> None:
    server.add(*sse(event(chunk("Half an")), end=False), Reset())
    with conversation(home) as talk:
        talk.say("a")
        assert "Half an" in talk.terminal.all_text()
        assert "cut off" in talk.terminal.all_text()
        assert "try: /continue or /retry" in talk.words()
        talk.say("go on")
        talk.leave()
    assert said(server) == [("user", "a"), ("assistant", "Half an"), ("user", "go on")]


def test_nothing_configured_is_told_and_the_conversation_goes_on(home: Home) -> None:
    with conversation(home, "chat", "-m", "m") as talk:
        talk.say("a")
        assert "no base URL is set" in talk.terminal.all_text()
        talk.leave()


def test_without_a_model_the_question_waits_for_one(home: Home, server: FaultServer) -> None:
    home.configure(server.url, model="")
    with conversation(home) as talk:
        talk.say("a")
        assert "no model is set: /model NAME, then /retry" in talk.terminal.all_text()
        talk.say("/model other")
        talk.say("/retry")
        talk.leave()
    assert server.requests[0].json["model"] == "other"
    assert last_prompt(server) == "a"


def test_retry_with_nothing_to_ask_again_sends_nothing(home: Home, server: FaultServer) -> None:
    with conversation(home) as talk:
        talk.say("/retry")
        assert "there is no prompt to send again yet" in talk.terminal.all_text()
        talk.leave()
    assert server.connections == []


def test_retry_after_an_error_asks_the_same(home: Home, server: FaultServer) -> None:
    with conversation(home) as talk:
        talk.say("a")
        server.add(*REFUSAL)
        talk.say("b")
        talk.say("/retry")
        talk.leave()
    wanted = [("user", "a"), ("assistant", "Answer 1."), ("user", "b")]
    assert [said(server, 1), said(server, 2)] == [wanted, wanted]


def test_retry_after_an_answer_puts_another_in_its_place(home: Home, server: FaultServer) -> None:
    with conversation(home) as talk:
        talk.say("a")
        talk.say("b")
        talk.say("/retry")
        talk.say("c")
        talk.leave()
    assert said(server, 2) == said(server, 1)
    assert said(server) == [
        *said(server, 1),
        ("assistant", "Answer 3."),
        ("user", "c"),
    ]


def test_retry_with_a_name_asks_another_model(home: Home, server: FaultServer) -> None:
    server.add(*REFUSAL)
    with conversation(home) as talk:
        talk.say("a")
        talk.say("/retry other")
        talk.leave()
    assert [request.json["model"] for request in server.requests] == [MODEL, "other"]
    assert last_prompt(server) == "a"


def test_retry_of_a_failed_question_keeps_an_equal_one_that_was_answered(
    home: Home, server: FaultServer
) -> None:
    with conversation(home) as talk:
        talk.say("go on")
        server.add(*REFUSAL)
        talk.say("go on")
        talk.say("/retry")
        talk.leave()
    assert said(server) == [("user", "go on"), ("assistant", "Answer 1."), ("user", "go on")]


def test_a_retry_that_fails_keeps_the_answer_that_was_there(
    home: Home, server: FaultServer
) -> None:
    with conversation(home) as talk:
        talk.say("a")
        server.add(*REFUSAL)
        talk.say("/retry")
        talk.say("b")
        talk.leave()
    assert said(server) == [("user", "a"), ("assistant", "Answer 1."), ("user", "b")]


# -- where a conversation cannot be -----------------------------------------------------------


@pytest.mark.parametrize("flag", ["--json", "--extract", "--curl"])
def test_a_conversation_has_no_output_for_programs(
    home: Home, server: FaultServer, flag: str
) -> None:
    with conversation(home, "chat", "-i", flag, "hi", is_ready=False) as talk:
        assert talk.terminal.wait_exit() == 2
    assert server.connections == []


def test_staying_without_a_terminal_is_refused_before_anything_is_sent(
    home: Home, server: FaultServer
) -> None:
    result = run_newapi("chat", "-i", "hi", home=home)
    assert (result.code, result.out) == (2, b"")
    assert "a conversation needs a terminal" in result.err
    assert server.connections == []


def test_the_conversation_of_the_demo_remembers(home: Home) -> None:
    with conversation(home, "demo", "-i", "hello") as talk:
        talk.say("how many messages?")
        talk.terminal.wait_for("2 messages")
        talk.leave()
