"""The demo gateway as a server: start, stop, many clients, clients that disconnect."""

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
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from newapi_cli.demo.server import DemoGateway
from tests.support.demo_client import (
    LONG_PAUSE_S,
    WAIT_S,
    ask,
    chat_body,
    open_socket,
    raw_chat,
    read_to_end,
    read_until,
)

TWENTY_MEGABYTES = (" " * 10_000 + "x") * 2000  # more than the socket buffers hold


def test_the_constructor_binds_the_port_and_stop_releases_it() -> None:
    gateway = DemoGateway()
    assert gateway.base_url.startswith("http://127.0.0.1:")
    port = int(gateway.base_url.rpartition(":")[2])
    with pytest.raises(OSError, match="in use"):
        DemoGateway(port=port)
    gateway.stop()
    DemoGateway(port=port).stop()


def test_start_and_stop_can_be_called_twice() -> None:
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


def test_stop_ends_a_pause_at_once_and_counts_no_disconnect() -> None:
    gateway = DemoGateway(pace_s=LONG_PAUSE_S)
    gateway.start()
    # Connections are accepted in order: when the second one is served, so is the idle one.
    with open_socket(gateway) as idle, open_socket(gateway) as client:
        client.sendall(raw_chat(chat_body("demo", "hi", stream=True)))
        read_until(client, b'"role":"assistant"')
        started_s = time.monotonic()
        gateway.stop()
        assert time.monotonic() - started_s < 1.0
        assert b"[DONE]" not in read_to_end(client)
        assert read_to_end(idle) == b""
    assert gateway.disconnects == 0
    assert not [thread for thread in threading.enumerate() if thread.name == "newapi-demo"]


def test_stop_ends_an_answer_that_the_client_does_not_read() -> None:
    gateway = DemoGateway(pace_s=0)
    gateway.start()
    with open_socket(gateway) as client:
        client.sendall(raw_chat(chat_body("demo-echo", TWENTY_MEGABYTES, stream=True)))
        read_until(client, b'"content":"   ')
        started_s = time.monotonic()
        gateway.stop()
        assert time.monotonic() - started_s < 1.0


def close(client: socket.socket) -> None:
    client.close()


def reset(client: socket.socket) -> None:
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


@pytest.mark.parametrize("disconnect", [close, reset])
def test_a_disconnect_between_two_chunks_is_detected_at_once(
    disconnect: Callable[[socket.socket], None],
) -> None:
    with DemoGateway(pace_s=LONG_PAUSE_S) as gateway:
        client = open_socket(gateway)
        client.sendall(raw_chat(chat_body("demo", "hi", stream=True)))
        read_until(client, b'"role":"assistant"')
        assert gateway.disconnects == 0
        started_s = time.monotonic()
        disconnect(client)
        assert gateway.wait_for_disconnect(WAIT_S)
        assert time.monotonic() - started_s < 0.5  # takes 1 ms on an idle machine
        assert gateway.disconnects == 1


@pytest.mark.parametrize("stream", [True, False])
def test_a_disconnect_before_the_first_byte_is_detected(stream: bool) -> None:
    with DemoGateway() as gateway:
        client = open_socket(gateway)
        client.sendall(raw_chat(chat_body("demo-slow", "hi", stream=stream)))
        client.close()
        started_s = time.monotonic()
        assert gateway.wait_for_disconnect(WAIT_S)
        assert time.monotonic() - started_s < 1.0  # demo-slow is silent for 3 s


def test_a_disconnect_while_the_server_is_sending_is_detected() -> None:
    with DemoGateway(pace_s=0) as gateway:
        client = open_socket(gateway)
        client.sendall(raw_chat(chat_body("demo-echo", TWENTY_MEGABYTES, stream=True)))
        read_until(client, b'"content":"   ')
        client.close()
        assert gateway.wait_for_disconnect(WAIT_S)


def test_waiting_for_two_disconnects_needs_two() -> None:
    with DemoGateway() as gateway:
        for number in (1, 2):
            assert not gateway.wait_for_disconnect(0.0, count=number)
            client = open_socket(gateway)
            client.sendall(raw_chat(chat_body("demo-slow", "hi", stream=True)))
            client.close()
            assert gateway.wait_for_disconnect(WAIT_S, count=number)
        assert gateway.disconnects == 2


def test_a_disconnect_after_a_complete_answer_is_not_counted() -> None:
    with DemoGateway(pace_s=0) as gateway:
        assert ask(gateway, "demo", "hi").events[-1] == "[DONE]"
        assert ask(gateway, "demo-429", "hi").status == 429
    assert gateway.disconnects == 0


def test_an_incomplete_request_is_not_logged(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with DemoGateway(pace_s=0) as gateway:
        with open_socket(gateway) as client:
            client.sendall(raw_chat(chat_body("demo", "hi"))[:-10])
        assert ask(gateway, "demo-echo", "next").text() == "next"
        assert [seen.model for seen in gateway.requests] == ["demo-echo"]
    assert capfd.readouterr() == ("", "")


def test_two_streams_run_in_parallel() -> None:
    with DemoGateway(pace_s=0.05) as gateway, open_socket(gateway) as slow:
        slow.sendall(raw_chat(chat_body("demo", "tour", stream=True), "Connection: close"))
        begun = read_until(slow, b'"role":"assistant"')
        other = ask(gateway, "demo-reasoning", "and you?", max_tokens=5)
        assert other.finish_reasons == ["length"]
        assert b"[DONE]" not in begun + slow.recv(65536)
    assert gateway.requests[0].model == "demo"


def test_each_of_many_clients_gets_its_own_answer() -> None:
    texts = [f"text of client {number}" for number in range(40)]
    with DemoGateway(pace_s=0.001) as gateway, ThreadPoolExecutor(20) as pool:
        jobs = [pool.submit(ask, gateway, "demo-echo", text) for text in texts]
        assert [job.result().text() for job in jobs] == texts
        assert len(gateway.requests) == 40


def test_chunks_are_sent_at_the_given_pace() -> None:
    with DemoGateway(pace_s=0.03) as gateway:
        started_s = time.monotonic()
        assert ask(gateway, "demo", "tour", max_tokens=5).text()
        assert time.monotonic() - started_s >= 5 * 0.03


def test_the_pace_is_kept_while_another_request_waits() -> None:
    body = chat_body("demo", "tour", stream=True, max_tokens=5)
    with DemoGateway(pace_s=0.03) as gateway, open_socket(gateway) as client:
        started_s = time.monotonic()
        client.sendall(raw_chat(body))
        client.sendall(raw_chat(body, "Connection: close"))
        assert read_to_end(client).count(b"[DONE]") == 2
        assert time.monotonic() - started_s >= 10 * 0.03


def test_serve_forever_returns_when_another_thread_calls_stop() -> None:
    gateway = DemoGateway(pace_s=0)
    server = threading.Thread(target=gateway.serve_forever)
    server.start()
    assert ask(gateway, "demo-echo", "hi").text() == "hi"
    gateway.stop()
    server.join(WAIT_S)
    assert not server.is_alive()


def test_ctrl_c_ends_serve_forever_without_output() -> None:
    program = (
        "import signal\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # ignored in background jobs
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
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            host, _, port = url.removeprefix("http://").partition(":")
            with socket.create_connection((host, int(port)), WAIT_S) as client:
                client.sendall(raw_chat(chat_body("demo", "hi", stream=True)))
                read_until(client, b'"role":"assistant"')
                os.kill(process.pid, signal.SIGINT)
                out, err = process.communicate(timeout=WAIT_S)
        finally:
            process.kill()
    assert (process.returncode, out, err) == (0, "stopped\n", "")


def test_ctrl_c_while_the_threads_start_releases_the_port(monkeypatch: pytest.MonkeyPatch) -> None:
    gateway = DemoGateway()
    start = gateway._accept_thread.start

    def interrupted_start() -> None:
        start()
        raise KeyboardInterrupt

    monkeypatch.setattr(gateway._accept_thread, "start", interrupted_start)
    gateway.serve_forever()
    host, _, port = gateway.base_url.removeprefix("http://").partition(":")
    with socket.create_server((host, int(port))):
        pass


def test_small_chunks_are_sent_without_delay() -> None:
    """With Nagle's algorithm a chunk could wait 40 ms for an acknowledgment."""
    with DemoGateway(pace_s=0) as gateway, open_socket(gateway) as client:
        started_s = time.monotonic()
        for _ in range(20):
            client.sendall(raw_chat(chat_body("demo-echo", "a b c d", stream=True)))
            read_until(client, b"\r\n0\r\n\r\n")
        assert time.monotonic() - started_s < 20 * 0.04


def test_stop_can_be_called_within_the_with_block() -> None:
    with contextlib.ExitStack() as stack:
        gateway = stack.enter_context(DemoGateway())
        gateway.stop()
    with pytest.raises(ConnectionRefusedError):
        open_socket(gateway)
