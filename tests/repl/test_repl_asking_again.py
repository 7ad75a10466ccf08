"""Turns that are asked again, gone on with, edited, taken back; their branches stay stored."""

from __future__ import annotations

import pytest

from newapi_cli.domain.completion import Status
from newapi_cli.domain.session import TurnRecord
from tests.repl.conversing import (
    CTRL_C,
    ENTER,
    PART,
    REFUSAL,
    Conversing,
    conversation,
    part_then_silence,
    said,
    script,
    stored_sessions,
)
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.pictures import PNG
from tests.support.steps import Reset, Send, Step, sse
from tests.support.wire import MODEL, answer_events, chunk, error, event, response

GO_ON = "Go on exactly where your last message stopped, without repeating any of it."


def stop_in_answer(talk: Conversing, question: str) -> None:
    """Ask, and press Ctrl-C when a part of the answer is there."""
    talk.type(question + ENTER)
    talk.terminal.wait_for("Paris is the capital.")
    talk.type(CTRL_C)
    talk.wait_for_line()


def tree(home: Home) -> list[tuple[str, str, int | None]]:
    """Give prompt, answer and parent (by its place, from 1) of every stored turn."""
    (stored,) = stored_sessions(home)
    places = {turn.id: place for place, turn in enumerate(stored.turns, 1)}
    return [(t.prompt, t.answer, places.get(t.parent_id or 0)) for t in stored.turns]


def path(home: Home) -> tuple[TurnRecord, ...]:
    """Give the present path of the one session that is stored."""
    (stored,) = stored_sessions(home)
    return stored.path


# -- Ctrl-C and /continue ---------------------------------------------------------------------


def test_the_part_of_a_stopped_answer_is_stored_and_marked(home: Home, server: FaultServer) -> None:
    server.add(*part_then_silence())
    with conversation(home) as talk:
        stop_in_answer(talk, "a")
        assert "stopped; the part is kept: /continue or /retry" in talk.words()
        talk.leave()
    (turn,) = path(home)
    assert (turn.status, turn.answer) == (Status.INTERRUPTED, PART)


def test_continue_sends_the_part_and_asks_to_go_on(home: Home, server: FaultServer) -> None:
    server.add(*part_then_silence())
    with conversation(home) as talk:
        stop_in_answer(talk, "a")
        assert "Answer 2." in talk.told("/continue")
        talk.leave()
    assert said(server) == [("user", "a"), ("assistant", PART), ("user", GO_ON)]


def test_a_model_that_refuses_to_go_on_is_told_with_the_way_out(
    home: Home, server: FaultServer
) -> None:
    server.add(*part_then_silence())
    with conversation(home) as talk:
        stop_in_answer(talk, "a")
        server.add(*REFUSAL)
        told = talk.told("/continue")
        assert "no such thing" in told
        assert "the model did not continue its answer; /undo, then /retry" in told
        talk.say("/undo")
        talk.say("/retry")
        talk.leave()
    assert said(server) == [("user", "a")]
    assert [turn.answer for turn in path(home)] == ["Answer 3."]


def test_continue_of_an_answer_that_stopped_at_the_token_limit(
    home: Home, server: FaultServer
) -> None:
    server.add(*sse(*answer_events("One, two", finish="length")))
    with conversation(home) as talk:
        talk.say("count")
        talk.say("/continue")
        assert "the last answer is complete" in talk.told("/continue")
        talk.leave()
    assert said(server) == [("user", "count"), ("assistant", "One, two"), ("user", GO_ON)]


def test_there_is_nothing_to_continue_without_a_part(home: Home, server: FaultServer) -> None:
    with conversation(home) as talk:
        assert "there is no answer to continue yet" in talk.told("/continue")
        server.add(*REFUSAL)
        talk.say("a")
        told = talk.told("/continue")
        assert told == "the last answer has no text to continue; /retry sends the prompt again"
        talk.leave()
    assert len(server.requests) == 1


# -- /retry -----------------------------------------------------------------------------------


def test_retry_grows_a_branch_beside_the_old_answer(home: Home, server: FaultServer) -> None:
    with conversation(home) as talk:
        talk.say("a")
        talk.say("b")
        assert "Answer 3." in talk.told("/retry")
        talk.say("c")
        talk.leave()
    assert tree(home) == [
        ("a", "Answer 1.", None),
        ("b", "Answer 2.", 1),
        ("b", "Answer 3.", 1),
        ("c", "Answer 4.", 3),
    ]


def test_retry_of_another_model_asks_it_from_then_on(home: Home, server: FaultServer) -> None:
    with conversation(home) as talk:
        talk.say("a")
        assert "model: other" in talk.told("/retry other")
        talk.say("b")
        talk.leave()
    models = [request.json["model"] for request in server.requests]
    assert models == [MODEL, "other", "other"]
    assert said(server) == [("user", "a"), ("assistant", "Answer 2."), ("user", "b")]


@pytest.mark.parametrize("failure", ["refused", "cut", "reset"])
def test_retry_after_a_failure_and_a_restart(home: Home, server: FaultServer, failure: str) -> None:
    cut = sse(event(chunk("Half an")), end=False)
    scripts: dict[str, list[Step]] = {
        "refused": [*REFUSAL],
        "cut": [*cut, Reset()],
        "reset": [Reset()],
    }
    with conversation(home) as talk:
        talk.say("a")
        server.add(*scripts[failure])
        talk.say("b")
        talk.leave()
    with conversation(home, "chat", "-c") as talk:
        assert ("/continue or /retry" in talk.words()) is (failure == "cut")
        assert ("/retry sends the prompt again" in talk.words()) is (failure != "cut")
        talk.say("/retry")
        assert "Answer 3." in talk.text
        talk.leave()
    assert said(server) == [("user", "a"), ("assistant", "Answer 1."), ("user", "b")]
    assert [turn.answer for turn in path(home)] == ["Answer 1.", "Answer 3."]


def test_a_retry_that_fails_leaves_the_old_answer_the_last_one(
    home: Home, server: FaultServer
) -> None:
    with conversation(home) as talk:
        talk.say("a")
        server.add(*REFUSAL)
        talk.say("/retry")
        talk.leave()
    with conversation(home, "chat", "-c") as talk:
        assert "Answer 1." in talk.text
        talk.say("b")
        talk.leave()
    assert said(server) == [("user", "a"), ("assistant", "Answer 1."), ("user", "b")]


def test_what_could_not_be_sent_is_asked_once_and_takes_its_file_with_it(
    home: Home, server: FaultServer
) -> None:
    (home.path / "dot.png").write_bytes(PNG)
    home.configure(server.url, model="")
    with conversation(home) as talk:
        talk.say("/file dot.png")
        assert "no model is set: /model NAME, then /retry" in talk.told("what is it?")
        talk.say("/model m")
        talk.say("/retry")
        talk.say("and now?")
        talk.leave()
    contents = [message["content"] for message in server.requests[1].json["messages"]]
    assert [part["type"] for part in contents[0]] == ["text", "image_url"]
    assert contents[1:] == ["Answer 1.", "and now?"]
    assert len(server.requests) == 2


def test_a_question_that_could_not_be_sent_stays_in_its_conversation(
    home: Home, server: FaultServer
) -> None:
    home.configure(server.url, model="")
    with conversation(home) as talk:
        talk.say("for the old one")
        talk.say("/model m")
        talk.say("/new")
        assert "there is no prompt to send again yet" in talk.told("/retry")
        talk.leave()
    assert server.requests == []


def test_a_retry_that_could_not_be_sent_is_asked_again_in_its_place(
    home: Home, server: FaultServer
) -> None:
    picture = home.path / "dot.png"
    picture.write_bytes(PNG)
    with conversation(home) as talk:
        talk.say("/file dot.png")
        talk.say("what is it?")
        picture.write_bytes(PNG + b"more")
        told = talk.told("/retry")
        assert "dot.png has changed since it was attached; nothing was sent" in told
        told = talk.told("/file drop dot.png")
        assert told == "dot.png is no longer sent; /retry sends the prompt again"
        talk.say("/retry")
        talk.leave()
    assert len(server.requests) == 2
    wanted = "what is it?\n\n[dot.png is no longer attached]"
    assert said(server) == [("user", wanted)]


# -- /edit ------------------------------------------------------------------------------------


def editor(home: Home, command: str) -> dict[str, str | None]:
    """Give the environment with a script as the editor; `$1` is its file."""
    return {"VISUAL": str(script(home, "editor", command)), "EDITOR": "false"}


def test_an_edited_question_takes_the_place_of_the_old_one(home: Home, server: FaultServer) -> None:
    env = editor(home, 'cp "$1" seen; printf "b, but shorter\\n" > "$1"')
    with conversation(home, env=env) as talk:
        talk.say("a")
        talk.say("b")
        assert "Answer 3." in talk.told("/edit")
        talk.leave()
    assert (home.path / "seen").read_text() == "b"
    assert said(server) == [("user", "a"), ("assistant", "Answer 1."), ("user", "b, but shorter")]
    assert tree(home) == [
        ("a", "Answer 1.", None),
        ("b", "Answer 2.", 1),
        ("b, but shorter", "Answer 3.", 1),
    ]


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("true", "the prompt is unchanged; /retry sends it again"),
        (': > "$1"', "the prompt is empty; nothing was sent"),
        ("exit 3", "failed (exit code 3)"),
    ],
    ids=["unchanged", "emptied", "failed"],
)
def test_an_edit_that_says_nothing_new_sends_nothing(
    home: Home, server: FaultServer, command: str, told: str
) -> None:
    with conversation(home, env=editor(home, command)) as talk:
        talk.say("a")
        assert told in talk.told("/edit")
        talk.leave()
    assert len(server.requests) == 1
    assert tree(home) == [("a", "Answer 1.", None)]


def test_the_first_question_can_be_written_in_the_editor(home: Home, server: FaultServer) -> None:
    with conversation(home, env=editor(home, 'printf "one\\ntwo\\n" > "$1"')) as talk:
        talk.say("/edit")
        talk.leave()
    assert said(server) == [("user", "one\ntwo")]


def test_ctrl_c_in_an_editor_ends_the_editor_alone(home: Home, server: FaultServer) -> None:
    with conversation(home, env=editor(home, "echo begun; sleep 100")) as talk:
        talk.type("/edit" + ENTER)
        talk.terminal.wait_for("begun")
        talk.type(CTRL_C)
        talk.wait_for_line()
        assert "stopped" in talk.text
        talk.say("a")
        talk.leave()
    assert said(server) == [("user", "a")]


# -- /undo ------------------------------------------------------------------------------------


def test_undo_takes_turns_back_one_by_one_and_asking_on_makes_a_branch(
    home: Home, server: FaultServer
) -> None:
    with conversation(home) as talk:
        for question in ("a", "b", "c"):
            talk.say(question)
        assert talk.told("/undo") == "removed “c”; 2 turns left"
        assert talk.told("/undo") == "removed “b”; 1 turn left"
        talk.say("d")
        talk.leave()
    assert said(server) == [("user", "a"), ("assistant", "Answer 1."), ("user", "d")]
    assert tree(home) == [
        ("a", "Answer 1.", None),
        ("b", "Answer 2.", 1),
        ("c", "Answer 3.", 2),
        ("d", "Answer 4.", 1),
    ]


def test_undo_of_everything_begins_at_the_beginning(home: Home, server: FaultServer) -> None:
    with conversation(home) as talk:
        talk.say("a")
        assert talk.told("/undo") == "removed “a”; 0 turns left"
        assert "there is no turn to undo" in talk.told("/undo")
        talk.say("b")
        talk.leave()
    assert said(server) == [("user", "b")]
    assert tree(home) == [("a", "Answer 1.", None), ("b", "Answer 2.", None)]


# -- /fork ------------------------------------------------------------------------------------


def test_a_fork_goes_on_in_a_copy_and_leaves_the_session_as_it_was(
    home: Home, server: FaultServer
) -> None:
    with conversation(home) as talk:
        talk.say("a")
        (before,) = stored_sessions(home)
        told = talk.told("/fork other way")
        talk.say("b")
        talk.leave()
    forked, old = stored_sessions(home)
    assert old == before
    assert f"continuing in session {forked.session.short_id} “other way”" in told
    assert f"{old.session.short_id} stays as it is" in told
    assert (forked.session.title, forked.session.is_named) == ("other way", True)
    assert [turn.prompt for turn in forked.path] == ["a", "b"]
    assert said(server) == [("user", "a"), ("assistant", "Answer 1."), ("user", "b")]


def test_a_fork_needs_no_name_and_says_where_one_is_taken(home: Home, server: FaultServer) -> None:
    with conversation(home) as talk:
        assert "there is nothing to fork yet" in talk.told("/fork")
        talk.say("a")
        talk.say("/rename mine")
        assert "another session is named “mine”" in talk.told("/fork mine")
        assert "another session is named “mine”" not in talk.told("/fork")
        talk.leave()
    assert [each.session.is_named for each in stored_sessions(home)].count(True) == 1


def test_nothing_is_forked_where_nothing_is_saved(home: Home, server: FaultServer) -> None:
    with conversation(home, "chat", "-n") as talk:
        talk.say("a")
        assert "this conversation is not saved, so it cannot be forked" in talk.told("/fork")
        talk.leave()


# -- errors -----------------------------------------------------------------------------------


def test_ctrl_c_stops_fetching_a_file_and_not_the_conversation(
    home: Home, server: FaultServer
) -> None:
    with FaultServer(part_then_silence()) as files, conversation(home) as talk:
        talk.type(f"/file {files.url}/x.txt" + ENTER)
        files.wait_for_requests(1)
        talk.type(CTRL_C)
        talk.wait_for_line()
        assert "stopped" in talk.text
        talk.say("a")
        talk.leave()
    assert said(server) == [("user", "a")]


def test_one_failure_after_another_and_then_an_answer(home: Home, server: FaultServer) -> None:
    server.add(Send(response(500, error("boom"))))
    server.add(*sse(event(chunk("Half an")), end=False), Reset())
    server.add(Reset())
    with conversation(home) as talk:
        for question in ("a", "b", "c"):
            talk.say(question)
        assert "Answer 4." in talk.told("d")
        talk.leave()
    wanted = [("user", "b"), ("assistant", "Half an"), ("user", "d")]
    assert said(server) == wanted
    statuses = [turn.status for turn in path(home)]
    assert statuses == [Status.ERROR, Status.INCOMPLETE, Status.ERROR, Status.COMPLETE]
