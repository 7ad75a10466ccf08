"""A short rate limit is waited for and retried; each wait is announced, and Ctrl-C ends it."""

from __future__ import annotations

import re
import signal
import time

import pytest

from newapi_cli.domain.completion import Status
from tests.promises.conftest import ANSWER
from tests.sessions.helpers import last_turn
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.observed import Running, observe
from tests.support.steps import Send
from tests.support.wire import error, response

AT_ONCE_S = 1.0
LIMITED = Send(response(429))  # as New API's limiter responds: no body, no Retry-After


@pytest.mark.parametrize("args", [[], ["--no-stream"]], ids=["streamed", "whole"])
def test_two_rate_limits_are_announced_and_waited_for(
    home: Home, server: FaultServer, args: list[str]
) -> None:
    home.configure(server.url)  # with the default retries
    for _ in range(2):
        server.add(LIMITED)
    result = observe("chat", *args, "hi", home=home)
    assert (result.code, result.text) == (0, f"{ANSWER}\n")
    notice = r"^.*\(HTTP 429\); retrying in (\d\.\d) s \((\d of 2)\)$"
    waits = re.findall(notice, result.err, re.MULTILINE)
    assert [number for _, number in waits] == ["1 of 2", "2 of 2"]
    assert len(result.err.splitlines()) == 2
    # The announced waits, rounded to a tenth of a second, took place.
    assert result.seconds > sum(float(pause_s) for pause_s, _ in waits) - 0.1
    assert len({(request.head, request.body) for request in server.requests}) == 1
    assert len(server.requests) == 3
    assert (last_turn(home).status, last_turn(home).answer) == (Status.COMPLETE, ANSWER)


def test_retries_are_limited(home: Home, server: FaultServer) -> None:
    home.configure(server.url, retries=1)
    words = "您已达到请求数限制：1分钟内最多请求3次"
    for _ in range(2):
        server.add(Send(response(429, error(words), headers=[("Retry-After", "0")])))
    result = observe("chat", "hi", home=home)
    assert (result.code, result.out) == (7, b"")
    assert "retrying in 0.0 s (1 of 1)" in result.err
    assert f"why: {words}" in result.err
    assert len(server.requests) == 2


def test_ctrl_c_ends_the_wait(home: Home, server: FaultServer) -> None:
    home.configure(server.url)
    server.add(Send(response(429, headers=[("Retry-After", "50")])))
    with Running("chat", "hi", home=home) as running:
        running.wait_for(b"retrying in 50.0 s (1 of 2)\n", in_err=True)
        pressed_at = time.monotonic()
        running.send_signal(signal.SIGINT)
        result = running.end()
        took_s = time.monotonic() - pressed_at
    assert (result.code, result.out) == (130, b"")
    assert result.err.endswith("\nstopped\n")
    assert took_s < AT_ONCE_S
    assert len(server.requests) == 1
    assert last_turn(home).status is Status.INTERRUPTED
