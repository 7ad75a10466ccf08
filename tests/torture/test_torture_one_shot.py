"""A question of one shot, in which each call to the world fails once, or for good, in its turn."""

from __future__ import annotations

from pathlib import Path

import pytest

from newapi_cli.domain.completion import Status
from newapi_cli.domain.session import StoredSession
from tests.sessions.keeping import sessions_file, stored_sessions
from tests.support.fault_server import FaultServer
from tests.support.observed import Conditions, Observed, Running
from tests.support.steps import Pause, Step, sse
from tests.support.wire import answer_events
from tests.torture.faulty import DOCUMENTED, Place, faulty_command, messages, places

PIECES = ("Paris is ", "the capital ", "of France.")
ANSWER = "".join(PIECES)
PACE_S = 0.02  # so that pieces are read one by one, mostly: each read is a place

FAULTS = [  # door, error, whether it stays, codes
    ("write", "ENOSPC", False, {10}),
    ("write", "ENOSPC", True, {10}),
    ("write", "EPIPE", True, {141}),
    ("write", "EIO", False, {10}),
    ("open", "EACCES", False, {0, 3}),
    ("open", "EMFILE", True, {0, 3}),
    ("connect", "ECONNREFUSED", True, {5}),
    ("connect", "ENETUNREACH", False, {5}),
    ("recv", "ECONNRESET", False, {0, 5, 9}),
    ("recv", "ETIMEDOUT", True, {0, 5, 8, 9}),
    ("execute", "SQLITE_FULL", False, {0}),
    ("execute", "SQLITE_CORRUPT", True, {0}),
]


def paced_answer() -> list[Step]:
    pieces: list[bytes | Step] = []
    for event in answer_events(*PIECES):
        pieces += [event, Pause(PACE_S)]
    return sse(*pieces)


@pytest.mark.parametrize(("door", "error", "stays", "codes"), FAULTS)
def test_each_call_that_fails(
    tmp_path: Path, door: str, error: str, stays: bool, codes: set[int]
) -> None:
    for place in places(tmp_path, door, error, stays=stays):
        with FaultServer(answer=lambda _: paced_answer()) as server:
            place.home.configure(server.url, retries=0)
            with Running(
                home=place.home,
                conditions=Conditions(env=place.env),
                command=faulty_command("chat", "hi"),
            ) as running:
                seen = running.end()
            asked = len(server.requests)
        if place.was_reached:
            assert seen.code in codes, (place.name, seen)
        else:
            assert (seen.code, seen.err) == (0, ""), (place.name, seen)
        assert_in_order(place, seen, asked)


def assert_in_order(place: Place, seen: Observed, asked: int) -> None:
    """See that the run was documented, told of once, and lost nothing that was on the screen."""
    why = (place.name, seen)
    assert seen.code in DOCUMENTED, why
    assert ANSWER.startswith(seen.text.removesuffix("\n")), why  # a part gets a line feed too
    if seen.code == 0:
        assert seen.text == f"{ANSWER}\n", why
    told = messages(seen.err)
    if seen.code == 141:
        assert seen.err == "", why
    else:
        assert len(told) <= 1, why
        assert (seen.code == 0) or told[0].startswith("error:"), why
    is_told = any("not saved" in line for line in told)
    turns = [turn for each in stored(place) for turn in each.path]
    if asked and not is_told:
        [turn] = turns
        assert turn.prompt == "hi", why
        assert turn.answer.startswith(seen.text.removesuffix("\n")), (why, turn)
        assert turn.status is not Status.OPEN, (why, turn)


def stored(place: Place) -> list[StoredSession]:
    """Give what is stored; a file that was made and never written to holds nothing."""
    path = sessions_file(place.home)
    return stored_sessions(place.home) if path.exists() and path.stat().st_size else []
