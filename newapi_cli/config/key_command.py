"""A command of the person's that prints a key: run within limits of time and output."""

from __future__ import annotations

import subprocess
import threading
from typing import IO

MAX_OUTPUT_BYTES = 64 * 1024  # a password manager may print notes below the key
BLOCK_BYTES = 4096
LAST_WORDS_S = 1.0  # for what is still in the pipe when the command has ended


def output_of(command: str, timeout_s: float) -> tuple[int, bytes]:
    """Give exit status and output of a shell command, which is over when its shell has ended.

    What it leaves running may hold the pipe: it is not waited for. One that prints without an end
    loses its reader. Raises `subprocess.TimeoutExpired`, and `OSError` or `ValueError` where the
    command cannot be started.
    """
    process = subprocess.Popen(
        command, shell=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    output = bytearray()
    reader = threading.Thread(target=_read, args=[process.stdout, output], daemon=True)
    reader.start()
    try:
        status = process.wait(timeout_s)
    except BaseException:
        process.kill()
        process.wait()
        raise
    reader.join(LAST_WORDS_S)
    return status, bytes(output)


def _read(pipe: IO[bytes], output: bytearray) -> None:
    with pipe:
        while len(output) < MAX_OUTPUT_BYTES and (block := pipe.read1(BLOCK_BYTES)):  # type: ignore[attr-defined]  # it is buffered
            output += block
