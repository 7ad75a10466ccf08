"""A quota that is used up exits with 7 at once and is not retried."""

from __future__ import annotations

import pytest

from newapi_cli.domain.completion import Status
from tests.sessions.helpers import last_turn
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.observed import observe
from tests.support.steps import Send
from tests.support.wire import REQUEST_ID, error, response

WORDS = "用户额度不足, 剩余额度: ＄0.002"
ID_HEADER = [("X-Oneapi-Request-Id", REQUEST_ID)]
CASES = [
    (403, "insufficient_user_quota"),
    (429, "insufficient_user_quota"),
    (403, "pre_consume_token_quota_failed"),
    (429, "insufficient_quota"),
]


@pytest.mark.parametrize(("status", "code"), CASES)
def test_a_used_up_quota_is_reported_and_not_retried(
    home: Home, fault_server: FaultServer, status: int, code: str
) -> None:
    home.configure(fault_server.url, retries=5)
    body = error(f"{WORDS} (request id: {REQUEST_ID})", code=code)
    fault_server.add(Send(response(status, body, headers=ID_HEADER)))
    result = observe("chat", "hi", home=home)
    assert (result.code, result.out) == (7, b"")
    assert "quota" in result.err.splitlines()[0]
    assert f"why: {WORDS}" in result.err
    assert f"id: {REQUEST_ID}" in result.err
    assert "try: " in result.err
    assert "retry" not in result.err
    assert len(fault_server.requests) == 1
    assert last_turn(home).status is Status.ERROR
