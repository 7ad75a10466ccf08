"""A command of the person's that prints a key: run within limits of time and output."""

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
LAST_WORDS_S = 1.0  # for what is still in the pipe, and to give a terminal back
LOOK_UP_S = 0.05  # between two looks for a signal


def run_key_command(command: str, timeout_s: float) -> tuple[int, bytes]:
    """Give exit status and output of a shell command, which is over when its shell has ended.

    What it leaves running may hold the pipe: it is not waited for. One that prints without an end
    loses its reader. Raises `subprocess.TimeoutExpired`, `Interrupted` for a signal, and `OSError`
    or `ValueError` where the command cannot be started.

    At a terminal it stays in our process group, or it could ask for no passphrase; Ctrl-C reaches
    it there. Elsewhere nothing but us would end what it has started, which holds our stderr: it
    gets a session of its own, and all of it ends where we cannot wait for it.
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
                    process.wait(LAST_WORDS_S)
            _end(process, has_session=has_session)
            raise
    reader.join(LAST_WORDS_S)
    return status, bytes(output)


def _status_of(process: subprocess.Popen[bytes], timeout_s: float, interrupts: Interrupts) -> int:
    give_up_at = time.monotonic() + timeout_s
    while True:
        try:
            status = process.wait(LOOK_UP_S)
        except subprocess.TimeoutExpired:
            interrupts.check()
            if time.monotonic() >= give_up_at:
                raise
        else:
            interrupts.check()  # Ctrl-C has ended both
            return status


def _end(process: subprocess.Popen[bytes], *, has_session: bool) -> None:
    """End the command: all of its session, or its shell, which may first tidy the terminal up."""
    if has_session and sys.platform != "win32":
        if process.returncode is None:  # or its number may be somebody else's by now
            with suppress(OSError):
                os.killpg(process.pid, signal.SIGKILL)
    else:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(LAST_WORDS_S)
        process.kill()
    process.wait()


def _is_at_terminal() -> bool:
    """Say whether there is a terminal to ask at, wherever our streams lead."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True


def _read(pipe: IO[bytes], output: bytearray) -> None:
    with pipe:
        while len(output) < MAX_OUTPUT_BYTES and (block := pipe.read1(BLOCK_BYTES)):  # type: ignore[attr-defined]  # it is buffered
            output += block
