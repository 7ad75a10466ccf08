"""Running a command that prints a key, with limits of time and output."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from typing import IO

from newapi_cli.errors import ExitCode
from newapi_cli.signals import Interrupts

MAX_OUTPUT_BYTES = 64 * 1024  # a password manager may print notes below the key
BLOCK_BYTES = 4096
GRACE_S = 1.0  # for the rest of the output, and for the command to restore the terminal
SIGNAL_POLL_S = 0.05


def run_key_command(command: str, timeout_s: float) -> tuple[int, bytes]:
    """Return exit status and output of a shell command.

    It is over when its shell exits: background processes may keep the pipe open. Output beyond the
    limit is not read. Raise `subprocess.TimeoutExpired`, `Interrupted` for a signal, and `OSError`
    or `ValueError` if the command cannot be started.

    At a terminal the command stays in our process group: it may prompt for a passphrase, and Ctrl-C
    reaches it. Without one it gets a session of its own, so that all of its processes, which share
    our stderr, can be killed if it takes too long.
    """
    has_session = sys.platform != "win32" and not _is_at_terminal()
    with Interrupts() as interrupts:
        process = subprocess.Popen(
            command,
            shell=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            start_new_session=has_session,
        )
        assert process.stdout is not None
        output = bytearray()
        reader = threading.Thread(target=_read, args=[process.stdout, output], daemon=True)
        reader.start()
        try:
            status = _status_of(process, timeout_s, interrupts)
        except BaseException:
            if interrupts.code is ExitCode.SIGINT and not has_session:
                with suppress(subprocess.TimeoutExpired):  # Ctrl-C has reached the command too
                    process.wait(GRACE_S)
            _end(process, has_session=has_session)
            raise
    reader.join(GRACE_S)
    return status, bytes(output)


def _status_of(process: subprocess.Popen[bytes], timeout_s: float, interrupts: Interrupts) -> int:
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            status = process.wait(SIGNAL_POLL_S)
        except subprocess.TimeoutExpired:
            interrupts.check()
            if time.monotonic() >= deadline:
                raise
        else:
            interrupts.check()  # Ctrl-C ends both
            return status


def _end(process: subprocess.Popen[bytes], *, has_session: bool) -> None:
    """Kill the session of the command, or terminate its shell, which can restore the terminal."""
    if has_session and sys.platform != "win32":
        if process.returncode is None:  # else the process id may have been reused
            with suppress(OSError):
                os.killpg(process.pid, signal.SIGKILL)
    else:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_S)
        process.kill()
    process.wait()


def _is_at_terminal() -> bool:
    """Return whether the process has a terminal, even if its streams are redirected."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True


def _read(pipe: IO[bytes], output: bytearray) -> None:
    with pipe:
        while len(output) < MAX_OUTPUT_BYTES and (block := pipe.read1(BLOCK_BYTES)):  # type: ignore[attr-defined]  # it is buffered
            output += block
