"""The life of the demo gateway: start, stop, many clients, clients that leave."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from newapi_cli.demo.server import DemoGateway
from tests.demo.demo_client import (
    WAIT_S,
    ask,
    chat_body,
    open_socket,
    raw_chat,
    read_to_end,
    read_until,
)

ENDLESS_S = 600.0  # a pause that no test outlives: only a hang-up ends it
TWENTY_MEGABYTES = (" " * 10_000 + "x") * 2000  # more than the sockets' buffers take


def test_constructor_takes_the_port_and_stop_gives_it_back() -> None:
    gateway = DemoGateway()
    assert gateway.base_url.startswith("http://127.0.0.1:")
    port = int(gateway.base_url.rpartition(":")[2])
    with pytest.raises(OSError, match="in use"):
        DemoGateway(port=port)
    gateway.stop()
    DemoGateway(port=port).stop()


def test_start_and_stop_may_be_called_twice() -> None:
    gateway = DemoGateway(pace_s=0)
    gateway.start()
    gateway.start()
    assert ask(gateway, "demo-echo", "hi").text() == "hi"
    gateway.stop()
    gateway.stop()
    with pytest.raises(ConnectionRefusedError):
        open_socket(gateway)
    with pytest.raises(RuntimeError):
        gateway.start()


def test_stop_ends_a_pause_at_once_and_is_no_disconnect() -> None:
    gateway = DemoGateway(pace_s=ENDLESS_S)
    gateway.start()
    with open_socket(gateway) as client, open_socket(gateway) as idle:
        client.sendall(raw_chat(chat_body("demo", "hi", stream=True)))
        read_until(client, b'"role":"assistant"')
        began_s = time.monotonic()
        gateway.stop()
        assert time.monotonic() - began_s < 1.0
        assert b"[DONE]" not in read_to_end(client)
        assert read_to_end(idle) == b""
    assert gateway.disconnects == 0
    assert not [thread for thread in threading.enumerate() if thread.name == "newapi-demo"]


def test_stop_ends_an_answer_that_nobody_reads() -> None:
    gateway = DemoGateway(pace_s=0)
    gateway.start()
    with open_socket(gateway) as client:
        client.sendall(raw_chat(chat_body("demo-echo", TWENTY_MEGABYTES, stream=True)))
        read_until(client, b'"content":"   ')
        began_s = time.monotonic()
        gateway.stop()
        assert time.monotonic() - began_s < 1.0


def close_normally(client: socket.socket) -> None:
    client.close()


def close_with_reset(client: socket.socket) -> None:
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


@pytest.mark.parametrize("close", [close_normally, close_with_reset])
def test_client_that_leaves_between_two_pieces_is_noticed_quickly(close: object) -> None:
    assert callable(close)
    with DemoGateway(pace_s=ENDLESS_S) as gateway:
        client = open_socket(gateway)
        client.sendall(raw_chat(chat_body("demo", "hi", stream=True)))
        read_until(client, b'"role":"assistant"')
        assert gateway.disconnects == 0
        began_s = time.monotonic()
        close(client)
        assert gateway.wait_for_disconnect(WAIT_S)
        assert time.monotonic() - began_s < 0.5  # 1 ms here; the bound is for a busy machine
        assert gateway.disconnects == 1


@pytest.mark.parametrize("stream", [True, False])
def test_client_that_leaves_before_the_first_byte_is_noticed(stream: bool) -> None:
    with DemoGateway() as gateway:
        client = open_socket(gateway)
        client.sendall(raw_chat(chat_body("demo-slow", "hi", stream=stream)))
        client.close()
        began_s = time.monotonic()
        assert gateway.wait_for_disconnect(WAIT_S)
        assert time.monotonic() - began_s < 1.0  # demo-slow is silent for 3 s


def test_client_that_leaves_while_the_server_is_writing_is_noticed() -> None:
    with DemoGateway(pace_s=0) as gateway:
        client = open_socket(gateway)
        client.sendall(raw_chat(chat_body("demo-echo", TWENTY_MEGABYTES, stream=True)))
        read_until(client, b'"content":"   ')
        client.close()
        assert gateway.wait_for_disconnect(WAIT_S)


def test_waiting_for_a_second_disconnect_needs_a_second_one() -> None:
    with DemoGateway() as gateway:
        for number in (1, 2):
            assert not gateway.wait_for_disconnect(0.0, count=number)
            client = open_socket(gateway)
            client.sendall(raw_chat(chat_body("demo-slow", "hi", stream=True)))
            client.close()
            assert gateway.wait_for_disconnect(WAIT_S, count=number)
        assert gateway.disconnects == 2


def test_leaving_after_a_complete_answer_is_no_disconnect() -> None:
    with DemoGateway(pace_s=0) as gateway:
        assert ask(gateway, "demo", "hi").events[-1] == "[DONE]"
        assert ask(gateway, "demo-429", "hi").status == 429
    assert gateway.disconnects == 0


def test_client_that_leaves_in_the_middle_of_its_request_leaves_no_trace(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with DemoGateway(pace_s=0) as gateway:
        with open_socket(gateway) as client:
            client.sendall(raw_chat(chat_body("demo", "hi"))[:-10])
        assert ask(gateway, "demo-echo", "next").text() == "next"
        assert [seen.model for seen in gateway.requests] == ["demo-echo"]
    assert capfd.readouterr() == ("", "")


def test_two_streams_run_side_by_side() -> None:
    with DemoGateway(pace_s=0.05) as gateway, open_socket(gateway) as slow:
        slow.sendall(raw_chat(chat_body("demo", "tour", stream=True), "Connection: close"))
        begun = read_until(slow, b'"role":"assistant"')
        other = ask(gateway, "demo-reasoning", "and you?", max_tokens=5)
        assert other.finish_reasons() == ["length"]
        assert b"[DONE]" not in begun + slow.recv(65536)
    assert gateway.requests[0].model == "demo"


def test_many_clients_get_their_own_answers() -> None:
    texts = [f"text of client {number}" for number in range(40)]
    with DemoGateway(pace_s=0.001) as gateway, ThreadPoolExecutor(20) as pool:
        jobs = [pool.submit(ask, gateway, "demo-echo", text) for text in texts]
        assert [job.result().text() for job in jobs] == texts
        assert len(gateway.requests) == 40


def test_pause_between_pieces_is_kept() -> None:
    with DemoGateway(pace_s=0.03) as gateway:
        began_s = time.monotonic()
        assert ask(gateway, "demo", "tour", max_tokens=5).text()
        assert time.monotonic() - began_s >= 5 * 0.03


def test_pause_is_kept_with_another_request_waiting_behind() -> None:
    body = chat_body("demo", "tour", stream=True, max_tokens=5)
    with DemoGateway(pace_s=0.03) as gateway, open_socket(gateway) as client:
        began_s = time.monotonic()
        client.sendall(raw_chat(body))
        client.sendall(raw_chat(body, "Connection: close"))
        assert read_to_end(client).count(b"[DONE]") == 2
        assert time.monotonic() - began_s >= 10 * 0.03


def test_serve_forever_returns_when_another_thread_stops_it() -> None:
    gateway = DemoGateway(pace_s=0)
    server = threading.Thread(target=gateway.serve_forever)
    server.start()
    assert ask(gateway, "demo-echo", "hi").text() == "hi"
    gateway.stop()
    server.join(WAIT_S)
    assert not server.is_alive()


def test_serve_forever_ends_quietly_on_ctrl_c() -> None:
    program = (
        "from newapi_cli.demo.server import DemoGateway\n"
        "gateway = DemoGateway()\n"
        "print(gateway.base_url, flush=True)\n"
        "gateway.serve_forever()\n"
        "print('stopped')\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        host, _, port = process.stdout.readline().strip().removeprefix("http://").partition(":")
        with socket.create_connection((host, int(port)), WAIT_S) as client:
            client.sendall(raw_chat(chat_body("demo", "hi", stream=True)))
            read_until(client, b'"role":"assistant"')
            os.kill(process.pid, signal.SIGINT)
            out, err = process.communicate(timeout=WAIT_S)
    assert (process.returncode, out, err) == (0, "stopped\n", "")


def test_answers_leave_without_waiting_for_more() -> None:
    """With Nagle's algorithm a small piece could wait 40 ms for an acknowledgement."""
    with DemoGateway(pace_s=0) as gateway, open_socket(gateway) as client:
        began_s = time.monotonic()
        for _ in range(20):
            client.sendall(raw_chat(chat_body("demo-echo", "a b c d", stream=True)))
            read_until(client, b"\r\n0\r\n\r\n")
        assert time.monotonic() - began_s < 20 * 0.04


def test_stop_within_the_block_is_harmless() -> None:
    with contextlib.ExitStack() as stack:
        gateway = stack.enter_context(DemoGateway())
        gateway.stop()
    with pytest.raises(ConnectionRefusedError):
        open_socket(gateway)
