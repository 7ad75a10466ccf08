"""Time until large lists and sessions are displayed, and until a signal ends their layout.

    pip install -e . && python benchmarks/large.py [-n ROUNDS] [--check]

The floor is `newapi --version`. Times are milliseconds, for an idle machine.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from harness import Command, Harness, Row, in_turn, report, start

from newapi_cli.domain.completion import Status, Usage
from newapi_cli.domain.session import Session, StoredSession, TurnRecord
from newapi_cli.store.sessions import SessionStore

TURNS, MODELS = 20_000, 50_000
ANSWER = (
    "An **answer** with `code`.\n\n- one\n- two\n\n```python\nx = 1\n```\n\n| a |\n|---|\n| 1 |\n"
)
HUGE_ANSWER = "| a | b |\n|---|---|\n" + "| some words | *more* words |\n" * 60_000
NOW = datetime.now(UTC)
CPU_BEFORE_SIGNAL_S = 0.6  # the layout of the huge answer has begun, and takes several seconds


def build_sessions(path: Path) -> tuple[str, str]:
    """Store a session of many turns, and one with a huge answer; return their ids."""
    turns = [
        TurnRecord(
            f"prompt {number}",
            ANSWER,
            status=Status.COMPLETE,
            model="demo",
            usage=Usage(3, 40),
            created_at=NOW,
            id=number,
            parent_id=number - 1 or None,
        )
        for number in range(1, TURNS + 1)
    ]
    huge = [turns[0]._replace(answer=HUGE_ANSWER)]
    with SessionStore(path) as store:
        return _store(store, turns), _store(store, huge)


def _store(store: SessionStore, turns: list[TurnRecord]) -> str:
    session = Session("", leaf_id=len(turns), created_at=NOW, used_at=NOW)
    return store.import_session(StoredSession(session, tuple(turns))).id


@contextlib.contextmanager
def many_models() -> Iterator[str]:
    """Run a server with many models and their prices, and yield its URL."""
    names = [f"vendor-{number % 97}/model-{number:05}-instruct" for number in range(MODELS)]
    prices = {"quota_type": 0, "model_ratio": 1.25, "enable_groups": ["default", "vip"]}
    pages = {
        "/v1/models": {"data": [{"id": name, "owned_by": "owner"} for name in names]},
        "/api/status": {"success": True, "data": {"quota_per_unit": 500_000}},
        "/api/pricing": {
            "success": True,
            "data": [{"model_name": name, **prices} for name in names],
            "group_ratio": {"default": 1, "vip": 2},
        },
    }
    bodies = {path: json.dumps(page).encode() for path, page in pages.items()}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = bodies.get(self.path, b"")
            self.send_response(200 if body else 404)
            self.send_header("X-Oneapi-Request-Id", "1")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def until_output(command: Command, *, is_piped: bool) -> float:
    """Return the milliseconds until the first output of a process on a terminal or into a pipe."""
    began = time.perf_counter()
    with _running(command, is_piped=is_piped) as (process, output):
        os.read(output, 1 << 16)
        took_s = time.perf_counter() - began
        process.kill()
    return 1000 * took_s


def until_end(command: Command, *, is_piped: bool) -> float:
    """Return the duration of a process in milliseconds."""
    began = time.perf_counter()
    with _running(command, is_piped=is_piped) as (_, output):
        _read_to_end(output)
        return 1000 * (time.perf_counter() - began)


def until_signal_ends(command: Command, number: signal.Signals, *, is_piped: bool) -> float:
    """Return the milliseconds from a signal during a layout to the end of the process."""
    with _running(command, is_piped=is_piped) as (process, output):
        reader = threading.Thread(target=_read_to_end, args=(output,))
        reader.start()
        while process.poll() is None and _cpu_s(process.pid) < CPU_BEFORE_SIGNAL_S:
            time.sleep(0.01)
        began = time.perf_counter()
        process.send_signal(number)
        process.wait()
        took_s = time.perf_counter() - began
        reader.join()
    if process.returncode not in (-number, 128 + number):
        raise SystemExit(f"{process.args!r} exited with {process.returncode}")
    return 1000 * took_s


@contextlib.contextmanager
def _running(command: Command, *, is_piped: bool) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Run a process and yield it and the descriptor of its output."""
    if is_piped:
        process = start(command)
        assert process.stdout is not None
        output = os.dup(process.stdout.fileno())
        process.stdout.close()
    else:
        output, terminal = os.openpty()
        process = start(command, terminal=terminal)
        os.close(terminal)
    try:
        yield process, output
    finally:
        os.close(output)
        process.wait()


def _read_to_end(output: int) -> None:
    with contextlib.suppress(OSError):  # EIO: the process on the terminal has exited
        while os.read(output, 1 << 16):
            pass


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text("latin-1").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measures(
    harness: Harness, url: str, long_id: str, huge_id: str
) -> dict[str, tuple[Callable[[], float], float, float]]:
    """Return what is measured, with its goal and its limit."""
    long = harness.newapi("sessions", "show", long_id, PAGER="cat")
    paged = harness.newapi("sessions", "show", long_id, PAGER="less")
    huge = harness.newapi("sessions", "show", huge_id, PAGER="cat")
    models = harness.newapi("models", "--refresh", NEWAPI_BASE_URL=url)
    turns, names = f"{TURNS:,} turns", f"{MODELS:,} models"
    found: dict[str, tuple[Callable[[], float], float, float]] = {
        f"{turns}, first output": (partial(until_output, long, is_piped=False), 700, 1000),
        f"{turns}, first output in a pager": (
            partial(until_output, paged, is_piped=False),
            700,
            1000,
        ),
        f"{turns}, first output in a pipe": (
            partial(until_output, long, is_piped=True),
            700,
            1000,
        ),
        f"{names} on a terminal": (partial(until_end, models, is_piped=False), 2000, 3000),
        f"{names} in a pipe": (partial(until_end, models, is_piped=True), 1500, 3000),
    }
    for number in (signal.SIGINT, signal.SIGTERM):
        for is_piped in (False, True):
            name = f"{number.name} during layout{', in a pipe' if is_piped else ''}"
            measure = partial(until_signal_ends, huge, number, is_piped=is_piped)
            found[name] = measure, 100, 200
    return found


def main() -> int:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description="benchmark of large lists and sessions")
    parser.add_argument("-n", type=int, default=5, dest="rounds", help="rounds (default 5)")
    parser.add_argument("--check", action="store_true", help="exit with 1 if a limit is exceeded")
    arguments = parser.parse_args()
    # A script ignores it for its background jobs, and they for their child processes.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with Harness() as harness, many_models() as url:
        data = harness.home / "bare" / "data"
        data.mkdir(0o700)
        measured = measures(harness, url, *build_sessions(data / "sessions.db"))
        version = harness.newapi("--version")
        base, *values = in_turn(
            arguments.rounds,
            partial(until_end, version, is_piped=True),
            *(measure for measure, _, _ in measured.values()),
        )
    rows = [
        Row(name, "ms", base, ours, goal, limit, is_absolute=True)
        for (name, (_, goal, limit)), ours in zip(measured.items(), values, strict=True)
    ]
    return report(rows, rounds=arguments.rounds, check=arguments.check)


if __name__ == "__main__":
    raise SystemExit(main())
