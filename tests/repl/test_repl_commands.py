"""Slash commands that show and change settings of the next request."""

from __future__ import annotations

import json

import pytest

from newapi_cli.repl.commands import COMMANDS
from tests.repl.conversation import answers, conversation, last_prompt, sent_messages
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
    with conversation(home, columns=columns, rows=rows) as repl:
        repl.enter("/help")
        repl.terminal.wait_for("/exit")
        lines = repl.screen.split("\n")
        listed = [line.split()[0] for line in lines if line.startswith("  /")]
        assert listed == NAMES
        assert set(PROMISED.split()) <= set(listed)
        assert ("Ctrl+X Ctrl+E" in repl.screen) is (rows == 40)
        # each has a row of its own, with its text beside it
        assert all(len(line.split()) > 1 for line in lines if line.startswith("  /"))
        repl.leave()


def test_help_keys_lists_the_keys(home: Home, server: FaultServer) -> None:
    with conversation(home) as repl:
        output = repl.output_of("/help keys")
        for key in ("Enter", '"""', "Up, Down", "Tab", "Ctrl+X Ctrl+E", "Ctrl-C", "Ctrl-D"):
            assert key in output
        assert "/model" not in output
        repl.leave()


def test_help_of_one_command_describes_only_that_command(home: Home, server: FaultServer) -> None:
    with conversation(home) as repl:
        wanted = "/copy [code|N] copy the last answer"
        assert repl.output_of("/help copy").startswith(wanted)
        assert repl.output_of("/help /copy").startswith(wanted)
        assert repl.output_of("/help quit").startswith("/exit")
        assert "unknown command /nothing" in repl.output_of("/help nothing")
        repl.leave()


def test_every_command_is_readable_in_20_columns(home: Home, server: FaultServer) -> None:
    with conversation(home, columns=20, rows=8) as repl:
        repl.enter("/help")
        lines = repl.text.split("\n")
        for command in NAMES:
            assert any(line.startswith(f"  {command}") for line in lines), command
        for word in ("tokens, time and", "show the reasoning", "clear the screen"):
            assert word in repl.words()
        repl.leave()


# -- /model and /new ------------------------------------------------------------------------


@pytest.mark.parametrize("typed", ["/model other", "/MODEL other", "/model   other  "])
def test_model_changes_the_model_of_later_requests(
    home: Home, server: FaultServer, typed: str
) -> None:
    with conversation(home) as repl:
        repl.enter("a")
        repl.enter(typed)
        repl.enter("b")
        repl.leave()
    assert [request.json["model"] for request in server.requests] == [MODEL, "other"]
    assert sent_messages(server) == [("user", "a"), ("assistant", "Answer 1."), ("user", "b")]


def test_model_alone_shows_it(home: Home, server: FaultServer) -> None:
    with conversation(home) as repl:
        repl.enter("/model")
        assert f"model: {MODEL}" in repl.terminal.all_text()
        repl.leave()
    assert server.connections == []


@pytest.mark.parametrize("typed", ['""', "''", ",", '"",'])
def test_an_empty_model_name_is_refused(home: Home, server: FaultServer, typed: str) -> None:
    with conversation(home) as repl:
        assert "no model name given; /model NAME" in repl.output_of(f"/model {typed}")
        assert repl.output_of("/model") == f"model: {MODEL}"
        assert repl.output_of('/model "other"') == "model: other"
        repl.leave()


def test_an_empty_text_clears_the_system_prompt_and_an_empty_file_name_is_refused(
    home: Home, server: FaultServer
) -> None:
    with conversation(home, "chat", "-s", "be brief") as repl:
        output = repl.output_of("/system @")
        assert output.startswith(
            "no file name given after @; use /system @FILE to read a text file"
        )
        assert repl.output_of("/system") == "system prompt: be brief"
        assert repl.output_of('/system ""') == "system prompt: not set"
        assert repl.output_of('/file ""').startswith("no file name given")
        repl.leave()


def test_system_sets_and_clears_the_system_prompt(home: Home, server: FaultServer) -> None:
    with conversation(home, "chat", "-s", "be brief") as repl:
        repl.enter("/system")
        assert "system prompt: be brief" in repl.terminal.all_text()
        repl.enter("a")
        repl.enter("/system Be a pirate.")
        repl.enter("b")
        repl.enter("/system clear")
        repl.enter("c")
        repl.leave()
    firsts = [sent_messages(server, number)[0] for number in range(3)]
    assert firsts == [("system", "be brief"), ("system", "Be a pirate."), ("user", "a")]
    assert sent_messages(server, 1)[1:] == [
        ("user", "a"),
        ("assistant", "Answer 1."),
        ("user", "b"),
    ]


def test_new_drops_the_turns_but_not_the_system_prompt(home: Home, server: FaultServer) -> None:
    with conversation(home, "chat", "-s", "be brief") as repl:
        repl.enter("a")
        repl.enter("/new")
        repl.enter("b")
        repl.leave()
    assert sent_messages(server) == [("system", "be brief"), ("user", "b")]


# -- /profile ---------------------------------------------------------------------------------


def add_profile(home: Home, name: str, url: str, model: str = "") -> None:
    """Add a profile to the config file."""
    lines = [f"\n[profiles.{name}]", f"base_url = {json.dumps(url)}", f'api_key = "{CANARY}2"']
    lines += [f"model = {json.dumps(model)}"] if model else []
    home.config_file.write_text(home.config_file.read_text("utf-8") + "\n".join(lines) + "\n")


def test_another_profile_sends_the_conversation_to_its_host_and_reports_it(
    home: Home, server: FaultServer
) -> None:
    with FaultServer(*answers("From the other.")) as other:
        add_profile(home, "other", other.url, "their-model")
        with conversation(home) as repl:
            repl.enter("a")
            output = repl.output_of("/profile other")
            assert f"the next message sends this whole conversation to {other.url}" in output
            assert f"profile: other ({other.url}, their-model)" in output
            repl.terminal.wait_for("other · their-model · a · 1 turn")
            repl.enter("b")
            assert "From the other." in repl.text
            repl.leave()
        assert sent_messages(other) == [("user", "a"), ("assistant", "Answer 1."), ("user", "b")]
        assert other.requests[0].json["model"] == "their-model"
        assert other.requests[0].header("authorization") == f"Bearer {CANARY}2"
    assert len(server.requests) == 1


def test_a_profile_is_changed_without_a_notice_before_the_first_turn(
    home: Home, server: FaultServer
) -> None:
    add_profile(home, "other", "http://127.0.0.1:9")
    with conversation(home) as repl:
        output = repl.output_of("/profile other")
        assert output == f"profile: other (http://127.0.0.1:9, {MODEL})"
        repl.leave()


def test_a_profile_of_the_same_host_gets_no_notice(home: Home, server: FaultServer) -> None:
    add_profile(home, "other", server.url, "their-model")
    with conversation(home) as repl:
        repl.enter("a")
        assert "whole conversation" not in repl.output_of("/profile other")
        repl.leave()


def test_an_unknown_profile_changes_nothing(home: Home, server: FaultServer) -> None:
    with conversation(home) as repl:
        assert 'unknown profile "tset" try: use "test"' in repl.output_of("/profile tset")
        assert repl.output_of("/profile") == f"profile: test ({server.url}, {MODEL})"
        repl.enter("a")
        repl.leave()
    assert len(server.requests) == 1


# -- /system ----------------------------------------------------------------------------------


def test_a_system_prompt_is_read_from_a_file(home: Home, server: FaultServer) -> None:
    (home.path / "be brief.txt").write_text("Be brief.\nBe kind.")
    with conversation(home) as repl:
        assert "system prompt: Be brief. Be kind." in repl.output_of("/system @be brief.txt")
        repl.enter("a")
        assert "cannot read gone.txt" in repl.output_of("/system @gone.txt")
        repl.enter("b")
        assert "system prompt: not set" in repl.output_of("/system clear")
        repl.enter("c")
        repl.leave()
    brief = ("system", "Be brief.\nBe kind.")
    assert [sent_messages(server, number)[0] for number in range(3)] == [
        brief,
        brief,
        ("user", "a"),
    ]


# -- /set -------------------------------------------------------------------------------------


def test_set_lists_the_settings_with_their_origin(home: Home, server: FaultServer) -> None:
    home.configure(server.url, temperature=0.5)
    with conversation(home, rows=40) as repl:
        output = repl.output_of("/set")
        assert "temperature = 0.5 (profile test" in output
        assert "top_p: not set" in output
        assert "base_url" not in output
        repl.leave()


def test_a_setting_is_sent_until_it_is_unset(home: Home, server: FaultServer) -> None:
    with conversation(home) as repl:
        assert repl.output_of("/set temperature 0.7") == "temperature = 0.7 (this run)"
        repl.enter("a")
        assert repl.output_of("/set temperature") == "temperature = 0.7 (this run)"
        assert repl.output_of("/set temperature unset") == "temperature: not set"
        repl.enter("b")
        assert repl.output_of("/set temperature") == "temperature: not set"
        repl.leave()
    bodies = [request.json for request in server.requests]
    assert bodies[0]["temperature"] == 0.7
    assert "temperature" not in bodies[1]


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("/set temperature 3", "temperature must be a number from 0 to 2, not 3"),
        ("/set temperature warm", "temperature must be"),
        ("/set temprature 1", 'unknown setting "temprature"; did you mean temperature?'),
        ("/set temprature", 'unknown setting "temprature"; did you mean temperature?'),
        ("/set base_url http://x", "base_url cannot be changed in a conversation"),
        ("/set api_key x", "api_key cannot be changed in a conversation"),
    ],
)
def test_an_invalid_setting_is_reported_and_changes_nothing(
    home: Home, server: FaultServer, typed: str, message: str
) -> None:
    with conversation(home) as repl:
        assert message in repl.output_of(typed)
        repl.enter("a")
        repl.leave()
    assert set(server.requests[0].json) == {"model", "messages", "stream", "stream_options"}


def test_display_settings_take_effect_at_once(home: Home, server: FaultServer) -> None:
    for _ in range(2):
        server.add(*sse(event(chunk(reasoning="Hm, thinking.")), *answer_events("Yes.")))
    with conversation(home) as repl:
        repl.enter("/set usage false")
        repl.enter("/set reasoning hide")
        output = repl.output_of("a")
        assert "tokens in" not in output
        assert "Hm" not in output
        repl.enter("/set usage unset")
        assert "9 tokens in" in repl.output_of("b")
        repl.leave()


# -- /thinking, /usage, /raw, /clear ------------------------------------------------------------


def test_thinking_shows_the_reasoning_of_the_last_answer(home: Home, server: FaultServer) -> None:
    server.add(*sse(event(chunk(reasoning="Ducks quack.\nSo it is.")), *answer_events("A duck.")))
    with conversation(home, "chat", "--reasoning", "hide") as repl:
        assert repl.output_of("/thinking") == "the last answer has no reasoning"
        assert "Ducks" not in repl.output_of("a")
        assert repl.output_of("/thinking") == "Ducks quack. So it is."
        repl.enter("b")
        assert repl.output_of("/thinking") == "the last answer has no reasoning"
        repl.leave()


def test_usage_counts_all_turns(home: Home, server: FaultServer) -> None:
    server.add(*answers("a")[0])
    server.add(*sse(event(chunk("untold")), event(chunk(finish="stop"))))
    with conversation(home) as repl:
        assert repl.output_of("/usage").startswith("0 turns")
        repl.enter("a")
        repl.enter("b")
        repl.enter("c")
        output = repl.output_of("/usage")
        assert output.startswith("3 turns · 18 tokens in, 6 out · unknown for 1 turn · ")
        repl.leave()


def test_raw_shows_answers_without_formatting_until_it_is_off(
    home: Home, server: FaultServer
) -> None:
    server.answer_with(lambda _: answers("It is **bold**.")[0])
    with conversation(home) as repl:
        assert "It is bold." in repl.output_of("a")
        assert repl.output_of("/raw on") == "answers are shown without formatting"
        assert "It is **bold**." in repl.output_of("b")
        assert repl.output_of("/raw") == "answers are shown formatted"
        assert "It is bold." in repl.output_of("c")
        assert repl.output_of("/raw") == "answers are shown without formatting"
        assert repl.output_of("/raw off") == "answers are shown formatted"
        assert 'unknown argument "maybe"; /raw, /raw on, /raw off' in repl.output_of("/raw maybe")
        repl.leave()


def test_clear_clears_the_screen_and_the_conversation_continues(
    home: Home, server: FaultServer
) -> None:
    with conversation(home) as repl:
        repl.enter("a")
        assert "Answer 1." in repl.screen
        repl.type("/clear\r")
        repl.wait_for_line()
        repl.terminal.wait_until(lambda: "Answer 1." not in repl.screen)
        repl.enter("b")
        repl.leave()
    assert sent_messages(server) == [("user", "a"), ("assistant", "Answer 1."), ("user", "b")]


def test_a_command_that_takes_no_argument_is_not_run_with_one(
    home: Home, server: FaultServer
) -> None:
    with conversation(home) as repl:
        output = repl.output_of("/exit strategy for Rome")
        assert output == "/exit takes no argument; to send it as a message: //exit …"
        repl.enter("//exit strategy for Rome")
        repl.leave()
    assert last_prompt(server) == "/exit strategy for Rome"
