"""The program as a real process, with its output held against the promises that always hold."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import IO

from tests.support.home import CANARY_TRACE, Home

Environment = Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class Result:
    """How a process ended. Making one fails if a key or a traceback stands in the output.

    `code` is negative for a process that a signal killed; `seconds` is the whole run.
    """

    code: int
    out: bytes
    err: str
    seconds: float
    command: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Hold the output against what no run may ever print."""
        check_output(self.out, f"stdout of {self}")
        check_output(self.err.encode("utf-8", "surrogateescape"), f"stderr of {self}")

    @property
    def text(self) -> str:
        """Give stdout as the UTF-8 that it must be."""
        return self.out.decode("utf-8")


def check_output(output: bytes, whose: str) -> None:
    """Fail if output shows a key or a traceback of Python's."""
    if CANARY_TRACE in output:
        raise AssertionError(f"the key is in {whose}")
    if b"Traceback" in output or b"Exception ignored" in output:
        raise AssertionError(f"a traceback is in {whose}")


def newapi_command(*args: str) -> list[str]:
    """Give the command line of the program itself."""
    return [sys.executable, "-m", "newapi_cli", *args]


def run_newapi(
    *args: str,
    home: Home,
    stdin: bytes | None = b"",
    env: Environment | None = None,
    timeout_s: float = 30,
    stdout: int | IO[bytes] = subprocess.PIPE,
) -> Result:
    """Run `newapi` with these arguments; see `run_command`."""
    return run_command(
        newapi_command(*args), home=home, stdin=stdin, env=env, timeout_s=timeout_s, stdout=stdout
    )


def run_in_shell(
    script: str,
    *args: str,
    home: Home,
    stdin: bytes | None = b"",
    env: Environment | None = None,
    timeout_s: float = 30,
) -> Result:
    """Run a bash script, in which `"$@"` is the `newapi` command with these arguments."""
    command = ["bash", "-c", script, "bash", *newapi_command(*args)]
    return run_command(command, home=home, stdin=stdin, env=env, timeout_s=timeout_s)


def run_command(
    command: Sequence[str],
    *,
    home: Home,
    stdin: bytes | None = b"",
    env: Environment | None = None,
    timeout_s: float = 30,
    stdout: int | IO[bytes] = subprocess.PIPE,
) -> Result:
    """Run a process to its end in a session, home and environment of its own.

    `stdin` comes through a pipe; None gives /dev/null. `stdout` is a pipe that is read into the
    result, or a file. A process that outlives `timeout_s` is killed, with its group, and fails the
    test.
    """
    started = time.monotonic()
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
        stdout=stdout,
        stderr=subprocess.PIPE,
        env=home.environment(env),
        cwd=home.path,
        start_new_session=True,
    )
    with process:
        try:
            out, err = process.communicate(stdin, timeout=timeout_s)
        except subprocess.TimeoutExpired:
            kill_group(process.pid)
            out, err = process.communicate()
            told = err.decode("utf-8", "replace")
            raise AssertionError(
                f"{command} still ran after {timeout_s} s\nstdout: {out!r}\nstderr: {told}"
            ) from None
    seconds = time.monotonic() - started
    told = err.decode("utf-8", "surrogateescape")
    return Result(process.returncode, out or b"", told, seconds, tuple(command))


def kill_group(pid: int) -> None:
    """Kill a session leader started here and what it has started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
