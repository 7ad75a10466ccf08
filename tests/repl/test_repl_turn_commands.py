"""/retry, /continue, /edit, /undo and /fork; old branches stay stored."""

from __future__ import annotations

import pytest

from newapi_cli.domain.completion import Status
from newapi_cli.domain.session import CONTINUE_PROMPT, TurnRecord
from tests.repl.conversation import (
    CTRL_C,
    ENTER,
    PART,
    REFUSAL,
    ConversationTerminal,
    conversation,
    part_then_silence,
    sent_messages,
    stored_sessions,
    write_script,
)
from tests.repl.in_process import outputs
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.sample_files import PNG
from tests.support.steps import Reset, Send, Step, sse
from tests.support.wire import MODEL, answer_events, chunk, error, event, response


def stop_during_answer(repl: ConversationTerminal, question: str) -> None:
    """Send a prompt and press Ctrl-C when a part of the answer is visible."""
    repl.type(question + ENTER)
    repl.terminal.wait_for("Paris is the capital.")
    repl.type(CTRL_C)
    repl.wait_for_line()


def tree(home: Home) -> list[tuple[str, str, int | None]]:
    """Return prompt, answer and parent (its position, from 1) of every stored turn."""
    (stored,) = stored_sessions(home)
    places = {turn.id: place for place, turn in enumerate(stored.turns, 1)}
    return [(t.prompt, t.answer, places.get(t.parent_id or 0)) for t in stored.turns]


def path(home: Home) -> tuple[TurnRecord, ...]:
    """Return the current path of the only stored session."""
    (stored,) = stored_sessions(home)
    return stored.path


# -- Ctrl-C and /continue ---------------------------------------------------------------------


def test_the_part_of_a_stopped_answer_is_stored_and_marked(home: Home, server: FaultServer) -> None:
    server.add(*part_then_silence())
    with conversation(home) as repl:
        stop_during_answer(repl, "a")
        assert "stopped; the partial answer is saved: /continue or /retry" in repl.words()
        repl.leave()
    (turn,) = path(home)
    assert (turn.status, turn.answer) == (Status.INTERRUPTED, PART)


def test_continue_sends_the_part_and_asks_the_model_to_continue(
    home: Home, server: FaultServer
) -> None:
    server.add(*part_then_silence())
    with conversation(home) as repl:
        stop_during_answer(repl, "a")
        assert "Answer 2." in repl.output_of("/continue")
        repl.leave()
    assert sent_messages(server) == [("user", "a"), ("assistant", PART), ("user", CONTINUE_PROMPT)]


def test_the_prompt_of_continue_is_never_shown_as_typed(home: Home, server: FaultServer) -> None:
    server.add(*sse(*answer_events("One, two", finish="length")))
    printed = outputs(home, "count", "/continue", "/edit", "/undo", "/edit")
    assert printed[2:4] == [
        "/continue has no prompt to edit; /undo, then /edit",
        "removed the continuation; 1 turn left",
    ]
    assert "/continue" not in printed[4]
    path(home)


def test_a_refused_continuation_is_reported_with_the_next_step(
    home: Home, server: FaultServer
) -> None:
    server.add(*part_then_silence())
    with conversation(home) as repl:
        stop_during_answer(repl, "a")
        server.add(*REFUSAL)
        output = repl.output_of("/continue")
        assert "no such thing" in output
        assert "the model did not continue its answer; /undo, then /retry" in output
        repl.enter("/undo")
        repl.enter("/retry")
        repl.leave()
    assert sent_messages(server) == [("user", "a")]
    assert [turn.answer for turn in path(home)] == ["Answer 3."]


def test_continue_works_after_the_token_limit_and_not_after_a_complete_answer(
    home: Home, server: FaultServer
) -> None:
    server.add(*sse(*answer_events("One, two", finish="length")))
    with conversation(home) as repl:
        repl.enter("count")
        repl.enter("/continue")
        assert "the last answer is complete" in repl.output_of("/continue")
        repl.leave()
    assert sent_messages(server) == [
        ("user", "count"),
        ("assistant", "One, two"),
        ("user", CONTINUE_PROMPT),
    ]


def test_there_is_nothing_to_continue_without_partial_text(home: Home, server: FaultServer) -> None:
    with conversation(home) as repl:
        assert "nothing to continue yet" in repl.output_of("/continue")
        server.add(*REFUSAL)
        repl.enter("a")
        output = repl.output_of("/continue")
        assert output == "the last answer has no text to continue; /retry sends the prompt again"
        repl.leave()
    assert len(server.requests) == 1


# -- /retry -----------------------------------------------------------------------------------


def test_retry_without_a_prompt_sends_nothing(home: Home, server: FaultServer) -> None:
    with conversation(home) as repl:
        repl.enter("/retry")
        assert "nothing to retry yet" in repl.terminal.all_text()
        repl.leave()
    assert server.connections == []


def test_retry_after_an_error_sends_the_same_messages(home: Home, server: FaultServer) -> None:
    with conversation(home) as repl:
        repl.enter("a")
        server.add(*REFUSAL)
        repl.enter("b")
        repl.enter("/retry")
        repl.leave()
    wanted = [("user", "a"), ("assistant", "Answer 1."), ("user", "b")]
    assert [sent_messages(server, 1), sent_messages(server, 2)] == [wanted, wanted]


def test_retry_of_a_failed_prompt_keeps_an_equal_one_that_was_answered(
    home: Home, server: FaultServer
) -> None:
    with conversation(home) as repl:
        repl.enter("go on")
        server.add(*REFUSAL)
        repl.enter("go on")
        repl.enter("/retry")
        repl.leave()
    assert sent_messages(server) == [
        ("user", "go on"),
        ("assistant", "Answer 1."),
        ("user", "go on"),
    ]


def test_retry_adds_a_branch_beside_the_old_answer(home: Home, server: FaultServer) -> None:
    with conversation(home) as repl:
        repl.enter("a")
        repl.enter("b")
        assert "Answer 3." in repl.output_of("/retry")
        repl.enter("c")
        repl.leave()
    assert sent_messages(server, 2) == sent_messages(server, 1)
    answered = [*sent_messages(server, 1), ("assistant", "Answer 3.")]
    assert sent_messages(server) == [*answered, ("user", "c")]
    assert tree(home) == [
        ("a", "Answer 1.", None),
        ("b", "Answer 2.", 1),
        ("b", "Answer 3.", 1),
        ("c", "Answer 4.", 3),
    ]


def test_retry_with_another_model_changes_the_model(home: Home, server: FaultServer) -> None:
    with conversation(home) as repl:
        repl.enter("a")
        assert "model: other" in repl.output_of("/retry other")
        repl.enter("b")
        repl.leave()
    models = [request.json["model"] for request in server.requests]
    assert models == [MODEL, "other", "other"]
    assert sent_messages(server) == [("user", "a"), ("assistant", "Answer 2."), ("user", "b")]


@pytest.mark.parametrize("failure", ["refused", "cut", "reset"])
def test_retry_after_a_failure_and_a_restart(home: Home, server: FaultServer, failure: str) -> None:
    cut = sse(event(chunk("Half an")), end=False)
    scripts: dict[str, list[Step]] = {
        "refused": [*REFUSAL],
        "cut": [*cut, Reset()],
        "reset": [Reset()],
    }
    with conversation(home) as repl:
        repl.enter("a")
        server.add(*scripts[failure])
        repl.enter("b")
        repl.leave()
    with conversation(home, "chat", "-c") as repl:
        assert ("/continue or /retry" in repl.words()) is (failure == "cut")
        assert ("/retry sends the prompt again" in repl.words()) is (failure != "cut")
        repl.enter("/retry")
        assert "Answer 3." in repl.text
        repl.leave()
    assert sent_messages(server) == [("user", "a"), ("assistant", "Answer 1."), ("user", "b")]
    assert [turn.answer for turn in path(home)] == ["Answer 1.", "Answer 3."]


def test_a_failed_retry_leaves_the_previous_answer_the_last_one(
    home: Home, server: FaultServer
) -> None:
    with conversation(home) as repl:
        repl.enter("a")
        server.add(*REFUSAL)
        repl.enter("/retry")
        repl.enter("b")
        repl.enter("/undo")
        repl.leave()
    with conversation(home, "chat", "-c") as repl:
        assert "Answer 1." in repl.text
        repl.enter("c")
        repl.leave()
    answered = [("user", "a"), ("assistant", "Answer 1.")]
    assert [sent_messages(server, 2), sent_messages(server, 3)] == [
        [*answered, ("user", "b")],
        [*answered, ("user", "c")],
    ]


def test_an_unsent_prompt_is_sent_once_with_its_file(home: Home, server: FaultServer) -> None:
    (home.path / "dot.png").write_bytes(PNG)
    home.configure(server.url, model="")
    with conversation(home) as repl:
        repl.enter("/file dot.png")
        assert "try: /model NAME, then /retry" in repl.output_of("what is it?")
        repl.enter("/model m")
        repl.enter("/retry")
        repl.enter("and now?")
        repl.leave()
    contents = [message["content"] for message in server.requests[1].json["messages"]]
    assert [part["type"] for part in contents[0]] == ["text", "image_url"]
    assert contents[1:] == ["Answer 1.", "and now?"]
    assert len(server.requests) == 2


def test_an_unsent_prompt_is_dropped_with_its_conversation(home: Home, server: FaultServer) -> None:
    home.configure(server.url, model="")
    with conversation(home) as repl:
        repl.enter("for the old one")
        repl.enter("/model m")
        repl.enter("/new")
        assert "nothing to retry yet" in repl.output_of("/retry")
        repl.leave()
    assert server.requests == []


def test_an_unsent_retry_is_sent_again_in_its_place(home: Home, server: FaultServer) -> None:
    picture = home.path / "dot.png"
    picture.write_bytes(PNG)
    with conversation(home) as repl:
        repl.enter("/file dot.png")
        repl.enter("what is it?")
        picture.write_bytes(PNG + b"more")
        output = repl.output_of("/retry")
        assert "dot.png has changed since it was attached; nothing was sent" in output
        output = repl.output_of("/file drop dot.png")
        assert output == "dot.png is no longer sent; /retry sends the prompt again"
        repl.enter("/retry")
        repl.leave()
    assert len(server.requests) == 2
    wanted = "what is it?\n\n[dot.png is no longer attached]"
    assert sent_messages(server) == [("user", wanted)]


# -- /edit ------------------------------------------------------------------------------------


def editor(home: Home, command: str) -> dict[str, str | None]:
    """Return an environment with a script as the editor; `$1` is the file."""
    return {"VISUAL": str(write_script(home, "editor", command)), "EDITOR": "false"}


def test_an_edited_prompt_replaces_the_old_one(home: Home, server: FaultServer) -> None:
    env = editor(home, 'cp "$1" seen; printf "b, but shorter\\n" > "$1"')
    with conversation(home, env=env) as repl:
        repl.enter("a")
        repl.enter("b")
        assert "Answer 3." in repl.output_of("/edit")
        repl.leave()
    assert (home.path / "seen").read_text() == "b"
    assert sent_messages(server) == [
        ("user", "a"),
        ("assistant", "Answer 1."),
        ("user", "b, but shorter"),
    ]
    assert tree(home) == [
        ("a", "Answer 1.", None),
        ("b", "Answer 2.", 1),
        ("b, but shorter", "Answer 3.", 1),
    ]


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("true", "the prompt is unchanged; /retry sends it again"),
        (': > "$1"', "the prompt is empty; nothing was sent"),
        ("exit 3", "failed (exit code 3)"),
    ],
    ids=["unchanged", "emptied", "failed"],
)
def test_an_edit_without_a_change_sends_nothing(
    home: Home, server: FaultServer, command: str, message: str
) -> None:
    with conversation(home, env=editor(home, command)) as repl:
        repl.enter("a")
        assert message in repl.output_of("/edit")
        repl.leave()
    assert len(server.requests) == 1
    assert tree(home) == [("a", "Answer 1.", None)]


def test_the_first_prompt_can_be_written_in_the_editor(home: Home, server: FaultServer) -> None:
    with conversation(home, env=editor(home, 'printf "one\\ntwo\\n" > "$1"')) as repl:
        repl.enter("/edit")
        repl.leave()
    assert sent_messages(server) == [("user", "one\ntwo")]


def test_ctrl_c_in_an_editor_ends_only_the_editor(home: Home, server: FaultServer) -> None:
    with conversation(home, env=editor(home, "echo begun; exec sleep 100")) as repl:
        repl.type("/edit" + ENTER)
        repl.terminal.wait_for("begun")
        repl.type(CTRL_C)
        repl.wait_for_line()
        assert "stopped" in repl.text
        repl.enter("a")
        repl.leave()
    assert sent_messages(server) == [("user", "a")]


# -- /undo ------------------------------------------------------------------------------------


def test_undo_removes_turns_one_by_one_and_the_next_prompt_starts_a_branch(
    home: Home, server: FaultServer
) -> None:
    with conversation(home) as repl:
        for question in ("a", "b", "c"):
            repl.enter(question)
        assert repl.output_of("/undo") == 'removed "c"; 2 turns left'
        assert repl.output_of("/undo") == 'removed "b"; 1 turn left'
        repl.enter("d")
        repl.leave()
    assert sent_messages(server) == [("user", "a"), ("assistant", "Answer 1."), ("user", "d")]
    assert tree(home) == [
        ("a", "Answer 1.", None),
        ("b", "Answer 2.", 1),
        ("c", "Answer 3.", 2),
        ("d", "Answer 4.", 1),
    ]


def test_undo_of_all_turns_starts_over(home: Home, server: FaultServer) -> None:
    with conversation(home) as repl:
        repl.enter("a")
        assert repl.output_of("/undo") == 'removed "a"; 0 turns left'
        assert "nothing to undo" in repl.output_of("/undo")
        repl.enter("b")
        repl.leave()
    assert sent_messages(server) == [("user", "b")]
    assert tree(home) == [("a", "Answer 1.", None), ("b", "Answer 2.", None)]


# -- /fork ------------------------------------------------------------------------------------


def test_a_fork_continues_in_a_copy_and_leaves_the_session_unchanged(
    home: Home, server: FaultServer
) -> None:
    with conversation(home) as repl:
        repl.enter("a")
        (before,) = stored_sessions(home)
        output = repl.output_of("/fork other way")
        repl.enter("b")
        repl.leave()
    forked, old = stored_sessions(home)
    assert old == before
    assert f'continuing in session {forked.session.short_id} "other way"' in output
    assert f"{old.session.short_id} is unchanged" in output
    assert (forked.session.title, forked.session.is_named) == ("other way", True)
    assert [turn.prompt for turn in forked.path] == ["a", "b"]
    assert sent_messages(server) == [("user", "a"), ("assistant", "Answer 1."), ("user", "b")]


def test_a_fork_needs_no_name_and_reports_one_that_is_in_use(
    home: Home, server: FaultServer
) -> None:
    with conversation(home) as repl:
        assert "nothing to fork yet" in repl.output_of("/fork")
        repl.enter("a")
        repl.enter("/rename mine")
        assert 'another session is named "mine"' in repl.output_of("/fork mine")
        assert 'another session is named "mine"' not in repl.output_of("/fork")
        repl.leave()
    assert [each.session.is_named for each in stored_sessions(home)].count(True) == 1


def test_an_unsaved_conversation_cannot_be_forked(home: Home, server: FaultServer) -> None:
    with conversation(home, "chat", "-n") as repl:
        repl.enter("a")
        assert "this conversation is not saved, so it cannot be forked" in repl.output_of("/fork")
        repl.leave()


# -- errors -----------------------------------------------------------------------------------


def test_ctrl_c_stops_a_download_but_not_the_conversation(home: Home, server: FaultServer) -> None:
    with FaultServer(part_then_silence()) as files, conversation(home) as repl:
        repl.type(f"/file {files.url}/x.txt" + ENTER)
        files.wait_for_requests(1)
        repl.type(CTRL_C)
        repl.wait_for_line()
        assert "stopped" in repl.text
        repl.enter("a")
        repl.leave()
    assert sent_messages(server) == [("user", "a")]


def test_a_conversation_survives_several_failures(home: Home, server: FaultServer) -> None:
    server.add(Send(response(500, error("boom"))))
    server.add(*sse(event(chunk("Half an")), end=False), Reset())
    server.add(Reset())
    with conversation(home) as repl:
        for question in ("a", "b", "c"):
            repl.enter(question)
        assert "Answer 4." in repl.output_of("d")
        repl.leave()
    wanted = [("user", "b"), ("assistant", "Half an"), ("user", "d")]
    assert sent_messages(server) == wanted
    statuses = [turn.status for turn in path(home)]
    assert statuses == [Status.ERROR, Status.INCOMPLETE, Status.ERROR, Status.COMPLETE]
