"""Several addresses of a host: attempts start 250 ms apart, and the first connection wins."""

from __future__ import annotations

import errno
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from newapi_cli.api.http.connection import (
    ATTEMPT_DELAY_S,
    Address,
    addresses_of,
    alternating,
    open_socket,
)
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.process import run_newapi
from tests.support.steps import sse
from tests.support.wire import answer_events

LATE_S = 0.3


@pytest.fixture(scope="module")
def dead() -> Iterator[Address]:
    """Return an address that never answers: the backlog of its listener is full."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
        yield address(listener.getsockname()[1])


@pytest.fixture
def server() -> Iterator[socket.socket]:
    """Return a listener that accepts connections."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


def address(port: int, family: int = socket.AF_INET, host: str = "127.0.0.1") -> Address:
    place = (host, port) if family == socket.AF_INET else (host, port, 0, 0)
    return (family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", place)


def refusing() -> Address:
    """Return an address at which nothing listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return address(bound.getsockname()[1])


def timed(addresses: list[Address], connect_s: float = 10.0) -> tuple[socket.socket, float]:
    """Connect; return the socket and the seconds that it took."""
    started = time.monotonic()
    sock = open_socket(addresses, connect_s)
    return sock, time.monotonic() - started


def test_the_dead_address_is_dead(dead: Address) -> None:
    with pytest.raises(TimeoutError):
        open_socket([dead], 0.4)


def test_a_dead_first_address_costs_at_most_0_3_s(dead: Address, server: socket.socket) -> None:
    durations = []
    for _ in range(3):  # the machine may be busy
        sock, seconds = timed([dead, address(server.getsockname()[1])])
        with sock:
            assert sock.getpeername() == server.getsockname()
            assert sock.getblocking()
        durations.append(seconds)
    assert 0.25 <= min(durations) < LATE_S


def test_the_families_take_turns() -> None:
    new = [address(port, socket.AF_INET6, "::1") for port in (1, 2, 3)]
    old = [address(port) for port in (4, 5)]
    for addresses in ([*new, *old], [new[0], old[0], old[1], new[1], new[2]]):
        ports = [place[1] for *_, place in alternating(addresses)]
        assert ports == [1, 4, 2, 5, 3]
    assert alternating(old) == old
    assert alternating([]) == []


def test_a_refused_address_costs_nothing(server: socket.socket) -> None:
    sock, seconds = timed([refusing(), refusing(), address(server.getsockname()[1])])
    sock.close()
    assert seconds < ATTEMPT_DELAY_S


def test_the_first_connection_wins_even_if_it_began_first(dead: Address) -> None:
    with socket.create_server(("127.0.0.1", 0)) as first:
        sock, seconds = timed([address(first.getsockname()[1]), dead])
        with sock:
            assert sock.getpeername() == first.getsockname()
        assert seconds < ATTEMPT_DELAY_S


def test_the_losers_are_closed(dead: Address, server: socket.socket) -> None:
    before = set(_sockets())
    sock, _ = timed([dead, dead, address(server.getsockname()[1])])
    assert len(set(_sockets()) - before) == 1
    sock.close()


def _sockets() -> Iterator[str]:
    """Yield the open descriptors of this process that are sockets or pollers."""
    for each in Path("/proc/self/fd").iterdir():
        with suppress(OSError):  # the descriptor of the folder itself is closed by now
            target = str(each.readlink())
            if target.startswith("socket:") or "eventpoll" in target:
                yield f"{each.name} {target}"


def test_all_attempts_share_the_time_limit(dead: Address) -> None:
    started = time.monotonic()
    with pytest.raises(TimeoutError):
        open_socket([dead] * 6, 0.6)
    assert 0.6 <= time.monotonic() - started < 0.8


def test_the_last_error_is_raised() -> None:
    with pytest.raises(ConnectionRefusedError) as caught:
        open_socket([refusing(), refusing()], 10)
    assert caught.value.errno == errno.ECONNREFUSED
    with pytest.raises(ConnectionError):
        open_socket([], 10)


def test_a_canceled_attempt_ends_soon(dead: Address) -> None:
    canceled = threading.Event()
    threading.Timer(0.05, canceled.set).start()
    started = time.monotonic()
    with pytest.raises(ConnectionAbortedError):
        open_socket([dead], 0, canceled.is_set)
    assert time.monotonic() - started < 0.5


def test_a_prompt_is_answered_though_the_first_address_is_dead(
    home: Home, dead: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FaultServer(sse(*answer_events("Paris"))) as server:
        home.configure(f"http://localhost:{server.port}", retries=0)
        found = [dead, *addresses_of("127.0.0.1", server.port)]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
        result = run_newapi("chat", "-n", "hi", home=home)
        assert (result.code, result.text) == (0, "Paris\n"), result
        assert len(server.connections) == 1
