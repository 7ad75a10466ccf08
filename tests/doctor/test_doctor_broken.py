"""Broken configurations, each in one way: the first failed check names the problem."""

from __future__ import annotations

import socket
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from newapi_cli.demo.server import DemoGateway
from tests.doctor.doctor_runs import (
    NOT_HERE,
    WEB_PAGE,
    Answer,
    PageServer,
    openai_server,
    read_doctor_run,
    run_doctor,
)
from tests.support.certificates import Authority
from tests.support.fault_server import FaultServer
from tests.support.home import CANARY, ROOT, Home
from tests.support.process import run_newapi_process
from tests.support.steps import Send
from tests.support.wire import MODEL, REQUEST_ID, error, response


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def test_a_wrong_port(home: Home) -> None:
    home.configure(f"http://127.0.0.1:{free_port()}")
    run = run_doctor(home)
    row = run.assert_first_failed("TCP", 5, "port")
    assert "refused the connection" in row.text
    for name in ("TLS", "server", "clock", "key", "models", "prices", "answer"):
        assert run[name][1:3] == ("skipped", 'fix "TCP" first')
    assert run["store"].verdict == "ok"


@pytest.mark.parametrize("prefix", ["/chat", "/ui/home"])
def test_a_wrong_path_is_reported_with_the_url_that_works(
    home: Home, gateway: DemoGateway, prefix: str
) -> None:
    home.configure(gateway.base_url + prefix, model="demo")
    run = run_doctor(home)
    right = f"newapi config set base_url {gateway.base_url}"
    row = run.assert_first_failed("server", 6, right)
    assert row.hint.endswith(gateway.base_url)
    assert "the gateway's web pages instead of the API" in row.text
    assert {seen.headers.get("authorization") for seen in gateway.requests} == {None}


def test_the_url_of_a_console_page_is_accepted(home: Home, gateway: DemoGateway) -> None:
    home.configure(f"{gateway.base_url}/console/token", model="demo")
    run = run_doctor(home)
    assert (run.failed, run.result.code) == ([], 0)
    assert run["base URL"].text.startswith(f"{gateway.base_url}; from {gateway.base_url}/console")


def test_an_api_below_a_missing_prefix_is_found(home: Home) -> None:
    def answer(path: str) -> Answer:
        listed: dict[str, object] = {"object": "list", "data": []}
        return Answer(200, listed) if path == "/openai/v1/models" else NOT_HERE

    with PageServer(answer) as server:
        home.configure(server.url)
        run = run_doctor(home)
        run.assert_first_failed("server", 6, f"newapi config set base_url {server.url}/openai")


def test_tls_to_a_plain_http_port(home: Home, gateway: DemoGateway) -> None:
    home.configure(gateway.base_url.replace("http://", "https://"), model="demo")
    run = run_doctor(home)
    row = run.assert_first_failed("TLS", 5, "use the base URL http://")
    assert "speaks plain HTTP" in row.text
    assert run["server"].text == 'fix "TLS" first'


def test_plain_http_to_a_tls_port(home: Home, authority: Authority) -> None:
    with FaultServer(tls=authority.server()) as server:
        home.configure(server.url.replace("https://", "http://"))
        run = run_doctor(home)
        row = run.assert_first_failed("TLS", 5, "use a base URL with https://")
        assert "expects TLS" in row.text
        assert server.requests == []


def test_a_certificate_of_an_unknown_authority(home: Home, authority: Authority) -> None:
    with FaultServer(tls=authority.server()) as server:
        home.configure(server.url)
        row = run_doctor(home).assert_first_failed("TLS", 5, "SSL_CERT_FILE", "ca_bundle")
        assert "is not trusted" in row.text
        assert server.requests == []


def test_a_certificate_of_another_name(home: Home, authority: Authority) -> None:
    with FaultServer(tls=authority.server("other.example")) as server:
        home.configure(server.url, ca_bundle=str(authority.bundle))
        run_doctor(home).assert_first_failed("TLS", 5, "check the host of the base URL")


def test_an_unknown_host(home: Home) -> None:
    home.configure("https://gateway.invalid")
    run = run_doctor(home)
    row = run.assert_first_failed("DNS", 5, "network")
    assert "cannot find the host gateway.invalid" in row.text
    assert run["TCP"].text == 'fix "DNS" first'


def test_a_socks_proxy_without_its_library(home: Home, tmp_path: Path) -> None:
    missing = tmp_path / "missing"  # shadows the library where it is installed
    missing.mkdir()
    (missing / "socksio.py").write_text("raise ImportError('no socksio')\n", "utf-8")
    home.configure("https://gateway.invalid")
    secret = "proxy-password"
    env = {
        "ALL_PROXY": f"socks5://me:{secret}@127.0.0.1:7890",
        "PYTHONPATH": f"{missing}:{ROOT}",
    }
    run = read_doctor_run(run_newapi_process("doctor", home=home, env=env), home)
    row = run.assert_first_failed(
        "proxy", 5, "pip install 'newapi-cli[socks]'", "--proxy none", "unset ALL_PROXY"
    )
    assert "socks5://****@127.0.0.1:7890 from ALL_PROXY" in row.text
    assert secret not in run.result.text
    assert run["DNS"].text == 'fix "proxy" first'


def test_a_key_with_a_line_break(home: Home, gateway: DemoGateway) -> None:
    home.configure(gateway.base_url, model="demo", api_key=f"{CANARY}\n{CANARY}")
    run = run_doctor(home)
    row = run.assert_first_failed("key", 3, "newapi login")
    assert f"a line break at position {len(CANARY) + 1}" in row.text
    assert run["server"].verdict == "ok"
    assert run["models"].text == 'fix "key" first'
    assert run["prices"].verdict == "ok"
    assert all("authorization" not in seen.headers for seen in gateway.requests)


def test_a_key_that_others_can_read(home: Home, gateway: DemoGateway) -> None:
    home.configure(gateway.base_url, model="demo")
    home.config_file.chmod(0o644)
    run = run_doctor(home)
    row = run.assert_first_failed("files", 3, f"chmod 600 {home.config_file}")
    assert "others can read the key" in row.text
    assert run.failed == ["files"]  # nothing else is the worse for it


def test_a_key_file_that_others_can_read(home: Home, gateway: DemoGateway) -> None:
    home.configure(gateway.base_url, model="demo", api_key="", api_key_file="key")
    key_file = home.newapi_home / "key"
    key_file.write_text("sk-in-a-file\n", "utf-8")
    key_file.chmod(0o640)
    run_doctor(home).assert_first_failed("files", 3, f"chmod 600 {key_file}")


def test_a_web_page_on_every_path(home: Home) -> None:
    with PageServer(lambda _: WEB_PAGE) as server:
        home.configure(server.url)
        row = run_doctor(home).assert_first_failed("server", 6, "check the base URL")
        assert "a web page instead of the API" in row.text
        assert '"Welcome"' in row.text
        assert {key for _, key in server.seen} == {""}


@pytest.mark.parametrize(
    ("status", "location"), [(302, "https://login.hotel.invalid/?from=x"), (511, "")]
)
def test_a_login_page_of_a_network(home: Home, status: int, location: str) -> None:
    headers = {"Location": location} if location else {}
    page = WEB_PAGE._replace(status=status, headers=headers)
    with PageServer(lambda _: page) as server:
        home.configure(server.url)
        row = run_doctor(home).assert_first_failed("server", 6, "in a browser")
        assert "the network's login page" in row.text


@pytest.mark.parametrize(
    ("hours", "verdict", "code"), [(-24, "failed", 3), (24, "failed", 3), (0.1, "warning", 0)]
)
def test_a_wrong_clock(home: Home, hours: float, verdict: str, code: int) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(hours=hours, seconds=30), usegmt=True)
    with openai_server(MODEL, headers={"Date": date}) as server:
        home.configure(server.url)
        run = run_doctor(home)
    row = run["clock"]
    assert (row.verdict, run.result.code) == (verdict, code)
    assert "timedatectl" in row.hint
    assert f"{'ahead of' if hours < 0 else 'behind'} the server's" in row.text
    if verdict == "failed":
        assert run.failed == ["clock"]
        assert ("1 day" if hours > 0 else "23 hours") in row.text


def test_a_key_over_plain_http(home: Home) -> None:
    home.configure("http://gateway.invalid")
    run = run_doctor(home)
    row = run.assert_first_failed("base URL", 3, "https://gateway.invalid")
    assert "refusing to send the key in clear text" in row.text
    assert run["key"].text == 'fix "base URL" first'


def test_a_server_that_closes_without_an_answer(home: Home, authority: Authority) -> None:
    with FaultServer(answer=lambda _: [], tls=authority.server()) as server:
        home.configure(server.url, ca_bundle=str(authority.bundle))
        run = run_doctor(home)
    assert run["TLS"].verdict == "warning"  # the certificate lasts for a day
    row = run.assert_first_failed("server", 5)
    assert "closed the connection without a response" in row.text


def test_a_server_behind_tls_is_checked(home: Home, authority: Authority) -> None:
    answer = response(200, b'{"data":[]}', headers=[("Server", "llama.cpp")])
    with FaultServer(answer=lambda _: [Send(answer)], tls=authority.server()) as server:
        home.configure(server.url, ca_bundle=str(authority.bundle))
        run = run_doctor(home)
    assert (run["server"].verdict, run.failed) == ("ok", [])
    assert run["server"].text.startswith("llama.cpp; ")
    assert "certificate from trustme " in run["TLS"].text
    assert "hours left" in run["TLS"].text


def test_an_error_of_the_server_is_reported_with_its_request_id(
    fault_server: FaultServer, home: Home
) -> None:
    refused = response(404, error("no luck"), headers=[("X-Oneapi-Request-Id", REQUEST_ID)])
    fault_server.answer_with(lambda _: [Send(refused)])
    home.configure(fault_server.url)
    row = run_doctor(home).assert_first_failed("server", 6)
    assert "(HTTP 404)" in row.text
    assert f"; id {REQUEST_ID}" in row.text
