"""Exported sessions, read from where the command line names them."""

from __future__ import annotations

from newapi_cli.app.context import Context
from newapi_cli.app.prompt_input import text_from_bytes
from newapi_cli.errors import UsageError
from newapi_cli.i18n import tr
from newapi_cli.streams import read_file

MAX_BYTES = 1_000_000_000
HINT = "give a file that `newapi sessions export` wrote, or - for standard input"


def read_archive(context: Context, path_text: str) -> str:
    """Read exported sessions from a file, or from standard input for `-`. Raises `UsageError`."""
    if not path_text.strip():
        raise UsageError("no file is named", hint=HINT)
    if path_text == "-":
        content = context.streams.stdin.read(MAX_BYTES)
    else:
        content = read_file(path_text, MAX_BYTES, hint=HINT)
    if not content.is_complete:
        raise UsageError(tr("{path} is larger than 1 GB", path=path_text))
    return text_from_bytes(content.data, path_text)
