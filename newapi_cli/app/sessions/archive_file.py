"""Exported sessions, read from where the command line names them."""

from __future__ import annotations

from pathlib import Path

from newapi_cli.app.context import Context
from newapi_cli.app.prompt_input import text_from_bytes
from newapi_cli.errors import UsageError
from newapi_cli.streams import read_file_up_to

MAX_BYTES = 1_000_000_000
HINT = "give a file that `newapi sessions export` wrote, or - for standard input"


def read_archive(context: Context, path_text: str) -> str:
    """Read exported sessions from a file, or from standard input for `-`. Raises `UsageError`."""
    if not path_text.strip():
        raise UsageError("no file is named", hint=HINT)
    if path_text == "-":
        data, is_whole = context.streams.stdin.read_up_to(MAX_BYTES)
    else:
        try:
            data, is_whole = read_file_up_to(Path(path_text).expanduser(), MAX_BYTES)
        except (OSError, RuntimeError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else str(error)
            raise UsageError(f"cannot read {path_text}", why=why or "", hint=HINT) from error
    if not is_whole:
        raise UsageError(f"{path_text} is larger than a gigabyte")
    return text_from_bytes(data, path_text)
