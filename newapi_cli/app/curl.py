"""A request as a curl command that a person can run, share and change; it never holds a key."""

from __future__ import annotations

import json
import shlex

from newapi_cli.domain.base_url import BaseUrl
from newapi_cli.domain.completion import ChatRequest
from newapi_cli.render.error_lines import print_warning
from newapi_cli.render.sanitizer import safe_text
from newapi_cli.streams import Streams

LONGEST_ARGUMENT = 30_000  # Linux takes 131,071 bytes, Windows 32,767 characters


def curl_command(base_url: BaseUrl, endpoint: str, body: bytes) -> str:
    """Give the command for a POSIX shell. The key stands in it as `$NEWAPI_API_KEY`.

    A body too long for an argument comes by a here-document. One that a terminal would obey is
    written in ASCII: JSON has escapes for it.
    """
    text = body.decode("utf-8")
    if safe_text(text) != text:
        text = json.dumps(json.loads(text))
    data, document = f"--data-raw {shlex.quote(text)}", ""
    if len(text) > LONGEST_ARGUMENT:
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


def tell_left_out(streams: Streams, request: ChatRequest) -> None:
    """Warn where the command does not work as printed: it lacks the bytes of attachments.

    No command line would hold them, and no screen should.
    """
    names = (each.name for message in request.messages for each in message.attachments)
    told = ", ".join(dict.fromkeys(names))
    if told:
        print_warning(streams, f"the command as printed lacks the bytes of {told}")
