"""Each error response through the command line: code, message, id, requests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.cases import each
from tests.support.error_responses import ALL, ErrorResponse
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.process import run_newapi
from tests.support.steps import Send
from tests.support.wire import response


@pytest.fixture(scope="module")
def gateway() -> Iterator[FaultServer]:
    with FaultServer() as server:
        yield server


def answered(row: ErrorResponse) -> Send:
    return Send(response(row.status, row.body, headers=row.headers, content_type=row.content_type))


def arguments(row: ErrorResponse) -> tuple[str, ...]:
    """Return a command that sends one request; no retries, to save time."""
    return ("chat", "--no-save", *(() if row.is_final else ("--retries", "0")), "hi")


def check(row: ErrorResponse, code: int, out: str, err: str) -> None:
    """Compare the output with the row."""
    assert (code, out) == (row.code, ""), err
    told, *more = err.splitlines()
    assert told.startswith(f"error: {row.message}"), err
    if not 200 <= row.status < 300:
        assert told.endswith(f" (HTTP {row.status})"), err
    assert [line for line in more if line.startswith("  why: ")] == [f"  why: {row.why}"] * bool(
        row.why
    ), err
    ids = [line for line in more if line.startswith("  id: ")]
    assert ids == [f"  id: {row.request_id}"] * bool(row.request_id), err
    assert more[-1].startswith("  try: "), err
    assert len(more) == 1 + bool(row.why) + len(ids), err


@each("row", ALL, ids=lambda row: row.name)
def test_an_error_response_is_explained(
    row: ErrorResponse, gateway: FaultServer, home: Home
) -> None:
    home.configure(gateway.url)
    before = len(gateway.requests)
    gateway.add(answered(row))
    result = run_newapi(*arguments(row), home=home)
    check(row, result.code, result.text, result.err)
    assert len(gateway.requests) - before == 1
    assert home.files_holding() == []


def test_the_names_of_the_responses_are_unique() -> None:
    assert len({row.name for row in ALL}) == len(ALL)
