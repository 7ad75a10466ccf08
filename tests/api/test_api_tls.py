"""TLS is verified always, and own authorities can be named."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from newapi_cli.domain.completion import Chunk
from newapi_cli.errors import DeadlineError, NetworkError
from tests.api.exchanges import (
    CLOCKS,
    assert_workers_end,
    client_for,
    endpoint,
    question,
    text_of,
)
from tests.api.tls_server import TlsServer, make_certificate
from tests.support.wire import answer_events, chunk, event, head

ANSWER = head(200, [("Connection", "close")]) + b"".join(answer_events("Paris"))
BEGINNING = head(200, [("Connection", "close")]) + event(chunk("Par"))


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Give a certificate for this machine, and its key."""
    return make_certificate(tmp_path_factory.mktemp("tls"), "IP:127.0.0.1,DNS:localhost")


@pytest.fixture(autouse=True)
def _no_worker_is_left() -> Iterator[None]:
    yield
    assert_workers_end()


def test_a_certificate_that_nobody_vouches_for_is_refused(certificate: tuple[Path, Path]) -> None:
    with TlsServer(*certificate, ANSWER) as server, pytest.raises(NetworkError) as caught:
        text_of(client_for(server.url, retries=2).start_chat(question()))
    assert "cannot be trusted" in caught.value.message
    assert caught.value.why
    assert "ca_bundle" in caught.value.hint
    assert server.heads == []


@pytest.mark.parametrize("setting", ["ca_bundle", "SSL_CERT_FILE"])
def test_a_certificate_that_is_named_is_accepted(
    setting: str, certificate: tuple[Path, Path]
) -> None:
    path = str(certificate[0])
    with TlsServer(*certificate, ANSWER) as server:
        where = (
            endpoint(server.url, ca_bundle=path)
            if setting == "ca_bundle"
            else endpoint(server.url, environ={setting: path})
        )
        assert text_of(client_for(where).start_chat(question())) == "Paris"
    assert server.heads[0].startswith(b"POST /v1/chat/completions HTTP/1.1\r\n")


def test_the_setting_is_stronger_than_the_variable(certificate: tuple[Path, Path]) -> None:
    path = str(certificate[0])
    with TlsServer(*certificate, ANSWER) as server:
        where = endpoint(server.url, ca_bundle=path, environ={"SSL_CERT_FILE": "/nonexistent"})
        assert text_of(client_for(where).start_chat(question())) == "Paris"


def test_a_certificate_for_another_host_is_refused(tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path, "DNS:other.example")
    with TlsServer(*certificate, ANSWER) as server, pytest.raises(NetworkError) as caught:
        where = endpoint(server.url, ca_bundle=str(certificate[0]))
        text_of(client_for(where).start_chat(question()))
    assert "cannot be trusted" in caught.value.message
    assert server.heads == []


def test_an_answer_over_tls_can_be_broken_off(certificate: tuple[Path, Path]) -> None:
    with TlsServer(*certificate, BEGINNING, holds=True) as server:
        where = endpoint(server.url, ca_bundle=str(certificate[0]))
        events = client_for(where).start_chat(question())
        assert next(e.content for e in events if isinstance(e, Chunk)) == "Par"
        events.close()
        assert server.was_left.wait(10)


def test_an_answer_over_tls_that_is_cut_gives_what_came(certificate: tuple[Path, Path]) -> None:
    with TlsServer(*certificate, BEGINNING) as server:
        where = endpoint(server.url, ca_bundle=str(certificate[0]))
        assert text_of(client_for(where).start_chat(question())) == "Par"


def test_a_handshake_that_is_never_answered_ends_with_the_connect_clock(
    certificate: tuple[Path, Path],
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"https://127.0.0.1:{silent.getsockname()[1]}"
        where = endpoint(url, ca_bundle=str(certificate[0]))
        client = client_for(where, clocks=CLOCKS._replace(connect_s=0.3))
        with pytest.raises((DeadlineError, NetworkError)) as caught:
            text_of(client.start_chat(question()))
    assert caught.value.exit_code in (5, 8)
