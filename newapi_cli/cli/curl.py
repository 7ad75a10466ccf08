"""A request as a curl command that a person can run, share and change; it never holds a key."""

from __future__ import annotations

import shlex

from newapi_cli.domain.base_url import BaseUrl


def curl_command(base_url: BaseUrl, endpoint: str, body: bytes) -> str:
    """Give the command for a POSIX shell. The key stands in it as `$NEWAPI_API_KEY`.

    A body that begins with `@` or holds line breaks is quoted whole: --data-raw reads no files.
    """
    url = f"{base_url.scheme}://{base_url.authority}{base_url.path(endpoint)}"
    return " \\\n  ".join(
        (
            f"curl --no-buffer {shlex.quote(url)}",
            '--header "Authorization: Bearer $NEWAPI_API_KEY"',
            "--header 'Content-Type: application/json'",
            f"--data-raw {shlex.quote(body.decode('utf-8'))}",
        )
    )
