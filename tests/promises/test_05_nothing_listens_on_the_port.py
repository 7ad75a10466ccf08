"""If the gateway is down or the port is wrong, the error names host and port at once."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator

import pytest

from newapi_cli.domain.completion import Status
from tests.sessions.helpers import last_turn
from tests.support.home import Home
from tests.support.observed import observe

AT_MOST_S = 3.0
LONGEST_PAUSE_S = 1.0  # before the first retry


@pytest.fixture
def unused_port() -> Iterator[int]:
    """Return a port that is bound, so that no process can take it, and has no listener."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_refused_connection_is_reported_at_once(home: Home, unused_port: int, host: str) -> None:
    home.configure(f"http://{host}:{unused_port}", retries=0)
    result = observe("chat", "hi", home=home)
    assert (result.code, result.out) == (5, b"")
    assert f"error: cannot connect to {host}:{unused_port}\n  why: Connection refused" in result.err
    assert "check the base URL" in result.err
    assert "retry" not in result.err
    assert result.seconds < AT_MOST_S
    turn = last_turn(home)
    assert (turn.prompt, turn.status, turn.answer) == ("hi", Status.ERROR, "")


def test_each_retry_is_announced_before_the_wait(home: Home, unused_port: int) -> None:
    home.configure(f"http://127.0.0.1:{unused_port}", retries=1)
    result = observe("chat", "hi", home=home)
    assert (result.code, result.out) == (5, b"")
    notice, error, *_ = result.err.splitlines()
    refused = f"cannot connect to 127.0.0.1:{unused_port}"
    assert re.fullmatch(rf"{refused}; retrying in [01]\.\d s \(1 of 1\)", notice)
    assert error == f"error: {refused}"
    assert result.seconds < AT_MOST_S + LONGEST_PAUSE_S


def test_other_commands_report_the_same_error(home: Home, unused_port: int) -> None:
    home.configure(f"http://127.0.0.1:{unused_port}", retries=0)
    result = observe("models", home=home)
    assert (result.code, result.out) == (5, b"")
    assert f"cannot connect to 127.0.0.1:{unused_port}" in result.err
