"""The fault server over TLS, with valid and invalid certificates."""

from __future__ import annotations

import os
import socket
import ssl
from pathlib import Path

import pytest

from tests.support.certificates import Authority
from tests.support.fault_server import FaultServer
from tests.support.steps import Fin, Reset, Send, Stall, Step
from tests.support.wire import response

ASK = (
    b"GET /v1/models HTTP/1.1\r\nHost: x\r\nUser-Agent: newapi/0\r\n"
    b"Accept-Encoding: identity\r\n\r\n"
)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Return an authority that only its bundle makes trusted."""
    return Authority(tmp_path_factory.mktemp("authority"))


def connect(server: FaultServer, bundle: Path | None, name: str = "127.0.0.1") -> ssl.SSLSocket:
    """Connect as a client that verifies certificates, by the bundle or else the system."""
    trusting = ssl.create_default_context(cafile=bundle)
    plain = socket.create_connection(("127.0.0.1", server.port), timeout=10)
    try:
        return trusting.wrap_socket(plain, server_hostname=name)
    except ssl.SSLError:
        plain.close()
        raise


def read_all(connection: ssl.SSLSocket) -> bytes:
    with connection:
        return b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_who_trusts_the_authority_is_answered(authority: Authority, name: str) -> None:
    answer = response(200, {"data": []})
    with FaultServer([Send(answer)], tls=authority.server()) as server:
        assert server.url == f"https://127.0.0.1:{server.port}"
        connection = connect(server, authority.bundle, name)
        connection.sendall(ASK)
        assert read_all(connection) == answer
        assert [request.path for request in server.requests] == ["/v1/models"]


def test_nothing_is_readable_on_the_wire(authority: Authority) -> None:
    with FaultServer([Send(response(200))], tls=authority.server()) as server:
        plain = socket.create_connection(("127.0.0.1", server.port), timeout=10)
        with plain:
            plain.sendall(ASK)
            try:
                answer = plain.recv(65536)
            except ConnectionResetError:
                answer = b""
            assert not answer.startswith(b"HTTP")
        assert server.requests == []


WRONG = {
    "an authority that nobody told of": ((), False, None, "unable to get local issuer"),
    "a certificate that has expired": ((), True, "bundle", "certificate has expired"),
    "a certificate for another host": (("other.example",), False, "bundle", "IP address mismatch"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_certificate_is_wrong_in_one_way(authority: Authority, case: str) -> None:
    names, expired, trusted, told = WRONG[case]
    bundle = authority.bundle if trusted else None
    with (
        FaultServer([Send(b"x")], tls=authority.server(*names, expired=expired)) as server,
        pytest.raises(ssl.SSLCertVerificationError, match=told),
    ):
        connect(server, bundle)
    assert server.requests == []


def test_a_client_that_refuses_the_certificate_takes_no_script(authority: Authority) -> None:
    with FaultServer([Send(b"one")], tls=authority.server()) as server:
        with pytest.raises(ssl.SSLCertVerificationError):
            connect(server, None)
        server.wait_for_close(connection=0)
        connection = connect(server, authority.bundle)
        connection.sendall(ASK)
        assert read_all(connection) == b"one"


def test_breaking_off_works_below_tls(authority: Authority) -> None:
    scripts: list[list[Step]] = [[Send(b"part"), last] for last in (Fin(), Reset(), Stall())]
    with FaultServer(*scripts, tls=authority.server()) as server:
        fin, reset, stalled = (connect(server, authority.bundle) for _ in scripts)
        for connection in (fin, reset, stalled):
            connection.sendall(ASK)
            assert connection.recv(4) == b"part"
        assert read_all(fin) == b""
        reset.settimeout(None)
        with reset, pytest.raises(ConnectionResetError):
            os.read(reset.fileno(), 4)  # below TLS, which takes a reset for an end
        stalled.close()
        server.wait_for_close(connection=2)
