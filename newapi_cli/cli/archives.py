"""Exported sessions, read from where the command line names them."""

from __future__ import annotations

from pathlib import Path

from newapi_cli.cli.context import Context
from newapi_cli.errors import UsageProblem
from newapi_cli.flows.prompt import text_from_bytes

MAX_BYTES = 1_000_000_000


def read_archive(context: Context, path_text: str) -> str:
    """Read exported sessions from a file, or from standard input for `-`. Raises `UsageProblem`."""
    if path_text == "-":
        data, is_whole = context.streams.stdin.read_up_to(MAX_BYTES)
    else:
        try:
            with Path(path_text).expanduser().open("rb") as file:
                data = file.read(MAX_BYTES + 1)
        except (OSError, RuntimeError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else str(error)
            raise UsageProblem(f"cannot read {path_text}", why=why or "") from error
        is_whole = len(data) <= MAX_BYTES
    if not is_whole:
        raise UsageProblem(f"{path_text} is larger than a gigabyte")
    return text_from_bytes(data, path_text)
