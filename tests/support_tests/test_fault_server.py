"""The steps of the fault server, seen from a plain socket."""

from __future__ import annotations

import http.client
import socket
import threading

import pytest

from tests.support.connection import Request
from tests.support.fault_server import FaultServer
from tests.support.steps import (
    BeforeReading,
    Fin,
    Forever,
    Pause,
    ReadHead,
    ReadRequest,
    Reset,
    Send,
    SetEvent,
    Stall,
    Step,
    WaitFor,
    dribble,
    sse,
)
from tests.support.wire import (
    DONE,
    PING,
    answer_events,
    chunk,
    completion,
    error,
    event,
    response,
    usage_chunk,
)

HEADERS = b"Host: x\r\nUser-Agent: newapi/0\r\nAccept-Encoding: identity\r\n"  # `wire_rules` wants
ASK = b"POST /v1/odd HTTP/1.1\r\n" + HEADERS + b"X-Odd:  a b \r\nContent-Length: 7\r\n\r\n"
BODY = b'{"a":1}'


def connect(server: FaultServer) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", server.port))
    connection.settimeout(10)
    return connection


def ask(server: FaultServer) -> socket.socket:
    connection = connect(server)
    connection.sendall(ASK + BODY)
    return connection


def read_all(connection: socket.socket) -> bytes:
    with connection:
        blocks = []
        while block := connection.recv(65536):
            blocks.append(block)
        return b"".join(blocks)


def test_a_request_is_recorded_as_it_stood_on_the_wire(fault_server: FaultServer) -> None:
    fault_server.add(Send(response(200, {"ok": True})))
    answer = read_all(ask(fault_server))
    request = fault_server.requests[0]
    assert (request.method, request.path, request.body) == ("POST", "/v1/odd", BODY)
    assert request.headers == (
        (b"Host", b"x"),
        (b"User-Agent", b"newapi/0"),
        (b"Accept-Encoding", b"identity"),
        (b"X-Odd", b"a b"),
        (b"Content-Length", b"7"),
    )
    assert request.head == ASK
    assert request.json == {"a": 1}
    assert request.header("x-odd") == "a b"
    assert request.header("absent") is None
    assert answer == (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\n"
        b'Connection: close\r\n\r\n{"ok":true}'
    )


def test_a_body_that_comes_late_and_in_pieces_is_read_whole(fault_server: FaultServer) -> None:
    fault_server.add(Send(response(200)))
    connection = connect(fault_server)
    for piece in (ASK[:10], ASK[10:], BODY[:1], BODY[1:]):
        connection.sendall(piece)
    read_all(connection)
    assert fault_server.requests[0].body == BODY


def test_each_request_takes_the_next_script_and_a_silent_connection_none() -> None:
    with FaultServer([Send(b"one")], [Send(b"two")]) as server:
        connect(server).close()
        assert read_all(ask(server)) == b"one"
        assert read_all(ask(server)) == b"two"
        assert b"418" in read_all(ask(server))
        assert len(server.requests) == 3


def test_what_is_asked_beside_takes_no_script() -> None:
    with FaultServer([Send(b"one")]) as server:
        connection = connect(server)
        connection.sendall(b"GET /api/status HTTP/1.1\r\n" + HEADERS + b"\r\n")
        assert b" 404 " in read_all(connection)
        assert read_all(ask(server)) == b"one"
        assert [request.path for request in server.api_requests] == ["/api/status"]
        assert len(server.requests) == 1


def test_a_function_can_choose_the_script(fault_server: FaultServer) -> None:
    def echo(request: Request) -> list[Step]:
        return [Send(request.body)]

    fault_server.answer_with(echo)
    assert read_all(ask(fault_server)) == BODY


def test_an_error_in_a_function_of_the_test_is_raised_at_the_end() -> None:
    def broken(request: Request) -> list[Step]:
        raise ValueError("oops")

    with pytest.raises(ValueError, match="oops"), FaultServer(answer=broken) as server:
        read_all(ask(server))


def test_an_answer_can_come_before_the_request(fault_server: FaultServer) -> None:
    fault_server.add(BeforeReading(), Send(b"SSH-2.0-x\r\n"), ReadRequest(), Send(b"bye"))
    connection = connect(fault_server)
    assert connection.recv(100) == b"SSH-2.0-x\r\n"
    connection.sendall(ASK + BODY)
    assert read_all(connection) == b"bye"
    assert len(fault_server.requests) == 1


def test_an_answer_can_come_before_the_body(fault_server: FaultServer) -> None:
    fault_server.add(BeforeReading(), ReadHead(), Send(b"no"))
    connection = connect(fault_server)
    connection.sendall(ASK)
    assert connection.recv(100) == b"no"
    connection.sendall(BODY)
    assert read_all(connection) == b""
    assert fault_server.requests[0].body == b""


def test_one_connection_can_carry_two_requests(fault_server: FaultServer) -> None:
    fault_server.add(Send(b"one"), ReadRequest(), Send(b"two"))
    connection = ask(fault_server)
    assert connection.recv(100) == b"one"
    connection.sendall(ASK + BODY)
    assert read_all(connection) == b"two"
    assert len(fault_server.requests) == 2


def test_fin_ends_the_stream_and_reset_breaks_it(fault_server: FaultServer) -> None:
    fault_server.add(Send(b"part"), Fin())
    fault_server.add(Send(b"part"), Reset())
    assert read_all(ask(fault_server)) == b"part"
    with pytest.raises(ConnectionResetError):
        read_all(ask(fault_server))


def test_stall_holds_until_the_client_closes(fault_server: FaultServer) -> None:
    fault_server.add(Send(b"part"), Stall())
    connection = ask(fault_server)
    assert connection.recv(100) == b"part"
    connection.settimeout(0.05)
    with pytest.raises(TimeoutError):
        connection.recv(100)
    connection.close()
    fault_server.wait_for_close()


def test_a_connection_that_is_still_held_is_not_closed(fault_server: FaultServer) -> None:
    fault_server.add(Stall())
    connection = ask(fault_server)
    fault_server.wait_for_requests(1)
    with pytest.raises(AssertionError, match="still holds"):
        fault_server.wait_for_close(0.05)
    connection.close()


def test_events_order_server_and_test(fault_server: FaultServer) -> None:
    reached, go_on = threading.Event(), threading.Event()
    fault_server.add(SetEvent(reached), WaitFor(go_on), Send(b"late"))
    connection = ask(fault_server)
    assert reached.wait(10)
    go_on.set()
    assert read_all(connection) == b"late"


@pytest.mark.parametrize(
    "step",
    [Stall(), Pause(3600), WaitFor(threading.Event()), Forever([Send(b"x"), Pause(3600)])],
    ids=lambda step: type(step).__name__,
)
def test_stopping_ends_whatever_waits(step: Step) -> None:
    with FaultServer([step]) as server:
        connection = ask(server)
        server.wait_for_requests(1)
    connection.close()


def test_forever_ends_when_the_client_goes(fault_server: FaultServer) -> None:
    fault_server.add(Forever([Send(PING), Pause(0.001)]))
    connection = ask(fault_server)
    assert connection.recv(len(PING))
    connection.close()
    fault_server.wait_for_close()


def test_sending_to_a_client_that_never_reads_ends_with_the_server() -> None:
    with FaultServer([Send(bytes(50_000_000))]) as server:
        connection = ask(server)
        server.wait_for_requests(1)
    connection.close()


def test_dribble_sends_single_bytes(fault_server: FaultServer) -> None:
    fault_server.add(*dribble(b"abc", 0.001))
    assert read_all(ask(fault_server)) == b"abc"


@pytest.mark.parametrize("chunked", [True, False])
def test_an_event_stream_is_framed_so_that_http_reads_it(
    fault_server: FaultServer, chunked: bool
) -> None:
    events = answer_events("你", "好")
    fault_server.add(*sse(*events, chunked=chunked))
    connection = http.client.HTTPConnection("127.0.0.1", fault_server.port, timeout=10)
    connection.request("POST", "/v1/odd", BODY, {"User-Agent": "newapi/0"})
    answer = connection.getresponse()
    assert answer.getheader("Content-Type") == "text/event-stream"
    assert answer.read() == b"".join(events)
    connection.close()


def test_a_chunked_stream_without_end_is_seen_as_cut(fault_server: FaultServer) -> None:
    fault_server.add(*sse(event(chunk("a")), end=False))
    connection = http.client.HTTPConnection("127.0.0.1", fault_server.port, timeout=10)
    connection.request("POST", "/v1/odd", BODY, {"User-Agent": "newapi/0"})
    with pytest.raises(http.client.IncompleteRead):
        connection.getresponse().read()
    connection.close()


def test_the_shapes_are_those_of_new_api() -> None:
    assert event({"é": 1}) == 'data: {"é":1}\n\n'.encode()
    assert chunk("a", finish="stop", reasoning="b")["choices"] == [
        {
            "index": 0,
            "delta": {"content": "a", "reasoning_content": "b"},
            "logprobs": None,
            "finish_reason": "stop",
        }
    ]
    assert usage_chunk(is_estimated=True)["choices"] == []
    assert usage_chunk(is_estimated=True)["id"] == ""
    assert completion("a")["object"] == "chat.completion"
    assert error("m", code=None) == {
        "error": {"message": "m", "param": "", "code": None, "type": "new_api_error"}
    }
    assert "type" not in str(error("m", None))
    assert answer_events("a")[-1] == DONE
    assert response(524).startswith(b"HTTP/1.1 524 Unknown\r\n")


def test_no_thread_outlives_the_server() -> None:
    before = threading.active_count()
    with FaultServer([Stall()], [Send(b"x"), Reset()]) as server:
        held, broken = ask(server), ask(server)
        server.wait_for_requests(2)
    assert threading.active_count() == before
    held.close()
    broken.close()
