"""A server's behavior and what `newapi` must print for it, as a row of a table of tests."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.process import Result, run_newapi
from tests.support.steps import Step

NO_RETRY = ("--retries", "0")


@dataclass(frozen=True, slots=True)
class Shape:
    """A server's behavior, one script for each request, and the result of `newapi chat hi`.

    `out` is all of stdout; stderr contains each of `in_stderr`, and neither stream any of
    `not_printed`. If the exit code is 0 and `in_stderr` is empty, so is stderr. `within_s` is the
    timeout of the run.
    """

    name: str
    scripts: Sequence[Sequence[Step]]
    code: int = 0
    out: bytes = b""
    in_stderr: Sequence[str] = ()
    not_printed: Sequence[str] = ()
    args: Sequence[str] = NO_RETRY
    within_s: float = 20.0

    def check(self, home: Home) -> Result:
        """Run the program against the server and check the result."""
        with FaultServer(*self.scripts) as server:
            home.configure(server.url)
            result = run_newapi("chat", *self.args, "hi", home=home, timeout_s=self.within_s)
            request_count = len(server.requests)
        seen = f"code {result.code}, {request_count} requests"
        seen += f"\n{result.out[:2000]!r}\n{result.err[:4000]}"
        assert result.code == self.code, seen
        assert result.out == self.out, seen
        assert [text for text in self.in_stderr if text not in result.err] == [], seen
        assert [text for text in self.not_printed if text in result.err + result.text] == [], seen
        if self.code == 0 and not self.in_stderr:
            assert result.err == "", seen
        assert request_count == len(self.scripts), seen
        assert home.files_holding() == []
        return result


def rows(*shapes: Shape) -> pytest.MarkDecorator:
    """Return the mark that runs a test for each of these rows."""
    return pytest.mark.parametrize("shape", shapes, ids=[shape.name for shape in shapes])


def json_out(result: Result) -> object:
    """Return stdout as JSON. Fail if it is not a single JSON value."""
    value: object = json.loads(result.text)
    return value
