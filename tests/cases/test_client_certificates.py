"""A client certificate: presented to the profile's host only, and errors that say what is wrong.

Kilo-Org/kilocode#13516.
"""

from __future__ import annotations

import os
import ssl
from pathlib import Path

import pytest

from tests.doctor.doctor_runs import run_doctor
from tests.support.certificates import Authority
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.process import Result, run_newapi
from tests.support.steps import Send, sse
from tests.support.wire import answer_events, response

ANSWER = sse(*answer_events("Paris"))
MODELS: dict[str, object] = {"object": "list", "data": [{"id": "test-model"}]}


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Return the authority of servers and clients."""
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Return an authority that no server trusts."""
    return Authority(tmp_path_factory.mktemp("stranger"))


def configure(home: Home, url: str, authority: Authority, **settings: str) -> None:
    """Write a profile for a server of the authority."""
    home.configure(url, ca_bundle=str(authority.bundle), retries=0, **settings)


def run(home: Home, *args: str) -> Result:
    """Send a prompt; the key of the API must never be printed."""
    return run_newapi(*(args or ("chat", "-n", "hi")), home=home)


def with_key(authority: Authority, **settings: str) -> dict[str, str]:
    cert, key = authority.client()
    return {"client_cert": str(cert), "client_key": str(key)} | settings


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_server_that_requires_a_certificate_gets_it(
    home: Home, authority: Authority, version: ssl.TLSVersion
) -> None:
    context = authority.server(clients=authority)
    context.maximum_version = version
    with FaultServer(ANSWER, tls=context) as server:
        configure(home, server.url, authority, **with_key(authority))
        result = run(home)
        assert (result.code, result.text) == (0, "Paris\n"), result


def test_certificate_and_key_can_be_in_one_file(
    home: Home, authority: Authority, tmp_path: Path
) -> None:
    both = tmp_path / "both.pem"
    both.write_bytes(b"".join(path.read_bytes() for path in authority.client()))
    with FaultServer(ANSWER, tls=authority.server(clients=authority)) as server:
        configure(home, server.url, authority, client_cert=str(both))
        assert run(home).text == "Paris\n"


def test_a_path_in_a_profile_is_relative_to_the_config_folder(
    home: Home, authority: Authority
) -> None:
    with FaultServer(ANSWER, tls=authority.server(clients=authority)) as server:
        configure(home, server.url, authority, client_cert="client.pem", client_key="client.key")
        for path, name in zip(authority.client(), ("client.pem", "client.key"), strict=True):
            (home.newapi_home / name).write_bytes(path.read_bytes())
        assert run(home).text == "Paris\n"


def test_config_set_stores_the_path_from_the_current_folder(
    home: Home, authority: Authority
) -> None:
    home.configure("https://gateway.example")
    assert run(home, "config", "set", "client_cert", "my/client.pem").code == 0
    shown = run(home, "config", "get", "client_cert").text.strip()
    assert shown == os.path.realpath(home.path / "my/client.pem")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_without_a_certificate_the_error_names_the_setting(
    home: Home, authority: Authority, version: ssl.TLSVersion
) -> None:
    context = authority.server(clients=authority)
    context.maximum_version = version
    with FaultServer(tls=context) as server:
        configure(home, server.url, authority)
        result = run(home)
        assert (result.code, result.out) == (5, b""), result
        assert "newapi config set client_cert PATH" in result.err
        assert "http://" not in result.err
        check = run_doctor(home)
        place = "TLS" if version is ssl.TLSVersion.TLSv1_2 else "server"
        check.assert_first_failed(place, 5, "newapi config set client_cert PATH")
        assert server.requests == []


def test_a_certificate_of_an_unknown_authority_is_named(
    home: Home, authority: Authority, stranger: Authority
) -> None:
    with FaultServer(tls=authority.server(clients=authority)) as server:
        configure(home, server.url, authority, **with_key(stranger))
        result = run(home)
        assert (result.code, result.out) == (5, b""), result
        assert f"127.0.0.1:{server.port} rejected the client certificate" in result.err
        assert "check client_cert and client_key" in result.err


def broken_files(authority: Authority, stranger: Authority, folder: Path) -> list[tuple[str, ...]]:
    """Return names of files that cannot be used: certificate, key, and words of the error."""
    cert, key = map(str, authority.client())
    _, secret = map(str, authority.client("pass phrase"))
    _, other = map(str, stranger.client())
    text = folder / "text.pem"
    text.write_text("no certificate\n")
    pipe = folder / "pipe"
    os.mkfifo(pipe)
    return [
        (cert, secret, "the private key is encrypted", "openssl pkey -in "),
        (cert, other, "does not belong to the certificate", ""),
        (cert, "", "not a PEM file with a certificate and its key", "client_key PATH"),
        (str(text), key, "not a PEM file", "client_cert and client_key"),
        (cert, str(text), "not a PEM file", "client_cert and client_key"),
        (str(folder / "missing"), key, "missing: No such file or directory", ""),
        (cert, str(folder / "missing"), "missing: No such file or directory", ""),
        (cert, str(folder), "it is not a regular file", ""),
        (str(pipe), key, "it is not a regular file", ""),
        ("", key, "client_key is set, but client_cert is not", "set client_cert PATH"),
    ]


def test_files_that_cannot_be_used_are_errors_before_anything_is_sent(
    home: Home, authority: Authority, stranger: Authority, tmp_path: Path
) -> None:
    with FaultServer(tls=authority.server(clients=authority)) as server:
        for cert, key, problem, hint in broken_files(authority, stranger, tmp_path):
            configure(home, server.url, authority, client_cert=cert, client_key=key)
            result = run(home)
            assert (result.code, result.out) == (3, b""), result
            assert problem in result.err, result.err
            assert hint in result.err, result.err
            run_doctor(home).assert_first_failed("TLS", 3)
        assert server.requests == []


@pytest.mark.parametrize("by", ["option", "variable"])
def test_another_host_does_not_get_the_certificate(
    home: Home, authority: Authority, by: str
) -> None:
    with FaultServer(ANSWER, tls=authority.server(clients=authority)) as server:
        configure(home, "https://own.example", authority, **with_key(authority))
        env = {"NEWAPI_API_KEY": "sk-of-the-other-01"}
        args = ["chat", "-n", "hi"]
        if by == "option":
            args += ["--base-url", server.url]
        else:
            env["NEWAPI_BASE_URL"] = server.url
        result = run_newapi(*args, home=home, env=env)
        assert (result.code, result.out) == (5, b""), result
        assert server.requests == []


def test_login_uses_the_certificate_and_leaves_it(home: Home, authority: Authority) -> None:
    with FaultServer(
        answer=lambda _: [Send(response(200, MODELS))], tls=authority.server(clients=authority)
    ) as server:
        configure(home, server.url, authority, **with_key(authority))
        args = ("login", server.url, "--stdin")
        result = run_newapi(*args, home=home, stdin=b"sk-loginkeyA1b2C3d4E5")
        assert result.code == 0, result
        assert 'client_cert = "' in home.config_file.read_text()
        result = run_newapi("login", "https://other.example", "--stdin", home=home, stdin=b"sk-x01")
        assert (result.code, result.out) == (2, b"")
        assert "has client_cert for another host" in result.err


def test_curl_and_doctor_show_the_files(home: Home, authority: Authority) -> None:
    cert, key = authority.client()
    configure(home, "https://127.0.0.1:1", authority, **with_key(authority))
    command = run(home, "chat", "-n", "--curl", "hi").text
    assert f"--cert {cert} \\\n  --key {key} \\\n" in command
    assert f"with the client certificate {cert}" in run_doctor(home)["base URL"].text
