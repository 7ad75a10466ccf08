"""/file and /save."""

from __future__ import annotations

import json
import os
import stat

import pytest

from tests.repl.conversation import (
    ENTER,
    REFUSAL,
    ConversationTerminal,
    answers,
    conversation,
    last_prompt,
    sent_messages,
    stored_sessions,
)
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.process import run_newapi
from tests.support.sample_files import PNG


def enter_to_confirm(repl: ConversationTerminal, command: str) -> None:
    """Enter a command and wait for its confirmation prompt."""
    repl.type(command + ENTER)
    repl.wait_for_line()
    repl.terminal.wait_for("[y/N]")


# -- /file ------------------------------------------------------------------------------------


def test_a_text_file_is_sent_with_the_next_message_only(home: Home, server: FaultServer) -> None:
    (home.path / "notes.txt").write_text("buy milk\n")
    with conversation(home) as repl:
        output = repl.output_of("/file notes.txt")
        assert output == "attached notes.txt (9 characters of text)"
        repl.terminal.wait_for("1 attached")
        assert repl.output_of("/file") == "notes.txt (9 characters of text)"
        repl.enter("what is to do?")
        repl.enter("and then?")
        assert "nothing is attached" in repl.output_of("/file")
        repl.leave()
    assert sent_messages(server, 0) == [("user", "what is to do?\n\nnotes.txt\n```\nbuy milk\n```")]
    assert last_prompt(server) == "and then?"


def test_an_image_is_sent_with_its_message_in_every_later_turn(
    home: Home, server: FaultServer
) -> None:
    (home.path / "dot.png").write_bytes(PNG)
    with conversation(home) as repl:
        assert "dot.png" in repl.output_of("/file dot.png")
        repl.enter("what is it?")
        repl.enter("and its color?")
        repl.leave()
    for request in server.requests:
        text, picture = request.json["messages"][0]["content"]
        assert text == {"type": "text", "text": "what is it?"}
        assert picture["image_url"]["url"].startswith("data:image/png;base64,")


@pytest.mark.parametrize(
    "typed",
    ["{}", '"{}"', "'{}'", "{escaped}", " {} "],
    ids=["bare", "double quotes", "single quotes", "backslash", "blanks around"],
)
def test_a_path_with_spaces_is_accepted_in_every_form(
    home: Home, server: FaultServer, typed: str
) -> None:
    (home.path / "my notes.txt").write_text("milk")
    name = typed.format("my notes.txt", escaped="my\\ notes.txt")
    with conversation(home) as repl:
        assert "attached my notes.txt (4 characters of text)" in repl.output_of(
            f"/file {name}".rstrip()
        )
        repl.enter("a")
        repl.leave()
    assert "milk" in last_prompt(server)


def test_a_tilde_is_the_home_folder(home: Home, server: FaultServer) -> None:
    (home.path / "notes.txt").write_text("milk")
    with conversation(home) as repl:
        repl.enter("/file ~/notes.txt")
        repl.enter("a")
        repl.leave()
    assert "milk" in last_prompt(server)


def test_a_file_that_cannot_be_attached_is_reported_and_the_others_stay(
    home: Home, server: FaultServer
) -> None:
    (home.path / "notes.txt").write_text("milk")
    (home.path / "folder").mkdir()
    (home.path / "a.zip").write_bytes(b"PK\x03\x04" + bytes(40))
    with conversation(home) as repl:
        repl.enter("/file notes.txt")
        assert "cannot read gone.txt: No such file" in repl.output_of("/file gone.txt")
        assert "it is a folder" in repl.output_of("/file folder")
        assert "a zip archive" in repl.output_of("/file a.zip")
        repl.enter("a")
        repl.leave()
    assert "milk" in last_prompt(server)


def test_clear_detaches_all_files(home: Home, server: FaultServer) -> None:
    (home.path / "notes.txt").write_text("milk")
    with conversation(home) as repl:
        repl.enter("/file notes.txt")
        repl.enter("/file notes.txt")
        repl.terminal.wait_for("2 attached")
        assert repl.output_of("/file clear") == "detached all files"
        repl.enter("a")
        repl.leave()
    assert last_prompt(server) == "a"


def test_a_file_is_sent_again_with_a_prompt_that_failed(home: Home, server: FaultServer) -> None:
    (home.path / "notes.txt").write_text("milk")
    with conversation(home) as repl:
        repl.enter("/file notes.txt")
        server.add(*REFUSAL)
        repl.enter("a")
        repl.enter("/retry")
        repl.enter("b")
        repl.leave()
    assert sent_messages(server, 0) == sent_messages(server, 1)
    assert last_prompt(server) == "b"


def test_an_image_that_changed_is_not_sent_until_it_is_dropped(
    home: Home, server: FaultServer
) -> None:
    picture = home.path / "my dot.png"
    picture.write_bytes(PNG)
    with conversation(home) as repl:
        repl.enter("/file my dot.png")
        repl.enter("what is it?")
        picture.write_bytes(PNG + b"more")
        output = repl.output_of("b")
        assert "my dot.png has changed since it was attached; nothing was sent" in output
        assert "or continue without it: `/file drop my dot.png` in the conversation" in output
        assert "no attachment named dot.png" in repl.output_of("/file drop dot.png")
        assert "my dot.png is no longer sent" in repl.output_of('/file drop "my dot.png"')
        repl.enter("/retry")
        repl.leave()
    assert len(server.requests) == 2
    assert sent_messages(server) == [
        ("user", "what is it?\n\n[my dot.png is no longer attached]"),
        ("assistant", "Answer 1."),
        ("user", "b"),
    ]


# -- /save ------------------------------------------------------------------------------------


def test_the_last_answer_is_saved_unchanged_and_private(home: Home, server: FaultServer) -> None:
    server.answer_with(lambda _: answers("It is **bold**.")[0])
    with conversation(home) as repl:
        assert "no answer yet" in repl.output_of("/save answer.md")
        repl.enter("a")
        assert repl.output_of("/save my answer.md") == "saved to my answer.md"
        assert "no file name given; /save answer.md" in repl.output_of("/save")
        repl.leave()
    file = home.path / "my answer.md"
    assert file.read_text() == "It is **bold**.\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert not (home.path / "answer.md").exists()


@pytest.mark.parametrize(("key", "left"), [("y", "Answer 1.\n"), ("n", "old"), ("", "old")])
def test_an_existing_file_is_replaced_only_after_confirmation(
    home: Home, server: FaultServer, key: str, left: str
) -> None:
    file = home.path / "answer.md"
    file.write_text("old")
    with conversation(home) as repl:
        repl.enter("a")
        enter_to_confirm(repl, "/save answer.md")
        assert "answer.md already exists. Overwrite it?" in repl.text
        repl.enter(key)
        assert ("not saved" in repl.text) is (left == "old")
        repl.leave()
    assert file.read_text() == left
    assert len(server.requests) == 1


def test_saving_to_a_folder_is_refused(home: Home, server: FaultServer) -> None:
    (home.path / "folder").mkdir()
    with conversation(home) as repl:
        repl.enter("a")
        assert "folder is a folder" in repl.output_of("/save folder")
        assert "cannot write gone/x.md" in repl.output_of("/save gone/x.md")
        repl.leave()


def test_saving_to_a_pipe_is_refused(home: Home, server: FaultServer) -> None:
    os.mkfifo(home.path / "pipe")
    with conversation(home) as repl:
        repl.enter("a")
        assert repl.output_of("/save pipe") == "pipe is not a regular file"
        repl.leave()


def test_the_whole_conversation_is_saved_as_markdown(home: Home, server: FaultServer) -> None:
    with conversation(home) as repl:
        repl.enter("a question")
        repl.enter("another one")
        assert repl.output_of("/save all talk.md") == "saved to talk.md"
        repl.leave()
    text = (home.path / "talk.md").read_text()
    places = [text.index(each) for each in ("a question", "Answer 1.", "another one", "Answer 2.")]
    assert places == sorted(places)


@pytest.mark.parametrize("name", ["talk.json", "talk.jsonl"])
def test_a_saved_conversation_can_be_imported(home: Home, server: FaultServer, name: str) -> None:
    with conversation(home) as repl:
        for question in ("a", "b", "c"):
            repl.enter(question)
        repl.enter("/undo")
        repl.enter(f"/save all {name}")
        repl.leave()
    text = (home.path / name).read_text()
    assert [json.loads(line) for line in text.splitlines()] if name == "talk.jsonl" else True
    (home.newapi_home / "data" / "sessions.db").unlink()
    result = run_newapi("sessions", "import", name, home=home)
    assert result.code == 0, result.err
    (stored,) = stored_sessions(home)
    output = [(turn.prompt, turn.answer) for turn in stored.path]
    assert output == [("a", "Answer 1."), ("b", "Answer 2.")]


# -- a question y/N -----------------------------------------------------------------------------


def test_ctrl_c_at_a_confirmation_means_no(home: Home, server: FaultServer) -> None:
    file = home.path / "answer.md"
    file.write_text("old")
    with conversation(home) as repl:
        repl.enter("a")
        enter_to_confirm(repl, "/save answer.md")
        repl.type("\x03")
        repl.wait_for_line()
        assert "not saved" in repl.text
        repl.leave()
    assert file.read_text() == "old"
