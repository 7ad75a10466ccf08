"""A model can think for as long as the gateway keeps sending data."""

from __future__ import annotations

import pytest

from newapi_cli.domain.completion import Status
from tests.promises.conftest import ANSWER, PIECES
from tests.sessions.helpers import last_turn
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.observed import observe
from tests.support.process import newapi_command
from tests.support.steps import Pause, Step, sse
from tests.support.terminal import Terminal
from tests.support.wire import PING, answer_events, chunk, event

PINGS = 40
EVERY_S = 0.06
IDLE_S = 1.2  # well above one pause, well below all of them together
TIMEOUTS = {"first_byte_timeout": IDLE_S, "idle_timeout": IDLE_S, "first_content_timeout": 60.0}


def repeated(data: bytes) -> list[bytes | Step]:
    """Return data to send forty times, with a pause after each."""
    return [each for _ in range(PINGS) for each in (data, Pause(EVERY_S))]


ACTIVITIES = {
    "pings": repeated(PING),
    "empty deltas": repeated(event(chunk("", delta={"role": "assistant"}))),
    "reasoning": repeated(event(chunk(reasoning="Hm. "))),
}


@pytest.mark.parametrize("activity", ACTIVITIES)
def test_the_answer_is_waited_for(home: Home, server: FaultServer, activity: str) -> None:
    home.configure(server.url, retries=0, **TIMEOUTS)
    server.add(*sse(*ACTIVITIES[activity], *answer_events(*PIECES)))
    result = observe("chat", "hi", home=home)
    assert (result.code, result.text, result.err) == (0, f"{ANSWER}\n", "")
    assert result.seconds > PINGS * EVERY_S > IDLE_S
    assert len(server.requests) == 1
    assert last_turn(home).status is Status.COMPLETE


def test_a_stream_without_data_times_out(home: Home, server: FaultServer) -> None:
    home.configure(server.url, retries=0, **TIMEOUTS | {"idle_timeout": 0.3})
    server.add(*sse(PING, Pause(30), *answer_events(*PIECES)))
    result = observe("chat", "hi", home=home)
    assert (result.code, result.out) == (8, b"")
    assert "no data for 0.3 s" in result.err
    assert result.seconds < 10


def test_a_terminal_shows_what_is_waited_for_and_how_long(home: Home, server: FaultServer) -> None:
    home.configure(server.url, retries=0, **TIMEOUTS)
    server.add(*sse(*ACTIVITIES["pings"], *answer_events(*PIECES)))
    with Terminal(newapi_command("chat", "hi"), home=home) as terminal:
        terminal.wait_for("waiting for test-model 2")
        assert terminal.wait_exit() == 0
        assert ANSWER in terminal.all_text()
        assert "waiting for" not in terminal.all_text()
