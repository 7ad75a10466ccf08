"""Reading and checking keys.

`settings` decides which key may be sent to which host; `ensure_key_may_be_sent` here, whether it
may be sent unencrypted.

No message of this module contains a key, a key command, or the output of a command.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
import unicodedata
from contextlib import suppress
from pathlib import Path
from typing import IO

from newapi_cli.domain.base_url import BaseUrl
from newapi_cli.domain.settings import KeyKind, KeySource, Secret, Source
from newapi_cli.errors import ConfigError, ExitCode, FileError, profile_command
from newapi_cli.i18n import tr
from newapi_cli.signals import Interrupts
from newapi_cli.streams import read_file
from newapi_cli.text import quote_name

MAX_KEY = 4096
COMMAND_TIMEOUT_S = 60.0
COPY_KEY_HINT = tr("copy the key again and run `{login}`", login=profile_command("newapi login"))
COMMAND_HINT = tr("run the command in a shell to see what it prints")
CHARACTER_NAMES = (
    ("“”„‟‘’‚‛«»", tr("a curly quote")),
    ("\"'`", tr("a quote")),
    ("\n\r\x0b\x0c\x85\u2028\u2029", tr("a line break")),
    ("\u200b\u200c\u200d\u2060\ufeff\u00ad", tr("a zero-width space")),
    ("\t", tr("a tab")),
    (" ", tr("a space")),
    ("‐‑‒–—―−", tr("a long dash")),
    ("…", tr("an ellipsis")),
)
MAX_OUTPUT_BYTES = 64 * 1024  # a password manager may print notes below the key
BLOCK_BYTES = 4096
GRACE_S = 1.0  # for the rest of the output, and for the command to restore the terminal
SIGNAL_POLL_S = 0.05
NO_KEY_HINT = tr(
    "run `{login}`, or set NEWAPI_API_KEY (to any text if the server needs no key)",
    login=profile_command("newapi login"),
)


def read_key(source: KeySource, config_dir: Path) -> Secret:
    """Return the key: the text, or the first line of a file or of the output of a command.

    A path in a profile is relative to the config folder, one in a variable to the current folder. A
    command runs in a shell for at most 60 s. It inherits stderr, so that it can prompt for a
    passphrase. Raise `ConfigError`.
    """
    where = _source_name(source)
    text = source.text.reveal()
    if source.kind is KeyKind.FILE:
        base = config_dir if source.origin.source is Source.PROFILE else Path()
        text = _first_line_of_file(text, base, where)
    elif source.kind is KeyKind.COMMAND:
        text = first_line_of_command(text, where)
    return key_from_text(text, where)


def key_from_text(text: str, where: str) -> Secret:
    """Return the key without surrounding white space and without `Bearer `.

    Raise `ConfigError` with the kind and position of an invalid character, never with the key. Any
    visible ASCII character except quotes is valid (more than RFC 6750, section 2.1, allows).
    """
    key = re.sub(r"^bearer(\s+|$)", "", text.strip(), flags=re.IGNORECASE)
    if not key:
        raise ConfigError(tr("the key from {source} is empty", source=where), hint=COPY_KEY_HINT)
    if len(key) > MAX_KEY:
        message = tr(
            "the key from {source} is longer than {limit:,} characters", source=where, limit=MAX_KEY
        )
        raise ConfigError(message, hint=COPY_KEY_HINT)
    for position, character in enumerate(key, 1):
        if not "!" <= character <= "~" or character in "\"'`":
            message = tr(
                "the key from {source} contains {character} at position {position}",
                source=where,
                character=name_of_character(character),
                position=position,
            )
            raise ConfigError(message, hint=COPY_KEY_HINT)
    if "***" in key:
        raise ConfigError(
            tr("the key from {source} is masked with asterisks", source=where),
            hint=tr("copy the whole key with the copy button of the console"),
        )
    return Secret(key)


def ensure_key_may_be_sent(
    base_url: BaseUrl, *, allow_insecure: bool, what: str = tr("the key")
) -> None:
    """Raise `ConfigError` if the key would be sent unencrypted and the settings do not allow it."""
    if base_url.scheme == "https" or base_url.is_loopback or allow_insecure:
        return
    raise ConfigError(
        tr("refusing to send {what} in clear text to {url}", what=what, url=base_url),
        hint=tr(
            "use https://{host}, or: {command}",
            host=base_url.authority,
            command=profile_command("newapi config set", "allow_insecure true"),
        ),
    )


def _source_name(source: KeySource) -> str:
    if source.origin.source is Source.PROFILE:
        profile = quote_name(source.origin.name)
        return tr("{name} of profile {profile}", name=source.kind.value, profile=profile)
    return source.origin.name or source.kind.value


def name_of_character(character: str) -> str:
    """Return what to call a character that is invalid in a key or a header."""
    for characters, name in CHARACTER_NAMES:
        if character in characters:
            return name
    category = unicodedata.category(character)
    if category == "Zs":
        return tr("a no-break space or another wide space")
    if category == "Cf":
        return tr("an invisible character")
    if category == "Cc":
        return tr("a control character")
    return tr("a character outside ASCII")


def _first_line_of_file(text: str, base: Path, where: str) -> str:
    path = Path(text.strip())
    if not text.strip().startswith("~"):
        path = base / path
    try:
        return _first_line(read_file(path, MAX_KEY * 2).data)
    except FileError as error:
        is_invalid = isinstance(error.__cause__, (RuntimeError, ValueError))
        # From None: the error repeats the path, which may be a key in the wrong place.
        raise ConfigError(
            tr("cannot read the key file ({source})", source=where),
            why=tr("the path is invalid") if is_invalid else error.why,
            hint=tr(
                "{command}, or {login}",
                command=profile_command("newapi config set", "api_key_file PATH"),
                login=profile_command("newapi login"),
            ),
        ) from None


def first_line_of_command(command: str, where: str) -> str:
    """Return the first line that a shell command prints, never empty. Raise `ConfigError`.

    `where` is the name of the command in errors.
    """
    try:
        status, output = run_key_command(command, COMMAND_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        message = tr(
            "the command ({source}) timed out after {seconds:.0f} seconds",
            source=where,
            seconds=COMMAND_TIMEOUT_S,
        )
        raise ConfigError(message, hint=COMMAND_HINT) from None
    except (OSError, ValueError):
        message = tr("cannot start the command ({source})", source=where)
        raise ConfigError(message, hint=COMMAND_HINT) from None
    if len(output) >= MAX_OUTPUT_BYTES:
        message = tr("the command ({source}) printed too much", source=where)
        raise ConfigError(message, hint=COMMAND_HINT)
    if status != 0:
        message = tr(
            "the command ({source}) failed (exit code {status})",
            source=where,
            status=status,
        )
        raise ConfigError(message, hint=COMMAND_HINT)
    line = _first_line(output)
    if not line.strip():
        message = tr("the command ({source}) printed nothing", source=where)
        raise ConfigError(message, hint=COMMAND_HINT)
    return line


def _first_line(data: bytes) -> str:
    return data.decode("utf-8-sig", "replace").partition("\n")[0]


def run_key_command(command: str, timeout_s: float) -> tuple[int, bytes]:
    """Return exit status and output of a shell command.

    It is over when its shell exits: background processes may keep the pipe open. Output beyond the
    limit is not read. Raise `subprocess.TimeoutExpired`, `Interrupted` for a signal, and `OSError`
    or `ValueError` if the command cannot be started.

    At a terminal the command stays in our process group: it may prompt for a passphrase, and Ctrl-C
    reaches it. Without one it gets a session of its own, so that all of its processes, which share
    our stderr, can be killed if it takes too long.
    """
    has_session = sys.platform != "win32" and not _is_at_terminal()
    with Interrupts() as interrupts:
        process = subprocess.Popen(
            command,
            shell=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            start_new_session=has_session,
        )
        assert process.stdout is not None
        output = bytearray()
        reader = threading.Thread(target=_read_output, args=[process.stdout, output], daemon=True)
        reader.start()
        try:
            status = _status_of(process, timeout_s, interrupts)
        except BaseException:
            if interrupts.code is ExitCode.SIGINT and not has_session:
                with suppress(subprocess.TimeoutExpired):  # Ctrl-C has reached the command too
                    process.wait(GRACE_S)
            _end_command(process, has_session=has_session)
            raise
    reader.join(GRACE_S)
    return status, bytes(output)


def _status_of(process: subprocess.Popen[bytes], timeout_s: float, interrupts: Interrupts) -> int:
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            status = process.wait(SIGNAL_POLL_S)
        except subprocess.TimeoutExpired:
            interrupts.check()
            if time.monotonic() >= deadline:
                raise
        else:
            interrupts.check()  # Ctrl-C ends both
            return status


def _end_command(process: subprocess.Popen[bytes], *, has_session: bool) -> None:
    """Kill the session of the command, or terminate its shell, which can restore the terminal."""
    if has_session and sys.platform != "win32":
        if process.returncode is None:  # else the process id may have been reused
            with suppress(OSError):
                os.killpg(process.pid, signal.SIGKILL)
    else:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_S)
        process.kill()
    process.wait()


def _is_at_terminal() -> bool:
    """Return whether the process has a terminal, even if its streams are redirected."""
    if sys.platform == "win32":
        return False
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True


def _read_output(pipe: IO[bytes], output: bytearray) -> None:
    with pipe:
        while len(output) < MAX_OUTPUT_BYTES and (block := pipe.read1(BLOCK_BYTES)):  # type: ignore[attr-defined]  # it is buffered
            output += block
