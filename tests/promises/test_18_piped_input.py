"""Piped input is sent byte for byte after the prompt; only a byte order mark is removed."""

from __future__ import annotations

import array
import fcntl
import os
import termios
import time

import pytest

from tests.promises.conftest import ANSWER
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.observed import Running, observe
from tests.support.process import run_in_shell

BOM = b"\xef\xbb\xbf"


def prompt(server: FaultServer) -> str:
    """Return the only message of the only request."""
    [request] = server.requests
    [message] = request.json["messages"]
    assert message["role"] == "user"
    content = message["content"]
    assert isinstance(content, str)
    return content


@pytest.mark.parametrize(
    ("words", "piped", "sent"),
    [
        (["sum"], BOM + b"first\r\nsecond\r\nno end", "sum\n\nfirst\r\nsecond\r\nno end"),
        (["sum", "up"], b"a\nb\n", "sum up\n\na\nb\n"),
        (["two\nlines"], b"x", "two\nlines\n\nx"),
        (["sum"], BOM + BOM + b"x", "sum\n\n\ufeffx"),
        (["sum"], BOM, "sum"),
        (["sum"], b"", "sum"),
        ([], b"hi\n", "hi\n"),
        ([], BOM + b"  indented\r\n\r\n\ttext \n\n", "  indented\r\n\r\n\ttext \n\n"),
        ([], "é你👋\u2028\u0085\x1b[31m\x07\rx".encode(), "é你👋\u2028\u0085\x1b[31m\x07\rx"),
    ],
)
def test_prompt_and_input_are_joined_and_otherwise_unchanged(
    home: Home, server: FaultServer, words: list[str], piped: bytes, sent: str
) -> None:
    result = observe("chat", *words, home=home, stdin=piped)
    assert (result.code, result.text, result.err) == (0, f"{ANSWER}\n", "")
    assert prompt(server) == sent


@pytest.mark.parametrize("script", ['cat f | "$@"', '"$@" < f'], ids=["a pipe", "a file"])
def test_a_windows_text_file_is_sent_unchanged(
    home: Home, server: FaultServer, script: str
) -> None:
    text = "Zeile 一二三 „quoted“ \\ é👋\t\r\n" * 3
    (home.path / "f").write_bytes(BOM + text.encode())
    result = run_in_shell(script, "chat", "sum", home=home)
    assert (result.code, result.text, result.err) == (0, f"{ANSWER}\n", "")
    assert prompt(server) == f"sum\n\n{text}"


def test_three_megabytes_arrive_unchanged(home: Home, server: FaultServer) -> None:
    text = 'Zeile 一二三 "quoted" \\ é👋\t\r\n' * 90_000
    assert len(text.encode()) > 3_000_000
    assert observe("chat", home=home, stdin=text.encode()).code == 0
    assert prompt(server) == text


def test_a_slow_writer_is_waited_for_and_no_character_is_split(
    home: Home, server: FaultServer
) -> None:
    reading, writing = os.pipe()
    with Running("chat", "sum", home=home, stdin=reading) as running:
        for byte in "é你👋".encode():
            os.write(writing, bytes([byte]))
            wait_until_read(reading)
        assert server.connections == []
        os.close(writing)
        assert running.end().code == 0
    os.close(reading)
    assert prompt(server) == "sum\n\né你👋"


def wait_until_read(pipe: int, timeout_s: float = 10.0) -> None:
    """Wait until the other side has read everything in a pipe; the kernel only offers polling."""
    deadline = time.monotonic() + timeout_s
    unread = array.array("i", [1])
    while unread[0]:
        assert time.monotonic() < deadline, "the pipe is not read"
        fcntl.ioctl(pipe, termios.FIONREAD, unread)
        time.sleep(0.001)
