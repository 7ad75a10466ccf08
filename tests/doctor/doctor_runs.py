"""Runs of `newapi doctor`, parsed, and servers for them to check."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import NamedTuple

from tests.support.home import CANARY, Home
from tests.support.process import Environment, Result, run_newapi
from tests.support.wire import json_bytes

NAMES = [
    "configuration", "files", "base URL", "proxy", "DNS", "TCP", "TLS", "server", "clock", "key",
    "models", "prices", "answer", "terminal", "store",
]  # fmt: skip


class Row(NamedTuple):
    """One line of `newapi doctor` in a pipe."""

    name: str
    verdict: str
    text: str
    hint: str


@dataclass(frozen=True, slots=True)
class DoctorRun:
    """A whole run. `rows` are in their order."""

    rows: tuple[Row, ...]
    result: Result

    def __getitem__(self, name: str) -> Row:
        return next(row for row in self.rows if row.name == name)

    @property
    def failed(self) -> list[str]:
        """The names of the failed checks."""
        return [row.name for row in self.rows if row.verdict == "failed"]

    @property
    def verdicts(self) -> dict[str, str]:
        """The verdict of each check."""
        return {row.name: row.verdict for row in self.rows}

    def assert_first_failed(self, name: str, code: int, *hints: str) -> Row:
        """Assert which check failed first, its exit code, and texts in its hint."""
        assert self.failed[:1] == [name], self.result
        assert self.result.code == code, self.result
        row = self[name]
        assert [hint for hint in hints if hint not in row.hint] == [], row
        return row


def run_doctor(home: Home, *args: str, env: Environment | None = None) -> DoctorRun:
    """Run `newapi doctor` without a terminal; see `read_doctor_run`."""
    return read_doctor_run(run_newapi("doctor", *args, home=home, env=env), home)


def read_doctor_run(result: Result, home: Home) -> DoctorRun:
    """Return what `newapi doctor` printed to a pipe; fail if any part of the key is in it."""
    assert CANARY[3:12] not in result.text + result.err
    assert home.files_holding() == []
    assert result.err == "", result
    rows = tuple(Row(*line.split("\t")) for line in result.text.splitlines())
    assert [row.name for row in rows] == NAMES
    return DoctorRun(rows, result)


class Answer(NamedTuple):
    """A response; a dict is sent as JSON, a text as a web page."""

    status: int = 200
    body: dict[str, object] | str | bytes = b""
    headers: Mapping[str, str] = {}


WEB_PAGE = Answer(200, "<!doctype html><html><head><title>Welcome</title></head></html>")
NOT_HERE = Answer(404, {"error": {"message": "not found", "type": "invalid_request_error"}})


class PageServer:
    """Answers each path by a function. `seen` holds path and Authorization of each request."""

    def __init__(self, answer: Callable[[str], Answer]) -> None:
        self.seen: list[tuple[str, str]] = []
        seen = self.seen

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                seen.append((self.path, self.headers.get("Authorization", "")))
                given = answer(self.path)
                is_page = isinstance(given.body, str)
                body = given.body.encode() if isinstance(given.body, str) else given.body
                data = json_bytes(body) if isinstance(body, dict) else body
                self.send_response_only(given.status)
                kind = "text/html" if is_page else "application/json"
                for name, value in {"Content-Type": kind, **given.headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                with contextlib.suppress(OSError):  # the client may have left meanwhile
                    self.end_headers()
                    self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=lambda: self._server.serve_forever(0.02))
        self.port: int = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> PageServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join(10)
        self._server.server_close()


def openai_server(*models: str, headers: Mapping[str, str] | None = None) -> PageServer:
    """Return a server that lists models as OpenAI does, and has nothing else."""
    listed: dict[str, object] = {
        "object": "list",
        "data": [{"id": name, "object": "model", "owned_by": "somebody"} for name in models],
    }
    answers = {"/v1/models": Answer(200, listed, headers or {})}
    return PageServer(lambda path: answers.get(path, NOT_HERE))
