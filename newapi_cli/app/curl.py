"""A request as a curl command to run, share and change; it never contains the key."""

from __future__ import annotations

import json
import shlex

from newapi_cli.domain.base_url import BaseUrl
from newapi_cli.domain.completion import ChatRequest
from newapi_cli.i18n import tr
from newapi_cli.render.sanitizer import safe_text
from newapi_cli.render.status_lines import print_warning
from newapi_cli.streams import Streams

MAX_ARGUMENT = 30_000  # Linux allows 131,071 bytes, Windows 32,767 characters


def curl_command(base_url: BaseUrl, endpoint: str, body: bytes) -> str:
    """Return the command for a POSIX shell, with `$NEWAPI_API_KEY` for the key.

    A body too long for an argument goes into a here-document. Control characters are written as
    JSON escapes.
    """
    text = body.decode("utf-8")
    if safe_text(text) != text:
        text = json.dumps(json.loads(text))
    data, document = f"--data-raw {shlex.quote(text)}", ""
    if len(text) > MAX_ARGUMENT:
        data, document = "--data-binary @- <<'JSON'", f"\n{text}\nJSON"
    url = f"{base_url.scheme}://{base_url.authority}{base_url.path(endpoint)}"
    return " \\\n  ".join(
        (
            f"curl --no-buffer {shlex.quote(url)}",
            '--header "Authorization: Bearer $NEWAPI_API_KEY"',
            "--header 'Content-Type: application/json'",
            data + document,
        )
    )


def warn_about_left_out_bytes(streams: Streams, request: ChatRequest) -> None:
    """Warn that the command does not work as printed if it lacks the bytes of attachments."""
    names = (each.name for message in request.messages for each in message.attachments)
    listed = ", ".join(dict.fromkeys(names))
    if listed:
        print_warning(streams, tr("the printed command lacks the bytes of {names}", names=listed))
