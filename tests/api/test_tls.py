"""TLS is always verified, and other authorities can be set."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from newapi_cli.domain.completion import Chunk
from newapi_cli.errors import ConfigError, DeadlineError, NetworkError
from tests.api.exchanges import (
    CLOCKS,
    assert_workers_end,
    client_for,
    endpoint,
    question,
    text_of,
)
from tests.support.certificates import Authority
from tests.support.fault_server import FaultServer
from tests.support.steps import Stall, sse
from tests.support.wire import answer_events, chunk, event

ANSWER = sse(*answer_events("Paris"), chunked=False)
BEGINNING = sse(event(chunk("Par")), chunked=False)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Return an unknown certificate authority."""
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture(autouse=True)
def _no_worker_is_left() -> Iterator[None]:
    yield
    assert_workers_end()


def test_a_certificate_of_an_unknown_authority_is_rejected(authority: Authority) -> None:
    with (
        FaultServer(ANSWER, tls=authority.server()) as server,
        pytest.raises(NetworkError) as caught,
    ):
        text_of(client_for(server.url, retries=2).start_chat(question()))
    assert "is not trusted" in caught.value.message
    assert caught.value.why
    assert "ca_bundle" in caught.value.hint
    assert server.requests == []


@pytest.mark.parametrize("setting", ["ca_bundle", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
def test_a_certificate_of_a_configured_authority_is_accepted(
    setting: str, authority: Authority
) -> None:
    path = str(authority.bundle)
    with FaultServer(ANSWER, tls=authority.server()) as server:
        where = (
            endpoint(server.url, ca_bundle=path)
            if setting == "ca_bundle"
            else endpoint(server.url, environ={setting: path})
        )
        assert text_of(client_for(where).start_chat(question())) == "Paris"
    assert server.requests[0].head.startswith(b"POST /v1/chat/completions HTTP/1.1\r\n")


def test_the_setting_overrides_the_variable(authority: Authority) -> None:
    environ = {"SSL_CERT_FILE": "/nonexistent"}
    with FaultServer(ANSWER, tls=authority.server()) as server:
        where = endpoint(server.url, ca_bundle=str(authority.bundle), environ=environ)
        assert text_of(client_for(where).start_chat(question())) == "Paris"


def test_a_variable_that_names_no_file_is_an_error_with_its_name() -> None:
    where = endpoint("https://127.0.0.1:1", environ={"REQUESTS_CA_BUNDLE": "/nonexistent"})
    with pytest.raises(ConfigError, match="REQUESTS_CA_BUNDLE: cannot read certificates") as caught:
        where.tls_context()
    assert "unset it" in caught.value.hint


def test_of_two_variables_the_one_of_openssl_counts(authority: Authority) -> None:
    environ = {"REQUESTS_CA_BUNDLE": "/nonexistent", "SSL_CERT_FILE": str(authority.bundle)}
    with FaultServer(ANSWER, tls=authority.server()) as server:
        where = endpoint(server.url, environ=environ)
        assert text_of(client_for(where).start_chat(question())) == "Paris"


def test_a_certificate_for_another_host_is_rejected(authority: Authority) -> None:
    context = authority.server("other.example")
    with FaultServer(ANSWER, tls=context) as server, pytest.raises(NetworkError) as caught:
        where = endpoint(server.url, ca_bundle=str(authority.bundle))
        text_of(client_for(where).start_chat(question()))
    assert "is not trusted" in caught.value.message
    assert server.requests == []


def test_an_answer_over_tls_can_be_canceled(authority: Authority) -> None:
    with FaultServer([*BEGINNING, Stall()], tls=authority.server()) as server:
        where = endpoint(server.url, ca_bundle=str(authority.bundle))
        events = client_for(where).start_chat(question())
        assert next(e.content for e in events if isinstance(e, Chunk)) == "Par"
        events.close()
        server.wait_for_close()


def test_an_answer_over_tls_that_is_cut_off_keeps_its_part(authority: Authority) -> None:
    with FaultServer(BEGINNING, tls=authority.server()) as server:
        where = endpoint(server.url, ca_bundle=str(authority.bundle))
        assert text_of(client_for(where).start_chat(question())) == "Par"


def test_a_handshake_without_a_response_fails_after_the_connect_timeout(
    authority: Authority,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"https://127.0.0.1:{silent.getsockname()[1]}"
        where = endpoint(url, ca_bundle=str(authority.bundle))
        client = client_for(where, timeouts=CLOCKS._replace(connect_s=0.3))
        with pytest.raises((DeadlineError, NetworkError)) as caught:
            text_of(client.start_chat(question()))
    assert caught.value.exit_code in (5, 8)
