"""A key source to the key itself, and what a key may look like and where it may travel.

No message of this module holds a key, a key command, or what a command printed.
"""

from __future__ import annotations

import re
import subprocess
import unicodedata
from pathlib import Path

from newapi_cli.config.key_command import MAX_OUTPUT_BYTES, run_key_command
from newapi_cli.domain.base_url import BaseUrl
from newapi_cli.domain.profile import KeyKind, KeySource, Secret, Source
from newapi_cli.errors import ConfigError, FileError
from newapi_cli.i18n import tr
from newapi_cli.streams import read_file
from newapi_cli.text import quote_name

MAX_KEY = 4096
COMMAND_S = 60.0
LOGIN_HINT = "copy the key again and run `newapi login`"
KINDS = (
    ("“”„‟‘’‚‛«»", "a curly quote"),
    ("\"'`", "a quote"),
    ("\n\r\x0b\x0c\x85\u2028\u2029", "a line break"),
    ("\u200b\u200c\u200d\u2060\ufeff\u00ad", "a zero-width space"),
    ("\t", "a tab"),
    (" ", "a space"),
    ("‐‑‒–—―−", "a long dash"),
    ("…", "an ellipsis"),
)


def read_key(source: KeySource, config_dir: Path) -> Secret:
    """Give the key of a source: the text, or the first line of a file or of a command's output.

    A path is relative to the config folder if a profile names it, to the current one if a variable
    does. A command runs in the shell for at most 60 s; its stderr stays the terminal's, so that it
    may ask for a passphrase. Raises `ConfigError`.
    """
    where = _where(source)
    text = source.text.reveal()
    if source.kind is KeyKind.FILE:
        base = config_dir if source.origin.source is Source.PROFILE else Path()
        text = _first_line_of_file(text, base, where)
    elif source.kind is KeyKind.COMMAND:
        text = _first_line_of_command(text, where)
    return key_from_text(text, where)


def key_from_text(text: str, where: str) -> Secret:
    """Give the key without white space around it and without `Bearer `.

    Raises `ConfigError` that names the kind and place of a character that no key holds (RFC 6750
    section 2.1, widely understood: any visible ASCII but quotes), never the key.
    """
    key = re.sub(r"^bearer(\s+|$)", "", text.strip(), flags=re.IGNORECASE)
    if not key:
        raise ConfigError(f"the key from {where} is empty", hint=LOGIN_HINT)
    if len(key) > MAX_KEY:
        problem = f"the key from {where} is longer than {MAX_KEY:,} characters"
        raise ConfigError(problem, hint=LOGIN_HINT)
    for position, character in enumerate(key, 1):
        if not "!" <= character <= "~" or character in "\"'`":
            kind = _kind_of(character)
            problem = f"the key from {where} holds {kind} at position {position}"
            raise ConfigError(problem, hint=LOGIN_HINT)
    if "***" in key:
        raise ConfigError(
            f"the key from {where} is a masked one, with asterisks",
            hint="copy the whole key with the copy button of the console",
        )
    return Secret(key)


def ensure_key_may_be_sent(base_url: BaseUrl, *, allow_insecure: bool) -> None:
    """Raise `ConfigError` where the key would cross a network unencrypted against the settings."""
    if base_url.scheme == "https" or base_url.is_loopback or allow_insecure:
        return
    raise ConfigError(
        f"refusing to send the key in clear text to {base_url}",
        hint=f"use https://{base_url.authority}, or: newapi config set allow_insecure true",
    )


def _where(source: KeySource) -> str:
    if source.origin.source is Source.PROFILE:
        return f"{source.kind.value} of profile {quote_name(source.origin.name)}"
    return source.origin.name or source.kind.value


def _kind_of(character: str) -> str:
    for characters, kind in KINDS:
        if character in characters:
            return kind
    category = unicodedata.category(character)
    if category == "Zs":
        return "a no-break space or another wide space"
    if category == "Cf":
        return "an invisible character"
    return "a control character" if category == "Cc" else "a character outside ASCII"


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
            hint="newapi config set api_key_file PATH, or newapi login",
        ) from None


def _first_line_of_command(command: str, where: str) -> str:
    hint = "run the command in a shell to see what it prints"
    try:
        status, output = run_key_command(command, COMMAND_S)
    except subprocess.TimeoutExpired:
        problem = f"the key command ({where}) took longer than {COMMAND_S:.0f} seconds"
        raise ConfigError(problem, hint=hint) from None
    except (OSError, ValueError):
        raise ConfigError(f"the key command ({where}) cannot be started", hint=hint) from None
    if len(output) >= MAX_OUTPUT_BYTES:
        raise ConfigError(f"the key command ({where}) printed much more than a key", hint=hint)
    if status != 0:
        problem = f"the key command ({where}) failed with exit status {status}"
        raise ConfigError(problem, hint=hint)
    line = _first_line(output)
    if not line.strip():
        raise ConfigError(f"the key command ({where}) printed no key", hint=hint)
    return line


def _first_line(data: bytes) -> str:
    return data.decode("utf-8-sig", "replace").partition("\n")[0]
