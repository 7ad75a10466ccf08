"""The program run inside the test's own process: a hundred runs take no longer than ten processes.

What hangs on a process (signals, descriptors, what is loaded) wants `tests.support.process`.
"""

from __future__ import annotations

import gc
import os
import tempfile
from collections.abc import Mapping
from typing import NamedTuple

from newapi_cli.cli.main import run
from newapi_cli.streams import Input, Output, Streams
from tests.support.home import Home
from tests.support.process import check_output

MAX_BYTES = 1 << 20


class Told(NamedTuple):
    """How a run ended, and what it wrote."""

    code: int
    out: str
    err: str


def run_here(*args: str, home: Home, env: Mapping[str, str | None] | None = None) -> Told:
    """Run `newapi` with nothing on stdin and files for its output; fails where a key is shown."""
    before = gc.get_threshold()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        written = Output(out.fileno()), Output(err.fileno())
        try:
            code = run(args, Streams(Input(None), *written, home.environment(env)))
        finally:
            gc.set_threshold(*before)
        texts = [os.pread(file.fileno(), MAX_BYTES, 0) for file in (out, err)]
    for text in texts:
        check_output(text, f"output of {args}")
    return Told(code, *(text.decode() for text in texts))
