"""A conversation of two turns, in which each call to the world fails once, or for good."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from newapi_cli.domain.completion import Status
from tests.repl.conversing import CTRL_D, ENTER, LINE_OPENED
from tests.sessions.keeping import sessions_file, stored_sessions
from tests.support.fault_server import FaultServer
from tests.support.steps import Pause, Step, sse
from tests.support.terminal import Terminal
from tests.support.wire import answer_events
from tests.torture.faulty import DOCUMENTED, Place, faulty_command, messages, places

ANSWERS = {"one": "Eins ist die erste Zahl.", "two": "Zwei ist die zweite Zahl."}
PACE_S = 0.02
FAULTS = [
    ("write", "EIO", True),  # a terminal that has gone stays gone
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


def talk(terminal: Terminal) -> None:
    """Say both lines and leave, as long as the program takes part."""

    for number, keys in enumerate([*(f"{line}{ENTER}" for line in ANSWERS), CTRL_D], 1):
        wait_for_line_or_end(terminal, number)
        if terminal.exit_code is not None:
            return
        terminal.send(keys.encode())
    terminal.wait_exit()


def wait_for_line_or_end(terminal: Terminal, lines: int) -> None:
    """Wait until so many input lines were opened, or the program has ended."""

    def is_over() -> bool:
        return terminal.exit_code is not None or terminal.raw.count(LINE_OPENED) >= lines

    terminal.wait_until(is_over, what=f"line {lines}")


@pytest.mark.parametrize(("door", "error", "stays"), FAULTS)
def test_each_call_that_fails(tmp_path: Path, door: str, error: str, stays: bool) -> None:
    for place in places(tmp_path, door, error, stays=stays):
        with FaultServer() as server:
            server.answer_with(lambda request: paced_answer(ANSWERS[asked(request.json)]))
            place.home.configure(server.url, retries=0)
            with Terminal(faulty_command(), home=place.home, env=place.env) as terminal:
                talk(terminal)
                text = terminal.all_text()
                assert_in_order(place, terminal.exit_code, text)
            prompts = [asked(request.json) for request in server.requests]
        assert len(set(prompts)) == len(prompts), (place.name, "sent twice", prompts)
        assert_kept(place, text, prompts)


def asked(request: dict[str, Any]) -> str:
    """Give the last message."""
    content: str = request["messages"][-1]["content"]
    return content


def assert_in_order(place: Place, code: int | None, text: str) -> None:
    """See that the conversation ended as documented, with one message."""
    why = f"{place.name}: {code}\n{text}"
    assert code in DOCUMENTED, why
    if not place.was_reached:
        assert (code, messages(text)) == (0, []), why
        assert all(answer in text for answer in ANSWERS.values()), why
    assert len(messages(text)) <= 1, why


def assert_kept(place: Place, text: str, prompts: list[str]) -> None:
    """See that each prompt that was sent is stored, with what was shown of its answer."""
    if "not saved" in text:
        return
    path = sessions_file(place.home)
    found = stored_sessions(place.home) if path.exists() and path.stat().st_size else []
    turns = {turn.prompt: turn for each in found for turn in each.path}
    for prompt in prompts:
        assert prompt in turns, (place.name, text)
        assert turns[prompt].status is not Status.OPEN, (place.name, turns[prompt])
        if ANSWERS[prompt] in text:
            assert turns[prompt].answer.strip() == ANSWERS[prompt], (place.name, text)
