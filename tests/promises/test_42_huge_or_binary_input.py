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
AT_MOST_S = 15.0  # a gigabyte that is read to its end would take longer, and more memory
GIGABYTE = 1 << 30
PIPED = [("hi",), ("-f", "-", "hi")]
in_each_way = pytest.mark.parametrize("args", PIPED, ids=["prompt", "-f -"])


def assert_refused(seen: Observed, server: FaultServer, *told: str) -> None:
    """See that it stopped early and told why, by one message, and that nothing was sent."""
    assert (seen.code, seen.out) == (2, b""), seen
    assert seen.peak_bytes < AT_MOST_BYTES
    assert seen.seconds < AT_MOST_S
    assert seen.err.count("error:") == 1
    assert [each for each in told if each not in seen.err] == [], seen.err
    assert server.connections == []


@contextmanager
def source(*command: str) -> Iterator[IO[bytes]]:
    """Give the output of a command that never ends."""
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            yield process.stdout
        finally:
            process.kill()


@pytest.fixture
def sparse(tmp_path: Path) -> Path:
    """Give a file of a gigabyte that takes no room: text, and then NULs."""
    path = tmp_path / "sparse"
    path.write_bytes(b"text\n" * 20_000)
    os.truncate(path, GIGABYTE)
    return path


@in_each_way
def test_a_gigabyte_on_stdin_is_rejected(
    home: Home, server: FaultServer, sparse: Path, args: Sequence[str]
) -> None:
    with sparse.open("rb") as file:
        assert_refused(
            observe_process("chat", *args, home=home, stdin=file), server, "standard input"
        )


def test_a_gigabyte_in_a_file_is_rejected(home: Home, server: FaultServer, sparse: Path) -> None:
    seen = observe_process("chat", "-f", str(sparse), "hi", home=home)
    assert_refused(seen, server, str(sparse))


@in_each_way
@pytest.mark.parametrize("device", ["urandom", "zero"])
def test_a_device_on_stdin_is_rejected(
    home: Home, server: FaultServer, device: str, args: Sequence[str]
) -> None:
    with Path("/dev", device).open("rb") as file:
        seen = observe_process("chat", *args, home=home, stdin=file)
    assert_refused(seen, server, "standard input is not text, an image or a PDF", "offset")


@in_each_way
def test_endless_text_stops_at_the_limit(
    home: Home, server: FaultServer, args: Sequence[str]
) -> None:
    with source("yes") as pipe:
        seen = observe_process("chat", *args, home=home, stdin=pipe)
    assert_refused(seen, server, "standard input is larger than 10 MB", "head -c")


def test_an_endless_image_stops_at_the_limit(
    home: Home, server: FaultServer, tmp_path: Path
) -> None:
    begin = tmp_path / "begin"
    begin.write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")
    with source("cat", str(begin), "/dev/zero") as pipe:
        seen = observe_process("chat", "hi", home=home, stdin=pipe)
    assert_refused(seen, server, "standard input is larger than 20 MB")


@pytest.mark.parametrize("path", ["/dev/urandom", "/dev/zero", "a pipe", "a pipe of nobody", "."])
def test_devices_pipes_and_folders_cannot_be_attached(
    home: Home, server: FaultServer, path: str
) -> None:
    name = str(home.path / path) if path.startswith("a ") else path
    if path == "a pipe of nobody":
        os.mkfifo(name)
    if path == "a pipe":
        os.mkfifo(name)
        with source("bash", "-c", 'yes > "$0"', name):
            seen = observe_process("chat", "-f", name, "hi", home=home)
    else:
        seen = observe_process("chat", "-f", name, "hi", home=home)
    assert_refused(seen, server, f"cannot read {name}")


def test_a_named_pipe_as_stdin_stops_at_the_limit(home: Home, server: FaultServer) -> None:
    name = str(home.path / "pipe")
    os.mkfifo(name)
    with source("bash", "-c", 'yes > "$0"', name), Path(name).open("rb") as pipe:
        assert_refused(
            observe_process("chat", "hi", home=home, stdin=pipe), server, "larger than 10 MB"
        )


NO_TEXT = {
    "a NUL": (b"a\x00b", "offset 1"),
    "UTF-16": (b"\xff\xfeh\x00i\x00", "UTF-16"),
    "UTF-16 without a mark": (b"h\x00i\x00", "offset 1"),
    "latin-1": (b"caf\xe9", "offset 3"),
    "a character that is cut": ("ab你".encode()[:-1], "offset 2"),
    "a surrogate": (b"\xed\xa0\x80", "offset 0"),
    "a picture that is none": (b"\x89PNG\r\n\x1a\n\x00", "offset"),
}


@pytest.mark.parametrize(("stdin", "told"), NO_TEXT.values(), ids=NO_TEXT)
def test_input_that_is_not_text_is_reported_with_its_offset(
    home: Home, server: FaultServer, stdin: bytes, told: str
) -> None:
    assert_refused(observe_process("chat", "what is this", home=home, stdin=stdin), server, told)


def test_ten_megabytes_are_sent(home: Home, server: FaultServer) -> None:
    text = "word " * (10 * 1024 * 1024 // 5)
    seen = observe_process("chat", home=home, stdin=text.encode())
    assert (seen.code, seen.err) == (0, "")
    assert server.requests[0].json["messages"][-1]["content"] == text
    assert seen.peak_bytes < AT_MOST_BYTES


def test_an_endless_key_stops_at_the_limit_too(home: Home, server: FaultServer) -> None:
    with source("yes") as pipe:
        seen = observe_process("login", server.url, "--stdin", home=home, stdin=pipe)
    assert_refused(seen, server, "too long for a key")
