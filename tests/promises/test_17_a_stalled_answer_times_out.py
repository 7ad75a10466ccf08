"""An answer without new text times out, even if pings or single bytes keep arriving.

`--timeout` is the longest time without content. All variants wait at once, each in its own home.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from newapi_cli.domain.completion import Status
from tests.sessions.keeping import last_turn
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.observed import Observed, Running
from tests.support.steps import Forever, Pause, Send, Stall, Step, WaitFor, dribble, sse
from tests.support.unread import UnreadPipe
from tests.support.wire import PING, answer_events, chunk, completion, event, framed, response

TIMEOUT_S = 1.0
AT_MOST_S = 8.0  # of a machine that has much else to do
EVERY_S = 0.1
ROLE = event(chunk("", delta={"role": "assistant"}))
PART = event(chunk("Paris is"))


def repeated(data: bytes) -> Step:
    """Send the same for ever, well within the time of a silence."""
    return Forever([Send(framed(data)), Pause(EVERY_S)])


BEFORE_ANY_TEXT: Mapping[str, Sequence[Step]] = {
    "nothing at all": [Stall()],
    "headers, then nothing": [*sse(end=False), Stall()],
    "a byte of the headers now and then": dribble(response(200, completion("x")), EVERY_S),
    "a byte of an event now and then": [*sse(end=False, chunked=False), *dribble(PART, EVERY_S)],
    "pings": sse(repeated(PING)),
    "blank lines": sse(repeated(b"\n")),
    "a comment without end": sse(repeated(b":")),
    "empty deltas": sse(repeated(ROLE)),
    "events that nobody knows": sse(repeated(b'event: ping\ndata: {"type":"ping"}\n\n')),
}
AFTER_SOME_TEXT: Mapping[str, Sequence[Step]] = {
    "nothing": [*sse(PART, end=False), Stall()],
    "pings": sse(PART, repeated(PING)),
    "empty deltas": sse(PART, repeated(ROLE)),
    "a byte now and then": [*sse(PART, chunked=False), *dribble(PART, EVERY_S)],
}


class Asked:
    """How each variant ended: the run, the home that it was in, and the requests it took."""

    def __init__(self, tmp_path: Path, variants: Mapping[str, Sequence[Step]], *args: str) -> None:
        self.runs: dict[str, Observed] = {}
        self.homes: dict[str, Home] = {}
        with ExitStack() as open_now:
            servers = {
                name: open_now.enter_context(FaultServer(script))
                for name, script in variants.items()
            }
            running: dict[str, Running] = {}
            for name, server in servers.items():
                home = self.homes[name] = Home(tmp_path / name.replace(" ", "-"))
                home.path.mkdir(0o700)
                home.configure(server.url, timeout=TIMEOUT_S, retries=2)
                command = ("chat", *args, "hi")
                running[name] = open_now.enter_context(Running(*command, home=home))
            self.runs = {name: each.end() for name, each in running.items()}
            self.requests = {name: len(server.requests) for name, server in servers.items()}

    def ends(self) -> dict[str, tuple[int, bytes, int]]:
        """Give exit code, stdout and number of requests of each."""
        return {name: (run.code, run.out, self.requests[name]) for name, run in self.runs.items()}

    def not_in_time(self) -> dict[str, float]:
        """Give those that ended before the silence was over, or long after it."""
        seconds = {name: run.seconds for name, run in self.runs.items()}
        return {n: s for n, s in seconds.items() if not TIMEOUT_S <= s <= AT_MOST_S}


@pytest.mark.parametrize("args", [[], ["--no-stream"]], ids=["a stream", "a whole answer"])
def test_a_stall_before_any_text_times_out_and_is_not_retried(
    tmp_path: Path, args: list[str]
) -> None:
    asked = Asked(tmp_path, BEFORE_ANY_TEXT, *args)
    assert asked.ends() == dict.fromkeys(BEFORE_ANY_TEXT, (8, b"", 1))
    assert asked.not_in_time() == {}
    assert [run.err for run in asked.runs.values() if "1 s" not in run.err] == []
    turns = {name: last_turn(home) for name, home in asked.homes.items()}
    kept = {name: (turn.prompt, turn.status, turn.answer) for name, turn in turns.items()}
    assert kept == dict.fromkeys(BEFORE_ANY_TEXT, ("hi", Status.ERROR, ""))


def test_a_stall_after_some_text_ends_the_answer_and_keeps_the_text(tmp_path: Path) -> None:
    asked = Asked(tmp_path, AFTER_SOME_TEXT)
    assert asked.ends() == dict.fromkeys(AFTER_SOME_TEXT, (9, b"Paris is\n", 1))
    assert asked.not_in_time() == {}
    assert [run.err for run in asked.runs.values() if "cut off after 8 char" not in run.err] == []
    turns = {name: last_turn(home) for name, home in asked.homes.items()}
    kept = {name: (turn.status, turn.answer) for name, turn in turns.items()}
    assert kept == dict.fromkeys(AFTER_SOME_TEXT, (Status.INCOMPLETE, "Paris is"))


def test_slow_text_does_not_time_out(tmp_path: Path) -> None:
    slowly = [step for each in "Par" for step in (event(chunk(each)), Pause(TIMEOUT_S / 2))]
    asked = Asked(tmp_path, {"half the silence": sse(*slowly, *answer_events("is."))})
    assert asked.ends() == {"half the silence": (0, b"Paris.\n", 1)}


PAUSE_S = 2 * TIMEOUT_S
LONG = "a line of an answer that is longer than any pipe is large\n" * 4000


def test_a_reader_that_pauses_longer_than_the_timeout_loses_nothing(
    home: Home, server: FaultServer
) -> None:
    server.add(*sse(*answer_events(LONG[: len(LONG) // 2], LONG[len(LONG) // 2 :])))
    with (
        UnreadPipe() as pipe,
        Running("chat", "--timeout", "1", "hi", home=home, stdout=pipe.writing) as running,
    ):
        pipe.wait_until_full()
        time.sleep(PAUSE_S)  # what the reader does
        read = pipe.read_all()
        seen = running.end()
    assert (seen.code, seen.err) == (0, "")
    assert read.decode() == LONG
    assert last_turn(home).answer == LONG


def test_a_process_stopped_for_longer_than_the_timeout_loses_nothing(
    home: Home, server: FaultServer
) -> None:
    is_stopped = threading.Event()
    server.add(*sse(PART, WaitFor(is_stopped), *answer_events(" here.")))
    with Running("chat", "--timeout", "1", "hi", home=home) as running:
        running.wait_for(b"Paris is")
        running.send_signal(signal.SIGSTOP)
        is_stopped.set()
        time.sleep(PAUSE_S)  # what the person does before `fg`
        running.send_signal(signal.SIGCONT)
        seen = running.end()
    assert (seen.code, seen.text, seen.err) == (0, "Paris is here.\n", "")
