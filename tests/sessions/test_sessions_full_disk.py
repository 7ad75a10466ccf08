"""A full disk is reported once, on separate lines, with the next step."""

from __future__ import annotations

import re
import signal

import pytest

from newapi_cli.domain.completion import Status
from newapi_cli.domain.session import TurnRecord
from newapi_cli.errors import LocalError, Reason
from newapi_cli.store.sessions import SessionStore
from tests.repl.conversation import CTRL_C, ENTER, PART, conversation, part_then_silence
from tests.sessions.helpers import (
    answer_numbered,
    chat,
    data_dir,
    fill,
    make_read_only,
    sessions_file,
    small_disk,
    stored_sessions,
    warnings_of,
    without_root,
)
from tests.store.stores import change_raw, new_session
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.process import newapi_command, run_command, run_newapi
from tests.support.terminal import Terminal

MOUNTS = pytest.mark.needs_root("mount a small disk")
CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}
UNSAVED = "warning: this conversation is not saved:"


def assert_told_once_below_the_answer(text: str) -> None:
    """Assert that the part is shown once, with the warning on a line below it."""
    rows = [row.rstrip() for row in text.strip().split("\n")]
    assert "\n".join(rows).count(PART) == 1, text
    [place] = [number for number, row in enumerate(rows) if "warning:" in row]
    assert rows[place].startswith(UNSAVED), text
    assert place > rows.index(PART.split("\n")[-1]), text
    assert "\n\n\n" not in "\n".join(rows), text
    assert "is kept" not in text


@MOUNTS
@pytest.mark.parametrize("number", CODES, ids=lambda number: number.name)
@pytest.mark.parametrize("args", [("--raw",), ()], ids=["raw", "markdown"])
def test_a_signal_during_an_answer_warns_below_it_that_it_is_not_saved(
    home: Home, fault_server: FaultServer, args: tuple[str, ...], number: signal.Signals
) -> None:
    answer_numbered(fault_server, home)
    with small_disk(data_dir(home)):
        chat(home, "first")
        fault_server.add(*part_then_silence())
        with Terminal(newapi_command("chat", *args, "hi"), home=home) as terminal:
            terminal.wait_for("It lies on" if args else "Paris is the capital.")
            fill(data_dir(home))
            terminal.send_signal(number)
            assert terminal.wait_exit() == CODES[number]
            assert_told_once_below_the_answer(terminal.all_text())


@MOUNTS
@pytest.mark.parametrize("args", [("--raw",), ()], ids=["raw", "markdown"])
def test_ctrl_c_in_a_conversation_does_not_claim_that_an_unsaved_part_is_kept(
    home: Home, fault_server: FaultServer, args: tuple[str, ...]
) -> None:
    answer_numbered(fault_server, home)
    with small_disk(data_dir(home)):
        chat(home, "first")
        with conversation(home, "chat", *args) as repl:
            fault_server.add(*part_then_silence())
            repl.type("hi" + ENTER)
            repl.terminal.wait_for("It lies on" if args else "Paris is the capital.")
            fill(data_dir(home))
            repl.type(CTRL_C)
            repl.wait_for_line()
            repl.terminal.wait_for("stopped; /continue or /retry")
            output = repl.text.rpartition("> hi")[2].partition("\n>")[0]
            assert_told_once_below_the_answer(output)
            repl.leave()


@MOUNTS
def test_a_deletion_without_disk_space_says_how_much_it_needs(
    home: Home, fault_server: FaultServer
) -> None:
    answer_numbered(fault_server, home)
    with small_disk(data_dir(home)):
        chat(home, "word " * 5000)
        fill(data_dir(home))
        result = run_newapi("sessions", "rm", "--yes", "--older-than", "0d", home=home)
        assert (result.code, result.out) == (10, b"")
        assert f"\n  try: free space on the disk: df -h {data_dir(home)}" in result.err
        assert "deleting temporarily needs as much space as it frees" in result.err
        (data_dir(home) / "filler").unlink()
        assert len(stored_sessions(home)) == 1
        result = run_newapi("sessions", "rm", "--yes", "--older-than", "0d", home=home)
        assert (result.code, stored_sessions(home)) == (0, [])


@MOUNTS
def test_a_full_disk_is_reported_with_the_next_step(home: Home, fault_server: FaultServer) -> None:
    answer_numbered(fault_server, home)
    with small_disk(data_dir(home)):
        fill(data_dir(home))
        result = run_newapi("chat", "hi", home=home)
        assert len(warnings_of(result.err)) == 1
        assert f"\n  try: free space on the disk: df -h {data_dir(home)}" in result.err


@pytest.mark.parametrize("mode", [0o400, 0])
def test_missing_permissions_are_reported_with_the_next_step(
    home: Home, fault_server: FaultServer, mode: int
) -> None:
    answer_numbered(fault_server, home)
    chat(home, "hi")
    sessions_file(home).chmod(mode)
    command = newapi_command("sessions", "rm", "--yes", "--older-than", "0d")
    result = run_command(without_root(*command), home=home)
    assert (result.code, result.out) == (10, b"")
    hint = rf"\n  try: check the permissions of .*: ls -ld {data_dir(home)} {sessions_file(home)}\n"
    assert re.search(hint, result.err), result.err


@pytest.mark.parametrize("part", ["Par", ""])
def test_an_answer_that_could_not_even_be_marked_is_not_said_to_be_killed(
    home: Home, fault_server: FaultServer, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    answer_numbered(fault_server, home)
    data_dir(home).mkdir(0o700, parents=True)
    with SessionStore(sessions_file(home)) as store:
        session, turn = store.begin_turn(new_session("t"), TurnRecord("hi"), at_leaf=True)
        store.save_partial_turn(turn._replace(answer=part))
        with monkeypatch.context() as full:
            full.setattr(store.database, "execute", fail_with_full_disk)
            with pytest.raises(LocalError):
                store.end_turn(turn._replace(answer="Paris", status=Status.COMPLETE))
    change_raw(sessions_file(home), "UPDATE turns SET owner = '1:0'")  # the process ended
    saved = "the rest of an answer; 3 characters were saved" if part else "an answer"
    [warning] = warnings_of(run_newapi("chat", "more", home=home).err)
    resume = f'resume: newapi chat -S {session.short_id} ("t")'
    assert warning == f"warning: newapi was killed, or could not save {saved}; {resume}"


def fail_with_full_disk(*_: object) -> int:
    """Fail as the database does."""
    raise LocalError("cannot write", reason=Reason.DISK_FULL)


@MOUNTS
@pytest.mark.parametrize("is_empty", [True, False])
@pytest.mark.parametrize("leave_bytes", [0, 20_000])
def test_a_new_named_session_is_reported_once_and_answered(
    home: Home, fault_server: FaultServer, is_empty: bool, leave_bytes: int
) -> None:
    answer_numbered(fault_server, home)
    with small_disk(data_dir(home)):
        if not is_empty:
            chat(home, "first")
        fill(data_dir(home), leave_bytes=leave_bytes)
        for args in (("chat", "-S", "work"), ("chat", "-S", "work", "-q")):
            result = run_newapi(*args, "hi", home=home)
            assert (result.code, result.text.startswith("Answer ")) == (0, True), result
            assert result.err.count("new session: work") == ("-q" not in args)
            assert len(warnings_of(result.err)) == 1
            assert result.err.count("  try: free space on the disk: df -h ") == 1


@MOUNTS
@pytest.mark.parametrize("is_empty", [True, False])
def test_on_a_read_only_disk_the_hint_is_about_the_disk(
    home: Home, fault_server: FaultServer, is_empty: bool
) -> None:
    answer_numbered(fault_server, home)
    with small_disk(data_dir(home)):
        if not is_empty:
            chat(home, "first")
        make_read_only(data_dir(home))
        for args in (("chat", "hi"), ("chat", "-S", "work", "hi")):
            result = run_newapi(*args, home=home)
            assert (result.code, result.text.startswith("Answer ")) == (0, True), result
            assert len(warnings_of(result.err)) == 1
            assert f"on another: df -h {data_dir(home)}\n" in result.err
            assert "ls -ld" not in result.err


@MOUNTS
@pytest.mark.parametrize("is_read_only", [True, False])
def test_a_config_file_on_such_a_disk_has_the_same_hints(home: Home, is_read_only: bool) -> None:
    folder = home.newapi_home
    with small_disk(folder):
        if is_read_only:
            make_read_only(folder)
        else:
            fill(folder)
        for args in (
            ("config", "set", "model", "x"),
            ("login", "http://127.0.0.1:1", "--stdin", "--no-check"),
            ("config", "edit"),
        ):
            result = run_newapi(*args, home=home, stdin=b"sk-x-0123456789", env={"EDITOR": "true"})
            assert (result.code, result.out) == (3, b""), result
            assert f": df -h {folder}\n" in result.err, result
            assert "ls -ld" not in result.err
