"""A one-shot run in which each system call fails once, or from then on."""

from __future__ import annotations

from pathlib import Path

import pytest

from newapi_cli.domain.completion import Status
from newapi_cli.domain.session import StoredSession
from tests.sessions.helpers import sessions_file, stored_sessions
from tests.support.fault_server import FaultServer
from tests.support.observed import Conditions, Observed, Running
from tests.support.steps import Pause, Step, sse
from tests.support.wire import answer_events
from tests.torture.faulty import DOCUMENTED, FaultyRun, faulty_command, faulty_runs, messages

PIECES = ("Paris is ", "the capital ", "of France.")
ANSWER = "".join(PIECES)
PACE_S = 0.02  # so that most pieces are read one by one, each in a call that can fail

FAULTS = [  # call, error, whether it repeats, exit codes
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


@pytest.mark.parametrize(("call", "error", "repeats", "codes"), FAULTS)
def test_each_failing_call_ends_as_documented(
    tmp_path: Path, call: str, error: str, repeats: bool, codes: set[int]
) -> None:
    for run in faulty_runs(tmp_path, call, error, repeats=repeats):
        with FaultServer(answer=lambda _: paced_answer()) as server:
            run.home.configure(server.url, retries=0)
            with Running(
                home=run.home,
                conditions=Conditions(env=run.env),
                command=faulty_command("chat", "hi"),
            ) as running:
                result = running.end()
            request_count = len(server.requests)
        if run.had_fault:
            assert result.code in codes, (run.name, result)
        else:
            assert (result.code, result.err) == (0, ""), (run.name, result)
        assert_documented_end(run, result, request_count)


def assert_documented_end(run: FaultyRun, result: Observed, request_count: int) -> None:
    """Assert a documented exit code, at most one error, and a store with all printed text."""
    details = (run.name, result)
    assert result.code in DOCUMENTED, details
    # A partial answer ends with a newline too.
    assert ANSWER.startswith(result.text.removesuffix("\n")), details
    if result.code == 0:
        assert result.text == f"{ANSWER}\n", details
    lines = messages(result.err)
    if result.code == 141:
        assert result.err == "", details
    else:
        assert len(lines) <= 1, details
        assert (result.code == 0) or lines[0].startswith("error:"), details
    is_unsaved = any("not saved" in line for line in lines)
    turns = [turn for each in stored(run) for turn in each.path]
    if request_count and not is_unsaved:
        [turn] = turns
        assert turn.prompt == "hi", details
        assert turn.answer.startswith(result.text.removesuffix("\n")), (details, turn)
        assert turn.status is not Status.OPEN, (details, turn)


def stored(run: FaultyRun) -> list[StoredSession]:
    """Return the stored sessions; an empty file has none."""
    path = sessions_file(run.home)
    return stored_sessions(run.home) if path.exists() and path.stat().st_size else []
