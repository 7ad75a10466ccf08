"""Runs of the program with a fault at each place in turn, until there is no such place left."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from newapi_cli.errors import ExitCode
from tests.support.home import Home

DOCUMENTED = {code.value for code in ExitCode} - {ExitCode.BUG.value}
MOST = 500  # places: an endless loop of them would be a fault of its own


class Place:
    """One place where a fault is put: what the command needs, and a home of its own."""

    def __init__(self, folder: Path, door: str, number: int, error: str, *, stays: bool) -> None:
        self.name = f"{door} {number}{'+' * stays} {error}"
        self.home = Home(folder / f"{number}")
        self.home.path.mkdir()
        self._report = folder / f"hit-{number}"
        self.env = {"FAULT": self.name, "FAULT_REPORT": os.fspath(self._report)}

    @property
    def was_reached(self) -> bool:
        """Say whether the fault has struck."""
        return self._report.exists()


def places(folder: Path, door: str, error: str, *, stays: bool) -> Iterator[Place]:
    """Give the places one after the other; the last one is that which was not reached."""
    for number in range(1, MOST):
        place = Place(folder, door, number, error, stays=stays)
        yield place
        if not place.was_reached:
            assert number > 1, f"{door}: no place at all"
            return
    raise AssertionError(f"{door}: more than {MOST} places")


def faulty_command(*args: str) -> list[str]:
    """Give the command line of the program with a fault."""
    return [sys.executable, "-m", "tests.support.faults", *args]


def messages(text: str) -> list[str]:
    """Give the errors and warnings among the lines of a text."""
    return [line for line in text.splitlines() if line.startswith(("error:", "warning:"))]
