"""No key crosses a network unencrypted unless a setting allows it."""

from __future__ import annotations

import pytest

from tests.promises.conftest import ANSWER
from tests.support.fault_server import FaultServer
from tests.support.home import CANARY, Home
from tests.support.observed import observe
from tests.support.process import Result

REMOTE = "http://gateway.invalid"
# The proxy would receive all of these requests: if it saw none, none was sent.
BASE_URLS = [
    REMOTE,
    "http://gateway.invalid:3000/v1",
    "http://192.168.1.5:3000",
    "http://0.0.0.0:3000",
    "http://localhost.evil.example",
    "http://127.0.0.1.evil.example",
    "http://[2001:db8::1]",
]
COMMANDS = (["chat", "--no-stream", "hi"], ["models"], ["balance"])


def run(home: Home, server: FaultServer, *args: str, env: dict[str, str] | None = None) -> Result:
    """Run with a proxy that sees every request."""
    environ = {"HTTP_PROXY": server.url, **(env or {})}
    stdin = CANARY.encode() if args[0] == "login" else b""
    return observe(*args, home=home, stdin=stdin, env=environ)


def assert_rejected(result: Result, server: FaultServer) -> None:
    """Assert that nothing was sent, and that the error gives the reason and what to do."""
    assert (result.code, result.out) == (3, b"")
    assert "refusing to send the key in clear text" in result.err
    assert "https://" in result.err
    assert server.connections == []


@pytest.mark.parametrize("base_url", BASE_URLS)
def test_the_key_of_a_profile_is_not_sent(home: Home, server: FaultServer, base_url: str) -> None:
    home.configure(base_url, retries=0)
    assert_rejected(run(home, server, "chat", "hi"), server)


@pytest.mark.parametrize("args", COMMANDS, ids=" ".join)
def test_no_command_sends_the_key(home: Home, server: FaultServer, args: list[str]) -> None:
    home.configure(REMOTE, retries=0)
    assert_rejected(run(home, server, *args), server)


def test_no_key_is_sent_to_fetch_exact_costs(home: Home, server: FaultServer) -> None:
    assert observe("chat", "hi", home=home).code == 0
    home.configure(REMOTE, retries=0)
    with FaultServer() as proxy:
        assert_rejected(run(home, proxy, "usage", "--exact"), proxy)


def test_a_login_sends_no_key_and_stores_nothing(home: Home, server: FaultServer) -> None:
    home.config_file.unlink()
    assert_rejected(run(home, server, "login", REMOTE, "--stdin"), server)
    assert not home.config_file.exists()


@pytest.mark.parametrize(
    ("args", "env"),
    [
        (["--base-url", REMOTE], {"NEWAPI_API_KEY": CANARY}),
        ([], {"NEWAPI_API_KEY": CANARY, "NEWAPI_BASE_URL": REMOTE}),
    ],
    ids=["flag", "environment"],
)
def test_a_base_url_from_flag_or_environment_is_checked_too(
    home: Home, server: FaultServer, args: list[str], env: dict[str, str]
) -> None:
    assert_rejected(run(home, server, "chat", *args, "hi", env=env), server)


@pytest.mark.parametrize("base_url", ["http://127.1", "http://2130706433", "http://0x7f000001"])
def test_unusual_forms_of_loopback_addresses_are_rejected(
    home: Home, server: FaultServer, base_url: str
) -> None:
    home.configure(base_url, retries=0)
    result = run(home, server, "chat", "hi")
    assert (result.code, result.out) == (3, b"")
    assert server.connections == []


def test_a_setting_allows_it_and_loopback_needs_no_setting(home: Home, server: FaultServer) -> None:
    home.configure(REMOTE, retries=0, allow_insecure=True)
    assert run(home, server, "chat", "hi").text == f"{ANSWER}\n"
    home.configure(f"http://localhost:{server.port}", retries=0)
    assert run(home, server, "chat", "hi").text == f"{ANSWER}\n"
    keys = [request.header("Authorization") for request in server.requests]
    assert keys == [f"Bearer {CANARY}"] * 2
