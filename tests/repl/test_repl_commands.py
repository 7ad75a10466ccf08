"""The slash commands that show and change how the next question is asked."""

from __future__ import annotations

import json

import pytest

from newapi_cli.repl.commands import COMMANDS
from tests.repl.conversing import answers, conversation, last_prompt, said
from tests.support.fault_server import FaultServer
from tests.support.home import CANARY, Home
from tests.support.steps import sse
from tests.support.wire import MODEL, answer_events, chunk, event

NAMES = [f"/{command.name}" for command in COMMANDS]
PROMISED = (
    "/help /model /profile /system /set /file /retry /continue /edit /undo /fork /copy /save"
    " /sessions /new /rename /thinking /usage /raw /clear /exit"
)


# -- /help ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (100, 40), (80, 40)])
def test_the_list_of_commands_fits_the_window(
    home: Home, server: FaultServer, columns: int, rows: int
) -> None:
    with conversation(home, columns=columns, rows=rows) as talk:
        talk.say("/help")
        talk.terminal.wait_for("/exit")
        lines = talk.screen.split("\n")
        listed = [line.split()[0] for line in lines if line.startswith("  /")]
        assert listed == NAMES
        assert set(PROMISED.split()) <= set(listed)
        assert ("Ctrl+X Ctrl+E" in talk.screen) is (rows == 40)
        # each has a row of its own, with its text beside it
        assert all(len(line.split()) > 1 for line in lines if line.startswith("  /"))
        talk.leave()


def test_help_keys_lists_the_keys(home: Home, server: FaultServer) -> None:
    with conversation(home) as talk:
        told = talk.told("/help keys")
        for key in ("Enter", '"""', "Up, Down", "Tab", "Ctrl+X Ctrl+E", "Ctrl-C", "Ctrl-D"):
            assert key in told
        assert "/model" not in told
        talk.leave()


def test_help_of_one_command_tells_of_it_alone(home: Home, server: FaultServer) -> None:
    with conversation(home) as talk:
        wanted = "/copy [code|N] copy the last answer"
        assert talk.told("/help copy").startswith(wanted)
        assert talk.told("/help /copy").startswith(wanted)
        assert talk.told("/help quit").startswith("/exit")
        assert "unknown command /nothing" in talk.told("/help nothing")
        talk.leave()


def test_every_command_is_read_in_a_window_of_20_columns(home: Home, server: FaultServer) -> None:
    with conversation(home, columns=20, rows=8) as talk:
        talk.say("/help")
        lines = talk.text.split("\n")
        for command in NAMES:
            assert any(line.startswith(f"  {command}") for line in lines), command
        for word in ("tokens, time and", "show the reasoning", "clear the screen"):
            assert word in talk.words()
        talk.leave()


# -- /model and /new ------------------------------------------------------------------------


@pytest.mark.parametrize("typed", ["/model other", "/MODEL other", "/model   other  "])
def test_model_changes_what_is_asked_from_now_on(
    home: Home, server: FaultServer, typed: str
) -> None:
    with conversation(home) as talk:
        talk.say("a")
        talk.say(typed)
        talk.say("b")
        talk.leave()
    assert [request.json["model"] for request in server.requests] == [MODEL, "other"]
    assert said(server) == [("user", "a"), ("assistant", "Answer 1."), ("user", "b")]


def test_model_alone_shows_it(home: Home, server: FaultServer) -> None:
    with conversation(home) as talk:
        talk.say("/model")
        assert f"model: {MODEL}" in talk.terminal.all_text()
        talk.leave()
    assert server.connections == []


@pytest.mark.parametrize("typed", ['""', "''", ",", '"",'])
def test_an_empty_name_is_no_model(home: Home, server: FaultServer, typed: str) -> None:
    with conversation(home) as talk:
        assert "no model name given; /model NAME" in talk.told(f"/model {typed}")
        assert talk.told("/model") == f"model: {MODEL}"
        assert talk.told('/model "other"') == "model: other"
        talk.leave()


def test_an_empty_text_or_file_is_no_system_prompt(home: Home, server: FaultServer) -> None:
    with conversation(home, "chat", "-s", "be brief") as talk:
        told = talk.told("/system @")
        assert told.startswith("no file name given after @; -s @FILE reads a text file")
        assert talk.told("/system") == "system prompt: be brief"
        assert talk.told('/system ""') == "system prompt: not set"
        assert talk.told('/file ""').startswith("no file name given")
        talk.leave()


def test_system_sets_and_clears_the_instructions(home: Home, server: FaultServer) -> None:
    with conversation(home, "chat", "-s", "be brief") as talk:
        talk.say("/system")
        assert "system prompt: be brief" in talk.terminal.all_text()
        talk.say("a")
        talk.say("/system Be a pirate.")
        talk.say("b")
        talk.say("/system clear")
        talk.say("c")
        talk.leave()
    firsts = [said(server, number)[0] for number in range(3)]
    assert firsts == [("system", "be brief"), ("system", "Be a pirate."), ("user", "a")]
    assert said(server, 1)[1:] == [("user", "a"), ("assistant", "Answer 1."), ("user", "b")]


def test_new_forgets_what_was_said_but_not_the_instructions(
    home: Home, server: FaultServer
) -> None:
    with conversation(home, "chat", "-s", "be brief") as talk:
        talk.say("a")
        talk.say("/new")
        talk.say("b")
        talk.leave()
    assert said(server) == [("system", "be brief"), ("user", "b")]


# -- /profile ---------------------------------------------------------------------------------


def add_profile(home: Home, name: str, url: str, model: str = "") -> None:
    """Write one more profile."""
    lines = [f"\n[profiles.{name}]", f"base_url = {json.dumps(url)}", f'api_key = "{CANARY}2"']
    lines += [f"model = {json.dumps(model)}"] if model else []
    home.config_file.write_text(home.config_file.read_text("utf-8") + "\n".join(lines) + "\n")


def test_another_profile_takes_the_conversation_to_its_host_and_says_so(
    home: Home, server: FaultServer
) -> None:
    with FaultServer(*answers("From the other.")) as other:
        add_profile(home, "other", other.url, "their-model")
        with conversation(home) as talk:
            talk.say("a")
            told = talk.told("/profile other")
            assert f"the next message sends this whole conversation to {other.url}" in told
            assert f"profile: other ({other.url}, their-model)" in told
            talk.terminal.wait_for("other · their-model · a · 1 turn")
            talk.say("b")
            assert "From the other." in talk.text
            talk.leave()
        assert said(other) == [("user", "a"), ("assistant", "Answer 1."), ("user", "b")]
        assert other.requests[0].json["model"] == "their-model"
        assert other.requests[0].header("authorization") == f"Bearer {CANARY}2"
    assert len(server.requests) == 1


def test_a_profile_is_changed_in_silence_where_nothing_was_said(
    home: Home, server: FaultServer
) -> None:
    add_profile(home, "other", "http://127.0.0.1:9")
    with conversation(home) as talk:
        told = talk.told("/profile other")
        assert told == f"profile: other (http://127.0.0.1:9, {MODEL})"
        talk.leave()


def test_a_profile_of_the_same_host_is_no_news(home: Home, server: FaultServer) -> None:
    add_profile(home, "other", server.url, "their-model")
    with conversation(home) as talk:
        talk.say("a")
        assert "whole conversation" not in talk.told("/profile other")
        talk.leave()


def test_a_profile_that_is_not_there_changes_nothing(home: Home, server: FaultServer) -> None:
    with conversation(home) as talk:
        assert "unknown profile 'tset' try: did you mean 'test'?" in talk.told("/profile tset")
        assert talk.told("/profile") == f"profile: test ({server.url}, {MODEL})"
        talk.say("a")
        talk.leave()
    assert len(server.requests) == 1


# -- /system ----------------------------------------------------------------------------------


def test_a_system_prompt_comes_from_a_file(home: Home, server: FaultServer) -> None:
    (home.path / "be brief.txt").write_text("Be brief.\nBe kind.")
    with conversation(home) as talk:
        assert "system prompt: Be brief. Be kind." in talk.told("/system @be brief.txt")
        talk.say("a")
        assert "cannot read gone.txt" in talk.told("/system @gone.txt")
        talk.say("b")
        assert "system prompt: not set" in talk.told("/system clear")
        talk.say("c")
        talk.leave()
    brief = ("system", "Be brief.\nBe kind.")
    assert [said(server, number)[0] for number in range(3)] == [brief, brief, ("user", "a")]


# -- /set -------------------------------------------------------------------------------------


def test_set_lists_the_settings_with_their_origin(home: Home, server: FaultServer) -> None:
    home.configure(server.url, temperature=0.5)
    with conversation(home, rows=40) as talk:
        told = talk.told("/set")
        assert "temperature = 0.5 (profile test" in told
        assert "top_p: not set" in told
        assert "base_url" not in told
        talk.leave()


def test_what_is_set_goes_into_the_next_request_until_it_is_unset(
    home: Home, server: FaultServer
) -> None:
    with conversation(home) as talk:
        assert talk.told("/set temperature 0.7") == "temperature = 0.7 (this run)"
        talk.say("a")
        assert talk.told("/set temperature") == "temperature = 0.7 (this run)"
        assert talk.told("/set temperature unset") == "temperature: not set"
        talk.say("b")
        assert talk.told("/set temperature") == "temperature: not set"
        talk.leave()
    bodies = [request.json for request in server.requests]
    assert bodies[0]["temperature"] == 0.7
    assert "temperature" not in bodies[1]


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("/set temperature 3", "temperature must be a number from 0 to 2, not 3"),
        ("/set temperature warm", "temperature must be"),
        ("/set temprature 1", "unknown setting 'temprature'; did you mean temperature?"),
        ("/set temprature", "unknown setting 'temprature'; did you mean temperature?"),
        ("/set base_url http://x", "unknown setting 'base_url'"),
        ("/set api_key x", "unknown setting 'api_key'"),
    ],
)
def test_what_cannot_be_set_is_told_and_changes_nothing(
    home: Home, server: FaultServer, typed: str, told: str
) -> None:
    with conversation(home) as talk:
        assert told in talk.told(typed)
        talk.say("a")
        talk.leave()
    assert set(server.requests[0].json) == {"model", "messages", "stream", "stream_options"}


def test_settings_of_showing_hold_at_once(home: Home, server: FaultServer) -> None:
    for _ in range(2):
        server.add(*sse(event(chunk(reasoning="Hm, thinking.")), *answer_events("Yes.")))
    with conversation(home) as talk:
        talk.say("/set usage false")
        talk.say("/set reasoning hide")
        told = talk.told("a")
        assert "tokens in" not in told
        assert "Hm" not in told
        talk.say("/set usage unset")
        assert "9 tokens in" in talk.told("b")
        talk.leave()


# -- /thinking, /usage, /raw, /clear ------------------------------------------------------------


def test_thinking_shows_the_reasoning_of_the_last_answer(home: Home, server: FaultServer) -> None:
    server.add(*sse(event(chunk(reasoning="Ducks quack.\nSo it is.")), *answer_events("A duck.")))
    with conversation(home, "chat", "--reasoning", "hide") as talk:
        assert talk.told("/thinking") == "the last answer has no reasoning"
        assert "Ducks" not in talk.told("a")
        assert talk.told("/thinking") == "Ducks quack. So it is."
        talk.say("b")
        assert talk.told("/thinking") == "the last answer has no reasoning"
        talk.leave()


def test_usage_counts_all_turns(home: Home, server: FaultServer) -> None:
    server.add(*answers("a")[0])
    server.add(*sse(event(chunk("untold")), event(chunk(finish="stop"))))
    with conversation(home) as talk:
        assert talk.told("/usage").startswith("0 turns")
        talk.say("a")
        talk.say("b")
        talk.say("c")
        told = talk.told("/usage")
        assert told.startswith("3 turns · 18 tokens in, 6 out · unknown for 1 turn · ")
        talk.leave()


def test_raw_shows_answers_as_they_come_until_it_is_off(home: Home, server: FaultServer) -> None:
    server.answer_with(lambda _: answers("It is **bold**.")[0])
    with conversation(home) as talk:
        assert "It is bold." in talk.told("a")
        assert talk.told("/raw on") == "answers are shown without formatting"
        assert "It is **bold**." in talk.told("b")
        assert talk.told("/raw") == "answers are shown formatted"
        assert "It is bold." in talk.told("c")
        assert talk.told("/raw") == "answers are shown without formatting"
        assert talk.told("/raw off") == "answers are shown formatted"
        assert "unknown argument maybe; /raw, /raw on, /raw off" in talk.told("/raw maybe")
        talk.leave()


def test_clear_empties_the_screen_and_the_conversation_goes_on(
    home: Home, server: FaultServer
) -> None:
    with conversation(home) as talk:
        talk.say("a")
        assert "Answer 1." in talk.screen
        talk.type("/clear\r")
        talk.wait_for_line()
        talk.terminal.wait_until(lambda: "Answer 1." not in talk.screen)
        talk.say("b")
        talk.leave()
    assert said(server) == [("user", "a"), ("assistant", "Answer 1."), ("user", "b")]


def test_a_command_without_argument_is_not_run_with_one(home: Home, server: FaultServer) -> None:
    with conversation(home) as talk:
        told = talk.told("/exit strategy for Rome")
        assert told == "/exit takes no argument; to send it as a message: //exit …"
        talk.say("//exit strategy for Rome")
        talk.leave()
    assert last_prompt(server) == "/exit strategy for Rome"
