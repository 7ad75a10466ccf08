"""A file that holds a key is readable only by its owner, whatever the umask."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from newapi_cli.app.input_history import FILE as HISTORY_FILE
from tests.promises.conftest import ANSWER
from tests.repl.conversation import conversation
from tests.support.fault_server import FaultServer
from tests.support.home import CANARY, Home
from tests.support.observed import Conditions, observe, observe_process
from tests.support.process import Result
from tests.support.steps import Send
from tests.support.wire import response

UMASKS = (0o000, 0o022, 0o077, 0o777)


def mode(path: Path) -> int:
    """Return the permissions of a file."""
    return path.stat().st_mode & 0o777


def login(home: Home, server: FaultServer, umask: int = 0o022) -> Result:
    """Store the key with `newapi login`."""
    server.add(Send(response(200, {"data": [{"id": "good"}, {"id": "test-model"}]})))
    args = ("login", server.url, "-P", "test", "--stdin")
    return observe(*args, home=home, stdin=CANARY.encode(), umask=umask)


@pytest.mark.parametrize("umask", UMASKS, ids=oct)
def test_new_files_are_private_and_readable_by_their_owner(
    home: Home, server: FaultServer, umask: int
) -> None:
    home.config_file.unlink()
    home.newapi_home.rmdir()
    assert login(home, server, umask).code == 0
    assert CANARY in home.config_file.read_text("utf-8")
    for args in (["config", "set", "model", "test-model"], ["chat", "hi"], ["chat", "-c", "hi"]):
        result = observe(*args, home=home, umask=umask)
        assert (result.code, "chmod" in result.err) == (0, False), result
    paths = [home.newapi_home, *home.newapi_home.rglob("*")]
    wrong = [path for path in paths if mode(path) != (0o700 if path.is_dir() else 0o600)]
    assert wrong == []
    assert home.newapi_home / "data" / "sessions.db" in paths


@pytest.mark.parametrize("before", [0o644, 0o666, 0o640, 0o604, 0o660], ids=oct)
def test_a_file_readable_by_others_is_warned_about_and_made_private_when_written(
    home: Home, server: FaultServer, before: int
) -> None:
    home.config_file.chmod(before)
    result = observe("chat", "hi", home=home)
    assert (result.code, result.text) == (0, f"{ANSWER}\n")
    [warning] = result.err.splitlines()
    assert f"run: chmod 600 {home.config_file}" in warning
    assert mode(home.config_file) == before  # the program does not change it by itself
    assert observe("config", "set", "temperature", "1", home=home).code == 0
    assert mode(home.config_file) == 0o600
    assert observe("chat", "hi", home=home).err == ""


@pytest.mark.parametrize("umask", UMASKS, ids=oct)
def test_a_symlink_is_kept_and_its_target_is_made_private(
    home: Home, server: FaultServer, umask: int
) -> None:
    target = home.path.with_name("dotfiles") / "newapi.toml"
    target.parent.mkdir(0o755)
    home.config_file.rename(target)
    target.chmod(0o644)
    home.config_file.symlink_to(Path("../../dotfiles/newapi.toml"))
    assert login(home, server, umask).code == 0
    assert os.readlink(home.config_file) == "../../dotfiles/newapi.toml"  # noqa: PTH115  # the text of the link
    assert mode(target) == 0o600
    assert CANARY in target.read_text("utf-8")
    assert {mode(path) for path in target.parent.iterdir()} == {0o600}
    assert observe("chat", "hi", home=home).err == ""


def test_a_logout_leaves_a_private_file_without_the_key(home: Home, server: FaultServer) -> None:
    home.config_file.chmod(0o644)
    assert observe("logout", home=home, umask=0).code == 0
    assert mode(home.config_file) == 0o600
    holding = [p for p in home.path.rglob("*") if p.is_file() and CANARY.encode() in p.read_bytes()]
    assert holding == []


@pytest.mark.needs_root("give a file to another user")
def test_a_file_of_another_user_is_warned_about(home: Home, server: FaultServer) -> None:
    os.chown(home.config_file, 12345, -1)
    result = observe("chat", "hi", home=home)
    assert (result.code, result.text) == (0, f"{ANSWER}\n")
    [warning] = result.err.splitlines()
    assert "belongs to another user (uid 12345)" in warning


OWNER = 12345
# That user, with the permission to traverse the folders of the tests and no more.
AS_OWNER = Conditions(
    prefix=("setpriv", f"--reuid={OWNER}", f"--regid={OWNER}", "--clear-groups",
            "--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search")
)  # fmt: skip


@pytest.mark.needs_root("run in another user's home")
def test_files_that_root_writes_in_a_home_belong_to_its_owner(
    home: Home, server: FaultServer
) -> None:
    for path in (home.path, home.newapi_home, home.config_file):
        os.chown(path, OWNER, OWNER)
    server.add(Send(response(200, {"data": [{"id": "test-model"}]})))
    for args in (["models"], ["config", "set", "seed", "1"], ["chat", "hi"]):
        assert observe(*args, home=home).code == 0
    with conversation(home) as repl:
        repl.enter("hi")
    created = list(home.newapi_home.rglob("*"))
    names = {"config.toml", ".config.toml.lock", "cache", "models.txt", "data", "sessions.db"}
    assert {*names, HISTORY_FILE} <= {path.name for path in created}
    assert [p for p in created if (p.stat().st_uid, p.stat().st_gid) != (OWNER, OWNER)] == []
    for args in (["config", "set", "seed", "2"], ["chat", "-c", "hi"]):
        again = observe_process(*args, home=home, conditions=AS_OWNER)
        assert (again.code, "error" in again.err, "warning" in again.err) == (0, False, False)


@pytest.mark.needs_root("run in another user's home")
def test_files_that_root_creates_in_an_empty_home_belong_to_its_owner(
    home: Home, server: FaultServer
) -> None:
    home.config_file.unlink()
    home.newapi_home.rmdir()
    os.chown(home.path, OWNER, OWNER)
    assert login(home, server).code == 0
    created = [home.newapi_home, *home.newapi_home.rglob("*")]
    assert [p for p in created if p.stat().st_uid != OWNER] == []


@pytest.mark.needs_root("give a file to another user")
def test_a_file_keeps_its_owner_in_a_folder_of_another_user(
    home: Home, server: FaultServer
) -> None:
    os.chown(home.config_file, OWNER, OWNER + 1)
    assert observe("config", "set", "seed", "1", home=home).code == 0
    status = home.config_file.stat()
    assert (status.st_uid, status.st_gid) == (OWNER, OWNER + 1)


@pytest.mark.needs_root("give a file to another user")
def test_a_lock_of_another_user_is_named_with_a_command_to_fix_it(
    home: Home, server: FaultServer
) -> None:
    assert observe("config", "set", "seed", "1", home=home).code == 0
    lock = home.newapi_home / ".config.toml.lock"
    for path in (home.path, home.newapi_home, home.config_file):
        os.chown(path, OWNER, OWNER)
    result = observe_process("config", "set", "seed", "2", home=home, conditions=AS_OWNER)
    assert (result.code, f"sudo chown $USER {lock}" in result.err) == (3, True), result
    checked = observe_process("doctor", home=home, conditions=AS_OWNER)
    assert f"sudo chown -R $USER {lock}" in files_line(checked)


@pytest.mark.needs_root("run in another user's home")
def test_root_is_not_advised_to_take_files_from_their_owner(
    home: Home, server: FaultServer
) -> None:
    os.chown(home.config_file, OWNER, OWNER)
    line = files_line(observe("doctor", home=home))
    assert ("owned by another user" in line, "without sudo" in line) == (True, True)
    assert "chown" not in line


def files_line(result: Result) -> str:
    """Return the line of `newapi doctor` about files."""
    [line] = [line for line in result.text.splitlines() if line.startswith("files\t")]
    return line
