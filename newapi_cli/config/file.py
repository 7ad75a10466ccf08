"""Reading the config file with all its errors, and replacing it atomically.

A syntax error has file, line, column and reason, never the text: the messages of tomllib can repeat
names and characters of the file, and any line may contain a key. So the reason is looked up by the
start of tomllib's message (Python 3.11 to 3.14).

`os.replace` onto a symlink replaces the link, and onto a device the device. A mode given to
`os.open` is reduced by the umask and not applied to an existing file. So links are resolved first,
the target must be a regular file or missing, the text goes to a new file beside it, and mode and
owner are set on the open file.
"""

from __future__ import annotations

import errno
import os
import re
import shlex
import stat
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from newapi_cli.config.fields import BY_NAME
from newapi_cli.config.paths import NO_HOME, copy_owner, ensure_private_dir, special_file_kind
from newapi_cli.errors import ConfigError, UsageError, disk_hint
from newapi_cli.i18n import tr
from newapi_cli.text import MAX_NAME, is_plain_name, near_names, quote_name

MAX_BYTES = 1_000_000
TEMPORARY_FILES: set[Path] = set()  # of writes in progress; `__main__` removes them at exit
PROFILE_HINT = tr("write it as [profiles.NAME]")
TOP_LEVEL = ("default_profile", "profiles")

Profiles = Mapping[str, Mapping[str, object]]
Table = dict[str, object]
EDIT_HINT = tr("newapi config edit")
ESCAPE_HINT = tr("put text with backslashes in single quotes, such as 'C:\\folder'")
QUOTES_HINT = tr('put text in straight double quotes: "…"')
UTF_8_HINT = tr("save the file as UTF-8")
SYNTAX_ERRORS = (
    ("Invalid hex value", tr("an unknown escape sequence after a backslash"), ESCAPE_HINT),
    ("Unescaped '\\'", tr("an unknown escape sequence after a backslash"), ESCAPE_HINT),
    ("Escaped character", tr("an invalid character in an escape sequence"), ESCAPE_HINT),
    ("Illegal character '\\n'", tr("a string is not closed on its line"), QUOTES_HINT),
    ("Illegal character", tr("a control character in the text"), EDIT_HINT),
    ("Unterminated string", tr("a string is not closed"), QUOTES_HINT),
    ("Expected '\"", tr("a string is not closed"), QUOTES_HINT),
    ("Expected \"'", tr("a string is not closed"), QUOTES_HINT),
    ("Invalid value", tr("a missing value, or a string without quotes"), QUOTES_HINT),
    ("Invalid date", tr("an invalid date or time"), EDIT_HINT),
    ("Expected newline", tr("unexpected text after a value"), QUOTES_HINT),
    ("Cannot overwrite", tr("a name is set twice"), EDIT_HINT),
    ("Duplicate inline table key", tr("a name is set twice"), EDIT_HINT),
    ("Cannot declare", tr("a [table] is declared twice"), EDIT_HINT),
    ("Cannot mutate", tr("a table is defined in two places"), EDIT_HINT),
    ("Cannot redefine", tr("a table is defined in two places"), EDIT_HINT),
    ("Expected ']", tr("a [table] name is not closed"), EDIT_HINT),
    ("Expected '='", tr("a name without = and a value"), EDIT_HINT),
    ("Invalid initial character", tr("a name contains a character that needs quotes"), EDIT_HINT),
    ("Invalid statement", tr("a line is not NAME = VALUE"), EDIT_HINT),
    ("Unclosed array", tr("a list is not closed with ]"), EDIT_HINT),
    ("Unclosed inline table", tr("a table is not closed with }"), EDIT_HINT),
)
POSITION = re.compile(r"\(at line (\d+), column (\d+)\)$")
CURLY_QUOTES = "“”„‟‘’‚‛«»"


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """The content of the config file. Values are not checked yet.

    `warnings` and `unknown_names` are texts for stderr.
    """

    path: Path
    default_profile: str | None = field(default=None, repr=False)  # names may be keys, by mistake
    profiles: Profiles = field(default_factory=lambda: MappingProxyType({}), repr=False)
    warnings: tuple[str, ...] = ()
    unknown_names: tuple[str, ...] = ()


def ensure_valid_profile_name(name: str) -> None:
    """Raise `UsageError` for a name that cannot be stored: it may be a key."""
    if not is_plain_name(name):
        message = tr(
            "invalid profile name: use letters and digits, at most {n} characters", n=MAX_NAME
        )
        raise UsageError(message, hint=tr("newapi login --profile work"))


def read_config(path: Path) -> ConfigFile:
    """Return the content of the config file, empty if there is no file.

    Raise `ConfigError` for a file that cannot be read, is not TOML, or has another structure.
    Unknown names are kept, with a warning.
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
    """Return the bytes and the status of the file, or no bytes and None if there is no file."""
    if path.is_relative_to(NO_HOME):
        return b"", None
    try:
        if stat.S_ISFIFO(path.stat().st_mode):  # opening it would block
            raise OSError(errno.EINVAL, tr("it is a pipe"))
        with path.open("rb") as file:
            data, status = file.read(MAX_BYTES + 1), os.fstat(file.fileno())
    except FileNotFoundError:
        return b"", None
    except OSError as error:
        raise ConfigError(
            tr("cannot read {path}", path=path),
            why=error.strerror or str(error),
            hint=tr("ls -ld {path}", path=shlex.quote(str(path))),
        ) from error
    if len(data) > MAX_BYTES:
        message = tr("{path} is larger than {limit:,} bytes", path=path, limit=MAX_BYTES)
        raise ConfigError(message, hint=EDIT_HINT)
    return data, status


def profiles_from_table(table: Mapping[str, object], path: Path) -> Profiles:
    """Return the profiles of a parsed file.

    Raises `ConfigError` if one is not a table.
    """
    profiles = table.get("profiles", {})
    if not isinstance(profiles, dict):
        message = tr("{path}: profiles must be a table", path=path)
        raise ConfigError(message, hint=PROFILE_HINT)
    for name, profile in profiles.items():
        if not isinstance(profile, dict):
            name = quote_name(name)
            message = tr("{path}: profile {profile} must be a table", path=path, profile=name)
            raise ConfigError(message, hint=PROFILE_HINT)
    return profiles


def write_atomically(path: Path, text: str) -> None:
    """Replace the content of a file, mode 0600. For a symlink, its target is replaced.

    A reader sees the old text or the new one, also after a crash. Raise `ConfigError`, also if the
    target is not a regular file; it is then unchanged.
    """
    target = resolve_target(path)
    ensure_private_dir(target.parent)
    like = target if _is_file(target, path) else target.parent
    temporary = target.with_name(f".{target.name}.{os.urandom(8).hex()}.tmp")
    try:
        TEMPORARY_FILES.add(temporary)
        try:
            _write_new_file(temporary, text.encode("utf-8"), like)
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)  # missing after the replacement
            TEMPORARY_FILES.discard(temporary)
        _sync_folder(target.parent)
    except OSError as error:
        raise ConfigError(
            tr("cannot write {path}", path=path),
            why=error.strerror or str(error),
            hint=disk_hint(error.errno, target.parent)
            or tr("ls -ld {path}", path=shlex.quote(str(target.parent))),
        ) from error


def resolve_target(path: Path) -> Path:
    """Return the path with all symlinks resolved; it may not exist."""
    message = tr("{path} is a symlink that cannot be resolved", path=path)
    try:
        target = path.resolve()
    except (OSError, RuntimeError) as error:
        raise ConfigError(message) from error
    if target.is_symlink():  # since Python 3.13 a loop raises nothing
        raise ConfigError(message)
    return target


def lock_file(target: Path) -> Path:
    """Return the lock file of a config file, whose path has no symlinks. `config.edit` locks it."""
    return target.with_name(f".{target.name}.lock")


def _is_file(target: Path, path: Path) -> bool:
    """Return whether there is a file to replace.

    Raises `ConfigError` if it is not a regular one.
    """
    try:
        kind = special_file_kind(target.lstat())
    except OSError:  # it is missing, or writing reports the error
        return False
    if not kind:
        return True
    quoted = shlex.quote(str(path))
    if path.is_symlink():
        why = tr("it is a link to {target}, which is {kind}", target=target, kind=kind)
        hint = tr("rm {path}", path=quoted)
    else:
        why, hint = tr("it is {kind}", kind=kind), tr("ls -ld {path}", path=quoted)
    raise ConfigError(tr("cannot write {path}", path=path), why=why, hint=hint)


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
        message = tr("{path}: default_profile must be a string", path=path)
        raise ConfigError(message, hint=tr('set default_profile = "NAME"'))
    if default not in profiles:
        message = tr(
            "{path}: default_profile is {name}, but there is no such profile",
            path=path,
            name=quote_name(default),
        )
        known = ", ".join(quote_name(name) for name in profiles)
        raise ConfigError(
            message,
            why=tr("the profiles are: {names}", names=known) if known else "",
            hint=near_name_hint(default, profiles) or EDIT_HINT,
        )
    return default


def near_name_hint(name: str, known: Iterable[str]) -> str:
    """Return a hint with the known name that is most similar to a mistyped one, or no text."""
    near = near_names(name[:MAX_NAME], known, limit=1)
    return tr("use {name}", name=quote_name(near[0])) if near else ""


def _access_warnings(path: Path, status: os.stat_result, profiles: Profiles) -> Iterator[str]:
    if sys.platform == "win32":
        return
    if has_secret(profiles) and status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        yield tr(
            "other users can read the key in {path}; run: chmod 600 {quoted}",
            path=path,
            quoted=shlex.quote(str(path)),
        )
    if status.st_uid != os.geteuid():
        yield tr(
            "{path} belongs to another user (uid {uid}), who can change it",
            path=path,
            uid=status.st_uid,
        )


def has_secret(profiles: Profiles) -> bool:
    """Return whether the config file contains a key, or headers, whose values may be keys."""
    return any(table.get("api_key") or table.get("headers") for table in profiles.values())


def _unknown_names(table: Mapping[str, object], profiles: Profiles) -> Iterator[str]:
    for name in table:
        if name in BY_NAME:
            yield tr(
                "{name} has no effect here; move it below [profiles.NAME]", name=quote_name(name)
            )
        elif name not in TOP_LEVEL:
            yield _unknown_name(name, TOP_LEVEL)
    for profile, values in profiles.items():
        for name in values:
            if name not in BY_NAME:
                yield _unknown_name(name, BY_NAME, profile)


def _unknown_name(name: str, known: Iterable[str], profile: str | None = None) -> str:
    near = near_names(name[:MAX_NAME], known, limit=1)
    what = tr("unknown setting {name}", name=quote_name(name))
    if profile is not None:
        what = tr(
            "unknown setting {name} in profile {profile}",
            name=quote_name(name),
            profile=quote_name(profile),
        )
    return tr("{what}; did you mean {near}?", what=what, near=quote_name(near[0])) if near else what


def text_from_bytes(data: bytes, path: Path) -> str:
    """Return the text of a config file without its byte order mark; line ends are kept.

    Raise `ConfigError` for another encoding than UTF-8.
    """
    if data.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in data[:4]:
        raise ConfigError(tr("{path} is not UTF-8 but UTF-16", path=path), hint=UTF_8_HINT)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        message = tr("{path}:{line}: the file is not UTF-8", path=path, line=line)
        # From None: the original error contains the bytes of the file.
        raise ConfigError(message, hint=UTF_8_HINT) from None


def table_from_text(text: str, path: Path) -> Table:
    """Return the table of a TOML text.

    Raises `ConfigError`, without any text of the file.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line, column = _position(str(error), text)
        reason, hint = _syntax_error(str(error), _character_at(text, line, column))
        message = tr(
            "{path}:{line}:{column}: {reason}", path=path, line=line, column=column, reason=reason
        )
        # From None: the original message may repeat a name that is a key.
        raise ConfigError(message, hint=hint) from None
    except RecursionError:
        message = tr("{path}: lists or tables are nested too deeply", path=path)
        raise ConfigError(message, hint=EDIT_HINT) from None
    except ValueError:  # an integer of more than 4,300 digits
        message = tr("{path}: a number has too many digits", path=path)
        raise ConfigError(message, hint=EDIT_HINT) from None


def _position(message: str, text: str) -> tuple[int, int]:
    """Return line and column, from 1. For the end of the document tomllib gives no numbers."""
    if match := POSITION.search(message):
        return int(match[1]), int(match[2])
    lines = text.rstrip().split("\n")
    return len(lines), len(lines[-1].rstrip("\r")) + 1


def _character_at(text: str, line: int, column: int) -> str:
    lines = text.replace("\r\n", "\n").split("\n")
    return lines[line - 1][column - 1 : column] if line <= len(lines) else ""


def _syntax_error(message: str, character: str) -> tuple[str, str]:
    if character and character in CURLY_QUOTES:
        return tr("a curly quote in place of a straight one"), QUOTES_HINT
    for start, reason, hint in SYNTAX_ERRORS:
        if message.startswith(start):
            return reason, hint
    return tr("invalid TOML"), EDIT_HINT
