"""Redaction of keys, for debug output and for texts from a server.

Every pattern reads each character a bounded number of times, since servers choose the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from newapi_cli.domain.profile import Secret

MASK = "****"
MIN_SECRET_LENGTH = 8  # shorter ones could be ordinary words; real keys have 20 and more
PATTERNS = (  # each starts with a literal and looks back from there: a third of the time
    (r"sk-(?<![A-Za-z0-9]sk-)[A-Za-z0-9_-]{8,}", f"sk-{MASK}"),
    (r"([bB](?<!\w[bB])(?i:earer)\s{1,8})[^\s\"',;]{8,}", rf"\1{MASK}"),
    (r"://[^\s/?#\"'<>]*@", f"://{MASK}@"),
    (r"(?i:([?&][a-z_-]{0,20}(?:key|token|secret)=)[^&\s#\"'<>]+)", rf"\1{MASK}"),
)


def redact(text: str, secrets: Iterable[Secret]) -> str:
    """Return a text with the secrets and everything that looks like a secret masked.

    A secret is masked with and without its `sk-`.

    >>> redact("GET https://me:pw@host/?key=abc no sk-0123456789 or a canary", [Secret("a canary")])
    'GET https://****@host/?key=**** no sk-**** or ****'
    """
    text = redact_known(text, secrets)
    for pattern, replacement in PATTERNS:
        text = re.sub(pattern, replacement, text)  # compiled with the first message
    return text


def redact_known(text: str, secrets: Iterable[Secret]) -> str:
    """Return a text with only the given secrets masked: it may be about others."""
    for value in _forms(secrets):
        text = text.replace(value, MASK)
    return text


def _forms(secrets: Iterable[Secret]) -> list[str]:
    """Return the texts to mask, the longest first. New API repeats keys without their `sk-`."""
    values = {secret.reveal() for secret in secrets}
    forms = values | {value.removeprefix("sk-") for value in values}
    return sorted((form for form in forms if len(form) >= MIN_SECRET_LENGTH), key=len, reverse=True)
