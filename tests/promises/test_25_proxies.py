"""A proxy from the environment is used, or named with its variable; loopback never uses one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.promises.conftest import ANSWER
from tests.support.fault_server import FaultServer
from tests.support.home import CANARY, ROOT, Home
from tests.support.observed import Conditions, observe, observe_process
from tests.support.process import Result
from tests.support.socks_server import SocksServer
from tests.support.steps import BeforeReading, ReadHead, Send
from tests.support.wire import response

PASSWORD = "pw-of-the-proxy"
REMOTE = "http://gateway.invalid:8080"
VARIABLES = ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")


@pytest.fixture
def remote(server: FaultServer, home: Home) -> FaultServer:
    """Return a server behind a proxy, configured by a host name that only the proxy resolves."""
    home.configure(REMOTE, retries=0, allow_insecure=True)
    return server


def run(home: Home, env: dict[str, str], *args: str) -> Result:
    """Run with these variables; the password of a proxy must never be printed."""
    result = observe(*(args or ("chat", "hi")), home=home, env=env)
    assert PASSWORD not in result.err + result.text
    return result


@pytest.mark.parametrize("scheme", ["http", "socks5", "socks5h", "bad"])
@pytest.mark.parametrize("base", ["127.0.0.1", "localhost"])
def test_no_proxy_is_used_for_loopback(
    home: Home, server: FaultServer, scheme: str, base: str
) -> None:
    home.configure(f"http://{base}:{server.port}", retries=0)
    with FaultServer() as proxy:
        url = "bad" if scheme == "bad" else f"{scheme}://me:{PASSWORD}@127.0.0.1:{proxy.port}"
        result = run(home, dict.fromkeys(VARIABLES, url))
        assert (result.code, result.text, result.err) == (0, f"{ANSWER}\n", "")
        assert proxy.connections == []
    assert len(server.requests) == 1


@pytest.mark.parametrize("name", VARIABLES)
def test_an_http_proxy_receives_the_full_url(home: Home, remote: FaultServer, name: str) -> None:
    result = run(home, {name: f"http://me:{PASSWORD}@127.0.0.1:{remote.port}"})
    assert (result.code, result.text, result.err) == (0, f"{ANSWER}\n", "")
    [request] = remote.requests
    assert request.path == f"{REMOTE}/v1/chat/completions"
    assert request.header("Authorization") == f"Bearer {CANARY}"


@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
def test_a_socks_proxy_connects_and_resolves_the_host_name(
    home: Home, remote: FaultServer, scheme: str
) -> None:
    with SocksServer(remote.port) as proxy:
        result = run(home, {"ALL_PROXY": f"{scheme}://{proxy.place}"})
        assert (result.code, result.text, result.err) == (0, f"{ANSWER}\n", "")
        assert proxy.targets == [("gateway.invalid", 8080)]
    assert remote.requests[0].path == "/v1/chat/completions"


def test_only_the_socks_proxy_receives_its_password(home: Home, remote: FaultServer) -> None:
    with SocksServer(remote.port, wants_password=True) as proxy:
        result = run(home, {"all_proxy": f"socks5://me:{PASSWORD}@{proxy.place}"})
        assert (result.code, result.text, result.err) == (0, f"{ANSWER}\n", "")
        assert proxy.logins == [("me", PASSWORD)]
        # In a process, as httpcore leaves the socket of a failed handshake to the collector.
        conditions = Conditions({"all_proxy": f"socks5://{proxy.place}"})
        rejected = observe_process("chat", "hi", home=home, conditions=conditions)
        assert (rejected.code, rejected.out) == (5, b"")
        assert f"socks5://{proxy.place}" in rejected.err
        assert "all_proxy" in rejected.err
    assert len(remote.requests) == 1


def test_without_socks_support_the_error_names_the_extra_to_install(
    home: Home, remote: FaultServer, tmp_path: Path
) -> None:
    (tmp_path / "socksio.py").write_text("raise ImportError('no socksio')\n", "utf-8")
    url = f"socks5://me:{PASSWORD}@127.0.0.1:7890"
    env = {"ALL_PROXY": url, "PYTHONPATH": f"{tmp_path}:{ROOT}"}
    result = observe_process("chat", "hi", home=home, conditions=Conditions(env))
    assert (result.code, result.out) == (5, b"")
    assert "socks5://127.0.0.1:7890" in result.err
    assert "pip install 'newapi-cli[socks]'" in result.err
    assert "ALL_PROXY" in result.err
    assert remote.connections == []


UNUSABLE = {
    "bad": "bad",
    f"me:{PASSWORD}@127.0.0.1:1": "http://127.0.0.1:1",
    f"http://me:{PASSWORD}#1/?@127.0.0.1:1": "http://127.0.0.1:1",
    f"ftp://me:{PASSWORD}@127.0.0.1:1": "ftp://127.0.0.1:1",
    f"http://me:{PASSWORD}/x@127.0.0.1:1": "http://127.0.0.1:1",
    f"http://me:{PASSWORD}@[::1": "http://[::1",
    f"http://me:{PASSWORD}@127.0.0.1:port": "http://127.0.0.1:port",
    f"http://me:{PASSWORD}@127.0.0.1:1": "http://127.0.0.1:1",  # nothing listens
    f"socks5://me:{PASSWORD}@127.0.0.1:1": "socks5://127.0.0.1:1",
    f"http://me:{PASSWORD}@nowhere.invalid:1": "http://nowhere.invalid:1",
}


@pytest.mark.parametrize(("url", "shown"), UNUSABLE.items(), ids=UNUSABLE.values())
def test_a_proxy_that_cannot_be_used_is_reported_without_its_password(
    home: Home, remote: FaultServer, url: str, shown: str
) -> None:
    result = run(home, {"HTTP_PROXY": url})
    assert (result.code, result.out) == (5, b"")
    assert f"the proxy {shown}" in result.err
    assert "HTTP_PROXY" in result.err
    assert remote.connections == []


def test_a_proxy_from_the_flag_is_named_with_the_flag(home: Home, remote: FaultServer) -> None:
    result = run(home, {"HTTP_PROXY": remote.url}, "chat", "--proxy", "bad", "hi")
    assert (result.code, result.out) == (5, b"")
    assert "the proxy bad" in result.err
    assert "--proxy" in result.err
    assert "HTTP_PROXY" not in result.err
    assert remote.connections == []


def test_a_proxy_that_rejects_the_connection_is_named(home: Home, remote: FaultServer) -> None:
    home.configure("https://gateway.invalid", retries=0)
    rejection = response(407, "who are you", content_type="text/plain")
    remote.add(BeforeReading(), ReadHead(), Send(rejection))  # CONNECT has no body to read
    result = run(home, {"HTTPS_PROXY": f"http://me:{PASSWORD}@127.0.0.1:{remote.port}"})
    assert (result.code, result.out) == (5, b"")
    assert f"the proxy http://127.0.0.1:{remote.port} refused" in result.err
    assert "HTTPS_PROXY" in result.err
    assert [request.header("Authorization") for request in remote.requests] == [None]
