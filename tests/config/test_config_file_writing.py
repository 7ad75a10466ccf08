"""Writing config.toml: private from the first byte, atomic, through symlinks."""

from __future__ import annotations

import errno
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import newapi_cli
from newapi_cli.config.cache import MODEL_NAMES_FILE, Cache, cache_model_names
from newapi_cli.config.file import read_config, write_atomically
from newapi_cli.errors import ConfigError

ROOT = Path(newapi_cli.__file__).parents[1]
ENDS_WHILE_WRITING = """
import os, sys, threading, time
from pathlib import Path
from newapi_cli import __main__
from newapi_cli.config.file import write_atomically

is_writing = threading.Event()

def slow_fsync(descriptor):
    is_writing.set()
    time.sleep(600)  # the disk does not answer

def run():
    path = Path(sys.argv[1])
    threading.Thread(target=write_atomically, args=(path, "new"), daemon=True).start()
    assert is_writing.wait(10)
    return 6

os.fsync = slow_fsync
__main__._run = run
__main__.main()
"""


@pytest.fixture(params=[0o000, 0o077, 0o777], ids=oct)
def any_umask(request: pytest.FixtureRequest) -> Iterator[int]:
    """Run the test under three umasks."""
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def mode_of(path: Path) -> int:
    return path.stat().st_mode & 0o777


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_file_has_mode_0600_under_any_umask(any_umask: int, tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    write_atomically(path, "one = 1\n")
    assert (mode_of(path), path.read_text()) == (0o600, "one = 1\n")
    path.chmod(0o644)
    write_atomically(path, "two = 2\n")
    assert (mode_of(path), path.read_text()) == (0o600, "two = 2\n")
    assert names_in(tmp_path) == ["config.toml"]


def test_the_new_file_is_private_from_its_first_byte(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    opened = []
    original = os.open

    def spy(path: Path, flags: int, mode: int = 0o777) -> int:
        descriptor = original(path, flags, mode)
        if flags & os.O_CREAT:
            opened.append((os.fstat(descriptor).st_mode & 0o777, flags & os.O_EXCL != 0))
        return descriptor

    monkeypatch.setattr(os, "open", spy)
    before = os.umask(0)
    try:
        write_atomically(tmp_path / "config.toml", "secret")
    finally:
        os.umask(before)
    assert opened == [(0o600, True)]


def test_missing_folders_are_created_private(any_umask: int, tmp_path: Path) -> None:
    write_atomically(tmp_path / "a/b/config.toml", "")
    assert (mode_of(tmp_path / "a"), mode_of(tmp_path / "a/b")) == (0o700, 0o700)


def test_a_symlink_stays_a_symlink(tmp_path: Path) -> None:
    target = tmp_path / "dotfiles/newapi.toml"
    target.parent.mkdir()
    target.write_text("old")
    link = tmp_path / "config.toml"
    link.symlink_to("dotfiles/newapi.toml")
    write_atomically(link, "new")
    assert (link.is_symlink(), target.read_text(), mode_of(target)) == (True, "new", 0o600)
    assert names_in(target.parent) == ["newapi.toml"]


def test_the_missing_target_of_a_symlink_is_created(tmp_path: Path) -> None:
    link = tmp_path / "config.toml"
    link.symlink_to(tmp_path / "later/newapi.toml")
    assert read_config(link).profiles == {}
    write_atomically(link, "x = 1")
    assert (link.is_symlink(), (tmp_path / "later/newapi.toml").read_text()) == (True, "x = 1")


def test_a_symlink_to_itself_is_an_error(tmp_path: Path) -> None:
    link = tmp_path / "config.toml"
    link.symlink_to(link)
    with pytest.raises(ConfigError, match="cannot be resolved"):
        write_atomically(link, "")
    assert link.is_symlink()


def test_a_process_that_ends_while_a_thread_writes_leaves_no_temporary_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    command = [sys.executable, "-c", ENDS_WHILE_WRITING, str(path)]
    path.write_text("old")
    assert subprocess.run(command, cwd=ROOT, check=False, timeout=60).returncode == 6
    assert (names_in(tmp_path), path.read_text()) == (["file"], "old")


def test_a_full_disk_leaves_only_the_old_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "config.toml"
    path.write_text("old")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ConfigError, match="cannot write") as caught:
        write_atomically(path, "new")
    assert caught.value.why == "No space left on device"
    assert (path.read_text(), names_in(tmp_path)) == ("old", ["config.toml"])


def test_a_folder_in_place_of_the_file_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.mkdir()
    with pytest.raises(ConfigError, match="cannot write"):
        write_atomically(path, "new")
    assert names_in(tmp_path) == ["config.toml"]


def make_pipe(path: Path) -> None:
    os.mkfifo(path)


def make_socket(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # the path of a socket is limited to about a hundred characters
    try:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path.name)
    finally:
        os.chdir(here)


@pytest.mark.parametrize("behind_a_link", [False, True])
@pytest.mark.parametrize(
    ("make", "kind"),
    [(make_pipe, "a pipe"), (make_socket, "a socket"), (Path.mkdir, "a folder")],
    ids=["pipe", "socket", "folder"],
)
def test_only_a_regular_file_is_replaced(
    make: Callable[[Path], None], kind: str, *, behind_a_link: bool, tmp_path: Path
) -> None:
    path, odd = tmp_path / "config.toml", tmp_path / "odd"
    if not behind_a_link:
        odd = path
    make(odd)
    before = odd.stat()
    if behind_a_link:
        path.symlink_to("odd")
    with pytest.raises(ConfigError, match="cannot write") as caught:
        write_atomically(path, "new")
    assert caught.value.why == (
        f"it is a link to {odd}, which is {kind}" if behind_a_link else f"it is {kind}"
    )
    assert str(path) in caught.value.hint
    assert (odd.stat().st_ino, odd.stat().st_mode) == (before.st_ino, before.st_mode)
    assert names_in(tmp_path) == sorted({"config.toml", odd.name})


def test_the_cache_silently_does_not_replace_a_pipe(tmp_path: Path) -> None:
    make_pipe(tmp_path / "pipe")
    (tmp_path / MODEL_NAMES_FILE).symlink_to("pipe")
    cache_model_names(tmp_path, ["m"])
    assert not Cache(tmp_path / MODEL_NAMES_FILE).put("a", 1)
    assert (tmp_path / "pipe").is_fifo()


def test_a_kill_while_writing_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("old = 1\n")
    program = (
        "import os, sys, pathlib\n"
        "from newapi_cli.config.file import write_atomically\n"
        "os.fsync = lambda _: os.kill(os.getpid(), 9)\n"
        "write_atomically(pathlib.Path(sys.argv[1]), 'new = 2')\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(path)], cwd=ROOT, check=False)
    assert done.returncode == -signal.SIGKILL
    assert path.read_text() == "old = 1\n"
    assert {mode_of(other) for other in tmp_path.iterdir() if other != path} == {0o600}
