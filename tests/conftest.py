"""What holds for every test: default signals, a private home, loopback only, a limit of time.

Set up once a process, so that no test pays for it. Tests that change the environment do so with
`monkeypatch`.
"""

from __future__ import annotations

import ipaddress
import os
import shutil
import signal
import socket
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.limits import time_limit
from tests.support.preloaded import stop_server
from tests.support.scale import REPEAT, TEST_LIMIT_S

SCRUBBED = ("NEWAPI_", "OPENAI_", "XDG_", "PYTHONIOENCODING")
OURS = "NEWAPI_TEST_"  # see tests/support/scale.py; workers of xdist read them too
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "ftp_proxy")
# Typer and rich read these when they are imported or whenever they print.
TERMINAL = ("FORCE_COLOR", "PY_COLORS", "NO_COLOR", "GITHUB_ACTIONS", "COLUMNS", "LINES")
LOOPBACK_NAMES = ("localhost", "ip6-localhost")
HOMES = pytest.StashKey[str]()


def pytest_configure(config: pytest.Config) -> None:
    """Make this process, and thereby its children, independent of how it was started."""
    _reset_signals()
    config.stash[HOMES] = tempfile.mkdtemp(prefix="newapi-tests-")
    for name in list(os.environ):
        is_scrubbed = name.startswith(SCRUBBED) and not name.startswith(OURS)
        if is_scrubbed or name in TERMINAL or name.lower() in PROXIES:
            del os.environ[name]
    os.environ["HOME"] = config.stash[HOMES]
    _allow_loopback_only()


def pytest_report_header() -> str:
    """Return what repeats this run."""
    return REPEAT


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the private home, and end what was started for all tests."""
    stop_server()
    shutil.rmtree(config.stash[HOMES])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Fail a test that waits without end."""
    with time_limit(TEST_LIMIT_S, item.name):
        return (yield)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Return a home folder without any configuration; `home.configure(url)` writes one."""
    path = tmp_path / "home"
    path.mkdir(mode=0o700)
    return Home(path)


@pytest.fixture
def fault_server() -> Iterator[FaultServer]:
    """Return a running fault server without scripts."""
    with FaultServer() as server:
        yield server


def _reset_signals() -> None:
    """Replace ignored signals, which children would inherit, by handlers, which they do not.

    `nohup` ignores SIGHUP; a shell without job control ignores SIGINT and SIGQUIT of its background
    jobs.
    """
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    for number in (signal.SIGHUP, signal.SIGQUIT, signal.SIGTERM):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda _number, _frame: None)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _allow_loopback_only() -> None:
    connect, connect_ex, look_up = (
        socket.socket.connect,
        socket.socket.connect_ex,
        socket.getaddrinfo,
    )

    def guarded(original: Callable[..., Any]) -> Callable[..., Any]:
        def connect_on_loopback(self: socket.socket, address: Any) -> Any:
            if self.family != socket.AF_UNIX:
                _refuse_outside(address[0])
            return original(self, address)

        return connect_on_loopback

    def look_up_on_loopback(host: Any, *args: Any, **kwargs: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name is not None and name.endswith(".invalid"):  # RFC 6761: no resolver is asked
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        _refuse_outside(name)
        return look_up(host, *args, **kwargs)

    socket.socket.connect = guarded(connect)  # type: ignore[method-assign]
    socket.socket.connect_ex = guarded(connect_ex)  # type: ignore[method-assign]
    socket.getaddrinfo = look_up_on_loopback


def _refuse_outside(host: str | None) -> None:
    if host is None or host in LOOPBACK_NAMES or host.endswith(".localhost"):
        return
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        pytest.fail(f"a test looks up {host}")
    if not (address.is_loopback or address.is_unspecified):
        pytest.fail(f"a test connects to {host}")
