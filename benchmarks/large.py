"""Time until large lists and sessions are on the screen.

    pip install -e . && python benchmarks/large.py [-n ROUNDS] [--check]

The floor is `newapi --version`. Times are milliseconds, for an idle machine.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from harness import Command, Harness, Row, in_turn, report, seconds_of, start

from newapi_cli.domain.completion import Status, Usage
from newapi_cli.domain.session import Session, StoredSession, TurnRecord
from newapi_cli.store.sessions import SessionStore

TURNS, MODELS = 20_000, 50_000
ANSWER = (
    "An **answer** with `code`.\n\n- one\n- two\n\n```python\nx = 1\n```\n\n| a |\n|---|\n| 1 |\n"
)


def build_session(path: Path) -> None:
    """Store one long session."""
    now = datetime.now(UTC)
    turns = tuple(
        TurnRecord(
            f"prompt {number}",
            ANSWER,
            status=Status.COMPLETE,
            model="demo",
            usage=Usage(3, 40),
            created_at=now,
            id=number,
            parent_id=number - 1 or None,
        )
        for number in range(1, TURNS + 1)
    )
    session = Session("0" * 12, leaf_id=TURNS, turns=TURNS, created_at=now, used_at=now)
    with SessionStore(path) as store:
        store.import_session(StoredSession(session, turns))


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


def on_terminal(command: Command, *, until_first: bool) -> float:
    """Return the seconds until the first output of a process on a terminal, or until its end."""
    master, slave = os.openpty()
    started = time.perf_counter()
    process = start(command, terminal=slave)
    os.close(slave)
    with contextlib.suppress(OSError):  # EIO: the process has exited
        while os.read(master, 1 << 16) and not until_first:
            pass
    took_s = time.perf_counter() - started
    process.kill()
    process.wait()
    os.close(master)
    return took_s


def main() -> int:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description="benchmark of large lists and sessions")
    parser.add_argument("-n", type=int, default=5, dest="rounds", help="rounds (default 5)")
    parser.add_argument("--check", action="store_true", help="exit with 1 if a limit is exceeded")
    arguments = parser.parse_args()
    with Harness() as harness, many_models() as url:
        data = harness.home / "bare" / "data"
        data.mkdir(0o700)
        build_session(data / "sessions.db")
        show = harness.newapi("sessions", "show", PAGER="cat")
        models = harness.newapi("models", "--refresh", NEWAPI_BASE_URL=url)
        version = harness.newapi("--version")
        base, shown, piped, listed = in_turn(
            arguments.rounds,
            lambda: 1000 * seconds_of(version),
            lambda: 1000 * on_terminal(show, until_first=True),
            lambda: 1000 * seconds_of(models),
            lambda: 1000 * on_terminal(models, until_first=False),
        )
    rows = [
        Row(f"show {TURNS:,} turns, first output", "ms", base, shown, 700, 1000, is_absolute=True),
        Row(f"{MODELS:,} models in a pipe", "ms", base, piped, 1500, 3000, is_absolute=True),
        Row(f"{MODELS:,} models on a terminal", "ms", base, listed, 2000, 3000, is_absolute=True),
    ]
    return report(rows, rounds=arguments.rounds, check=arguments.check)


if __name__ == "__main__":
    raise SystemExit(main())
