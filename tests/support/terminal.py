"""A process on a real pseudo-terminal, and the screen that a user would see.

    with Terminal(newapi_command("chat", "hi"), home=home) as terminal:
        terminal.wait_for("Paris")
        terminal.press_ctrl_c()
        assert terminal.wait_exit() == 130

A reader thread feeds all output to an emulator, which also responds to requests of the process
(such as for the cursor position). Waiting is on a condition that new output notifies.
"""

from __future__ import annotations

import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType

from tests.support.emulator import Emulator
from tests.support.home import Home
from tests.support.preloaded import PreloadedProcess, can_preload
from tests.support.process import Environment, check_output, kill_group, newapi_command

# Makes the pty the controlling terminal of the new session, then becomes the command.
LAUNCHER = (
    "import fcntl,os,sys,termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
    "os.execvp(sys.argv[1], sys.argv[1:])"
)
JOIN_S = 5.0


class Terminal:
    """A running process and its screen. Leaving the `with` kills it and what it started."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        home: Home,
        env: Environment | None = None,
        columns: int = 80,
        rows: int = 24,
    ) -> None:
        self.command = list(command)
        self.exit_code: int | None = None
        self.exited_at: float | None = None
        self.emulator = Emulator(columns, rows, self._reply)
        self._output = bytearray()
        self._changed = threading.Condition()
        self._ended = False
        self._reader_failure: BaseException | None = None
        self._master, slave = os.openpty()
        self._wake_out, self._wake_in = os.pipe()
        _set_size(slave, columns, rows)
        self._process = _started(self.command, slave, home.environment(env), home.path)
        os.close(slave)
        self.pid = self._process.pid
        self._reader = threading.Thread(target=self._read, name="terminal-reader")
        self._waiter = threading.Thread(target=self._wait, name="terminal-waiter")
        self._reader.start()
        self._waiter.start()

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self.close()
        if kind is None:
            check_output(self.raw, f"the output of {self.command}")

    # -- what a user does ---------------------------------------------------------------------

    def send(self, data: bytes) -> None:
        """Type bytes."""
        view = memoryview(data)
        while view:
            view = view[os.write(self._master, view) :]

    def press_ctrl_c(self) -> None:
        """Press Ctrl-C: a SIGINT unless the process reads raw keys."""
        self.send(b"\x03")

    def resize(self, columns: int, rows: int) -> None:
        """Change the size of the window; the kernel sends SIGWINCH."""
        with self._changed:
            self.emulator.resize(rows, columns)
        _set_size(self._master, columns, rows)

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal to the process itself."""
        with self._changed:
            if self.exit_code is None:
                os.kill(self.pid, number)

    def hang_up(self) -> None:
        """Close the window: the kernel sends SIGHUP to the process."""
        self._stop_reading()

    # -- what a user sees ---------------------------------------------------------------------

    @property
    def raw(self) -> bytes:
        """Return all output so far."""
        with self._changed:
            return bytes(self._output)

    @property
    def echoes(self) -> bool:
        """Return whether the terminal echoes typed keys, as a shell expects."""
        return bool(termios.tcgetattr(self._master)[3] & termios.ECHO)

    def screen_text(self) -> str:
        """Return the rows of the screen without trailing blanks and trailing empty rows."""
        with self._changed:
            return "\n".join(self.emulator.screen_lines()).rstrip("\n")

    def scrollback_text(self) -> str:
        """Return the rows that have scrolled out at the top."""
        with self._changed:
            return "\n".join(self.emulator.scrollback_lines())

    def all_text(self) -> str:
        """Return scrollback and screen as one text."""
        with self._changed:
            return f"{self.scrollback_text()}\n{self.screen_text()}".strip("\n")

    def wait_for(self, wanted: str | re.Pattern[str], timeout_s: float = 30.0) -> None:
        """Wait until a text or pattern is on the screen or in the scrollback.

        Rows are joined by line feeds and have no trailing blanks.
        """
        pattern = re.compile(re.escape(wanted)) if isinstance(wanted, str) else wanted
        self.wait_until(lambda: pattern.search(self.all_text()) is not None, timeout_s, wanted)

    def wait_until(
        self, holds: Callable[[], bool], timeout_s: float = 30.0, what: object = "the condition"
    ) -> None:
        """Wait for a condition, checked after each output. Fail at once if the process ends."""
        deadline = time.monotonic() + timeout_s
        with self._changed:
            while not holds():
                over = self._ended and self.exit_code is not None
                remaining = deadline - time.monotonic()
                if over or remaining <= 0 or self._reader_failure is not None:
                    state = f"exited with {self.exit_code}" if over else f"after {timeout_s} s"
                    raise AssertionError(
                        f"{what!r} not met ({state}), screen:\n{self.all_text()}"
                    ) from self._reader_failure
                self._changed.wait(remaining)

    def wait_exit(self, timeout_s: float = 30.0) -> int:
        """Wait for the process and its output to end. Return its code, negative for a signal."""
        with self._changed:
            if not self._changed.wait_for(lambda: self.exit_code is not None, timeout_s):
                raise AssertionError(f"still running after {timeout_s} s:\n{self.all_text()}")
            self._changed.wait_for(lambda: self._ended, JOIN_S)
        assert self.exit_code is not None
        return self.exit_code

    def close(self) -> None:
        """Kill the process, end the threads, close the descriptors."""
        if self.exit_code is None:
            kill_group(self.pid)
        self._waiter.join(JOIN_S)
        self._stop_reading()
        if self._waiter.is_alive():
            raise AssertionError(f"{self.command} cannot be killed")
        if self._reader_failure is not None:
            raise AssertionError("the emulator failed") from self._reader_failure

    # -- threads ------------------------------------------------------------------------------

    def _read(self) -> None:
        poller = select.poll()
        poller.register(self._master, select.POLLIN)
        poller.register(self._wake_out, select.POLLIN)
        try:
            while self._wake_out not in [fd for fd, _ in poller.poll()]:
                data = os.read(self._master, 1 << 16)
                if not data:
                    return
                with self._changed:
                    self._output += data
                    self.emulator.feed(data)
                    self._changed.notify_all()
        except OSError:
            return  # EIO: the last process on the terminal has ended
        except BaseException as failure:  # noqa: BLE001  # raised in the thread of the test
            self._reader_failure = failure
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify_all()

    def _wait(self) -> None:
        code = self._process.wait()
        with self._changed:
            self.exited_at = time.monotonic()
            self.exit_code = code
            self._changed.notify_all()

    def _reply(self, data: bytes) -> None:
        os.write(self._master, data)

    def _stop_reading(self) -> None:
        if self._master < 0:
            return
        os.write(self._wake_in, b".")
        self._reader.join(JOIN_S)
        for fd in (self._master, self._wake_in, self._wake_out):
            os.close(fd)
        self._master = -1


def _started(
    command: Sequence[str], slave: int, env: Mapping[str, str], cwd: Path
) -> PreloadedProcess | subprocess.Popen[bytes]:
    """Start a command on a terminal; `newapi` is forked from a preloaded process if possible."""
    start = newapi_command()
    if list(command[: len(start)]) == start and can_preload(command[len(start) :], env):
        return PreloadedProcess(
            command[len(start) :], descriptors=[slave] * 3, env=env, cwd=cwd, has_terminal=True
        )
    return subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", LAUNCHER, *command],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env=env,
        cwd=cwd,
        start_new_session=True,
    )


def _set_size(fd: int, columns: int, rows: int) -> None:
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
