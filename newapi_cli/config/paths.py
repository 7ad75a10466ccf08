"""Where the config file, the data and the cache live."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from platformdirs import PlatformDirs

from newapi_cli.errors import ConfigError

# A user without a home folder gets paths that nobody can make or read: the literal `~` of an
# unknown uid would be a folder of the current directory, where anybody may have put a config file.
NO_HOME = Path(os.devnull, "no-home")


class Paths(NamedTuple):
    """The three places of newapi on this machine; none of them need exist."""

    config_file: Path
    data_dir: Path
    cache_dir: Path


def find_paths(environ: Mapping[str, str]) -> Paths:
    """Give the platform's folders, or those below `NEWAPI_HOME`; touches no file.

    Without any home folder the paths lie below `NO_HOME`: reading finds nothing there, writing is a
    `ConfigError`.
    """
    if home_text := environ.get("NEWAPI_HOME", ""):
        home = _expanded(Path(home_text))
        return Paths(home / "config.toml", home / "data", home / "cache")
    folders = PlatformDirs("newapi", appauthor=False)
    return Paths(
        _below_home("XDG_CONFIG_HOME", lambda: folders.user_config_path) / "config.toml",
        _below_home("XDG_DATA_HOME", lambda: folders.user_data_path),
        _below_home("XDG_CACHE_HOME", lambda: folders.user_cache_path),
    )


def has_home() -> bool:
    """Say whether there is a home folder. HOME may be empty, which would be the root folder."""
    if os.name == "nt":
        return True
    if os.environ.get("HOME") == "":
        return False
    try:
        return Path.home().is_absolute() and Path.home().is_dir()
    except (RuntimeError, OSError):  # of nobody; nobody may look
        return False


def ensure_private_dir(path: Path) -> None:
    """Make a folder and its missing parents, each 0700 on any umask.

    Folders that exist keep their mode: they may be shared on purpose. Raises `ConfigError`.
    """
    if path.is_relative_to(NO_HOME):
        raise ConfigError(
            "there is no home folder to write to", hint="set NEWAPI_HOME to a folder of yours"
        )
    try:
        missing = [folder for folder in (path, *path.parents) if not folder.is_dir()]
        for folder in reversed(missing):
            _make_private(folder)
    except OSError as error:
        raise ConfigError(
            f"cannot make the folder {path}",
            why=error.strerror or str(error),
            hint="set NEWAPI_HOME to a folder that you can write to",
        ) from error


def _make_private(folder: Path) -> None:
    try:
        folder.mkdir(0o700)
    except FileExistsError:
        if not folder.is_dir():
            raise
        return  # another newapi was faster
    folder.chmod(0o700)  # a umask of 0777 leaves 0000
    if sys.platform != "win32":
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            copy_owner(folder.parent, descriptor)
        finally:
            os.close(descriptor)


def _expanded(path: Path) -> Path:
    if path.parts[:1] == ("~",) and not has_home():
        return NO_HOME
    try:
        return path.expanduser().absolute()
    except (RuntimeError, OSError):  # `~` of nobody; relative to a folder that is gone
        return NO_HOME


def _below_home(variable: str, folder: Callable[[], Path]) -> Path:
    """Give a folder, if the variable names it or there is a home: to make one is not for us."""
    if not os.environ.get(variable, "").strip() and not has_home():
        return NO_HOME
    try:
        path = folder()
    except RuntimeError:  # platformdirs since 4.10; before, a path that begins with a literal `~`
        return NO_HOME
    return path if path.is_absolute() else NO_HOME


def copy_owner(like: Path, descriptor: int) -> None:
    """Give what root has just made the owner and group of `like`; where that fails, it stays."""
    if sys.platform == "win32" or os.geteuid() != 0:
        return
    with suppress(OSError):
        status = like.stat()
        os.fchown(descriptor, status.st_uid, status.st_gid)


def create_for_folder_owner(path: Path) -> Path:
    """Give a path at which root, who would make a file of its own, finds one of the folder's owner.

    It is made empty and 0600. One that is there stays as it is; so does all where this fails.
    """
    if sys.platform == "win32" or os.geteuid() != 0:
        return path
    with suppress(OSError):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        try:
            os.fchmod(descriptor, 0o600)  # a umask of 0777 leaves 0000
            copy_owner(path.parent, descriptor)
        finally:
            os.close(descriptor)
    return path


def is_owned_by_another_user(path: Path) -> bool:
    """Say whether something is there that belongs to another user."""
    if sys.platform == "win32":
        return False
    try:
        return path.lstat().st_uid != os.geteuid()
    except (OSError, ValueError):
        return False


def special_file_kind(status: os.stat_result) -> str:
    """Name what is no regular file; nothing for one that is.

    To replace a device or a socket by a file takes it from the whole machine.
    """
    for is_kind, name in (
        (stat.S_ISREG, ""),
        (stat.S_ISDIR, "a folder"),
        (stat.S_ISFIFO, "a pipe"),
        (stat.S_ISSOCK, "a socket"),
    ):
        if is_kind(status.st_mode):
            return name
    return "a device"
