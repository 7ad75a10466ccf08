"""Runs of the program with a fault at the first call, at the second, and so on to the last."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from newapi_cli.errors import ExitCode
from tests.support.home import Home
from tests.support.scale import scaled

DOCUMENTED = {code.value for code in ExitCode} - {ExitCode.BUG.value}
MAX_FAULTS = 500  # more calls than that would be an endless loop
STEP = scaled(6, 1)


class FaultyRun:
    """A run with one fault: the environment that its command needs, and a home of its own."""

    def __init__(self, folder: Path, call: str, number: int, error: str, *, repeats: bool) -> None:
        self.name = f"{call} {number}{'+' * repeats} {error}"
        self.home = Home(folder / f"{number}")
        self.home.path.mkdir()
        self._report = folder / f"hit-{number}"
        self.env = {"FAULT": self.name, "FAULT_REPORT": os.fspath(self._report)}

    @property
    def had_fault(self) -> bool:
        """Return whether the fault occurred."""
        return self._report.exists()


def faulty_runs(folder: Path, call: str, error: str, *, repeats: bool) -> Iterator[FaultyRun]:
    """Return a run for each call that can fail, in CI for every sixth of them.

    The fault of the last run does not occur.
    """
    for number in range(1, MAX_FAULTS, STEP):
        run = FaultyRun(folder, call, number, error, repeats=repeats)
        yield run
        if not run.had_fault:
            assert number > 1, f"{call}: no such call"
            return
    raise AssertionError(f"{call}: more than {MAX_FAULTS} calls")


def faulty_command(*args: str) -> list[str]:
    """Return the command line of the program with a fault."""
    return [sys.executable, "-m", "tests.support.faults", *args]


def messages(text: str) -> list[str]:
    """Return the lines of a text that are errors or warnings."""
    return [line for line in text.splitlines() if line.startswith(("error:", "warning:"))]
