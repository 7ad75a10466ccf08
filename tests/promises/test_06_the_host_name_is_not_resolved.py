"""An unknown host or an unresponsive DNS server never blocks a run."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from newapi_cli.domain.completion import Status
from tests.sessions.helpers import last_turn
from tests.support.home import Home
from tests.support.observed import Conditions, Running, observe, observe_process

ADDRESSES = [f"127.0.0.{last}" for last in range(70, 100)]  # other tests may hold some
HOST = "gateway.example"
CONNECT_TIMEOUT_S = 1.0
AT_MOST_S = 4.0  # the resolver itself would give up after 10 s
AT_ONCE_S = 2.0
MOUNTED = ("unshare", "-m", "sh", "-c", 'mount --bind "$0" /etc/resolv.conf && exec "$@"')


class SilentDnsServer:
    """A DNS server that receives and never responds, and the conditions under which it is used."""

    def __init__(self, conditions: Conditions, udp: socket.socket) -> None:
        self.conditions = conditions
        self._udp = udp

    def wait_for_query(self) -> None:
        """Wait until the host is looked up."""
        query = self._udp.recv(4096)
        assert HOST.partition(".")[0].encode() in query


@pytest.fixture
def silent_dns(tmp_path: Path) -> Iterator[SilentDnsServer]:
    """Return a DNS server that never responds, in a mount namespace of the run."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.settimeout(10)
        resolv_conf = tmp_path / "resolv.conf"
        resolv_conf.write_text(f"nameserver {bind_dns_port(udp)}\n")
        prefix = (*MOUNTED, str(resolv_conf))
        if subprocess.run([*prefix, "true"], capture_output=True).returncode != 0:
            pytest.skip("root cannot mount in a namespace of its own here")
        yield SilentDnsServer(Conditions(prefix=prefix), udp)


def bind_dns_port(udp: socket.socket) -> str:
    """Bind a socket to port 53 of a free loopback address and return the address."""
    for address in ADDRESSES:
        with contextlib.suppress(OSError):
            udp.bind((address, 53))
            return address
    raise AssertionError("no address is free")


def configure(home: Home, host: str = HOST) -> None:
    home.configure(f"https://{host}", retries=0, connect_timeout=CONNECT_TIMEOUT_S)


def test_an_unknown_host_is_named_in_the_error(home: Home) -> None:
    configure(home, "gateway.invalid")
    result = observe("chat", "hi", home=home)
    assert (result.code, result.out) == (5, b"")
    assert "cannot find the host gateway.invalid" in result.err
    assert "check the base URL" in result.err
    assert last_turn(home).status is Status.ERROR


@pytest.mark.needs_root("give a process a DNS server of its own")
def test_a_silent_dns_server_times_out_within_the_connect_timeout(
    home: Home, silent_dns: SilentDnsServer
) -> None:
    configure(home)
    result = observe_process("chat", "hi", home=home, conditions=silent_dns.conditions)
    silent_dns.wait_for_query()
    # A timeout (8), not the 5 of a DNS server that responds with an error.
    assert (result.code, result.out) == (8, b"")
    assert f"no connection within {CONNECT_TIMEOUT_S:g} s" in result.err
    assert f"no DNS response for {HOST}" in result.err
    assert "check the base URL and the network" in result.err
    assert CONNECT_TIMEOUT_S < result.seconds < CONNECT_TIMEOUT_S + AT_MOST_S
    assert last_turn(home).status is Status.ERROR


@pytest.mark.needs_root("give a process a DNS server of its own")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_interrupts_a_dns_lookup(
    home: Home, silent_dns: SilentDnsServer, number: signal.Signals, code: int
) -> None:
    home.configure(f"https://{HOST}", retries=0, connect_timeout=60)
    with Running("chat", "hi", home=home, conditions=silent_dns.conditions) as running:
        silent_dns.wait_for_query()
        signaled_at = time.monotonic()
        running.send_signal(number)
        result = running.end()
        took_s = time.monotonic() - signaled_at
    assert (result.code, result.out, result.err) == (code, b"", "stopped\n")
    assert took_s < AT_ONCE_S
    assert last_turn(home).status is Status.INTERRUPTED
