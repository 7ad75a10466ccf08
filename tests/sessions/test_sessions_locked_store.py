"""Another process has locked the store: newapi waits for it, and Ctrl-C ends the wait at once."""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from newapi_cli.app.sessions.live_session import LiveSession
from newapi_cli.domain.completion import Status
from newapi_cli.errors import Interrupted, LocalError
from newapi_cli.store.sessions import SessionStore
from tests.repl.conversation import part_then_silence
from tests.sessions.helpers import (
    answer_numbered,
    chat,
    last_turn,
    only_session,
    sessions_file,
)
from tests.store.stores import add_turns, new_session, raw_rows
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.process import newapi_command
from tests.support.terminal import Terminal

AT_ONCE_S = 1.0
COMMANDS = ["chat -c more", "chat hi", "chat", "sessions list", "sessions rm --yes x", "usage"]


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on the file."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield


def has_opened(pid: int, path: Path) -> bool:
    """Return whether a process has opened a file."""
    for name in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            if name.readlink() == path:
                return True
    return False


@pytest.mark.parametrize("command", COMMANDS)
def test_ctrl_c_takes_effect_at_once(home: Home, fault_server: FaultServer, command: str) -> None:
    answer_numbered(fault_server, home)
    chat(home, "hi")
    with (
        held(sessions_file(home)),
        Terminal(newapi_command(*command.split()), home=home) as terminal,
    ):
        until = time.monotonic() + 10
        while not has_opened(terminal.pid, sessions_file(home)):
            assert time.monotonic() < until
        pressed = time.monotonic()
        terminal.press_ctrl_c()
        assert terminal.wait_exit() == 130
        assert terminal.exited_at is not None
        assert terminal.exited_at - pressed < AT_ONCE_S
        assert "error:" not in terminal.all_text()
    assert len(fault_server.requests) == 1
    assert only_session(home).session.turns == 1


def test_text_before_ctrl_c_is_saved_once_the_store_is_free(
    home: Home, fault_server: FaultServer
) -> None:
    home.configure(fault_server.url)
    fault_server.add(*part_then_silence())
    with Terminal(newapi_command("chat", "--raw", "hi"), home=home) as terminal:
        terminal.wait_for("It lies on")
        with held(sessions_file(home)):
            terminal.press_ctrl_c()
            fault_server.wait_for_close()
        assert terminal.wait_exit() == 130
    assert (last_turn(home).status, last_turn(home).answer[-10:]) == (
        Status.INTERRUPTED,
        "It lies on",
    )


# -- the store and the conversation in memory -----------------------------------------------------


def interrupted() -> None:
    raise Interrupted


def test_a_signal_before_a_turn_begins_leaves_the_path_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    with SessionStore(path, check_wait=interrupted) as store:
        session, _ = add_turns(store, new_session(), ("first", "1"), ("second", "2"))
        stored = store.load(session.id)
        assert stored is not None
        live = LiveSession(stored.session, stored.path, store)
        before = live.path
        for after in (None, live.path[:-1]):
            with held(path), pytest.raises(Interrupted):
                live.begin("third", model="m", after=after)
            assert (live.path, live.turns_begun, live.is_saved) == (before, 0, True)
    assert raw_rows(path, "SELECT prompt FROM turns") == [("first",), ("second",)]


def test_saving_a_partial_answer_does_not_wait(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    with SessionStore(path) as store:
        _, [turn] = add_turns(store, new_session(), ("first", "1"))
        with held(path):
            began = time.monotonic()
            with pytest.raises(LocalError, match="busy"):
                store.save_partial_turn(turn)
            assert time.monotonic() - began < AT_ONCE_S


def test_ctrl_c_during_a_vacuum_reports_possible_traces(tmp_path: Path) -> None:
    path, is_at_it = tmp_path / "s.db", threading.Event()

    def press_ctrl_c() -> None:
        is_at_it.wait()
        os.kill(os.getpid(), signal.SIGINT)

    with (
        closing(sqlite3.connect(path, isolation_level=None)) as other,
        SessionStore(path) as store,
    ):
        session, _ = add_turns(store, new_session(), ("first", "1"))

        def hold(statement: str) -> None:
            if statement == "VACUUM" and not is_at_it.is_set():
                other.execute("BEGIN EXCLUSIVE")
                is_at_it.set()

        store.database._connection.set_trace_callback(hold)
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        thread = threading.Thread(target=press_ctrl_c)
        thread.start()
        try:
            with pytest.raises(LocalError, match="traces of them") as caught:
                store.delete([session.id])
        finally:
            thread.join()
            signal.signal(signal.SIGINT, before)
        assert caught.value.why == "stopped"
        assert "--older-than 1000y" in caught.value.hint
        other.execute("ROLLBACK")
        assert store.sessions() == []
