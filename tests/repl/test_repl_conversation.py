"""Turns, commands, errors and retries of a conversation."""

from __future__ import annotations

import re

import pytest

from tests.repl.conversation import (
    CTRL_D,
    ENTER,
    TAB,
    conversation,
    last_prompt,
    sent_messages,
)
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.process import run_newapi
from tests.support.steps import Reset, Send, Step, sse
from tests.support.wire import MODEL, answer_events, chunk, error, event, response

SIZES = [(80, 24), (40, 12), (20, 8), (120, 40)]


# -- turns ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("columns", "rows"), SIZES, ids=[f"{c}x{r}" for c, r in SIZES])
def test_the_third_prompt_is_sent_with_the_first_two_turns(
    home: Home, server: FaultServer, columns: int, rows: int
) -> None:
    with conversation(home, columns=columns, rows=rows) as repl:
        for question in ("first?", "second?", "third?"):
            repl.enter(question)
        for number in (1, 2, 3):
            assert f"Answer {number}." in repl.terminal.all_text()
        repl.leave()
    assert sent_messages(server) == [
        ("user", "first?"),
        ("assistant", "Answer 1."),
        ("user", "second?"),
        ("assistant", "Answer 2."),
        ("user", "third?"),
    ]


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (20, 8)], ids=["80x24", "20x8"])
def test_a_line_wider_than_the_window_is_one_message(
    home: Home, server: FaultServer, columns: int, rows: int
) -> None:
    question = "why 你好 " * 60 + "end"
    with conversation(home, columns=columns, rows=rows) as repl:
        repl.enter(question)
        repl.leave()
    assert last_prompt(server) == question


def test_the_options_of_the_run_apply_to_every_turn(home: Home, server: FaultServer) -> None:
    args = ("-s", "be brief", "-t", "0.5", "-m", "other", "-o", "top_k=4")
    with conversation(home, "chat", *args) as repl:
        repl.enter("a")
        repl.enter("b")
        repl.leave()
    for request in server.requests:
        body = request.json
        assert (body["model"], body["temperature"], body["top_k"]) == ("other", 0.5, 4)
        assert body["messages"][0] == {"role": "system", "content": "be brief"}


def test_the_bar_names_the_model_and_counts_the_turns(home: Home, server: FaultServer) -> None:
    with conversation(home) as repl:
        repl.terminal.wait_for(f"test · {MODEL} · 0 turns · /help · Ctrl-D exits")
        repl.enter("hi")
        repl.terminal.wait_for(f"test · {MODEL} · hi · 1 turn · 12 tokens · /help")
        repl.enter("ho")
        repl.terminal.wait_for(f"test · {MODEL} · hi · 2 turns · 24 tokens · /help")
        repl.leave()


def test_an_empty_line_sends_nothing(home: Home, server: FaultServer) -> None:
    with conversation(home) as repl:
        repl.enter("")
        repl.enter("   ")
        repl.leave()
    assert server.connections == []


def test_a_prompt_with_i_is_answered_and_starts_a_conversation(
    home: Home, server: FaultServer
) -> None:
    with conversation(home, "chat", "-i", "first") as repl:
        assert "Answer 1." in repl.terminal.all_text()
        repl.enter("second")
        repl.leave()
    assert sent_messages(server) == [
        ("user", "first"),
        ("assistant", "Answer 1."),
        ("user", "second"),
    ]


def test_reasoning_is_not_sent_back_to_the_server(home: Home, server: FaultServer) -> None:
    server.add(*sse(event(chunk(reasoning="Hm, thinking.")), *answer_events("Yes.")))
    with conversation(home) as repl:
        repl.enter("a")
        assert "thought for" in repl.terminal.all_text()
        repl.enter("b")
        repl.leave()
    assert sent_messages(server) == [("user", "a"), ("assistant", "Yes."), ("user", "b")]


@pytest.mark.parametrize("enter", ["\r", "\n"], ids=["terminal", "shell of an editor"])
def test_a_conversation_works_on_a_dumb_terminal(
    home: Home, server: FaultServer, enter: str
) -> None:
    with conversation(home, env={"TERM": "dumb"}, is_ready=False) as repl:
        repl.terminal.wait_for(re.compile("^>", re.MULTILINE))
        repl.type("hi" + enter)
        repl.terminal.wait_for("Answer 1.")
        repl.terminal.wait_for(re.compile("Answer 1.*^>", re.MULTILINE | re.DOTALL))
        repl.type("exit" + enter)
        assert repl.terminal.wait_exit() == 0
    assert last_prompt(server) == "hi"


# -- commands ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "word", ["/exit", "/quit", "/q", "exit", "quit", ":q", "exit()", " /exit "]
)
def test_words_that_end_the_conversation(home: Home, server: FaultServer, word: str) -> None:
    with conversation(home) as repl:
        repl.type(word + ENTER)
        assert repl.terminal.wait_exit() == 0
    assert server.connections == []


def test_ctrl_d_on_an_empty_line_leaves(home: Home, server: FaultServer) -> None:
    with conversation(home) as repl:
        repl.type(CTRL_D)
        assert repl.terminal.wait_exit() == 0


def test_an_unknown_command_suggests_and_sends_nothing(home: Home, server: FaultServer) -> None:
    meant = {
        "/modle": "/model",
        "/modle gpt-4o": "/model",
        "/exti": "/exit",
        "/zzz": "/help",
        " /modle": "/model",
    }
    with conversation(home) as repl:
        for count, (typed, wanted) in enumerate(meant.items(), start=1):
            repl.enter(typed)
            output = repl.terminal.all_text().split("unknown command")
            assert len(output) == 1 + count, typed
            assert wanted in output[-1]
        repl.leave()
    assert server.connections == []


@pytest.mark.parametrize("typed", ["/", "/ help", "/?", " / model x"])
def test_a_slash_without_a_name_is_not_sent(home: Home, server: FaultServer, typed: str) -> None:
    with conversation(home) as repl:
        output = repl.output_of(typed)
        assert "no command name after the slash; /help lists the commands" in output
        repl.leave()
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
    with conversation(home) as repl:
        for typed, wanted in sent.items():
            repl.enter(typed)
            assert last_prompt(server) == wanted
        repl.leave()
    assert len(server.requests) == len(sent)


def test_tab_completes_a_command(home: Home, server: FaultServer) -> None:
    with conversation(home) as repl:
        repl.type("/mo" + TAB)
        repl.terminal.wait_for("> /model")
        repl.enter(" other")
        repl.enter("hi")
        repl.leave()
    assert server.requests[0].json["model"] == "other"


def test_tab_lists_all_commands(home: Home, server: FaultServer) -> None:
    with conversation(home) as repl:
        repl.type("/" + TAB)
        repl.terminal.wait_for("/retry")
        assert "/system" in repl.terminal.screen_text()
        repl.type("\x03")
        repl.leave()
    assert server.connections == []


# -- errors and asking again ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("script", "message"),
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
    home: Home, server: FaultServer, script: list[Step], message: str
) -> None:
    server.add(*script)
    with conversation(home) as repl:
        repl.enter("a")
        assert message in repl.terminal.all_text()
        repl.enter("b")
        repl.leave()
    assert sent_messages(server) == [("user", "b")]


def test_an_unreachable_server_is_reported_and_the_conversation_continues(home: Home) -> None:
    with FaultServer() as server:
        home.configure(server.url, retries=0)
    with conversation(home) as repl:
        repl.enter("a")
        assert "cannot connect" in repl.terminal.all_text()
        repl.enter("/help")
        repl.leave()


def test_an_answer_that_was_cut_off_stays_in_the_conversation(
    home: Home, server: FaultServer
) -> None:
    server.add(*sse(event(chunk("Half an")), end=False), Reset())
    with conversation(home) as repl:
        repl.enter("a")
        assert "Half an" in repl.terminal.all_text()
        assert "cut off" in repl.terminal.all_text()
        assert "try: /continue or /retry" in repl.words()
        repl.enter("go on")
        repl.leave()
    assert sent_messages(server) == [("user", "a"), ("assistant", "Half an"), ("user", "go on")]


def test_a_missing_configuration_is_reported_and_the_conversation_continues(home: Home) -> None:
    with conversation(home, "chat", "-m", "m") as repl:
        repl.enter("a")
        assert "no base URL is set" in repl.terminal.all_text()
        repl.leave()


def test_a_missing_base_url_is_reported_before_a_missing_model(home: Home) -> None:
    with conversation(home) as repl:
        assert "error: no base URL is set try: run `newapi login`" in repl.words()
        output = repl.output_of("hi")
        assert output.startswith("error: no base URL is set try: run `newapi login`"), output
        assert "no model" not in output
        repl.leave()


def test_without_a_model_the_prompt_is_kept_for_retry(home: Home, server: FaultServer) -> None:
    home.configure(server.url, model="")
    with conversation(home) as repl:
        repl.enter("a")
        assert "error: no model is set try: /model NAME, then /retry" in repl.words()
        repl.enter("/model other")
        repl.enter("/retry")
        repl.leave()
    assert server.requests[0].json["model"] == "other"
    assert last_prompt(server) == "a"


# -- where no conversation is possible --------------------------------------------------------


@pytest.mark.parametrize("flag", ["--json", "--extract", "--curl"])
def test_a_conversation_has_no_machine_readable_output(
    home: Home, server: FaultServer, flag: str
) -> None:
    with conversation(home, "chat", "-i", flag, "hi", is_ready=False) as repl:
        assert repl.terminal.wait_exit() == 2
    assert server.connections == []


def test_a_conversation_without_a_terminal_is_refused_before_anything_is_sent(
    home: Home, server: FaultServer
) -> None:
    result = run_newapi("chat", "-i", "hi", home=home)
    assert (result.code, result.out) == (2, b"")
    assert "a conversation needs a terminal" in result.err
    assert server.connections == []


def test_the_demo_uses_no_profile_and_names_its_models(home: Home) -> None:
    with conversation(home, "demo", "-i", columns=200) as repl:
        assert repl.output_of("/profile").startswith("profile: none (http://127.0.0.1:")
        repl.enter("/model nope")
        assert "try: the models of the demo: demo, demo-reasoning" in repl.output_of("hi")
        repl.leave()


def test_an_answer_at_the_token_limit_has_a_note_with_the_command(home: Home) -> None:
    with conversation(home, "demo", "-i", columns=200) as repl:
        repl.enter("/model demo-length")
        assert "token limit (finish reason: length); /continue continues" in repl.output_of("hi")
        repl.leave()


def test_the_demo_conversation_remembers_earlier_turns(home: Home) -> None:
    with conversation(home, "demo", "-i", "hello") as repl:
        repl.enter("how many messages?")
        repl.terminal.wait_for("2 messages")
        repl.leave()
