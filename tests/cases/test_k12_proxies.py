"""K12: a proxy without a scheme, passwords with any character, and the forms of NO_PROXY.

encode/httpx#1082.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from newapi_cli.domain.proxy import is_excluded, proxy_url_from_text
from tests.doctor.doctor_runs import run_doctor
from tests.support.cases import each
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.process import Result, run_newapi
from tests.support.steps import sse
from tests.support.wire import answer_events

REMOTE = "http://gateway.invalid:8080"
VARIABLES = ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")


@pytest.fixture
def proxy(home: Home) -> Iterator[FaultServer]:
    """Return a proxy that answers for a server of another host."""
    home.configure(REMOTE, retries=0, allow_insecure=True)
    with FaultServer(answer=lambda _: sse(*answer_events("Paris"))) as running:
        yield running


def run(home: Home, env: dict[str, str], *args: str) -> Result:
    """Run with these variables; no password of a proxy may be printed."""
    result = run_newapi(*(args or ("chat", "-n", "hi")), home=home, env=env)
    assert "pass" not in result.err + result.text, result
    return result


@each("name", VARIABLES)
def test_a_proxy_without_a_scheme_is_http(home: Home, proxy: FaultServer, name: str) -> None:
    for text in ("127.0.0.1:{}", "localhost:{}", "me:password@127.0.0.1:{}", " 127.0.0.1:{} "):
        result = run(home, {name: text.format(proxy.port)})
        assert (result.code, result.text) == (0, "Paris\n"), result
        assert proxy.requests[-1].path == f"{REMOTE}/v1/chat/completions"


def test_so_is_one_of_the_option_and_of_the_setting(home: Home, proxy: FaultServer) -> None:
    place = f"127.0.0.1:{proxy.port}"
    assert run(home, {}, "chat", "-n", "--proxy", place, "hi").text == "Paris\n"
    home.configure(REMOTE, retries=0, allow_insecure=True, proxy=place)
    assert run(home, {}).text == "Paris\n"


@each("password", ["pass#word", "pass/word", "pass?word", "pass@word", "pass:word", "#pass",
                   "pass%23word", "pass[word", "pässwörd", "pass word"])  # fmt: skip
def test_a_password_may_hold_any_character(home: Home, proxy: FaultServer, password: str) -> None:
    env = {"HTTP_PROXY": f"http://me:{password}@127.0.0.1:{proxy.port}"}
    assert run(home, env).text == "Paris\n"
    assert proxy.requests[-1].header("Proxy-Authorization")


def test_doctor_masks_such_a_password(home: Home, proxy: FaultServer) -> None:
    run = run_doctor(home, env={"HTTP_PROXY": f"http://me:pass#word@127.0.0.1:{proxy.port}"})
    assert run["proxy"].text == f"http://****@127.0.0.1:{proxy.port} from HTTP_PROXY"
    assert run["TCP"].verdict == "ok"


@each("password", ["pass#word", "#pass", "pass/word", "pass?word"])
def test_an_error_names_the_address_of_the_proxy(home: Home, password: str) -> None:
    home.configure(REMOTE, retries=0, allow_insecure=True)
    for scheme in ("http://", ""):
        result = run(home, {"HTTP_PROXY": f"{scheme}me:{password}@127.0.0.1:1"})
        assert (result.code, result.out) == (5, b""), result
        assert "through the proxy http://127.0.0.1:1\n" in result.err
        assert "check HTTP_PROXY" in result.err


@each("password", ["password", "pass#word", "#pass", "pass/word"])
def test_a_list_of_settings_masks_the_password(home: Home, password: str) -> None:
    for scheme in ("http://", "socks5://", ""):
        home.configure(REMOTE, proxy=f"{scheme}me:{password}@127.0.0.1:1")
        for args in (["list"], ["get", "proxy"]):
            shown = run(home, {}, "config", *args).text
            assert "://****@127.0.0.1:1" in shown


@each(
    ("text", "url"),
    [
        ("proxy:3128", "http://proxy:3128"),
        ("10.0.0.1:3128", "http://10.0.0.1:3128"),
        ("[::1]:3128", "http://[::1]:3128"),
        ("me:pw@proxy:3128", "http://me:pw@proxy:3128"),
        ("http://proxy:3128/", "http://proxy:3128/"),
        ("https://proxy", "https://proxy"),
        ("socks5h://me@proxy:1080", "socks5h://me@proxy:1080"),
        ("http://me:a%40b@proxy:1", "http://me:a%40b@proxy:1"),
        ("http://a@b:c@proxy:1", "http://a%40b:c@proxy:1"),
        ("bad", "bad"),  # reported as it is
        ("me@bad", "me@bad"),
    ],
)
def test_the_url_of_a_proxy(text: str, url: str) -> None:
    assert proxy_url_from_text(text) == url


NO_PROXY = [
    # entry, host, port, whether the host is excluded
    ("*", "any.example", 443, True),
    ("gateway.invalid", "gateway.invalid", 443, True),
    ("GATEWAY.invalid", "gateway.INVALID", 443, True),
    ("invalid", "gateway.invalid", 443, True),
    (".invalid", "gateway.invalid", 443, True),
    ("*.invalid", "gateway.invalid", 443, True),
    ("*.invalid", "a.b.invalid", 443, True),
    ("*.gateway.invalid", "gateway.invalid", 443, False),
    ("*.valid", "gateway.invalid", 443, False),
    ("valid", "gateway.invalid", 443, False),
    ("other.example,gateway.invalid", "gateway.invalid", 443, True),
    ("other.example , gateway.invalid ", "gateway.invalid", 443, True),
    ("other.example gateway.invalid", "gateway.invalid", 443, True),
    ("gateway.invalid.", "gateway.invalid", 443, True),
    ("gateway.invalid:8080", "gateway.invalid", 8080, True),
    ("gateway.invalid:8080", "gateway.invalid", 443, False),
    ("*.invalid:8080", "gateway.invalid", 8080, True),
    ("*.invalid:8080", "gateway.invalid", 443, False),
    (".invalid:8080", "gateway.invalid", 8080, True),
    ("10.0.0.0/8", "10.1.2.3", 443, True),
    ("10.0.0.0/8", "11.1.2.3", 443, False),
    ("10.1.2.3/8", "10.9.9.9", 443, True),
    ("10.0.0.0/8", "10.example", 443, False),
    ("192.168.1.0/24", "192.168.1.77", 443, True),
    ("192.168.1.0/24", "192.168.2.77", 443, False),
    ("fd00::/8", "fd12:3456::1", 443, True),
    ("fd00::/8", "fe80::1", 443, False),
    ("10.0.0.0/99", "10.1.2.3", 443, False),
    ("10.1.2.3", "10.1.2.3", 443, True),
    ("10.1.2.3:8080", "10.1.2.3", 8080, True),
    ("10.1.2.3:8080", "10.1.2.3", 443, False),
    ("2001:db8::1", "2001:db8::1", 443, True),
    ("2001:db8:0::1", "2001:db8::1", 443, True),
    ("[2001:db8::1]", "2001:db8::1", 443, True),
    ("[2001:db8::1]:8080", "2001:db8::1", 8080, True),
    ("[2001:db8::1]:8080", "2001:db8::1", 443, False),
    ("", "gateway.invalid", 443, False),
    (",,", "gateway.invalid", 443, False),
]


@each(("no_proxy", "host", "port", "is_direct"), NO_PROXY)
def test_no_proxy_has_the_usual_forms(no_proxy: str, host: str, port: int, is_direct: bool) -> None:
    assert is_excluded(no_proxy, host, port) is is_direct


@each("no_proxy", ["*.invalid", "gateway.invalid:8080", "*.invalid:8080", "*"])
def test_an_excluded_host_is_connected_to_directly(
    home: Home, proxy: FaultServer, no_proxy: str
) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        result = run(home, {"HTTP_PROXY": proxy.url, name: no_proxy})
        assert result.code == 5, result
        assert "cannot find the host gateway.invalid" in result.err
    assert proxy.connections == []


@each("no_proxy", ["*.gateway.invalid", "gateway.invalid:443", "10.0.0.0/8", "valid"])
def test_another_host_goes_through_the_proxy(home: Home, proxy: FaultServer, no_proxy: str) -> None:
    result = run(home, {"HTTP_PROXY": proxy.url, "NO_PROXY": no_proxy})
    assert (result.code, result.text) == (0, "Paris\n"), result


def test_an_excluded_network_is_connected_to_directly(home: Home, proxy: FaultServer) -> None:
    home.configure("http://0.0.0.0:1", retries=0, allow_insecure=True)  # nothing listens there
    result = run(home, {"HTTP_PROXY": proxy.url, "NO_PROXY": "0.0.0.0/8"})
    assert result.code == 5, result
    assert proxy.connections == []
    assert run(home, {"HTTP_PROXY": proxy.url, "NO_PROXY": "1.0.0.0/8"}).text == "Paris\n"
