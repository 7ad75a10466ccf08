"""Redaction: `****` in place of the keys in a text.

Applied by `Streams` to all of stderr, by `app.sessions.redacted_store` to what is stored and
exported, and by `config.cache` to cached responses.

Every pattern reads each character a bounded number of times, since servers choose the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from newapi_cli.domain.settings import Secret

REDACTED = "****"
MIN_SECRET_LENGTH = 8  # shorter ones could be ordinary words; real keys have 20 and more
MAX_MEMBER_NAME = 32  # of JSON members that we read; keys of New API have 48 characters
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


def redact_all(texts: Sequence[str], redact_text: Callable[[str], str]) -> Sequence[str]:
    """Return texts redacted. That usually none has a secret is found out at once.

    No secret contains a line break, so that it is found in the joined texts too.

    >>> redact_all(["a canary", "b"], lambda text: text.replace("canary", REDACTED))
    ['a ****', 'b']
    """
    joined = "\n".join(texts)
    return texts if redact_text(joined) == joined else [redact_text(text) for text in texts]


def redact_json(value: object, redact_text: Callable[[str], str]) -> object:
    """Return a JSON value with its texts redacted, but not the short names of members.

    >>> redact_json({"key": ["a canary", 1]}, lambda text: text.replace("canary", REDACTED))
    {'key': ['a ****', 1]}
    """
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, list | tuple):
        return [redact_json(each, redact_text) for each in value]
    if isinstance(value, Mapping):
        return {
            redact_text(name) if len(name) > MAX_MEMBER_NAME else name: redact_json(
                each, redact_text
            )
            for name, each in value.items()
        }
    return value


def _forms(secrets: Iterable[Secret]) -> list[str]:
    """Return the texts to redact, the longest first. New API repeats keys without their `sk-`."""
    values = {secret.reveal() for secret in secrets}
    forms = values | {value.removeprefix("sk-") for value in values}
    return sorted((form for form in forms if len(form) >= MIN_SECRET_LENGTH), key=len, reverse=True)
