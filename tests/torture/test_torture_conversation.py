"""A conversation of two turns in which each system call fails once, or from then on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from newapi_cli.domain.completion import Status
from tests.repl.conversation import CTRL_D, ENTER, LINE_OPENED
from tests.sessions.helpers import sessions_file, stored_sessions
from tests.support.fault_server import FaultServer
from tests.support.steps import Pause, Step, sse
from tests.support.terminal import Terminal
from tests.support.wire import answer_events
from tests.torture.faulty import DOCUMENTED, FaultyRun, faulty_command, faulty_runs, messages

ANSWERS = {"one": "Eins ist die erste Zahl.", "two": "Zwei ist die zweite Zahl."}
PACE_S = 0.02
FAULTS = [
    ("write", "EIO", True),  # a closed terminal stays closed
    ("open", "EACCES", False),
    ("open", "EMFILE", True),
    ("connect", "ECONNREFUSED", False),
    ("recv", "ECONNRESET", False),
    ("execute", "SQLITE_FULL", True),
    ("execute", "SQLITE_BUSY", False),
]


def paced_answer(text: str) -> list[Step]:
    pieces: list[bytes | Step] = []
    for event in answer_events(*(f"{word} " for word in text.split())):
        pieces += [event, Pause(PACE_S)]
    return sse(*pieces)


def converse(terminal: Terminal) -> None:
    """Send both lines and leave, unless the program exits first."""
    for number, keys in enumerate([*(f"{line}{ENTER}" for line in ANSWERS), CTRL_D], 1):
        wait_for_line_or_end(terminal, number)
        if terminal.exit_code is not None:
            return
        terminal.send(keys.encode())
    terminal.wait_exit()


def wait_for_line_or_end(terminal: Terminal, lines: int) -> None:
    """Wait until that many input lines were opened, or the program has exited."""

    def is_over() -> bool:
        return terminal.exit_code is not None or terminal.raw.count(LINE_OPENED) >= lines

    terminal.wait_until(is_over, what=f"line {lines}")


@pytest.mark.parametrize(("call", "error", "repeats"), FAULTS)
def test_each_failing_call_ends_as_documented(
    tmp_path: Path, call: str, error: str, repeats: bool
) -> None:
    for run in faulty_runs(tmp_path, call, error, repeats=repeats):
        with FaultServer() as server:
            server.answer_with(lambda request: paced_answer(ANSWERS[last_prompt(request.json)]))
            run.home.configure(server.url, retries=0)
            with Terminal(faulty_command(), home=run.home, env=run.env) as terminal:
                converse(terminal)
                text = terminal.all_text()
                assert_documented_end(run, terminal.exit_code, text)
            prompts = [last_prompt(request.json) for request in server.requests]
        assert len(set(prompts)) == len(prompts), (run.name, "sent twice", prompts)
        assert_stored(run, text, prompts)


def last_prompt(request: dict[str, Any]) -> str:
    """Return the last message."""
    content: str = request["messages"][-1]["content"]
    return content


def assert_documented_end(run: FaultyRun, code: int | None, text: str) -> None:
    """Assert a documented exit code and at most one message."""
    details = f"{run.name}: {code}\n{text}"
    assert code in DOCUMENTED, details
    if not run.had_fault:
        assert (code, messages(text)) == (0, []), details
        assert all(answer in text for answer in ANSWERS.values()), details
    assert len(messages(text)) <= 1, details


def assert_stored(run: FaultyRun, text: str, prompts: list[str]) -> None:
    """Assert that each sent prompt is stored, with the part of its answer that was shown."""
    if "not saved" in text:
        return
    path = sessions_file(run.home)
    sessions = stored_sessions(run.home) if path.exists() and path.stat().st_size else []
    turns = {turn.prompt: turn for session in sessions for turn in session.path}
    for prompt in prompts:
        assert prompt in turns, (run.name, text)
        assert turns[prompt].status is not Status.OPEN, (run.name, turns[prompt])
        if ANSWERS[prompt] in text:
            assert turns[prompt].answer.strip() == ANSWERS[prompt], (run.name, text)
