"""Huge, binary or endless input stops at a limit with an error, and nothing of it is sent."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.observed import Observed, observe_process

AT_MOST_BYTES = 200_000_000
AT_MOST_S = 15.0  # reading a whole gigabyte would take longer
GIGABYTE = 1 << 30
PIPED = [("hi",), ("-f", "-", "hi")]
in_each_way = pytest.mark.parametrize("args", PIPED, ids=["prompt", "-f -"])


def assert_rejected(result: Observed, server: FaultServer, *texts: str) -> None:
    """Assert an early end with one error that has these texts, and that nothing was sent."""
    assert (result.code, result.out) == (2, b""), result
    assert result.peak_bytes < AT_MOST_BYTES
    assert result.seconds < AT_MOST_S
    assert result.err.count("error:") == 1
    assert [each for each in texts if each not in result.err] == [], result.err
    assert server.connections == []


@contextmanager
def source(*command: str) -> Iterator[IO[bytes]]:
    """Return the output of a command that never ends."""
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            yield process.stdout
        finally:
            process.kill()


@pytest.fixture
def sparse(tmp_path: Path) -> Path:
    """Return a sparse file of a gigabyte: text, then NULs."""
    path = tmp_path / "sparse"
    path.write_bytes(b"text\n" * 20_000)
    os.truncate(path, GIGABYTE)
    return path


@in_each_way
def test_a_gigabyte_on_stdin_is_rejected(
    home: Home, server: FaultServer, sparse: Path, args: Sequence[str]
) -> None:
    with sparse.open("rb") as file:
        assert_rejected(
            observe_process("chat", *args, home=home, stdin=file), server, "standard input"
        )


def test_a_gigabyte_in_a_file_is_rejected(home: Home, server: FaultServer, sparse: Path) -> None:
    result = observe_process("chat", "-f", str(sparse), "hi", home=home)
    assert_rejected(result, server, str(sparse))


@in_each_way
@pytest.mark.parametrize("device", ["urandom", "zero"])
def test_a_device_on_stdin_is_rejected(
    home: Home, server: FaultServer, device: str, args: Sequence[str]
) -> None:
    with Path("/dev", device).open("rb") as file:
        result = observe_process("chat", *args, home=home, stdin=file)
    assert_rejected(result, server, "standard input is not text, an image or a PDF", "offset")


@in_each_way
def test_endless_text_stops_at_the_limit(
    home: Home, server: FaultServer, args: Sequence[str]
) -> None:
    with source("yes") as pipe:
        result = observe_process("chat", *args, home=home, stdin=pipe)
    assert_rejected(result, server, "standard input is larger than 10 MB", "head -c")


def test_an_endless_image_stops_at_the_limit(
    home: Home, server: FaultServer, tmp_path: Path
) -> None:
    begin = tmp_path / "begin"
    begin.write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")
    with source("cat", str(begin), "/dev/zero") as pipe:
        result = observe_process("chat", "hi", home=home, stdin=pipe)
    assert_rejected(result, server, "standard input is larger than 20 MB")


@pytest.mark.parametrize(
    "path", ["/dev/urandom", "/dev/zero", "a pipe", "a pipe without a writer", "."]
)
def test_devices_pipes_and_folders_cannot_be_attached(
    home: Home, server: FaultServer, path: str
) -> None:
    name = str(home.path / path) if path.startswith("a ") else path
    if path == "a pipe without a writer":
        os.mkfifo(name)
    if path == "a pipe":
        os.mkfifo(name)
        with source("bash", "-c", 'exec yes > "$0"', name):
            result = observe_process("chat", "-f", name, "hi", home=home)
    else:
        result = observe_process("chat", "-f", name, "hi", home=home)
    assert_rejected(result, server, f"cannot read {name}")


def test_a_named_pipe_as_stdin_stops_at_the_limit(home: Home, server: FaultServer) -> None:
    name = str(home.path / "pipe")
    os.mkfifo(name)
    with source("bash", "-c", 'exec yes > "$0"', name), Path(name).open("rb") as pipe:
        assert_rejected(
            observe_process("chat", "hi", home=home, stdin=pipe), server, "larger than 10 MB"
        )


NOT_TEXT = {
    "a NUL": (b"a\x00b", "offset 1"),
    "UTF-16": (b"\xff\xfeh\x00i\x00", "UTF-16"),
    "UTF-16 without a mark": (b"h\x00i\x00", "offset 1"),
    "latin-1": (b"caf\xe9", "offset 3"),
    "a truncated character": ("ab你".encode()[:-1], "offset 2"),
    "a surrogate": (b"\xed\xa0\x80", "offset 0"),
    "an invalid image": (b"\x89PNG\r\n\x1a\n\x00", "offset"),
}


@pytest.mark.parametrize(("stdin", "message"), NOT_TEXT.values(), ids=NOT_TEXT)
def test_input_that_is_not_text_is_reported_with_its_offset(
    home: Home, server: FaultServer, stdin: bytes, message: str
) -> None:
    assert_rejected(
        observe_process("chat", "what is this", home=home, stdin=stdin), server, message
    )


def test_ten_megabytes_are_sent(home: Home, server: FaultServer) -> None:
    text = "word " * (10 * 1024 * 1024 // 5)
    result = observe_process("chat", home=home, stdin=text.encode())
    assert (result.code, result.err) == (0, "")
    assert server.requests[0].json["messages"][-1]["content"] == text
    assert result.peak_bytes < AT_MOST_BYTES


def test_an_endless_key_stops_at_the_limit_too(home: Home, server: FaultServer) -> None:
    with source("yes") as pipe:
        result = observe_process("login", server.url, "--stdin", home=home, stdin=pipe)
    assert_rejected(result, server, "too long for a key")
