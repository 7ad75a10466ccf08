"""An error on stderr: what happened, why, what to type next."""

from __future__ import annotations

from newapi_cli.errors import NewapiError
from newapi_cli.render.sanitise import at_words, safe_line
from newapi_cli.streams import Streams

RED = "\x1b[1;31m"
YELLOW = "\x1b[33m"
RESET = "\x1b[0m"


def tell_failure(streams: Streams, error: NewapiError) -> None:
    """Write an error in its parts; those that it does not have are left out."""
    _line(streams, "error", error.message, RED)
    for label, text in (
        ("why", error.why),
        ("request id", error.request_id),
        ("try", error.hint),
    ):
        if text:
            _line(streams, f"  {label}", text, "")


def tell_warning(streams: Streams, text: str) -> None:
    """Write one warning."""
    _line(streams, "warning", text, YELLOW)


def _line(streams: Streams, label: str, text: str, colour: str) -> None:
    line = f"{label}: {safe_line(streams.masked(text))}"
    if streams.stderr.is_terminal:
        line = at_words(line, streams.stderr.width, "    ")
    if colour and streams.wants_colour(streams.stderr):
        line = line.replace(f"{label}:", f"{colour}{label}:{RESET}", 1)
    streams.tell(line)
