"""What holds for every test: a clean environment, a private home, no way out of the machine."""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.fault_server import FaultServer
from tests.support.home import Home

SCRUBBED = ("NEWAPI_", "OPENAI_", "XDG_", "PYTHONIOENCODING")
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "ftp_proxy")
LOOPBACK_NAMES = ("localhost", "ip6-localhost")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Give a home folder without any configuration; `home.configure(url)` writes one."""
    path = tmp_path / "home"
    path.mkdir(mode=0o700)
    return Home(path)


@pytest.fixture
def fault_server() -> Iterator[FaultServer]:
    """Give a running fault server without scripts."""
    with FaultServer() as server:
        yield server


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith(SCRUBBED) or name.lower() in PROXIES:
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture(autouse=True)
def _loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
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
        if name is not None and name.endswith(".invalid"):  # RFC 6761: no resolver is to be asked
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        _refuse_outside(name)
        return look_up(host, *args, **kwargs)

    monkeypatch.setattr(socket.socket, "connect", guarded(connect))
    monkeypatch.setattr(socket.socket, "connect_ex", guarded(connect_ex))
    monkeypatch.setattr(socket, "getaddrinfo", look_up_on_loopback)


def _refuse_outside(host: str | None) -> None:
    if host is None or host in LOOPBACK_NAMES or host.endswith(".localhost"):
        return
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        pytest.fail(f"a test looks up {host}")
    if not (address.is_loopback or address.is_unspecified):
        pytest.fail(f"a test connects to {host}")
