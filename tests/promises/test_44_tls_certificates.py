"""A server must prove its identity before it receives the key; a private CA can be configured."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.promises.conftest import ANSWER, PIECES
from tests.support.certificates import Authority
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.observed import observe
from tests.support.process import Environment, Result
from tests.support.steps import BeforeReading, Fin, Send, Step, sse
from tests.support.wire import answer_events, chunk, event, framed, head, response

COMMANDS: Sequence[Sequence[str]] = (("chat", "hi"), ("models",))


def assert_rejected(result: Result, server: FaultServer, code: int, *texts: str) -> None:
    """Assert one error with these texts, and that no request was sent."""
    assert (result.code, result.out) == (code, b""), result
    assert result.err.count("error:") == 1
    assert [each for each in texts if each not in result.err] == [], result.err
    assert server.requests == []


@pytest.fixture(scope="module")
def other_authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Return another authority."""
    return Authority(tmp_path_factory.mktemp("other_authority"))


@pytest.fixture
def secure(authority: Authority) -> Iterator[FaultServer]:
    """Return a TLS server with a valid certificate that answers `ANSWER`."""
    with FaultServer(tls=authority.server()) as server:
        server.answer_with(lambda _: sse(*answer_events(*PIECES)))
        yield server


@pytest.mark.parametrize("args", COMMANDS, ids="-".join)
def test_an_untrusted_certificate_is_rejected(
    home: Home, secure: FaultServer, args: Sequence[str]
) -> None:
    home.configure(secure.url)  # with retries, which do not apply
    result = observe(*args, home=home)
    assert_rejected(result, secure, 5, "certificate", "is not trusted", "SSL_CERT_FILE")
    assert "ca_bundle" in result.err
    assert len(secure.connections) == 1


BAD = {
    "expired": "certificate has expired",
    "another host": "mismatch",
    "another authority": "unable to get local issuer",
}


def context_for(kind: str, authority: Authority, other_authority: Authority) -> ssl.SSLContext:
    if kind == "expired":
        return authority.server(expired=True)
    if kind == "another host":
        return authority.server("other.example")
    return other_authority.server()


@pytest.mark.parametrize("kind", BAD)
def test_an_invalid_certificate_is_rejected_even_with_a_configured_ca(
    home: Home, authority: Authority, other_authority: Authority, kind: str
) -> None:
    with FaultServer(tls=context_for(kind, authority, other_authority)) as server:
        home.configure(server.url, ca_bundle=str(authority.bundle))
        result = observe("chat", "hi", home=home)
    assert_rejected(result, server, 5, "is not trusted", BAD[kind])


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "NEWAPI_CA_BUNDLE", "ca_bundle"])
def test_a_configured_ca_is_trusted(
    home: Home, secure: FaultServer, authority: Authority, variable: str
) -> None:
    bundle, env = str(authority.bundle), {}
    if variable == "ca_bundle":
        home.configure(secure.url, ca_bundle=bundle)
    else:
        home.configure(secure.url)
        env = {variable: bundle}
    result = observe("chat", "hi", home=home, env=env)
    assert (result.code, result.text, result.err) == (0, f"{ANSWER}\n", "")
    assert len(secure.requests) == 1


@pytest.mark.parametrize("where", ["SSL_CERT_FILE", "ca_bundle"])
@pytest.mark.parametrize("content", [None, b"", b"no certificate\n"], ids=repr)
def test_certificates_that_cannot_be_read_are_a_configuration_error(
    home: Home, secure: FaultServer, tmp_path: Path, where: str, content: bytes | None
) -> None:
    path = tmp_path / "bundle.pem"
    if content is not None:
        path.write_bytes(content)
    env: Environment = {"SSL_CERT_FILE": str(path)} if where == "SSL_CERT_FILE" else {}
    settings = {"ca_bundle": str(path)} if where == "ca_bundle" else {}
    home.configure(secure.url, **settings)
    result = observe("chat", "hi", home=home, env=env)
    assert_rejected(result, secure, 3, where, str(path))
    assert secure.connections == []


def test_https_to_a_plain_http_port_is_reported(home: Home) -> None:
    # An HTTP server responds to a TLS handshake with Bad Request.
    with FaultServer([BeforeReading(), Send(response(400, "Bad Request"))]) as server:
        home.configure(server.url.replace("http://", "https://"))
        result = observe("chat", "hi", home=home)
        assert_rejected(
            result, server, 5, "cannot establish a TLS connection to", "use http:// in the base URL"
        )


def test_a_tls_handshake_without_a_response_times_out(home: Home, server: FaultServer) -> None:
    url = server.url.replace("http://", "https://")
    home.configure(url, retries=0, connect_timeout=0.5)
    result = observe("chat", "hi", home=home)
    assert_rejected(result, server, 8, "connect")
    assert result.seconds < 10


def test_plain_http_to_a_tls_port_is_an_error(home: Home, secure: FaultServer) -> None:
    home.configure(secure.url.replace("https://", "http://"), retries=0)
    result = observe("chat", "hi", home=home)
    assert result.code in (5, 6)
    assert_rejected(result, secure, result.code)


CUT: dict[str, tuple[list[Step], int, str]] = {
    "during the answer, in chunks": ([*sse(event(chunk("Par")), end=False), Fin()], 9, "Par\n"),
    "during the answer, no framing": (sse(event(chunk("Par")), chunked=False), 9, "Par\n"),
    "in a chunk": ([*sse(end=False), Send(framed(event(chunk("Par")))[:30]), Fin()], 5, ""),
    "in the header": ([Send(head(200, [("X", "y")])[:20]), Fin()], 5, ""),
    "before the answer": ([Fin()], 5, ""),
    "after the answer, no framing": (sse(*answer_events("Paris"), chunked=False), 0, "Paris\n"),
}  # fmt: skip


@pytest.mark.parametrize(("script", "code", "out"), CUT.values(), ids=CUT)
def test_an_answer_without_a_tls_close_is_judged_by_its_content(
    home: Home, secure: FaultServer, authority: Authority, script: list[Step], code: int, out: str
) -> None:
    # `Fin` closes the connection below TLS, without close_notify.
    home.configure(secure.url, retries=0, ca_bundle=str(authority.bundle))
    secure.add(*script)
    result = observe("chat", "hi", home=home)
    assert (result.code, result.text) == (code, out), result.err
    assert result.err.count("error:") == (code != 0)


def test_verification_cannot_be_turned_off(home: Home, secure: FaultServer) -> None:
    home.configure(secure.url, retries=0, verify=False, insecure=True, allow_insecure=True)
    result = observe("chat", "hi", home=home)
    assert (result.code, secure.requests) == (5, [])
    for option in ("--insecure", "-k", "--no-verify"):
        rejected = observe("chat", option, "hi", home=home)
        assert (rejected.code, secure.requests) == (2, [])
