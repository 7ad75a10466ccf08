"""The text that a user pastes at `newapi login`: a URL, or the connection info of the console.

The console's "copy connection info" gives `{"_type":"newapi_channel_conn","key":…,"url":…}`
(QuantumNous/new-api, web/src/lib/channel-connection-info.ts, since 2026-03-31).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field

from newapi_cli.domain.base_url import BaseUrl, InvalidBaseUrl, base_url_from_text
from newapi_cli.errors import UsageError
from newapi_cli.i18n import tr

CLIPBOARD_TYPE = "newapi_channel_conn"
MAX_TEXT = 10_000
KEY_SHAPE = re.compile(r"(bearer\s+)?(sk-[\w-]+|[\w-]{20,})", re.IGNORECASE)
HINT = tr("use the form https://HOST, or paste the connection info that the console copies")


@dataclass(frozen=True, slots=True)
class ConnectionInfo:
    """The base URL of a gateway, and the key if there was one. The key is not checked yet."""

    base_url: BaseUrl
    key: str | None = field(default=None, repr=False)


def connection_info_from_text(text: str) -> ConnectionInfo:
    """Return what a pasted text contains. Raise `UsageError`, which never repeats the text.

    >>> str(connection_info_from_text("gateway.example/v1").base_url)
    'https://gateway.example'
    """
    text = text.strip().removeprefix("\ufeff").lstrip()
    if len(text) > MAX_TEXT:
        message = tr("the pasted text is longer than {limit:,} characters", limit=MAX_TEXT)
        raise UsageError(message, hint=HINT)
    if text.startswith("{"):
        return _from_clipboard(text)
    return ConnectionInfo(_base_url(text))


def _from_clipboard(text: str) -> ConnectionInfo:
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        # From None: the original error contains the text, and the key in it.
        raise UsageError(tr("the pasted text is incomplete or not JSON"), hint=HINT) from None
    if not isinstance(values, dict) or values.get("_type") != CLIPBOARD_TYPE:
        raise UsageError(tr("the pasted JSON is not connection info of the console"), hint=HINT)
    url, key = values.get("url"), values.get("key")
    if not isinstance(url, str) or not isinstance(key, str | None):
        raise UsageError(tr("the pasted connection info has no url or no key"), hint=HINT)
    return ConnectionInfo(_base_url(url), (key or "").strip() or None)


def _base_url(text: str) -> BaseUrl:
    # A key is a valid host name, and a DNS lookup would disclose it.
    if KEY_SHAPE.fullmatch(text.strip()):
        raise UsageError(tr("this looks like a key; enter the gateway's URL first"), hint=HINT)
    try:
        return base_url_from_text(text)
    except InvalidBaseUrl as problem:
        message = tr("invalid base URL: {problem}", problem=problem.args[0])
        raise UsageError(message, hint=HINT) from None
