"""What a person pastes at `newapi login`: a URL in any form, or the console's clipboard text.

The console's "copy connection info" gives `{"_type":"newapi_channel_conn","key":…,"url":…}`
(QuantumNous/new-api, web/src/lib/channel-connection-info.ts, since 2026-03-31).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field

from newapi_cli.domain.base_url import BaseUrl, InvalidBaseUrl, base_url_from_text
from newapi_cli.errors import UsageError

CLIPBOARD_TYPE = "newapi_channel_conn"
MAX_TEXT = 10_000
KEY_SHAPE = re.compile(r"(bearer\s+)?(sk-[\w-]+|[\w-]{20,})", re.IGNORECASE)
HINT = "give it as https://HOST, or paste what the console's copy button of the key gives"


@dataclass(frozen=True, slots=True)
class ConnectionInfo:
    """A server, and its key where the text held one; the key is not checked yet."""

    base_url: BaseUrl
    key: str | None = field(default=None, repr=False)


def connection_info_from_text(text: str) -> ConnectionInfo:
    """Read what was pasted. Raises `UsageError`, which never repeats it.

    >>> str(connection_info_from_text("gateway.example/v1").base_url)
    'https://gateway.example'
    """
    text = text.strip().removeprefix("\ufeff").lstrip()
    if len(text) > MAX_TEXT:
        raise UsageError(f"the text is longer than {MAX_TEXT:,} characters", hint=HINT)
    if text.startswith("{"):
        return _from_clipboard(text)
    return ConnectionInfo(_base_url(text))


def _from_clipboard(text: str) -> ConnectionInfo:
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        # From nothing: the foreign error carries the text, and the key in it.
        raise UsageError("the pasted text is cut or is no JSON", hint=HINT) from None
    if not isinstance(values, dict) or values.get("_type") != CLIPBOARD_TYPE:
        raise UsageError("the pasted JSON is not the console's connection info", hint=HINT)
    url, key = values.get("url"), values.get("key")
    if not isinstance(url, str) or not isinstance(key, str | None):
        raise UsageError("the pasted connection info holds no url or no key", hint=HINT)
    return ConnectionInfo(_base_url(url), (key or "").strip() or None)


def _base_url(text: str) -> BaseUrl:
    # A key is a valid host name: asking DNS for it would tell it to strangers.
    if KEY_SHAPE.fullmatch(text.strip()):
        raise UsageError("that looks like a key; the URL of the gateway comes first", hint=HINT)
    try:
        return base_url_from_text(text)
    except InvalidBaseUrl as problem:
        words = f"the pasted text is no base URL: {problem}"
        raise UsageError(words, hint=HINT) from None
