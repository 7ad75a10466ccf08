"""Forked processes of `newapi`: they behave like started ones."""

from __future__ import annotations

import re
import signal
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.preloaded import PreloadedProcess, can_preload
from tests.support.process import newapi_command
from tests.support.steps import Stall, sse
from tests.support.terminal import Terminal
from tests.support.wire import chunk, event

OF_STATUS = ("Umask:", "NSpgid:", "NSsid:", "SigBlk:", "SigIgn:", "SigCgt:")


def state(pid: int) -> dict[str, object]:
    """Return the state that a process starts with; its own pid is `self`."""
    folder = Path(f"/proc/{pid}")
    lines = (folder / "status").read_text("ascii").splitlines()
    status = [line.replace(str(pid), "self") for line in lines if line.startswith(OF_STATUS)]
    # Without their numbers: those depend on what another thread had open at that moment.
    descriptors = sorted(
        str(path.readlink()).partition(":")[0] for path in (folder / "fd").iterdir()
    )
    return {
        "status": status,
        "descriptors": [each for each in descriptors if "/dev/pts" not in each],
        "has a terminal": (folder / "stat").read_text().rpartition(")")[2].split()[4] != "0",
        "folder": (folder / "cwd").readlink(),
    }


def state_of(command: Sequence[str], home: Home) -> tuple[type[object], dict[str, object], str]:
    """Return kind and state of a process during an answer, and its output at the end."""
    with FaultServer(sse(event(chunk("Paris")), Stall())) as server:
        home.configure(server.url)
        with Terminal(command, home=home) as terminal:
            terminal.wait_for("Paris")
            found = state(terminal.pid)
            terminal.press_ctrl_c()
            assert terminal.wait_exit() == 130
            shown = re.sub(r"\d\.\d\d s", "0.00 s", terminal.all_text())
            return type(terminal._process), found, shown


def test_a_forked_process_is_like_one_that_is_started(home: Home) -> None:
    command = newapi_command("chat", "hi", "--raw")
    forked, forked_state, forked_text = state_of(command, home)
    started, started_state, started_text = state_of(["env", *command], home)
    assert (forked is PreloadedProcess, started is PreloadedProcess) == (True, False)
    assert forked_state == started_state
    assert forked_text == started_text


def test_a_death_by_signal_has_a_negative_code(home: Home, fault_server: FaultServer) -> None:
    home.configure(fault_server.url)
    fault_server.add(Stall())
    with Terminal(newapi_command("chat", "hi"), home=home) as terminal:
        fault_server.wait_for_requests(1)
        terminal.send_signal(signal.SIGKILL)
        assert terminal.wait_exit() == -signal.SIGKILL


@pytest.mark.parametrize(
    "variable", ["PYTHONUNBUFFERED", "LC_ALL", "LANG", "COLUMNS", "FORCE_COLOR"]
)
def test_variables_that_count_at_a_start_need_one(home: Home, variable: str) -> None:
    assert can_preload(["chat"], home.environment({"TERM": "dumb", "NO_COLOR": "1"}))
    assert not can_preload(["chat"], home.environment({variable: "1"}))
    assert not can_preload(["chat", "x" * 200_000], home.environment())
