"""Shared parts of the benchmarks: a loopback server, measured processes, the table of results.

Only ratios are comparable between machines, so newapi and its floor run in turn, round by round; a
ratio is the median of the rounds' ratios. Standard library only, and little memory: the peak memory
that the kernel reports for a child is never below that of its parent.
"""

from __future__ import annotations

import json
import os
import select
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

TIMEOUT_S = 60.0
HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
    b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
)
END = b"0\r\n\r\n"

# The floor: the least that a client in Python has to do. Its argument is the port.
HTTP_CLIENT = """
import http.client, json, sys
c = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]))
body = {"model": "demo", "messages": [{"role": "user", "content": "hi"}], "stream": True}
c.request("POST", "/v1/chat/completions", json.dumps(body),
          {"Authorization": "Bearer x", "Content-Type": "application/json"})
for line in c.getresponse():
    if line.startswith(b"data: ") and line[6:12] != b"[DONE]":
        choices = json.loads(line[6:])["choices"]
        text = choices[0]["delta"].get("content") if choices else None
        if text:
            sys.stdout.write(text)
            sys.stdout.flush()
"""


class Command(NamedTuple):
    """A process to measure."""

    arguments: Sequence[str]
    environ: Mapping[str, str]


class Usage(NamedTuple):
    """CPU seconds and peak memory in bytes of a finished process."""

    cpu_s: float
    peak_bytes: int


class Row(NamedTuple):
    """A line of the table: the values of floor and newapi per round, with goal and limit.

    `goal` and `limit` apply to the ratio, or to the value of newapi if `is_absolute`.
    """

    name: str
    unit: str
    floor: Sequence[float]
    ours: Sequence[float]
    goal: float | None = None
    limit: float | None = None
    is_absolute: bool = False

    @property
    def ratio(self) -> float:
        """Return the median of the rounds' ratios."""
        return median([ours / floor for ours, floor in zip(self.ours, self.floor, strict=True)])

    @property
    def exceeds_limit(self) -> bool:
        """Return whether the limit is exceeded."""
        return self.limit is not None and self._measured > self.limit

    @property
    def verdict(self) -> str:
        """Return the last column."""
        if self.exceeds_limit:
            return "limit exceeded"
        if self.goal is None:
            return ""
        return "ok" if self._measured <= self.goal else "goal missed"

    @property
    def _measured(self) -> float:
        return median(self.ours) if self.is_absolute else self.ratio

    def text(self) -> str:
        """Return the formatted line."""
        suffix = f" {self.unit}" if self.is_absolute else "x"
        goal, limit = (
            "" if bound is None else f"{bound:g}{suffix}" for bound in (self.goal, self.limit)
        )
        return (
            f"{self.name:<44}{median(self.floor):>9.2f}{median(self.ours):>9.2f} {self.unit:<3}"
            f"{self.ratio:>7.2f}x {goal:>8} {limit:>8}  {self.verdict}"
        )


def report(rows: Sequence[Row], *, rounds: int, check: bool) -> int:
    """Print the table; return 1 if `check` is set and a limit is exceeded."""
    print(f"medians of {rounds} interleaved rounds, Python {sys.version.split()[0]}")
    print(f"{'':<44}{'floor':>9}{'ours':>9}{'':<4}{'ratio':>8} {'goal':>8} {'limit':>8}")
    for row in rows:
        print(row.text())
    return 1 if check and any(row.exceeds_limit for row in rows) else 0


def median(values: Sequence[float]) -> float:
    """Return the median; the module `statistics` would cost 5 MB."""
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def framed(events: bytes) -> bytes:
    """Return an HTTP chunk."""
    return b"%x\r\n%s\r\n" % (len(events), events)


def delta(content: str) -> bytes:
    """Return the event of a delta, with the fields that gateways send."""
    chunk = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1770000000,
        "model": "demo",
        "choices": [{"index": 0, "delta": {"content": content}, "finish_reason": None}],
    }
    return b"data: %s\n\n" % json.dumps(chunk).encode()


FINISH = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
DONE = b"data: [DONE]\n\n"


class Harness:
    """A loopback server whose responses a benchmark writes, and the commands that connect to it."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(TIMEOUT_S)
        self.port: int = self._listener.getsockname()[1]
        self._folder = tempfile.TemporaryDirectory(prefix="newapi-benchmark-")
        self.home = Path(self._folder.name)
        (self.home / "bare").mkdir()
        self.url = f"http://127.0.0.1:{self.port}"
        (self.home / "config.toml").touch(0o600)
        (self.home / "config.toml").write_text(
            f'[profiles.default]\nbase_url = "{self.url}"\napi_key = "x"\nmodel = "demo"\n'
        )

    def __enter__(self) -> Harness:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()
        self._folder.cleanup()

    def floor(self, script: str) -> Command:
        """Return a Python script that gets the port as its argument."""
        return Command([sys.executable, "-c", script, str(self.port)], self._environ())

    def newapi(self, *arguments: str, **environ: str) -> Command:
        """Return a command of newapi, configured by the environment."""
        settings = {
            "NEWAPI_HOME": str(self.home / "bare"),
            "NEWAPI_BASE_URL": self.url,
            "NEWAPI_API_KEY": "x",
            "NEWAPI_MODEL": "demo",
        }
        return Command([_installed(), *arguments], self._environ() | settings | environ)

    def newapi_with_file(self, *arguments: str, **environ: str) -> Command:
        """Return a command of newapi, configured by its config file."""
        settings = {"NEWAPI_HOME": str(self.home)}
        return Command([_installed(), *arguments], self._environ() | settings | environ)

    def _environ(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "TERM": "xterm-256color",
        }

    def accept(self) -> socket.socket:
        """Accept the next request and read its head; raise `TimeoutError` if none arrives."""
        connection, _ = self._listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        received = b""
        while b"\r\n\r\n" not in received:
            block = connection.recv(1 << 16)
            if not block:
                raise ConnectionError("the client closed the connection without a request")
            received += block
        return connection


def _installed() -> str:
    command = Path(sys.executable).with_name("newapi")
    if not command.exists():
        raise SystemExit(f"newapi is not installed next to {sys.executable}: pip install -e .")
    return str(command)


def start(command: Command, *, terminal: int | None = None) -> subprocess.Popen[bytes]:
    """Start a process whose output is a pipe, or a terminal if one is given."""
    return subprocess.Popen(
        command.arguments,
        env=command.environ,
        stdin=subprocess.DEVNULL if terminal is None else terminal,
        stdout=subprocess.PIPE if terminal is None else terminal,
        stderr=subprocess.DEVNULL if terminal is None else terminal,
    )


def reap(process: subprocess.Popen[bytes]) -> Usage:
    """Wait for the end of a process; exit if it failed."""
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"{process.args!r} exited with {process.returncode}")
    return Usage(used.ru_utime + used.ru_stime, used.ru_maxrss * 1024)


def seconds_of(command: Command) -> float:
    """Run a process that sends no request; return its duration."""
    started = time.perf_counter()
    process = start(command)
    assert process.stdout is not None
    with process.stdout as output:
        output.read()
    reap(process)
    return time.perf_counter() - started


def arrives_within(fd: int, text: bytes, timeout_s: float) -> bool:
    """Read until a text arrives; return False after the timeout."""
    deadline = time.perf_counter() + timeout_s
    received = b""
    while text not in received:
        ready, _, _ = select.select([fd], [], [], max(0.0, deadline - time.perf_counter()))
        if not ready:
            return False
        received += os.read(fd, 1 << 16)
    return True


def in_turn(rounds: int, *measures: Callable[[], float]) -> list[list[float]]:
    """Run each measurement once a round, after a warm-up round."""
    results: list[list[float]] = [[] for _ in measures]
    for number in range(rounds + 1):
        for measure, values in zip(measures, results, strict=True):
            value = measure()
            if number:
                values.append(value)
    return results
