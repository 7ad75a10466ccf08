"""Open turns of dead processes are marked by the next process, and returned once."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from newapi_cli.domain.completion import Status
from newapi_cli.domain.session import Hit, TurnRecord
from newapi_cli.store.sessions import UNFINISHED, SessionStore, current_owner, is_owner_alive
from tests.store.stores import add_turns, change_raw, child, new_session, raw_rows

BEGINS_A_TURN = """
import sys
from pathlib import Path
from newapi_cli.domain.session import Session, TurnRecord
from newapi_cli.store.sessions import SessionStore
store = SessionStore(Path(sys.argv[1]))
session, turn = store.begin_turn(Session(sys.argv[2], "t"), TurnRecord("hi"), at_leaf=True)
store.save_partial_turn(turn._replace(answer="Par"))
print("ready", flush=True)
sys.stdin.read()
"""
WAITS = "import sys; print('ready', flush=True); sys.stdin.read()"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SessionStore]:
    """Return an open store."""
    with SessionStore(tmp_path / "s.db") as opened:
        yield opened


def statuses(store: SessionStore) -> list[tuple[object, ...]]:
    return raw_rows(store.database.path, "SELECT status, error FROM turns ORDER BY id")


def test_an_open_turn_of_a_running_process_is_not_changed(store: SessionStore) -> None:
    with child(BEGINS_A_TURN, str(store.database.path), "a" * 12):
        assert store.close_orphaned_turns() == []
        assert statuses(store) == [("open", "")]


def test_an_open_turn_of_a_killed_process_is_marked_and_returned_once(store: SessionStore) -> None:
    with child(BEGINS_A_TURN, str(store.database.path), "a" * 12) as process:
        process.kill()
        process.wait()
        [hit] = store.close_orphaned_turns()
    assert (hit.session.id, hit.turn.prompt, hit.turn.answer) == ("a" * 12, "hi", "Par")
    assert (hit.turn.status, hit.turn.error) == (Status.INTERRUPTED, UNFINISHED)
    assert statuses(store) == [("interrupted", UNFINISHED)]
    assert store.close_orphaned_turns() == []


def test_all_open_turns_of_killed_processes_are_marked_together(store: SessionStore) -> None:
    for number in range(3):
        store.begin_turn(new_session(str(number)), TurnRecord(str(number)), at_leaf=True)
    change_raw(store.database.path, "UPDATE turns SET owner = '1:0' WHERE prompt != '1'")
    assert [hit.turn.prompt for hit in store.close_orphaned_turns()] == ["0", "2"]
    assert [status for status, _ in statuses(store)] == ["interrupted", "open", "interrupted"]


def test_an_open_turn_of_this_process_is_not_changed(store: SessionStore) -> None:
    store.begin_turn(new_session(), TurnRecord("hi"), at_leaf=True)
    assert store.close_orphaned_turns() == []
    assert statuses(store) == [("open", "")]


@pytest.mark.parametrize("end", [s for s in Status if s is not Status.OPEN])
def test_a_finished_turn_is_not_changed(store: SessionStore, end: Status) -> None:
    _, turn = store.begin_turn(new_session(), TurnRecord("hi"), at_leaf=True)
    store.end_turn(turn._replace(status=end))
    change_raw(store.database.path, "UPDATE turns SET owner = '1:0'")
    assert store.close_orphaned_turns() == []
    assert statuses(store) == [(str(end), "")]


def test_a_turn_marked_by_another_process_is_no_longer_open(store: SessionStore) -> None:
    with child(BEGINS_A_TURN, str(store.database.path), "a" * 12) as process:
        process.kill()
        process.wait()
    killed = store.find("aaaa")
    _, [next_one] = add_turns(store, killed, ("more", "yes"))
    [hit] = store.close_orphaned_turns()
    assert next_one.parent_id == hit.turn.id


def test_of_many_concurrent_processes_one_returns_the_turn(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    with SessionStore(path) as store:
        for number in range(20):
            store.begin_turn(new_session(str(number)), TurnRecord(str(number)), at_leaf=True)
    change_raw(path, "UPDATE turns SET owner = '1:0'")
    orphaned: list[Hit] = []
    start = threading.Barrier(4)

    def look() -> None:
        with SessionStore(path) as store:
            start.wait()
            orphaned.extend(store.close_orphaned_turns())

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(int(hit.turn.prompt) for hit in orphaned) == list(range(20))


# -- owners -----------------------------------------------------------------------------------


def test_this_process_is_alive() -> None:
    assert is_owner_alive(current_owner())
    assert current_owner().startswith(f"{os.getpid()}:")


def test_a_process_of_another_user_is_alive() -> None:
    with child(WAITS) as process:
        start = own_name_of(process.pid)
        assert is_owner_alive(start)
        process.kill()
        process.wait()
        assert not is_owner_alive(start)


def own_name_of(pid: int) -> str:
    """Return the owner that a process is, read as the kernel's manual says (proc(5), field 22)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return f"{pid}:{fields[22 - 3]}"


def test_a_reused_process_id_is_another_process() -> None:
    number, _, start = current_owner().partition(":")
    assert start, "Linux tells when a process began"
    assert not is_owner_alive(f"{number}:{int(start) - 1}")


@pytest.mark.parametrize("owner", ["", ":", "x:1", "-1:1", "0x1:1", "٣:1", "9" * 40 + ":1", "1 :1"])
def test_an_invalid_owner_is_not_alive(owner: str) -> None:
    assert not is_owner_alive(owner)
