"""An error on stderr: what happened, why, what to type next."""

from __future__ import annotations

from newapi_cli.errors import NewapiError
from newapi_cli.render.sanitizer import safe_line
from newapi_cli.streams import Streams
from newapi_cli.text import wrap_line

RED = "\x1b[1;31m"
YELLOW = "\x1b[33m"
RESET = "\x1b[0m"


def print_error(streams: Streams, error: NewapiError) -> None:
    """Write an error in its parts; those that it does not have are left out."""
    _line(streams, "error", error.message, RED)
    for label, text in (
        ("why", error.why),
        ("request id", error.request_id),
        ("try", error.hint),
    ):
        if text:
            _line(streams, f"  {label}", text, "")


def print_warning(streams: Streams, text: str) -> None:
    """Write one warning."""
    _line(streams, "warning", text, YELLOW)


def _line(streams: Streams, label: str, text: str, color: str) -> None:
    line = f"{label}: {safe_line(streams.redact(text))}"
    if streams.stderr.is_terminal:
        line = wrap_line(line, streams.stderr.width, "    ")
    if color and streams.wants_color(streams.stderr):
        line = line.replace(f"{label}:", f"{color}{label}:{RESET}", 1)
    streams.print_err(line)
