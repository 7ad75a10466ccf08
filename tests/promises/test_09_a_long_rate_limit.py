"""A long rate limit is not waited for: the run exits with 7 and reports when to retry."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from newapi_cli.domain.completion import Status
from tests.sessions.helpers import last_turn
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.observed import observe
from tests.support.steps import Send
from tests.support.wire import response

AT_MOST_S = 5.0
HOUR = timedelta(hours=1)
WRONG_CLOCK = datetime(2020, 2, 29, 23, 30, tzinfo=UTC)
WAITS = {
    "seconds": [("Retry-After", "3600")],
    "milliseconds": [("Retry-After-Ms", "3600000")],
    "a date of a wrong clock": [
        ("Date", format_datetime(WRONG_CLOCK, usegmt=True)),
        ("Retry-After", format_datetime(WRONG_CLOCK + HOUR, usegmt=True)),
    ],
}


@pytest.mark.parametrize("wait", WAITS)
def test_a_wait_of_an_hour_is_reported_and_not_waited_for(
    home: Home, fault_server: FaultServer, wait: str
) -> None:
    home.configure(fault_server.url, retries=5)
    fault_server.add(Send(response(429, headers=WAITS[wait])))
    begun = datetime.now(UTC)
    result = observe("chat", "hi", home=home, env={"TZ": "UTC"})
    ended = datetime.now(UTC)
    assert (result.code, result.out) == (7, b"")
    assert "(HTTP 429)" in result.err
    match = re.search(r"retry after (\d\d:\d\d); the server asks to wait 60 minutes", result.err)
    assert match, result.err
    assert match.group(1) in [f"{moment + HOUR:%H:%M}" for moment in (begun, ended)]
    assert "retrying" not in result.err
    assert result.seconds < AT_MOST_S
    assert len(fault_server.requests) == 1
    assert last_turn(home).status is Status.ERROR
