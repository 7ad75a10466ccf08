"""A redirect is reported and never followed: neither prompt nor key goes to its target."""

from __future__ import annotations

import pytest

from newapi_cli.domain.completion import Status
from tests.sessions.helpers import last_turn
from tests.support.fault_server import FaultServer
from tests.support.home import CANARY, Home
from tests.support.observed import observe
from tests.support.steps import Send
from tests.support.wire import response

CODES = (301, 302, 303, 307, 308)
COMMANDS = {
    "POST": ["chat", "hi"],
    "POST without streaming": ["chat", "--no-stream", "hi"],
    "GET": ["models"],
}


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("command", COMMANDS)
def test_nothing_is_sent_to_the_target_of_a_redirect(
    home: Home, server: FaultServer, command: str, code: int
) -> None:
    with FaultServer() as other:
        target = f"{other.url}/v1/chat/completions"
        server.add(Send(response(code, headers=[("Location", target)])))
        result = observe(*COMMANDS[command], "--retries", "2", home=home)
        assert other.connections == []
    assert (result.code, result.out) == (6, b"")
    assert f"HTTP {code}" in result.err
    assert f"127.0.0.1:{other.port}" in result.err
    assert "base_url" in result.err or "newapi login" in result.err
    assert len(server.requests) == 1
    if command != "GET":
        turn = last_turn(home)
        assert (turn.prompt, turn.status, turn.answer) == ("hi", Status.ERROR, "")


@pytest.mark.parametrize(
    "target", ["/other", "//evil.example/x", "https://127.0.0.1/", "http://[::1", "é", "\x7f", ""]
)
def test_no_kind_of_target_is_followed(home: Home, server: FaultServer, target: str) -> None:
    server.add(Send(response(307, "moved", headers=[("Location", target)])))
    result = observe("chat", "hi", home=home)
    assert (result.code, result.out) == (6, b"")
    assert "HTTP 307" in result.err
    assert len(server.requests) == len(server.connections) == 1


@pytest.mark.parametrize("code", CODES)
def test_a_redirected_login_stores_nothing(home: Home, server: FaultServer, code: int) -> None:
    home.config_file.unlink()
    with FaultServer() as other:
        server.add(Send(response(code, headers=[("Location", other.url)])))
        result = observe("login", server.url, "--stdin", home=home, stdin=CANARY.encode())
        assert other.connections == []
    assert (result.code, result.out) == (6, b"")
    assert f"127.0.0.1:{other.port}" in result.err
    assert not home.config_file.exists()
