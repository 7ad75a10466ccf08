"""Downloads: within limits, without the key, and never redirected to a private address."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from newapi_cli import __version__
from newapi_cli.api.http.download import Download, Downloader, Limits
from newapi_cli.api.http.endpoint import Endpoint
from newapi_cli.api.http.exchange import ResponseHead
from newapi_cli.api.http.safe_url import is_public, parse_url
from newapi_cli.domain.base_url import BaseUrl
from newapi_cli.errors import (
    DeadlineError,
    ExitCode,
    Interrupted,
    NetworkError,
    NewapiError,
    UsageError,
)
from newapi_cli.signals import Interrupts
from tests.api.exchanges import assert_workers_end
from tests.support.cases import each
from tests.support.fault_server import FaultServer
from tests.support.sample_files import PNG
from tests.support.steps import Forever, Pause, Reset, Send, SetEvent, Stall, Step, dribble, sse
from tests.support.wire import framed, head, response

SHORT = Limits(size_bytes=104_857, connect_s=2, silence_s=2, total_s=10)
Policy = Callable[[str], bool]


@pytest.fixture(autouse=True)
def _no_worker_is_left() -> Iterator[None]:
    yield
    assert_workers_end()


def anywhere(host: str) -> bool:
    return True


def fetch(
    url: str,
    *,
    limits: Limits = SHORT,
    is_allowed: Policy = anywhere,
    interrupts: Interrupts | None = None,
    proxy: str = "",
) -> Download:
    """Download directly, or through a proxy."""

    def endpoint_for(server: BaseUrl) -> Endpoint:
        return Endpoint(server, proxy=proxy)

    return Downloader(
        endpoint_for, interrupts or Interrupts(), limits=limits, is_allowed=is_allowed
    ).fetch(url)


def failure_of(server: FaultServer, *, path: str = "/x.png", **how: Any) -> NewapiError:
    with pytest.raises(NewapiError) as caught:
        fetch(f"{server.url}{path}", **how)
    failure = caught.value
    assert "base URL" not in failure.hint
    assert "gateway" not in failure.hint
    assert failure.hint
    return failure


def picture(data: bytes = PNG) -> list[Step]:
    return [Send(response(200, data, content_type="text/html"))]


def redirect(location: str, status: int = 302) -> list[Step]:
    return [Send(response(status, b"<html>elsewhere</html>", headers=[("Location", location)]))]


def test_a_download_has_data_and_a_name() -> None:
    with FaultServer(picture()) as server:
        assert fetch(f"{server.url}/my%20cat.png?w=1#top") == Download(PNG, "my cat.png")
        request = server.requests[0]
    assert (request.method, request.path) == ("GET", "/my%20cat.png?w=1")


def test_a_download_sends_its_user_agent_and_nothing_personal() -> None:
    with FaultServer(picture()) as server:
        fetch(f"{server.url}/x.png")
        headers = {name.lower(): value for name, value in server.requests[0].headers}
    assert headers == {
        b"host": f"127.0.0.1:{server.port}".encode(),
        b"accept": b"*/*",
        b"accept-encoding": b"identity",
        b"user-agent": f"newapi/{__version__}".encode(),
    }


def test_a_body_may_arrive_in_chunks_with_pauses() -> None:
    with FaultServer(sse(PNG[:9], Pause(0.05), PNG[9:])) as server:
        assert fetch(f"{server.url}/x").data == PNG


def test_a_body_may_end_with_the_connection() -> None:
    with FaultServer([Send(head(200, [("Connection", "close")]) + PNG)]) as server:
        assert fetch(f"{server.url}/x").data == PNG


# -- limits -----------------------------------------------------------------------------------


def test_a_body_of_exactly_the_limit_is_allowed() -> None:
    with FaultServer(picture(bytes(SHORT.size_bytes))) as server:
        assert fetch(f"{server.url}/x").data == bytes(SHORT.size_bytes)


def test_the_default_limit_is_20_mb() -> None:
    assert Limits() == Limits(20 * 1024 * 1024, 10, 30, 120, 5)


def test_a_content_length_over_the_limit_is_not_read() -> None:
    script: list[Step] = [Send(head(200, [("Content-Length", "104858")])), Stall()]
    with FaultServer(script) as server:
        failure = failure_of(server)
        server.wait_for_close()
    assert isinstance(failure, UsageError)
    assert failure.message == f"{server.url}/x.png is larger than 0.1 MB"


@pytest.mark.parametrize("length", ["-1", "1e9", "9" * 500, "²", "10, 10"])
def test_an_invalid_content_length_is_ignored(length: str) -> None:
    raw = f"HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    with FaultServer([Send(raw.encode() + PNG)]) as server:
        try:
            assert fetch(f"{server.url}/x").data == PNG
        except (UsageError, NetworkError) as failure:
            assert failure.hint


@pytest.mark.parametrize("is_chunked", [True, False])
def test_an_endless_body_is_canceled_at_the_limit(is_chunked: bool) -> None:
    framing = ("Transfer-Encoding", "chunked") if is_chunked else ("Connection", "close")
    block = bytes(10_000)
    piece = framed(block) if is_chunked else block
    with FaultServer([Send(head(200, [framing])), Forever([Send(piece)])]) as server:
        failure = failure_of(server)
        server.wait_for_close()
    assert isinstance(failure, UsageError)
    assert "is larger than" in failure.message


def test_a_silent_server_times_out() -> None:
    with FaultServer([Stall()]) as server:
        started = time.monotonic()
        failure = failure_of(server, limits=SHORT._replace(silence_s=0.2))
        assert time.monotonic() - started < 2
    assert isinstance(failure, DeadlineError)
    assert failure.message == f"cannot fetch {server.url}/x.png: no response within 0.2 s"


def test_a_body_that_stalls_fails_after_the_idle_timeout() -> None:
    script: list[Step] = [Send(head(200, [("Content-Length", "100")]) + b"part"), Stall()]
    with FaultServer(script) as server:
        failure = failure_of(server, limits=SHORT._replace(silence_s=0.2))
    assert isinstance(failure, DeadlineError)


def test_a_slow_body_fails_after_the_total_timeout() -> None:
    script = [Send(head(200, [("Content-Length", "1000")])), *dribble(bytes(1000), 0.02)]
    with FaultServer(script) as server:
        failure = failure_of(server, limits=SHORT._replace(total_s=0.4))
    assert isinstance(failure, DeadlineError)
    assert "not complete within 0.4 s" in failure.message


def test_the_total_timeout_covers_all_redirects() -> None:
    with FaultServer() as server:
        server.answer_with(lambda request: [Pause(0.15), *redirect(f"{request.path}x")])
        failure = failure_of(server, limits=SHORT._replace(total_s=0.4))
    assert isinstance(failure, DeadlineError)


def test_a_connection_that_is_never_accepted_times_out() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        port = full.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]
        try:
            for each in waiting:
                each.setblocking(False)
                each.connect_ex(("127.0.0.1", port))
            with pytest.raises(DeadlineError):
                fetch(f"http://127.0.0.1:{port}/", limits=SHORT._replace(connect_s=0.2))
        finally:
            for each in waiting:
                each.close()


def test_ctrl_c_ends_a_download_at_once() -> None:
    begun = threading.Event()
    interrupts = Interrupts()

    def press() -> None:
        begun.wait()
        interrupts.code = ExitCode.SIGINT
        assert interrupts.wake is not None
        interrupts.wake()

    presser = threading.Thread(target=press)
    script: list[Step] = [Send(head(200, [("Content-Length", "9")])), SetEvent(begun), Stall()]
    with FaultServer(script) as server:
        presser.start()
        started = time.monotonic()
        with pytest.raises(Interrupted):
            fetch(f"{server.url}/x", limits=Limits(), interrupts=interrupts)
        assert time.monotonic() - started < 5
        server.wait_for_close()
    presser.join()


# -- other responses --------------------------------------------------------


@each("status", [300, 304, 400, 401, 403, 404, 410, 429, 500, 503])
def test_a_status_without_success_is_reported(status: int) -> None:
    with FaultServer([Send(response(status, b"no"))]) as server:
        failure = failure_of(server, path="/x.png?sig=secret")
    assert isinstance(failure, UsageError)
    assert failure.message == f"cannot fetch {server.url}/x.png: HTTP {status}"


def test_an_encoding_that_was_not_requested_is_rejected() -> None:
    script = [Send(response(200, b"\x1f\x8b", headers=[("Content-Encoding", "gzip")]))]
    with FaultServer(script) as server:
        assert '"gzip"' in failure_of(server).why


@pytest.mark.parametrize(
    "script",
    [
        [Reset()],
        [Send(b"SSH-2.0-OpenSSH\r\n")],
        [Send(head(200, [("Content-Length", "100")]) + b"part")],
        [Send(head(200, [("Transfer-Encoding", "chunked")]) + b"4\r\npart\r\n")],
        [Send(b"HTTP/1.1 200 OK\r\nContent-Le")],
    ],
    ids=["reset", "ssh", "short", "no last chunk", "cut header"],
)
def test_a_broken_response_is_a_network_error(script: list[Step]) -> None:
    with FaultServer(script) as server:
        assert isinstance(failure_of(server), NetworkError)


def test_an_unknown_host_is_reported() -> None:
    with pytest.raises(NetworkError) as caught:
        fetch("http://nowhere.invalid/x.png")
    assert caught.value.message == "cannot find the host nowhere.invalid"
    assert "base URL" not in caught.value.hint


@pytest.mark.parametrize("url", ["ftp://x/y", "https://u:p@a.example/", "http://127.1/"])
def test_an_invalid_url_sends_no_request(url: str) -> None:
    with pytest.raises(UsageError):
        fetch(url)


# -- redirects --------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_an_allowed_redirect_is_followed(status: int) -> None:
    with FaultServer(redirect("/there/b.png", status), picture()) as server:
        assert fetch(f"{server.url}/a.png") == Download(PNG, "b.png")
        assert [request.path for request in server.requests] == ["/a.png", "/there/b.png"]


def test_a_redirected_request_has_no_key_cookie_or_referer() -> None:
    first = [Send(response(302, headers=[("Location", "/b"), ("Set-Cookie", "a=b")]))]
    with FaultServer(first, picture()) as server:
        fetch(f"{server.url}/a")
        names = {name.lower() for name, _ in server.requests[1].headers}
    assert names == {b"host", b"accept", b"accept-encoding", b"user-agent"}


def test_five_redirects_are_followed_and_no_sixth() -> None:
    five = [redirect(f"/{n}") for n in range(5)]
    with FaultServer(*five, picture()) as server:
        assert fetch(f"{server.url}/x").data == PNG
    with FaultServer(*five, redirect("/5"), picture()) as server:
        assert "more than 5 times" in failure_of(server).message
        assert len(server.requests) == 6


@pytest.mark.parametrize("back_to", ["/x.png", "/y.png", "#top"])
def test_a_redirect_loop_is_an_error(back_to: str) -> None:
    with FaultServer(redirect("/y.png"), redirect(back_to)) as server:
        assert "in a redirect loop" in failure_of(server).message
        assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("location", "message"),
    [
        ("", "redirects without a target (HTTP 302)"),
        ("file:///etc/passwd", "cannot fetch the redirect target"),
        ("https://user:secret@a.example/", "cannot fetch the redirect target"),
        ("http://[", "cannot fetch the redirect target"),
        ("http://2130706433/", "cannot fetch the redirect target"),
    ],
)
def test_an_invalid_redirect_target_is_reported(location: str, message: str) -> None:
    with FaultServer(redirect(location)) as server:
        failure = failure_of(server)
    assert isinstance(failure, UsageError)
    assert message in failure.message
    assert "secret" not in f"{failure.message}{failure.why}{failure.hint}"


@each(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "localhost.",
        "x.localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "10.0.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "[fe80::1]",
        "[64:ff9b::a00:1]",
    ],
)
def test_a_redirect_to_a_private_address_is_not_followed(host: str) -> None:
    with FaultServer() as private:
        there = f"http://{host}:{private.port}/latest/meta-data?x"
        with FaultServer(redirect(there)) as server:
            failure = failure_of(server, is_allowed=is_public)
        assert private.connections == []
    assert isinstance(failure, UsageError)
    assert "private or local address" in failure.message
    assert "/latest/meta-data" in failure.why


def test_a_redirect_within_a_private_server_is_not_followed() -> None:
    with FaultServer(redirect("/b.png")) as server:
        assert "private or local address" in failure_of(server, is_allowed=is_public).message
        assert len(server.requests) == 1


def follow(downloader: Downloader, url: str, location: str) -> str:
    return downloader.next_url(parse_url(url), ResponseHead(302, {"location": location})).url


def test_a_redirect_from_https_to_http_is_not_followed() -> None:
    downloader = Downloader(Endpoint, Interrupts(), is_allowed=anywhere)
    place = "https://a.example/x"
    with pytest.raises(UsageError) as caught:
        follow(downloader, place, "http://a.example/x")
    assert "from https to http" in caught.value.message
    assert follow(downloader, place, "//b.example/y") == "https://b.example/y"
    assert follow(downloader, "http://a.example/", place) == place


def resolver_of(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """Resolve `name.example` to these addresses, one list per lookup; return the log of lookups."""
    lookups: list[str] = []
    real = socket.getaddrinfo

    def look_up(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name != "name.example":
            return real(host, port, *args, **kwargs)
        lookups.append(name)
        return [
            (
                socket.AF_INET6 if ":" in address else socket.AF_INET,
                socket.SOCK_STREAM,
                socket.IPPROTO_TCP,
                "",
                (address, port),
            )
            for address in answers[min(len(lookups), len(answers)) - 1]
        ]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return lookups


@pytest.mark.parametrize(
    "addresses",
    [["127.0.0.1"], ["::1"], ["10.0.0.1"], ["8.8.8.8", "127.0.0.1"], ["::ffff:192.168.0.1"]],
    ids=" ".join,
)
def test_a_redirect_to_a_name_with_a_private_address_opens_no_connection(
    monkeypatch: pytest.MonkeyPatch, addresses: list[str]
) -> None:
    lookups = resolver_of(monkeypatch, addresses)
    with FaultServer() as private:
        with FaultServer(redirect(f"http://name.example:{private.port}/x")) as server:
            failure = failure_of(server, is_allowed=is_public)
        assert private.connections == []
    assert lookups == ["name.example"]
    assert isinstance(failure, UsageError)
    assert "private or local address" in failure.message
    assert "name.example" in failure.why


def test_the_checked_address_is_connected_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lookups = resolver_of(monkeypatch, ["127.0.0.1"], ["10.0.0.1"])
    checked: list[str] = []

    def note(host: str) -> bool:
        checked.append(host)
        return True

    with FaultServer(picture()) as there:
        with FaultServer(redirect(f"http://name.example:{there.port}/x")) as server:
            assert fetch(f"{server.url}/", is_allowed=note).data == PNG
        assert there.requests[0].header("host") == f"name.example:{there.port}"
    assert lookups == ["name.example"]
    assert checked == ["name.example", "127.0.0.1"]


def test_the_user_may_name_a_private_host(monkeypatch: pytest.MonkeyPatch) -> None:
    resolver_of(monkeypatch, ["127.0.0.1"])
    with FaultServer(picture()) as server:
        url = f"http://name.example:{server.port}/x"
        assert fetch(url, is_allowed=is_public).data == PNG


# -- through a proxy ------------------------------------------------------------------------------


def test_a_proxy_of_the_settings_is_used() -> None:
    with FaultServer(picture()) as proxy:
        assert fetch("http://a.example/x.png", proxy=proxy.url) == Download(PNG, "x.png")
        request = proxy.requests[0]
    assert request.path == "http://a.example/x.png"
    assert request.header("authorization") is None


def test_a_redirect_to_a_private_address_is_not_followed_through_a_proxy() -> None:
    with FaultServer(redirect("http://169.254.169.254/x")) as proxy:
        with pytest.raises(UsageError) as caught:
            fetch("http://a.example/x.png", proxy=proxy.url, is_allowed=is_public)
        assert len(proxy.requests) == 1
    assert "private or local address" in caught.value.message


def test_a_slow_proxy_has_the_idle_timeout() -> None:
    with FaultServer([Pause(0.4), *picture()]) as proxy:
        limits = SHORT._replace(connect_s=0.2)
        assert fetch("http://a.example/x", proxy=proxy.url, limits=limits).data == PNG
