"""A rejected key exits with 4 at once, with the gateway's own words and the key's source."""

from __future__ import annotations

import pytest

from newapi_cli.domain.completion import Status
from tests.sessions.helpers import last_turn
from tests.support.fault_server import FaultServer
from tests.support.home import CANARY, Home
from tests.support.observed import observe
from tests.support.process import Environment
from tests.support.steps import Send
from tests.support.wire import REQUEST_ID, error, response

WORDS = f"无效的令牌 \x1b[2J\x9b31m (request id: {REQUEST_ID})"
SOURCES: dict[str, tuple[Environment, str]] = {
    "profile": ({}, "the key from profile test"),
    "environment": ({"NEWAPI_API_KEY": CANARY}, "the key from environment NEWAPI_API_KEY"),
}


@pytest.mark.parametrize("content_type", ["application/json", "text/event-stream"])
@pytest.mark.parametrize("source", SOURCES)
def test_the_error_shows_reason_request_id_and_source_of_the_key(
    home: Home, fault_server: FaultServer, source: str, content_type: str
) -> None:
    env, key_source = SOURCES[source]
    fault_server.add(Send(response(401, error(WORDS), content_type=content_type)))
    home.configure(fault_server.url, retries=3)
    result = observe("chat", "hi", home=home, env=env)
    assert (result.code, result.out) == (4, b"")
    assert (
        "the gateway rejected the key" in result.err or "does not recognize this key" in result.err
    )
    assert "why: 无效的令牌" in result.err
    assert f"id: {REQUEST_ID}" in result.err
    assert key_source in result.err
    assert "newapi login" in result.err
    assert not {"\x1b", "\x9b"} & {*result.err}, "control characters of a server reach stderr"
    [request] = fault_server.requests
    assert request.header("Authorization") == f"Bearer {CANARY}"
    turn = last_turn(home)
    assert (turn.prompt, turn.status, turn.answer) == ("hi", Status.ERROR, "")
