"""Processes of `newapi` that are forked from one that has it loaded: a tenth of the CPU of a start.

Session, terminal, signals, descriptors, memory of its own and exit are those of any process. What
an interpreter reads when it starts (`PYTHON…`, the locale) is not, nor is what has been imported:
tests of these start `python -m newapi_cli`.

As a script it is the server: it receives requests on a socket, with the descriptors 0 to 2 and a
pipe for the status of each process, to which it writes pid and exit status.
"""

from __future__ import annotations

import fcntl
import functools
import gc
import json
import os
import pkgutil
import select
import signal
import socket
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.support.home import ROOT

# Read by the interpreter or by libraries when a process starts, and never again.
START_VARIABLES = ("PYTHON", "LANG", "LC_", "COLUMNS", "LINES", "TERMINAL_WIDTH", "FORCE_COLOR")
MAX_REQUEST_BYTES = 100_000  # far below what a socket takes at once
STATUS = struct.Struct("i")
# Imported inside functions of the package.
LIBRARIES = ("httpx", "prompt_toolkit", "pygments.lexers", "rich.console", "tomlkit")


class PreloadedProcess:
    """A process of `newapi`, in a session of its own; the part of `Popen` that tests need."""

    def __init__(
        self,
        args: Sequence[str],
        *,
        descriptors: Sequence[int],
        env: Mapping[str, str],
        cwd: Path,
        has_terminal: bool = False,
    ) -> None:
        """Start it with `descriptors` as 0 to 2; a terminal becomes its controlling one."""
        self.returncode: int | None = None
        self._status, status_in = os.pipe()
        try:
            _server().start(_request(args, env, str(cwd), has_terminal), [*descriptors, status_in])
        finally:
            os.close(status_in)
        self.pid = self._read_status()

    def __del__(self) -> None:
        os.close(self._status)

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit status, negative for a signal."""
        if self.returncode is None:
            if not select.select([self._status], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired("newapi", timeout or 0)
            self.returncode = self._read_status()
        return self.returncode

    def _read_status(self) -> int:
        data = os.read(self._status, STATUS.size)
        if not data:
            raise RuntimeError("the server of preloaded processes has ended")
        status: int = STATUS.unpack(data)[0]
        return status


def can_preload(args: Sequence[str], env: Mapping[str, str]) -> bool:
    """Return whether a forked process would not differ from one that is started."""
    if len(_request(args, env, "", has_terminal=False)) > MAX_REQUEST_BYTES:
        return False
    usual = {"PYTHONPATH": str(ROOT), "LANG": "C.UTF-8"}
    changed = {name for name, value in env.items() if usual.get(name) != value}
    return "LANG" in env and not any(name.startswith(START_VARIABLES) for name in changed)


class _Server:
    """The process that has `newapi` loaded, as its client sees it."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._lock = threading.Lock()
        environ = {name: os.environ[name] for name in ("PATH", "HOME")}
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.support.preloaded", str(theirs.fileno())],
                env=environ | {"LANG": "C.UTF-8", "PYTHONPATH": os.pathsep.join(sys.path)},
                pass_fds=[theirs.fileno()],
                start_new_session=True,  # Ctrl-C at the terminal of the tests is not for it
            )

    def start(self, request: bytes, descriptors: Sequence[int]) -> None:
        with self._lock:
            socket.send_fds(self._socket, [request], list(descriptors))

    def stop(self) -> None:
        self._socket.close()
        self._process.wait()


@functools.cache
def _server() -> _Server:
    return _Server()


def stop_server() -> None:
    """End the server, if one has been started."""
    if _server.cache_info().currsize:
        _server().stop()
        _server.cache_clear()


def _request(args: Sequence[str], env: Mapping[str, str], cwd: str, has_terminal: bool) -> bytes:
    request = {"args": list(args), "env": dict(env), "cwd": cwd, "has_terminal": has_terminal}
    return json.dumps(request).encode()


# -- the server -----------------------------------------------------------------------------------


def serve(requests: socket.socket) -> tuple[dict[str, Any], list[int]] | None:
    """Fork for each request; return it, with its descriptors, in the child, and None at the end."""
    woken, waking = os.pipe()
    os.set_blocking(waking, False)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    signal.set_wakeup_fd(waking)
    statuses: dict[int, int] = {}
    while True:
        ready, _, _ = select.select([requests.fileno(), woken], [], [])
        if woken in ready:
            os.read(woken, 1 << 12)
            _reap(statuses)
        if requests.fileno() in ready:
            data, descriptors, _, _ = socket.recv_fds(requests, 2 * MAX_REQUEST_BYTES, 4)
            if not data:
                return None
            pid = os.fork()
            if pid == 0:
                return json.loads(data), descriptors
            *streams, status = descriptors
            for descriptor in streams:
                os.close(descriptor)
            os.write(status, STATUS.pack(pid))
            statuses[pid] = status


def _reap(statuses: dict[int, int]) -> None:
    while statuses:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        descriptor = statuses.pop(pid)
        os.write(descriptor, STATUS.pack(os.waitstatus_to_exitcode(status)))
        os.close(descriptor)


def become(request: dict[str, Any], descriptors: Sequence[int]) -> None:
    """Make this process what the request describes."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    for number, descriptor in enumerate(descriptors[:3]):
        os.dup2(descriptor, number)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    if request["has_terminal"]:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    os.environ.clear()
    os.environ.update(request["env"])
    time.tzset()
    os.chdir(request["cwd"])
    sys.argv[1:] = request["args"]


def main() -> None:
    """Load the program and serve; in a child, run it."""
    import newapi_cli

    for module in pkgutil.walk_packages(newapi_cli.__path__, "newapi_cli."):
        import_module(module.name)
    for name in LIBRARIES:
        import_module(name)
    gc.collect()
    gc.freeze()
    requests = socket.socket(fileno=int(sys.argv[1]))
    work = serve(requests)
    if work is not None:
        requests.detach()
        become(*work)
        import_module("newapi_cli.__main__").main()


if __name__ == "__main__":
    main()
