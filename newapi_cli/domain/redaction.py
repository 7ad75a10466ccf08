"""Redaction: `****` in place of the keys in a text.

Applied by `Streams` to all of stderr, by `app.sessions.redacted_store` to what is stored and
exported, and by `config.cache` to cached responses.

Every pattern reads each character a bounded number of times, since servers choose the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from newapi_cli.domain.settings import Secret

REDACTED = "****"
MIN_SECRET_LENGTH = 8  # shorter ones could be ordinary words; real keys have 20 and more
SECRET_PATTERNS = (  # each starts with a literal and looks back from there: a third of the time
    (r"sk-(?<![A-Za-z0-9]sk-)[A-Za-z0-9_-]{8,}", f"sk-{REDACTED}"),
    (r"([bB](?<!\w[bB])(?i:earer)\s{1,8})[^\s\"',;]{8,}", rf"\1{REDACTED}"),
    (r"://[^\s/?#\"'<>]*@", f"://{REDACTED}@"),
    (r"(?i:([?&][a-z_-]{0,20}(?:key|token|secret)=)[^&\s#\"'<>]+)", rf"\1{REDACTED}"),
)


def redact(text: str, secrets: Iterable[Secret]) -> str:
    """Return a text with the secrets and everything that looks like a secret redacted.

    A secret is redacted with and without its `sk-`.

    >>> redact("GET https://me:pw@host/?key=abc no sk-0123456789 or a canary", [Secret("a canary")])
    'GET https://****@host/?key=**** no sk-**** or ****'
    """
    text = redact_known_keys(text, secrets)
    for pattern, replacement in SECRET_PATTERNS:
        text = re.sub(pattern, replacement, text)  # compiled with the first message
    return text


def redact_known_keys(text: str, secrets: Iterable[Secret]) -> str:
    """Return a text with only the given secrets redacted: it may be about others."""
    for value in _forms(secrets):
        text = text.replace(value, REDACTED)
    return text


def _forms(secrets: Iterable[Secret]) -> list[str]:
    """Return the texts to redact, the longest first. New API repeats keys without their `sk-`."""
    values = {secret.reveal() for secret in secrets}
    forms = values | {value.removeprefix("sk-") for value in values}
    return sorted((form for form in forms if len(form) >= MIN_SECRET_LENGTH), key=len, reverse=True)
