"""The locations of config file, data and cache, and the owners of what is created there.

`sudo newapi` keeps HOME on many systems. What root creates there, with mode 0600, would be
inaccessible to the user, so it is given to the owner of its folder. Ownership is changed on open
descriptors only: a path may lead elsewhere by then.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from platformdirs import PlatformDirs

from newapi_cli.errors import ConfigError, disk_hint
from newapi_cli.i18n import tr

# Without a home folder the paths are unusable on purpose. The literal `~` of an unknown uid would
# be relative to the current folder, where another user may have placed a config file.
NO_HOME = Path(os.devnull, "no-home")
HOME_HINT = tr("set NEWAPI_HOME to a folder that you can write to")


class Paths(NamedTuple):
    """The config file and the folders of data and cache; they may not exist."""

    config_file: Path
    data_dir: Path
    cache_dir: Path

    @property
    def sessions_file(self) -> Path:
        """Where the sessions are stored."""
        return self.data_dir / "sessions.db"


def find_paths(environ: Mapping[str, str]) -> Paths:
    """Return the platform's folders, or those below `NEWAPI_HOME`. No file is accessed.

    Without a home folder the paths are below `NO_HOME`: nothing can be read there, and writing
    raises `ConfigError`.
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
    """Return whether there is a home folder. An empty HOME does not count."""
    if os.name == "nt":
        return True
    if os.environ.get("HOME") == "":
        return False
    try:
        return Path.home().is_absolute() and Path.home().is_dir()
    except (RuntimeError, OSError):  # an unknown user, or no permission
        return False


def ensure_private_dir(path: Path) -> None:
    """Create a folder and its missing parents with mode 0700, whatever the umask is.

    Existing folders keep their mode: they may be shared on purpose. Raise `ConfigError`.
    """
    if path.is_relative_to(NO_HOME):
        raise ConfigError(tr("no home folder to write to"), hint=HOME_HINT)
    try:
        missing = [folder for folder in (path, *path.parents) if not folder.is_dir()]
        for folder in reversed(missing):
            _make_private(folder)
    except OSError as error:
        raise ConfigError(
            tr("cannot create the folder {path}", path=path),
            why=error.strerror or str(error),
            hint=disk_hint(error.errno, _nearest(path)) or HOME_HINT,
        ) from error


def _nearest(folder: Path) -> Path:
    """Return the folder, or its first parent that exists."""
    return next((each for each in (folder, *folder.parents) if os.path.lexists(each)), folder)


def _make_private(folder: Path) -> None:
    try:
        folder.mkdir(0o700)
    except FileExistsError:
        if not folder.is_dir():
            raise
        return  # another process was faster
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
    except (RuntimeError, OSError):  # an unknown user; the current folder was removed
        return NO_HOME


def _below_home(variable: str, folder: Callable[[], Path]) -> Path:
    """Return a folder if the variable names it or there is a home folder, else `NO_HOME`."""
    if not os.environ.get(variable, "").strip() and not has_home():
        return NO_HOME
    try:
        path = folder()
    except RuntimeError:  # platformdirs since 4.10; before, a path that starts with a literal `~`
        return NO_HOME
    return path if path.is_absolute() else NO_HOME


def copy_owner(like: Path, descriptor: int) -> None:
    """As root, give an open file the owner and group of `like`. Failures are ignored."""
    if sys.platform == "win32" or os.geteuid() != 0:
        return
    with suppress(OSError):
        status = like.stat()
        os.fchown(descriptor, status.st_uid, status.st_gid)


def create_for_folder_owner(path: Path) -> Path:
    """As root, create an empty file (0600) that belongs to the folder's owner, and return its path.

    An existing file is not changed, and failures are ignored.
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
    """Return whether a path exists and belongs to another user."""
    if sys.platform == "win32":
        return False
    try:
        return path.lstat().st_uid != os.geteuid()
    except (OSError, ValueError):
        return False


def special_file_kind(status: os.stat_result) -> str:
    """Return the displayed kind of what is not a regular file, else no text.

    A device or a socket must not be replaced by a file: that would break the whole machine.
    """
    for is_kind, name in (
        (stat.S_ISREG, ""),
        (stat.S_ISDIR, tr("a folder")),
        (stat.S_ISFIFO, tr("a pipe")),
        (stat.S_ISSOCK, tr("a socket")),
    ):
        if is_kind(status.st_mode):
            return name
    return tr("a device")
