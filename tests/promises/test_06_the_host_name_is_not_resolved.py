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
from tests.sessions.keeping import last_turn
from tests.support.home import Home
from tests.support.observed import Conditions, Running, observe, observe_process

ADDRESSES = [f"127.0.0.{last}" for last in range(70, 100)]  # other tests may hold some
HOST = "gateway.example"
CONNECT_TIMEOUT_S = 1.0
AT_MOST_S = 4.0  # the resolver itself would give up after 10 s
AT_ONCE_S = 2.0
MOUNTED = ("unshare", "-m", "sh", "-c", 'mount --bind "$0" /etc/resolv.conf && exec "$@"')


class BlackHole:
    """A name server that hears and never answers; `conditions` let a run ask it, and it alone."""

    def __init__(self, conditions: Conditions, heard: socket.socket) -> None:
        self.conditions = conditions
        self._heard = heard

    def wait_for_question(self) -> None:
        """Wait until it has been asked for the host."""
        question = self._heard.recv(4096)
        assert HOST.partition(".")[0].encode() in question


@pytest.fixture
def black_hole(tmp_path: Path) -> Iterator[BlackHole]:
    """Give a name server that is silent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as heard:
        heard.settimeout(10)
        resolv_conf = tmp_path / "resolv.conf"
        resolv_conf.write_text(f"nameserver {bound(heard)}\n")
        prefix = (*MOUNTED, str(resolv_conf))
        if subprocess.run([*prefix, "true"], capture_output=True).returncode != 0:
            pytest.skip("this root may not mount anything in a name space of its own")
        yield BlackHole(Conditions(prefix=prefix), heard)


def bound(heard: socket.socket) -> str:
    """Bind a socket to the port of name servers, at an address that is free; give the address."""
    for address in ADDRESSES:
        with contextlib.suppress(OSError):
            heard.bind((address, 53))
            return address
    raise AssertionError("no address is free")


def configure(home: Home, host: str = HOST) -> None:
    home.configure(f"https://{host}", retries=0, connect_timeout=CONNECT_TIMEOUT_S)


def test_an_unknown_host_is_named_in_the_error(home: Home) -> None:
    configure(home, "gateway.invalid")
    seen = observe("chat", "hi", home=home)
    assert (seen.code, seen.out) == (5, b"")
    assert "cannot find the host gateway.invalid" in seen.err
    assert "check the base URL" in seen.err
    assert last_turn(home).status is Status.ERROR


@pytest.mark.needs_root("let a process ask a name server of its own")
def test_a_silent_dns_server_times_out_within_the_connect_timeout(
    home: Home, black_hole: BlackHole
) -> None:
    configure(home)
    seen = observe_process("chat", "hi", home=home, conditions=black_hole.conditions)
    black_hole.wait_for_question()
    # 8, as for each of our own clocks (product.md), and not the 5 of a name server that says no.
    assert (seen.code, seen.out) == (8, b"")
    assert f"no connection within {CONNECT_TIMEOUT_S:g} s" in seen.err
    assert f"no DNS response for {HOST}" in seen.err
    assert "check the base URL and the network" in seen.err
    assert CONNECT_TIMEOUT_S < seen.seconds < CONNECT_TIMEOUT_S + AT_MOST_S
    assert last_turn(home).status is Status.ERROR


@pytest.mark.needs_root("let a process ask a name server of its own")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_interrupts_a_dns_lookup(
    home: Home, black_hole: BlackHole, number: signal.Signals, code: int
) -> None:
    home.configure(f"https://{HOST}", retries=0, connect_timeout=60)
    with Running("chat", "hi", home=home, conditions=black_hole.conditions) as running:
        black_hole.wait_for_question()
        sent = time.monotonic()
        running.send_signal(number)
        seen = running.end()
        took_s = time.monotonic() - sent
    assert (seen.code, seen.out, seen.err) == (code, b"", "stopped\n")
    assert took_s < AT_ONCE_S
    assert last_turn(home).status is Status.INTERRUPTED
