"""An answer without new text times out, even if pings or single bytes keep arriving.

`--timeout` is the longest time without text. All variants run at once, each in its own home.
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
from tests.sessions.helpers import last_turn
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.observed import Running
from tests.support.steps import Forever, Pause, Send, Stall, Step, WaitFor, dribble, sse
from tests.support.unread import UnreadPipe
from tests.support.wire import PING, answer_events, chunk, completion, event, framed, response

TIMEOUT_S = 1.0
AT_MOST_S = 8.0  # on a busy machine
EVERY_S = 0.1
ROLE = event(chunk("", delta={"role": "assistant"}))
PART = event(chunk("Paris is"))


def repeated(data: bytes) -> Step:
    """Return a step that sends the same data forever, well within the timeout."""
    return Forever([Send(framed(data)), Pause(EVERY_S)])


BEFORE_ANY_TEXT: Mapping[str, Sequence[Step]] = {
    "nothing at all": [Stall()],
    "headers, then nothing": [*sse(end=False), Stall()],
    "single bytes of the headers": dribble(response(200, completion("x")), EVERY_S),
    "single bytes of an event": [*sse(end=False, chunked=False), *dribble(PART, EVERY_S)],
    "pings": sse(repeated(PING)),
    "blank lines": sse(repeated(b"\n")),
    "an endless comment": sse(repeated(b":")),
    "empty deltas": sse(repeated(ROLE)),
    "events of unknown types": sse(repeated(b'event: ping\ndata: {"type":"ping"}\n\n')),
}
AFTER_SOME_TEXT: Mapping[str, Sequence[Step]] = {
    "nothing": [*sse(PART, end=False), Stall()],
    "pings": sse(PART, repeated(PING)),
    "empty deltas": sse(PART, repeated(ROLE)),
    "single bytes": [*sse(PART, chunked=False), *dribble(PART, EVERY_S)],
}


class ParallelRuns:
    """The result, home and number of requests of a run against each variant."""

    def __init__(self, tmp_path: Path, variants: Mapping[str, Sequence[Step]], *args: str) -> None:
        self.homes: dict[str, Home] = {}
        with ExitStack() as stack:
            servers = {
                name: stack.enter_context(FaultServer(script)) for name, script in variants.items()
            }
            running: dict[str, Running] = {}
            for name, server in servers.items():
                home = self.homes[name] = Home(tmp_path / name.replace(" ", "-"))
                home.path.mkdir(0o700)
                home.configure(server.url, timeout=TIMEOUT_S, retries=2)
                command = ("chat", *args, "hi")
                running[name] = stack.enter_context(Running(*command, home=home))
            self.results = {name: each.end() for name, each in running.items()}
            self.requests = {name: len(server.requests) for name, server in servers.items()}

    def ends(self) -> dict[str, tuple[int, bytes, int]]:
        """Return exit code, stdout and number of requests of each run."""
        return {
            name: (result.code, result.out, self.requests[name])
            for name, result in self.results.items()
        }

    def not_in_time(self) -> dict[str, float]:
        """Return the runs that ended before the timeout or long after it, with their seconds."""
        seconds = {name: result.seconds for name, result in self.results.items()}
        return {n: s for n, s in seconds.items() if not TIMEOUT_S <= s <= AT_MOST_S}


@pytest.mark.parametrize("args", [[], ["--no-stream"]], ids=["a stream", "a whole answer"])
def test_a_stall_before_any_text_times_out_and_is_not_retried(
    tmp_path: Path, args: list[str]
) -> None:
    runs = ParallelRuns(tmp_path, BEFORE_ANY_TEXT, *args)
    assert runs.ends() == dict.fromkeys(BEFORE_ANY_TEXT, (8, b"", 1))
    assert runs.not_in_time() == {}
    assert [run.err for run in runs.results.values() if "1 s" not in run.err] == []
    turns = {name: last_turn(home) for name, home in runs.homes.items()}
    stored = {name: (turn.prompt, turn.status, turn.answer) for name, turn in turns.items()}
    assert stored == dict.fromkeys(BEFORE_ANY_TEXT, ("hi", Status.ERROR, ""))


def test_a_stall_after_some_text_ends_the_answer_and_keeps_the_text(tmp_path: Path) -> None:
    runs = ParallelRuns(tmp_path, AFTER_SOME_TEXT)
    assert runs.ends() == dict.fromkeys(AFTER_SOME_TEXT, (9, b"Paris is\n", 1))
    assert runs.not_in_time() == {}
    assert [run.err for run in runs.results.values() if "cut off after 8 char" not in run.err] == []
    turns = {name: last_turn(home) for name, home in runs.homes.items()}
    stored = {name: (turn.status, turn.answer) for name, turn in turns.items()}
    assert stored == dict.fromkeys(AFTER_SOME_TEXT, (Status.INCOMPLETE, "Paris is"))


def test_slow_text_does_not_time_out(tmp_path: Path) -> None:
    slowly = [step for each in "Par" for step in (event(chunk(each)), Pause(TIMEOUT_S / 2))]
    runs = ParallelRuns(tmp_path, {"half the silence": sse(*slowly, *answer_events("is."))})
    assert runs.ends() == {"half the silence": (0, b"Paris.\n", 1)}


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
        time.sleep(PAUSE_S)  # the reader pauses
        read = pipe.read_all()
        result = running.end()
    assert (result.code, result.err) == (0, "")
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
        time.sleep(PAUSE_S)  # the user waits before `fg`
        running.send_signal(signal.SIGCONT)
        result = running.end()
    assert (result.code, result.text, result.err) == (0, "Paris is here.\n", "")
