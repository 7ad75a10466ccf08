"""Every status that a server may send instead of an answer: exit code, status, id and hint."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.cases import each
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.process import run_newapi
from tests.support.steps import Send
from tests.support.wire import REQUEST_ID, error, head, json_bytes, response

ID = ("X-Oneapi-Request-Id", REQUEST_ID)
BODY = json_bytes(error("no luck", code="odd"))
STATUSES = [101, *range(300, 309), *range(400, 432), 451, 499, *range(500, 530), 599]
CODES = {401: 4, 403: 4, 407: 5, 429: 7}


@pytest.fixture(scope="module")
def gateway() -> Iterator[FaultServer]:
    with FaultServer() as server:
        yield server


def answered(home: Home, gateway: FaultServer, answer: bytes, *command: str) -> tuple[int, str]:
    """Send one request; return exit code and stderr."""
    home.configure(gateway.url)
    before = len(gateway.requests)
    gateway.add(Send(answer))
    asked = command or ("chat", "--no-save", "hi")
    result = run_newapi(*asked, "--retries", "0", home=home)
    assert result.out == b""
    assert len(gateway.requests) - before == 1
    return result.code, result.err


@each("body", [b"", BODY], ids=["empty", "told"])
@each("status", STATUSES)
def test_a_status_is_reported_with_its_id_and_a_next_step(
    home: Home, gateway: FaultServer, status: int, body: bytes
) -> None:
    code, err = answered(home, gateway, response(status, body, headers=[ID]))
    told, *more = err.splitlines()
    assert code == CODES.get(status, 6), err
    assert told.endswith(f"(HTTP {status})")
    assert f"  id: {REQUEST_ID}" in more
    assert more[-1].startswith("  try: ")
    assert "redirect" not in err


@each("command", [(), ("chat", "--no-save", "--no-stream", "hi"), ("models",)])
@each("status", [201, 202, 204, 205, 206])
def test_a_success_without_content_is_reported(
    home: Home, gateway: FaultServer, status: int, command: tuple[str, ...]
) -> None:
    answer = head(status, [ID]) if status == 204 else response(status, headers=[ID])
    code, err = answered(home, gateway, answer, *command)
    assert code == 6
    assert f"error: the server sent an empty answer (HTTP {status})\n  why: " in err
    assert f"\n  id: {REQUEST_ID}\n  try: " in err


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (BODY, "reported an error in its answer (HTTP 206)\n  why: no luck"),
        (b"<html><title>Log in</title>", "sent a web page instead of an API response (HTTP 206)"),
        (b"[1]", "answered outside the protocol (HTTP 206)\n  why: [1]"),
    ],
)
def test_a_success_with_another_status_is_reported_with_its_body(
    home: Home, gateway: FaultServer, body: bytes, told: str
) -> None:
    code, err = answered(home, gateway, response(206, body, headers=[ID]))
    assert code == 6
    assert told in err
    assert err.count("(HTTP 206)") == 1
