"""Answers whose process died while they came: found by whoever comes next, told once."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from newapi_cli.domain.completion import Status
from newapi_cli.domain.session import Hit, TurnRecord
from newapi_cli.store.sessions import KILLED, SessionStore, current_owner, is_owner_alive
from tests.store.stored import change_raw, child, new_session, raw_rows, said

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
    """Give an open store."""
    with SessionStore(tmp_path / "s.db") as opened:
        yield opened


def statuses(store: SessionStore) -> list[tuple[object, ...]]:
    return raw_rows(store.database.path, "SELECT status, error FROM turns ORDER BY id")


def test_an_answer_of_a_living_process_is_left_alone(store: SessionStore) -> None:
    with child(BEGINS_A_TURN, str(store.database.path), "a" * 12):
        assert store.close_orphaned_turns() == []
        assert statuses(store) == [("open", "")]


def test_an_answer_of_a_killed_process_is_closed_and_told_once(store: SessionStore) -> None:
    with child(BEGINS_A_TURN, str(store.database.path), "a" * 12) as process:
        process.kill()
        process.wait()
        [hit] = store.close_orphaned_turns()
    assert (hit.session.id, hit.turn.prompt, hit.turn.answer) == ("a" * 12, "hi", "Par")
    assert (hit.turn.status, hit.turn.error) == (Status.INTERRUPTED, KILLED)
    assert statuses(store) == [("interrupted", KILLED)]
    assert store.close_orphaned_turns() == []


def test_all_answers_of_killed_processes_are_closed_at_once(store: SessionStore) -> None:
    for number in range(3):
        store.begin_turn(new_session(str(number)), TurnRecord(str(number)), at_leaf=True)
    change_raw(store.database.path, "UPDATE turns SET owner = '1:0' WHERE prompt != '1'")
    assert [hit.turn.prompt for hit in store.close_orphaned_turns()] == ["0", "2"]
    assert [status for status, _ in statuses(store)] == ["interrupted", "open", "interrupted"]


def test_an_answer_of_ones_own_is_left_alone(store: SessionStore) -> None:
    store.begin_turn(new_session(), TurnRecord("hi"), at_leaf=True)
    assert store.close_orphaned_turns() == []
    assert statuses(store) == [("open", "")]


@pytest.mark.parametrize("end", [s for s in Status if s is not Status.OPEN])
def test_an_answer_that_ended_is_left_alone(store: SessionStore, end: Status) -> None:
    _, turn = store.begin_turn(new_session(), TurnRecord("hi"), at_leaf=True)
    store.end_turn(turn._replace(status=end))
    change_raw(store.database.path, "UPDATE turns SET owner = '1:0'")
    assert store.close_orphaned_turns() == []
    assert statuses(store) == [(str(end), "")]


def test_a_killed_turn_that_goes_on_by_others_is_no_longer_open(store: SessionStore) -> None:
    with child(BEGINS_A_TURN, str(store.database.path), "a" * 12) as process:
        process.kill()
        process.wait()
    killed = store.find("aaaa")
    _, [next_one] = said(store, killed, ("more", "yes"))
    [hit] = store.close_orphaned_turns()
    assert next_one.parent_id == hit.turn.id


def test_of_many_that_look_at_once_one_tells(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    with SessionStore(path) as store:
        for number in range(20):
            store.begin_turn(new_session(str(number)), TurnRecord(str(number)), at_leaf=True)
    change_raw(path, "UPDATE turns SET owner = '1:0'")
    told: list[Hit] = []
    start = threading.Barrier(4)

    def look() -> None:
        with SessionStore(path) as store:
            start.wait()
            told.extend(store.close_orphaned_turns())

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(int(hit.turn.prompt) for hit in told) == list(range(20))


# -- owners -----------------------------------------------------------------------------------


def test_this_process_lives() -> None:
    assert is_owner_alive(current_owner())
    assert current_owner().startswith(f"{os.getpid()}:")


def test_a_process_of_another_user_lives() -> None:
    with child(WAITS) as process:
        start = own_name_of(process.pid)
        assert is_owner_alive(start)
        process.kill()
        process.wait()
        assert not is_owner_alive(start)


def own_name_of(pid: int) -> str:
    """Give the owner that a process is, read as the kernel's manual says (proc(5), field 22)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return f"{pid}:{fields[22 - 3]}"


def test_a_number_that_was_used_again_is_not_the_same_process() -> None:
    number, _, start = current_owner().partition(":")
    assert start, "Linux tells when a process began"
    assert not is_owner_alive(f"{number}:{int(start) - 1}")


@pytest.mark.parametrize("owner", ["", ":", "x:1", "-1:1", "0x1:1", "٣:1", "9" * 40 + ":1", "1 :1"])
def test_what_names_no_process_does_not_live(owner: str) -> None:
    assert not is_owner_alive(owner)
