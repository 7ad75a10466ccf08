"""The client against real sockets: what is sent, retried and returned."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from newapi_cli import __version__
from newapi_cli.api.gateway.responses import models_from_json
from newapi_cli.domain.completion import Chunk, ResponseStarted, StreamEnd, Tick
from newapi_cli.domain.pricing import ModelInfo
from newapi_cli.domain.settings import Timeouts
from newapi_cli.errors import (
    AuthenticationError,
    ConfigError,
    DeadlineError,
    ExitCode,
    GatewayError,
    Interrupted,
    LimitError,
    NetworkError,
    NewapiError,
)
from newapi_cli.signals import Interrupts
from tests.api.exchanges import (
    CLOCKS,
    assert_workers_end,
    client_for,
    endpoint,
    notices_of,
    question,
    returned_by,
    text_of,
)
from tests.support.cases import each
from tests.support.fault_server import FaultServer
from tests.support.home import CANARY
from tests.support.steps import (
    BeforeReading,
    Fin,
    Forever,
    Pause,
    ReadHead,
    Reset,
    Send,
    Stall,
    Step,
    sse,
)
from tests.support.wire import (
    DONE,
    PING,
    REQUEST_ID,
    answer_events,
    chunk,
    completion,
    error,
    event,
    head,
    response,
)

ANSWER = sse(*answer_events("Par", "is"))
AT_ONCE = [("Retry-After", "0")]


@pytest.fixture(autouse=True)
def _no_worker_is_left() -> Iterator[None]:
    yield
    assert_workers_end()


def failing(status: int, message: str = "no", **more: str) -> list[Step]:
    return [Send(response(status, error(message, **more), headers=AT_ONCE))]


def failure_of(url: str, *, retries: int = 0, timeouts: Timeouts = CLOCKS) -> NewapiError:
    with pytest.raises(NewapiError) as caught:
        text_of(client_for(url, retries=retries, timeouts=timeouts).start_chat(question()))
    assert CANARY not in "".join([str(caught.value), caught.value.why, caught.value.hint])
    return caught.value


# -- what leaves --------------------------------------------------------------------------------


def test_a_request_has_the_documented_line_and_headers() -> None:
    with FaultServer(ANSWER) as server:
        assert text_of(client_for(server.url).start_chat(question("你好"))) == "Paris"
        request = server.requests[0]
    assert (request.method, request.path) == ("POST", "/v1/chat/completions")
    assert request.header("Authorization") == f"Bearer {CANARY}"
    assert request.header("Content-Type") == "application/json"
    assert request.header("Accept") == "text/event-stream"
    assert request.header("Accept-Encoding") == "identity"
    assert request.header("User-Agent") == f"newapi/{__version__}"
    assert request.header("Host") == server.url.removeprefix("http://")
    assert int(request.header("Content-Length") or 0) == len(request.body)
    assert request.json["messages"] == [{"role": "user", "content": "你好"}]


def test_a_request_is_sent_before_its_events_are_read() -> None:
    with FaultServer(ANSWER) as server:
        events = client_for(server.url).start_chat(question())
        server.wait_for_requests(1)
        assert text_of(events) == "Paris"


def test_an_answer_without_streaming_is_requested_as_json() -> None:
    with FaultServer([Send(response(200, completion("Paris")))]) as server:
        assert text_of(client_for(server.url).start_chat(question(stream=False))) == "Paris"
        assert server.requests[0].header("Accept") == "application/json"
        assert server.requests[0].json["stream"] is False


def test_the_prefix_of_the_base_url_precedes_the_path() -> None:
    with FaultServer(ANSWER) as server:
        text_of(client_for(f"{server.url}/sub/path/v1").start_chat(question()))
        assert server.requests[0].path == "/sub/path/v1/chat/completions"


def test_models_are_requested_without_a_body() -> None:
    listed: dict[str, object] = {"object": "list", "data": [{"id": "m", "owned_by": "o"}]}
    with FaultServer([Send(response(200, listed))]) as server:
        value = returned_by(client_for(server.url).fetch_json("/v1/models"))
        request = server.requests[0]
    assert models_from_json(value) == [ModelInfo("m", "o")]
    assert (request.method, request.path, request.body) == ("GET", "/v1/models", b"")


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (response(200, b"<html><title>New API</title>", content_type="text/html"), GatewayError),
        (response(200, b"no"), GatewayError),
        (response(401, error("Invalid token")), AuthenticationError),
    ],
)
def test_invalid_json_is_reported(answer: bytes, kind: type[NewapiError]) -> None:
    with FaultServer([Send(answer)]) as server, pytest.raises(kind):
        returned_by(client_for(server.url).fetch_json("/v1/models"))


# -- what comes back ----------------------------------------------------------------------------


def test_the_events_of_an_answer_are_in_order() -> None:
    with FaultServer(sse(*answer_events("a"), headers=[("X-Oneapi-Request-Id", "rid")])) as server:
        events = [
            event
            for event in client_for(server.url).start_chat(question())
            if isinstance(event, ResponseStarted | Chunk | StreamEnd)
        ]
    assert events[0] == ResponseStarted("rid", is_new_api=True)
    assert events[-1] == StreamEnd(is_end_confirmed=True)
    assert [e.content for e in events if isinstance(e, Chunk)] == ["", "a", "", ""]


def test_ticks_arrive_in_silence() -> None:
    with FaultServer(sse(event(chunk("a")), Pause(0.3), event(chunk(finish="stop")))) as server:
        events = list(client_for(server.url).start_chat(question()))
    silences = [event.silent_s for event in events if isinstance(event, Tick)]
    assert len(silences) >= 3
    assert 0.1 < max(silences) < 5


def test_nothing_is_awaited_after_done() -> None:
    with FaultServer(sse(*answer_events("a"), Stall(), end=False)) as server:
        assert text_of(client_for(server.url).start_chat(question())) == "a"
        server.wait_for_close()


@pytest.mark.parametrize("encoding", ["gzip", "br", "zstd", "gzip, gzip", "what-is-this"])
def test_an_encoding_that_was_not_requested_is_rejected_unread(encoding: str) -> None:
    bomb = Forever([Send(b"\0" * 65536)])
    start = Send(head(200, [("Content-Encoding", encoding), ("Connection", "close")]))
    with FaultServer([start, bomb]) as server:
        failure = failure_of(server.url)
    assert isinstance(failure, GatewayError)
    assert encoding in failure.why


def test_a_header_in_another_encoding_is_decoded() -> None:
    raw = b"HTTP/1.1 200 OK\r\nX-Request-Id: \xff\x1b[31m\r\nConnection: close\r\n\r\n"
    with FaultServer([Send(raw + b"".join(answer_events("a")))]) as server:
        assert text_of(client_for(server.url).start_chat(question())) == "a"


@pytest.mark.parametrize(
    ("rest", "kind"),
    [
        ([Reset()], NetworkError),
        ([Send(b"3\r\nab")], NetworkError),
        ([Send(b"zz\r\nab")], NetworkError),
    ],
    ids=["reset", "end inside a chunk", "bad chunk size"],
)
def test_a_connection_lost_during_an_answer_keeps_its_part(
    rest: list[Step], kind: type[NewapiError]
) -> None:
    came = []
    steps = [*sse(event(chunk("Par")), Pause(0.1), end=False), *rest]
    with FaultServer(steps) as server, pytest.raises(kind):
        for each in client_for(server.url, retries=2).start_chat(question()):
            came.append(each)
    assert "".join(e.content for e in came if isinstance(e, Chunk)) == "Par"
    assert len(server.requests) == 1


def test_an_error_in_a_stream_is_not_retried() -> None:
    with FaultServer(sse(PING, event(error("busy", code="do_request_failed")), DONE)) as server:
        assert isinstance(failure_of(server.url, retries=2), GatewayError)
        assert len(server.requests) == 1


# -- errors -------------------------------------------------------------------------------------


@pytest.mark.parametrize("content_type", ["application/json", "text/event-stream"])
def test_an_error_response_is_reported_whatever_its_content_type(content_type: str) -> None:
    body = error(f"Invalid token (request id: {REQUEST_ID})")
    with FaultServer([Send(response(401, body, content_type=content_type))]) as server:
        failure = failure_of(server.url)
    assert isinstance(failure, AuthenticationError)
    assert (failure.why, failure.request_id) == ("Invalid token", REQUEST_ID)


def test_the_request_id_of_the_header_is_the_default() -> None:
    headers = [("X-Oneapi-Request-Id", "from the header")]
    with FaultServer([Send(response(500, error("m"), headers=headers))]) as server:
        assert failure_of(server.url).request_id == "from the header"


def test_short_plain_text_is_reported() -> None:
    with FaultServer([Send(response(503, b"upstream connect error", content_type="text/plain"))]) as server:  # noqa: E501  # fmt: skip
        assert failure_of(server.url).why == "upstream connect error"


def test_an_endless_error_response_is_truncated() -> None:
    endless: list[Step] = [
        Send(head(500, [("Connection", "close")])),
        Forever([Send(b"x" * 65536)]),
    ]
    with FaultServer(endless) as server:
        failure = failure_of(server.url)
    assert isinstance(failure, GatewayError)
    assert len(failure.why) <= 300


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    with FaultServer() as other:
        headers = [("Location", f"{other.url}/v1/chat/completions")]
        with FaultServer([Send(response(status, headers=headers))]) as server:
            failure = failure_of(server.url, retries=2)
            assert len(server.requests) == 1
        assert other.connections == []
    assert isinstance(failure, GatewayError)
    assert other.url in failure.why


@pytest.mark.parametrize("location", ["http://[::1", "//", "http://x:99999/", "\x7f", "é"])
def test_a_redirect_without_a_target_is_a_redirect_too(location: str) -> None:
    headers = [("Location", location)]
    with FaultServer([Send(response(302, headers=headers))]) as server:
        failure = failure_of(server.url, retries=2)
        assert len(server.requests) == 1
    assert isinstance(failure, GatewayError)
    assert "302" in failure.message


def test_an_early_error_response_to_a_large_request_is_read() -> None:
    early: list[Step] = [BeforeReading(), ReadHead()]
    early.append(Send(response(413, error("too large"))))
    with FaultServer(early) as server, pytest.raises(GatewayError) as caught:
        text_of(client_for(server.url).start_chat(question("x" * 5_000_000)))
    assert "too large" in caught.value.message
    assert caught.value.why == "too large"


# -- stream_options -----------------------------------------------------------------------------


def test_a_stream_rejected_for_its_options_is_sent_again_without_them() -> None:
    with FaultServer(failing(400, "unknown parameter: stream_options"), ANSWER) as server:
        assert text_of(client_for(server.url).start_chat(question())) == "Paris"
        first, second = (request.json for request in server.requests)
    assert first.pop("stream_options") == {"include_usage": True}
    assert second == first


def test_a_stream_rejected_for_its_options_twice_is_not_sent_again() -> None:
    with FaultServer(*[failing(400, "unknown parameter: stream_options")] * 2) as server:
        assert isinstance(failure_of(server.url, retries=5), GatewayError)
        assert len(server.requests) == 2


def test_a_retry_without_stream_options_stays_without_them() -> None:
    scripts = [failing(400, "no stream_options here"), failing(503), ANSWER]
    with FaultServer(*scripts) as server:
        assert text_of(client_for(server.url, retries=1).start_chat(question())) == "Paris"
        has_options = ["stream_options" in request.json for request in server.requests]
    assert has_options == [True, False, False]


def test_a_json_answer_has_no_stream_options_to_leave_out() -> None:
    with FaultServer(failing(400, "no stream_options")) as server, pytest.raises(GatewayError):
        text_of(client_for(server.url).start_chat(question(stream=False)))
    assert len(server.requests) == 1


# -- retries ------------------------------------------------------------------------------------


@pytest.mark.parametrize("retries", [0, 1, 3])
def test_a_retryable_error_is_retried_the_given_number_of_times(retries: int) -> None:
    with FaultServer(*[failing(429)] * (retries + 1)) as server:
        assert isinstance(failure_of(server.url, retries=retries), LimitError)
        assert len(server.requests) == retries + 1


def test_each_retry_prints_a_notice() -> None:
    with FaultServer(failing(503), failing(503), ANSWER) as server:
        notices = notices_of(client_for(server.url, retries=2).start_chat(question()))
    assert ["(1 of 2)" in notices[0], "(2 of 2)" in notices[1], len(notices)] == [True, True, 2]


@pytest.mark.parametrize(
    "script", [[Reset()], [Fin()], [Send(b"HTTP/1.1 200 OK\r\nX: ")]], ids=["RST", "FIN", "half"]
)
def test_a_connection_lost_before_the_answer_is_retried(script: list[Step]) -> None:
    with FaultServer(script, ANSWER) as server:
        assert text_of(client_for(server.url, retries=1).start_chat(question())) == "Paris"
        assert len(server.requests) == 2


@each(
    ("status", "code"),
    [
        (400, ""),
        (401, ""),
        (403, ""),
        (404, ""),
        (413, ""),
        (422, ""),
        (429, "insufficient_quota"),
        (500, "sensitive_words_detected"),
        (500, "invalid_request"),
        (503, "model_not_found"),
    ],
)
def test_a_final_error_is_not_retried(status: int, code: str) -> None:
    with FaultServer(failing(status, code=code)) as server:
        failure_of(server.url, retries=2)
        assert len(server.requests) == 1


def test_a_retry_after_of_an_hour_is_reported_and_not_waited_for() -> None:
    hour = [Send(response(429, headers=[("Retry-After", "3600")]))]
    with FaultServer(hour) as server:
        failure = failure_of(server.url, retries=2)
        assert len(server.requests) == 1
    assert isinstance(failure, LimitError)
    assert "60 minutes" in failure.hint


# -- timeouts and signals --------------------------------------------------------------------------

OFF = Timeouts(0, 0, 0, 0, 0, 0)
PINGS = Forever([Send(b"4\r\n:x\n\n\r\n"), Pause(0.02)])
LINES = Forever([Send(b'11\r\ndata: {"a":"bc"}\n\r\n'), Pause(0.02)])


@pytest.mark.parametrize(
    ("timeouts", "script", "what"),
    [
        (OFF._replace(first_byte_s=0.2), [Stall()], "no response within 0.2 s"),
        (OFF._replace(first_content_s=0.2), sse(PINGS), "no answer within 0.2 s"),
        (OFF._replace(idle_s=0.2), sse(event(chunk("a")), Stall()), "no data for 0.2 s"),
        (
            OFF._replace(content_idle_s=0.2),
            sse(event(chunk("a")), PINGS),
            "no new text for 0.2 s",
        ),
        (OFF._replace(total_s=0.2), sse(LINES), "response not complete within 0.2 s"),
    ],
    ids=["first byte", "first content", "idle", "content idle", "total"],
)
def test_each_timeout_ends_its_own_silence(
    timeouts: Timeouts, script: list[Step], what: str
) -> None:
    with FaultServer(script) as server:
        failure = failure_of(server.url, retries=2, timeouts=timeouts)
        server.wait_for_close()
        assert len(server.requests) == 1
    assert isinstance(failure, DeadlineError)
    assert what in failure.message


def test_slow_headers_do_not_extend_the_first_byte_timeout() -> None:
    slow: list[Step] = [Send(b"HTTP/1.1 200 OK\r\n"), Forever([Send(b"X: y\r\n"), Pause(0.05)])]
    with FaultServer(slow) as server:
        failure = failure_of(server.url, timeouts=OFF._replace(first_byte_s=0.3))
    assert isinstance(failure, DeadlineError)


def test_a_signal_ends_an_answer_at_once() -> None:
    interrupts = Interrupts()
    with FaultServer(sse(event(chunk("a")), Stall())) as server:
        events = client_for(server.url, interrupts=interrupts, timeouts=OFF).start_chat(question())
        with pytest.raises(Interrupted) as caught:
            for each in events:
                if isinstance(each, Chunk):
                    interrupts.code = ExitCode.SIGTERM
                    assert interrupts.wake is not None
                    interrupts.wake()
        server.wait_for_close()
    assert caught.value.code == ExitCode.SIGTERM


def test_a_signal_ends_the_pause_before_a_retry() -> None:
    interrupts = Interrupts()
    wait = [Send(response(503, headers=[("Retry-After", "30")]))]
    with FaultServer(wait) as server, pytest.raises(Interrupted):
        for each in client_for(server.url, retries=1, interrupts=interrupts).start_chat(question()):
            if isinstance(each, Tick) and server.requests:
                interrupts.code = ExitCode.SIGINT
    assert len(server.requests) == 1


# -- roads --------------------------------------------------------------------------------------


def test_a_closed_port_is_reported_with_host_and_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    failure = failure_of(f"http://127.0.0.1:{port}")
    assert isinstance(failure, NetworkError)
    assert failure.message == f"cannot connect to 127.0.0.1:{port}"


def test_a_host_that_does_not_resolve_is_reported() -> None:
    failure = failure_of("http://gateway.invalid")
    assert isinstance(failure, NetworkError)
    assert "gateway.invalid" in failure.message


def test_ipv6_loopback_is_reached() -> None:
    if not socket.has_ipv6:
        raise AssertionError("this machine has no IPv6")
    listener = socket.create_server(("::1", 0), family=socket.AF_INET6)
    heads: list[bytes] = []

    def serve() -> None:
        accepted, _ = listener.accept()
        with accepted:
            heads.append(accepted.recv(65536))
            body = b"".join(answer_events("six"))
            accepted.sendall(head(200, [("Connection", "close")]) + body)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        port = listener.getsockname()[1]
        assert text_of(client_for(f"http://[::1]:{port}").start_chat(question())) == "six"
    finally:
        thread.join(10)
        listener.close()
    assert f"Host: [::1]:{port}".encode() in heads[0]


PROXY_NAMES = ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")


@pytest.mark.parametrize("name", PROXY_NAMES)
def test_no_proxy_is_used_for_this_machine(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with FaultServer(ANSWER) as server, FaultServer() as proxy:
        monkeypatch.setenv(name, proxy.url)
        where = endpoint(server.url, environ={name: proxy.url})
        assert text_of(client_for(where).start_chat(question())) == "Paris"
        assert proxy.connections == []


def test_a_proxy_of_the_setting_is_not_used_for_this_machine() -> None:
    with FaultServer(ANSWER) as server, FaultServer() as proxy:
        where = endpoint(server.url, proxy=proxy.url)
        assert text_of(client_for(where).start_chat(question())) == "Paris"
        assert proxy.connections == []


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_a_proxy_of_the_environment_receives_the_whole_url(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FaultServer(ANSWER) as proxy:
        monkeypatch.setenv(name, proxy.url)
        where = endpoint("http://gateway.invalid", environ={name: proxy.url})
        assert text_of(client_for(where).start_chat(question())) == "Paris"
        request = proxy.requests[0]
    assert request.head.startswith(b"POST http://gateway.invalid/v1/chat/completions HTTP/1.1\r\n")
    assert request.header("Host") == "gateway.invalid"
    assert request.header("Authorization") == f"Bearer {CANARY}"


def test_a_proxy_of_the_setting_receives_the_whole_url() -> None:
    with FaultServer(ANSWER) as proxy:
        where = endpoint("http://gateway.invalid:8080/sub", proxy=proxy.url)
        assert text_of(client_for(where).start_chat(question())) == "Paris"
        url = b"http://gateway.invalid:8080/sub/v1/chat/completions"
        assert proxy.requests[0].head.startswith(b"POST " + url + b" HTTP/1.1\r\n")


@pytest.mark.parametrize("word", ["none", "off", "direct", "NONE"])
def test_a_setting_disables_all_proxies(word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with FaultServer() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        where = endpoint("http://gateway.invalid", proxy=word, environ={"HTTP_PROXY": proxy.url})
        with pytest.raises(NetworkError, match=r"gateway\.invalid"):
            text_of(client_for(where).start_chat(question()))
        assert proxy.connections == []


def test_no_proxy_of_the_environment_is_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    with FaultServer() as proxy:
        environ = {"HTTP_PROXY": proxy.url, "NO_PROXY": "gateway.invalid"}
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        where = endpoint("http://gateway.invalid", environ=environ)
        with pytest.raises(NetworkError, match=r"gateway\.invalid"):
            text_of(client_for(where).start_chat(question()))
        assert proxy.connections == []


@pytest.mark.parametrize("proxy", ["ftp://127.0.0.1:1", "http://127.0.0.1:bad", "socks4://x", "x"])
def test_an_invalid_proxy_is_reported(proxy: str) -> None:
    where = endpoint("http://gateway.invalid", proxy=proxy)
    with pytest.raises(NetworkError) as caught:
        text_of(client_for(where, retries=2).start_chat(question()))
    assert "proxy" in caught.value.message.lower()


def test_a_slow_answer_through_a_proxy_is_not_a_slow_connection() -> None:
    slow = [Pause(0.6), *ANSWER]
    with FaultServer(slow) as proxy:
        where = endpoint("http://gateway.invalid", proxy=proxy.url)
        client = client_for(where, timeouts=OFF._replace(connect_s=0.3))
        assert text_of(client.start_chat(question())) == "Paris"


def test_a_proxy_that_cannot_connect_counts_as_a_slow_connection() -> None:
    with FaultServer([BeforeReading(), ReadHead(), Stall()]) as proxy:
        where = endpoint("https://gateway.invalid", proxy=proxy.url)
        with pytest.raises(DeadlineError, match="no connection"):
            text_of(client_for(where, timeouts=OFF._replace(connect_s=0.3)).start_chat(question()))


def test_an_answer_through_a_proxy_can_be_canceled() -> None:
    with FaultServer(sse(event(chunk("a")), Stall())) as proxy:
        where = endpoint("http://gateway.invalid", proxy=proxy.url)
        events = client_for(where, timeouts=OFF).start_chat(question())
        assert next(e.content for e in events if isinstance(e, Chunk)) == "a"
        events.close()
        proxy.wait_for_close()


@pytest.mark.parametrize("where", ["ca_bundle", "SSL_CERT_FILE"])
@pytest.mark.parametrize("content", [None, b"", b"no certificate"])
def test_unreadable_certificates_are_an_error_before_anything_is_sent(
    where: str, content: bytes | None, tmp_path: Path
) -> None:
    bundle = tmp_path / "bundle.pem"
    if content is not None:
        bundle.write_bytes(content)
    given = (
        endpoint("https://127.0.0.1:1", ca_bundle=str(bundle))
        if where == "ca_bundle"
        else endpoint("https://127.0.0.1:1", environ={where: str(bundle)})
    )
    with pytest.raises(ConfigError) as caught:
        client_for(given).start_chat(question())
    assert where in caught.value.message
    assert str(bundle) in caught.value.message


def test_a_server_without_tls_is_reported() -> None:
    with FaultServer([BeforeReading(), Send(b"HTTP/1.1 400 Bad Request\r\n\r\n")]) as server:
        failure = failure_of(server.url.replace("http://", "https://"))
    assert isinstance(failure, NetworkError)
    assert "TLS" in failure.message


@pytest.mark.parametrize("body", [json.dumps(error("x")), "é", "<html>"])
def test_the_why_is_the_servers_text(body: str) -> None:
    with FaultServer([Send(response(500, body))]) as server:
        assert isinstance(failure_of(server.url), GatewayError)
