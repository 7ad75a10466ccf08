"""A signal during the layout of a huge answer ends the command at once."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.repl.conversation import CTRL_C, ENTER, conversation
from tests.sessions.helpers import last_turn, only_session
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.process import newapi_command
from tests.support.scale import IS_LONG
from tests.support.steps import Send, Stall, Step, sse
from tests.support.terminal import Terminal
from tests.support.wire import answer_events, chunk, completion, event, json_bytes, response

AT_ONCE_S = 0.2 if IS_LONG else 1.0  # CI runs other tests at the same time
CPU_S = 0.3  # after which the layout, which takes several seconds, has certainly begun
TICKS_PER_S = 100
PIECE = 1 << 16
HUGE = {
    "table": "| a | b |\n|---|---|\n" + "| some words | *more* words |\n" * 60_000,
    "line": "words and **words** and words " * 100_000,
    "code": "```python\n" + "def f(x):\n    return 'text' + x  # note\n\n" * 40_000,
    "definitions": "".join(f"[a {n}]: https://h.example/{n}\n" for n in range(100_000)),
    "nesting": ("> " * 40 + "text\n") * 20_000,
}
CASES = [("table", False), ("code", True), ("line", False)]


def cpu_s(pid: int) -> float:
    """Return the CPU time of a running process."""
    fields = Path(f"/proc/{pid}/stat").read_text("latin-1").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def steps(text: str, *, is_streamed: bool) -> list[Step]:
    if not is_streamed:
        return [Send(response(200, json_bytes(completion(text))))]
    pieces = [text[at : at + PIECE] for at in range(0, len(text), PIECE)]
    return [*sse(*(event(chunk(piece)) for piece in pieces), end=False), Stall()]


def cases() -> Iterator[tuple[str, bool, signal.Signals]]:
    for name, is_streamed in (
        CASES if not IS_LONG else [(n, s) for n in HUGE for s in (True, False)]
    ):
        yield name, is_streamed, signal.SIGTERM if is_streamed else signal.SIGINT


@pytest.mark.parametrize(("name", "is_streamed", "number"), list(cases()))
def test_a_signal_ends_the_layout_of_a_huge_answer_at_once(
    home: Home, fault_server: FaultServer, name: str, is_streamed: bool, number: signal.Signals
) -> None:
    text = HUGE[name]
    fault_server.add(*steps(text, is_streamed=is_streamed))
    home.configure(fault_server.url)
    args = [] if is_streamed else ["--no-stream"]
    with Terminal(newapi_command("chat", *args, "hi"), home=home) as terminal:
        fault_server.wait_for_requests(1)
        begin_s = cpu_s(terminal.pid)
        while cpu_s(terminal.pid) < begin_s + CPU_S:
            time.sleep(0.01)
        sent_at = time.monotonic()
        terminal.send_signal(number)
        assert terminal.wait_exit() == 128 + number
        assert terminal.exited_at is not None
        assert terminal.exited_at - sent_at < AT_ONCE_S
        assert not terminal.emulator.cursor.hidden
        assert terminal.echoes
        assert terminal.raw.count(b"\x1b[?2026h") == terminal.raw.count(b"\x1b[?2026l")
    assert text.startswith(last_turn(home).answer)


def test_a_conversation_continues_after_it(home: Home, fault_server: FaultServer) -> None:
    fault_server.add(*steps(HUGE["table"], is_streamed=True))
    fault_server.add(*sse(*answer_events("Second answer.")))
    home.configure(fault_server.url)
    with conversation(home) as repl:
        begin_s = cpu_s(repl.terminal.pid)
        repl.type("one" + ENTER)
        while cpu_s(repl.terminal.pid) < begin_s + 2 * CPU_S:
            time.sleep(0.01)
        pressed_at = time.monotonic()
        repl.type(CTRL_C)
        repl.wait_for_line()
        assert time.monotonic() - pressed_at < 5 * AT_ONCE_S  # the emulator shows the source too
        assert "more lines" in repl.terminal.all_text()
        repl.enter("two")
        repl.terminal.wait_for("Second answer.")
        repl.leave()
    assert [turn.prompt for turn in only_session(home).path] == ["one", "two"]
