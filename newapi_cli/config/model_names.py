"""The model names that TAB completes after --model, cached in a plain text file.

Names come from a server, and the completion scripts of shells evaluate them: Typer's script for zsh
runs a command in a value such as `\\$(...)`. So only names of safe characters are stored and
completed. This module is separate from `cache` because TAB must not load hashlib (3 ms).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from newapi_cli.config.file import write_atomically
from newapi_cli.config.paths import ensure_private_dir
from newapi_cli.errors import ConfigError, FileError
from newapi_cli.streams import read_file

SAFE_MODEL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,127}")
FILE = "models.txt"
MAX_BYTES = 256 * 1024


def cache_model_names(cache_dir: Path, names: Iterable[str]) -> None:
    """Store the safe names, one a line. Failures are ignored."""
    text = "".join(f"{name}\n" for name in sorted(set(names)) if SAFE_MODEL_NAME.fullmatch(name))
    try:
        ensure_private_dir(cache_dir)
        write_atomically(cache_dir / FILE, text[:MAX_BYTES])
    except ConfigError:
        return


def cached_model_names(cache_dir: Path) -> list[str]:
    """Return the safe names in the file, whoever wrote it."""
    try:
        text = read_file(cache_dir / FILE, MAX_BYTES).data.decode("utf-8", "replace")
    except FileError:
        return []
    return [line for line in text.splitlines() if SAFE_MODEL_NAME.fullmatch(line)]
