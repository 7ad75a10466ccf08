"""One row of the tables of wire shapes: what a server does, and what a person must see of it."""

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
    """A server's behavior, by one script for each request, and what `newapi chat hi` makes of it.

    `out` is all of stdout; `told` must stand in stderr and `untold` in neither. Where the answer is
    complete and nothing is to be told, stderr must be empty. `within_s` bounds the whole run.
    """

    name: str
    scripts: Sequence[Sequence[Step]]
    code: int = 0
    out: bytes = b""
    told: Sequence[str] = ()
    untold: Sequence[str] = ()
    args: Sequence[str] = NO_RETRY
    within_s: float = 20.0

    def check(self, home: Home) -> Result:
        """Run the program against the server and hold it against the row."""
        with FaultServer(*self.scripts) as server:
            home.configure(server.url)
            result = run_newapi("chat", *self.args, "hi", home=home, timeout_s=self.within_s)
            asked = len(server.requests)
        seen = f"code {result.code}, {asked} requests\n{result.out[:2000]!r}\n{result.err[:4000]}"
        assert result.code == self.code, seen
        assert result.out == self.out, seen
        assert [text for text in self.told if text not in result.err] == [], seen
        assert [text for text in self.untold if text in result.err + result.text] == [], seen
        if self.code == 0 and not self.told:
            assert result.err == "", seen
        assert asked == len(self.scripts), seen
        assert home.files_holding() == []
        return result


def rows(*shapes: Shape) -> pytest.MarkDecorator:
    """Give the parametrization of a test by rows, each under its name."""
    return pytest.mark.parametrize("shape", shapes, ids=[shape.name for shape in shapes])


def json_out(result: Result) -> object:
    """Give stdout as the one JSON value that it must be."""
    value: object = json.loads(result.text)
    return value
