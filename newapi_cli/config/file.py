"""The config file: read with every fault named, replaced whole or not at all.

Rules from outside: `os.replace` onto a symlink replaces the link, and onto a device the device; a
mode given to `os.open` is cut by the umask and not applied to a file that exists. So the link is
resolved first, its target must be a file or not there, the text goes to a new file beside it, and
mode and owner are set on the open file.
"""

from __future__ import annotations

import errno
import os
import shlex
import stat
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from newapi_cli.config.fields import BY_NAME
from newapi_cli.config.paths import NO_HOME, copy_owner, ensure_private_dir, special_file_kind
from newapi_cli.config.toml_errors import table_from_text, text_from_bytes
from newapi_cli.errors import ConfigError
from newapi_cli.text import quote_name, suggestion

MAX_BYTES = 1_000_000
TOP_LEVEL = ("default_profile", "profiles")

Profiles = Mapping[str, Mapping[str, object]]


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """What the file says, its values not yet checked.

    `warnings` and `unknown_names` are texts for stderr.
    """

    path: Path
    default_profile: str | None = field(default=None, repr=False)  # names may be keys, by mistake
    profiles: Profiles = field(default_factory=lambda: MappingProxyType({}), repr=False)
    warnings: tuple[str, ...] = ()
    unknown_names: tuple[str, ...] = ()


def read_config(path: Path) -> ConfigFile:
    """Read the config file; one that does not exist is an empty one.

    Raises `ConfigError` for a file that cannot be read, is not TOML, or has not the shape of a
    config file. Unknown names are kept and warned about.
    """
    data, status = read_config_bytes(path)
    if status is None:
        return ConfigFile(path)
    table = table_from_text(text_from_bytes(data, path), path)
    profiles = profiles_from_table(table, path)
    default = _default_profile(table, profiles, path)
    warnings = tuple(_access_warnings(path, status, profiles))
    return ConfigFile(path, default, profiles, warnings, tuple(_unknown_names(table, profiles)))


def read_config_bytes(path: Path) -> tuple[bytes, os.stat_result | None]:
    """Read the file and its status, or nothing and `None` where there is no file."""
    if path.is_relative_to(NO_HOME):
        return b"", None
    try:
        if stat.S_ISFIFO(path.stat().st_mode):  # opening it would wait for somebody who writes
            raise OSError(errno.EINVAL, "it is a pipe")
        with path.open("rb") as file:
            data, status = file.read(MAX_BYTES + 1), os.fstat(file.fileno())
    except FileNotFoundError:
        return b"", None
    except OSError as error:
        raise ConfigError(
            f"cannot read {path}",
            why=error.strerror or str(error),
            hint=f"ls -ld {shlex.quote(str(path))}",
        ) from error
    if len(data) > MAX_BYTES:
        raise ConfigError(f"{path} is larger than {MAX_BYTES:,} bytes", hint="newapi config edit")
    return data, status


def profiles_from_table(table: Mapping[str, object], path: Path) -> Profiles:
    """Give the profiles of a parsed file. Raises `ConfigError` where one is not a table."""
    profiles = table.get("profiles", {})
    if not isinstance(profiles, dict):
        raise _wrong_shape(path, "profiles must be a table", "[profiles.NAME]")
    for name, profile in profiles.items():
        if not isinstance(profile, dict):
            raise _wrong_shape(
                path, f"profile {quote_name(name)} must be a table", "[profiles.NAME]"
            )
    return profiles


def write_atomically(path: Path, text: str) -> None:
    """Replace the file by this text, 0600; where it is a symlink, the file that it points to.

    Whoever reads meanwhile, or after a crash, finds the old text or the new one. Raises
    `ConfigError`, also for what is no regular file, and then what was there is as it was.
    """
    target = resolve_target(path)
    ensure_private_dir(target.parent)
    like = target if _is_file(target, path) else target.parent
    temporary = target.with_name(f".{target.name}.{os.urandom(8).hex()}.tmp")
    try:
        try:
            _write_new_file(temporary, text.encode("utf-8"), like)
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)  # after the replacement there is none
        _sync_folder(target.parent)
    except OSError as error:
        raise ConfigError(
            f"cannot write {path}",
            why=error.strerror or str(error),
            hint=f"ls -ld {shlex.quote(str(target.parent))}",
        ) from error


def resolve_target(path: Path) -> Path:
    """Follow symlinks to the file itself, which need not exist. Raises `ConfigError` for a loop."""
    try:
        target = path.resolve()
    except (OSError, RuntimeError) as error:
        raise ConfigError(f"{path} is a symlink that leads nowhere") from error
    if target.is_symlink():  # since Python 3.13 a loop is not told
        raise ConfigError(f"{path} is a symlink that leads nowhere")
    return target


def _is_file(target: Path, path: Path) -> bool:
    """Say whether there is a file to replace. Raises `ConfigError` where it is something else."""
    try:
        kind = special_file_kind(target.lstat())
    except OSError:  # there is nothing, or the writing will tell why not
        return False
    if not kind:
        return True
    is_link = path.is_symlink()
    raise ConfigError(
        f"cannot write {path}",
        why=f"it leads to {target}, which is {kind}" if is_link else f"it is {kind}",
        hint=f"{'rm' if is_link else 'ls -ld'} {shlex.quote(str(path))}",
    )


def _write_new_file(path: Path, data: bytes, like: Path) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
    with os.fdopen(os.open(path, flags | getattr(os, "O_BINARY", 0), 0o600), "wb") as file:
        if sys.platform != "win32":
            os.fchmod(file.fileno(), 0o600)  # a umask of 0777 leaves 0000
        copy_owner(like, file.fileno())
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _default_profile(table: Mapping[str, object], profiles: Profiles, path: Path) -> str | None:
    default = table.get("default_profile")
    if default is None:
        return None
    if not isinstance(default, str):
        raise _wrong_shape(path, "default_profile must be text", 'default_profile = "NAME"')
    if default not in profiles:
        known = ", ".join(quote_name(name) for name in profiles) or "none"
        raise _wrong_shape(
            path,
            f"default_profile is {quote_name(default)}, but there is no such profile",
            f"the profiles are: {known}{suggestion(default, profiles)}",
        )
    return default


def _wrong_shape(path: Path, message: str, hint: str) -> ConfigError:
    return ConfigError(f"{path}: {message}", hint=hint)


def _access_warnings(path: Path, status: os.stat_result, profiles: Profiles) -> Iterator[str]:
    if sys.platform == "win32":
        return
    holds_key = any(profile.get("api_key") for profile in profiles.values())
    if holds_key and status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        yield f"others can read the key in {path}; run: chmod 600 {shlex.quote(str(path))}"
    if status.st_uid != os.geteuid():
        yield f"{path} belongs to another user (uid {status.st_uid}), who can change it"


def _unknown_names(table: Mapping[str, object], profiles: Profiles) -> Iterator[str]:
    for name in table:
        if name in BY_NAME:
            yield f"{quote_name(name)} has no effect here; it goes below [profiles.NAME]"
        elif name not in TOP_LEVEL:
            yield f"unknown name {quote_name(name)}{suggestion(name, TOP_LEVEL)}"
    for profile, values in profiles.items():
        for name in values:
            if name not in BY_NAME:
                near = suggestion(name, BY_NAME)
                where = f"in profile {quote_name(profile)}{near}"
                yield f"unknown name {quote_name(name)} {where}"
