"""Runs of the program, and what they did to files and processes.

    seen = observe("chat", "hi", home=home)  # in this process
    seen.code, seen.text, seen.err

    seen = observe_process("chat", "hi", home=home, conditions=Conditions(closed=(1,)))
    seen.peak_bytes

    with Running("chat", "hi", home=home) as running:
        running.wait_for(b"Paris")
        running.send_signal(signal.SIGINT)
        assert running.end().code == 130

Each run fails the test if a key or a traceback is written to a stream, if a key is written to a
file, if a process is left running, or if other users can read a new file. Linux only.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO

from tests.support import launch
from tests.support.home import Home
from tests.support.process import Environment, Result, kill_group, newapi_command, run_newapi

BLOCK_BYTES = 1 << 16
Stdin = bytes | IO[bytes] | int | None


@dataclass(frozen=True, slots=True)
class Conditions:
    """The conditions of a run. `user` is a uid, for tests as root; `prefix` precedes the command.

    `closed` lists the descriptors to close, as `<&-` and `>&-` do in a shell.
    """

    env: Environment = field(default_factory=dict)
    umask: int | None = None
    user: int | None = None
    closed: tuple[int, ...] = ()
    prefix: tuple[str, ...] = ()


ORDINARY = Conditions()


@dataclass(frozen=True, slots=True)
class Observed(Result):
    """How a run ended; `peak_bytes` is the largest resident memory of the process itself."""

    peak_bytes: int = 0


class Running:
    """A running process. Leaving the `with` kills it and what it started."""

    def __init__(
        self,
        *args: str,
        home: Home,
        stdin: Stdin = b"",
        conditions: Conditions = ORDINARY,
        stdout: IO[bytes] | int | None = None,
        command: Iterable[str] | None = None,
    ) -> None:
        """Start it. `stdin` is bytes for a pipe, or a file; None is /dev/null.

        `stdout` is a file instead of a pipe that is read into the result; `command` is run instead
        of `newapi`.
        """
        self._home = home
        self._before = modes(home.newapi_home)
        self._changed = threading.Condition()
        self._got: dict[str, bytearray] = {"out": bytearray(), "err": bytearray()}
        report, reporting = os.pipe()
        self._report = report
        options = {"user": conditions.user, "umask": conditions.umask, "closed": conditions.closed}
        line = [*conditions.prefix, *(command or newapi_command(*args))]
        launcher = [
            sys.executable,
            "-I",
            "-S",
            launch.__file__,
            str(reporting),
            json.dumps(options),
        ]
        self.command = tuple(line)
        self._started = time.monotonic()
        self._process = subprocess.Popen(
            [*launcher, *line],
            stdin=_stdin(stdin),
            stdout=subprocess.PIPE if stdout is None else stdout,
            stderr=subprocess.PIPE,
            env=home.environment(conditions.env),
            cwd=home.path,
            start_new_session=True,
            pass_fds=[reporting],
        )
        os.close(reporting)
        self._threads = [
            threading.Thread(target=self._read, args=[name, pipe])
            for name, pipe in (("out", self._process.stdout), ("err", self._process.stderr))
            if pipe is not None
        ]
        if isinstance(stdin, bytes):
            self._threads.append(threading.Thread(target=self._feed, args=[stdin]))
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> Running:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        kill_group(self._process.pid)
        self._join()

    def wait_for(self, wanted: bytes, *, in_err: bool = False, timeout_s: float = 30.0) -> None:
        """Wait until stdout (or stderr) contains these bytes."""
        got = self._got["err" if in_err else "out"]
        with self._changed:
            if not self._changed.wait_for(lambda: wanted in got, timeout_s):
                raise AssertionError(f"no {wanted!r} in {timeout_s} s, but {self._got}")

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal to the command and all processes that it started."""
        os.killpg(self._process.pid, number)

    def end(self, timeout_s: float = 30.0) -> Observed:
        """Wait for the end, and check the rules for every run."""
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            kill_group(self._process.pid)
            self._join()
            raise AssertionError(
                f"{self.command} still ran after {timeout_s} s, with {self._got}"
            ) from None
        seconds = time.monotonic() - self._started
        self._join()
        report = json.loads(os.read(self._report, BLOCK_BYTES))
        os.close(self._report)
        self._report = -1
        if report["left"]:
            raise AssertionError(f"{self.command} has left behind {report['left']}")
        check_files(self._home, self._before)
        return Observed(
            report["code"],
            bytes(self._got["out"]),
            self._got["err"].decode("utf-8", "surrogateescape"),
            seconds,
            self.command,
            report["peak_bytes"],
        )

    def _read(self, name: str, pipe: IO[bytes]) -> None:
        while block := os.read(pipe.fileno(), BLOCK_BYTES):
            with self._changed:
                self._got[name] += block
                self._changed.notify_all()
        pipe.close()

    def _feed(self, data: bytes) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError), self._process.stdin as pipe:
            pipe.write(data)

    def _join(self) -> None:
        self._process.wait()
        for thread in self._threads:
            thread.join()
        if self._report >= 0 and self._process.returncode != 0:
            os.close(self._report)
            self._report = -1


def observe(
    *args: str,
    home: Home,
    stdin: bytes | None = b"",
    env: Environment | None = None,
    umask: int = 0o022,
    timeout_s: float = 30.0,
) -> Result:
    """Run `newapi` in this process; see `run_newapi`."""
    before, running = modes(home.newapi_home), _children()
    result = run_newapi(*args, home=home, stdin=stdin, env=env, umask=umask, timeout_s=timeout_s)
    if left := _children() - running:
        raise AssertionError(f"newapi {args} left processes running: {left}")
    check_files(home, before)
    return result


def observe_process(
    *args: str,
    home: Home,
    stdin: Stdin = b"",
    conditions: Conditions = ORDINARY,
    stdout: IO[bytes] | int | None = None,
    timeout_s: float = 30.0,
) -> Observed:
    """Run `newapi` to its end as a process of its own; see `Running`."""
    with Running(*args, home=home, stdin=stdin, conditions=conditions, stdout=stdout) as running:
        return running.end(timeout_s)


def modes(folder: Path) -> Mapping[Path, int]:
    """Return the permissions of a folder and of everything below it."""
    if not folder.is_dir():
        return {}
    permissions = {}
    for path in (folder, *folder.rglob("*")):
        with contextlib.suppress(FileNotFoundError):  # a journal that was just deleted
            permissions[path] = stat.S_IMODE(path.lstat().st_mode)
    return permissions


def check_files(home: Home, before: Mapping[Path, int]) -> None:
    """Fail if a file contains the key, or if a new or changed file is not private."""
    if holding := home.files_holding():
        raise AssertionError(f"the key is in {holding}")
    after = modes(home.newapi_home)
    wide = [
        f"{path} {mode:o}"
        for path, mode in after.items()
        if before.get(path) != mode and (mode & 0o077 or not mode & 0o400) and not path.is_symlink()
    ]
    if wide:
        raise AssertionError(f"not private, or not readable any more: {wide}")


def _children() -> set[str]:
    """Return the ids of the child processes of this one."""
    threads = Path("/proc/self/task").glob("*/children")
    return {pid for children in threads for pid in children.read_text("ascii").split()}


def _stdin(stdin: Stdin) -> int | IO[bytes]:
    if stdin is None:
        return subprocess.DEVNULL
    return subprocess.PIPE if isinstance(stdin, bytes) else stdin
