"""Streams over real pipes, and what their readers get."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping

from newapi_cli.render.status_lines import StatusLines, StatusOptions
from newapi_cli.streams import Input, Output, Streams

ALL = StatusOptions(reasoning=True, usage=False, notices=True, details=False, model="asked")


class Reader:
    """Reads a pipe to its end, on a thread of its own."""

    def __init__(self) -> None:
        reading, self.writing = os.pipe()
        self._reading = reading
        self._blocks: list[bytes] = []
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        while block := os.read(self._reading, 65536):
            self._blocks.append(block)
        os.close(self._reading)

    def end(self) -> bytes:
        """Close the writing end and return everything that was written."""
        os.close(self.writing)
        self._thread.join(10)
        return b"".join(self._blocks)


class Pipes:
    """Streams whose outputs are pipes. `with` reads them; then `out` and `err` hold the bytes."""

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        self.out = b""
        self.err = b""
        self._readers = (Reader(), Reader())
        stdout, stderr = (Output(reader.writing) for reader in self._readers)
        self.streams = Streams(Input(None), stdout, stderr, environ or {})

    def __enter__(self) -> Pipes:
        return self

    def __exit__(self, *_: object) -> None:
        self.out, self.err = (reader.end() for reader in self._readers)

    def status(self, options: StatusOptions = ALL) -> StatusLines:
        """Return what writes to stderr."""
        return StatusLines(self.streams, options)
