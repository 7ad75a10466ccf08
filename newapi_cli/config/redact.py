"""Text without keys, for debug output and for whatever a server says.

Every pattern reads each character a bounded number of times: servers choose the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from newapi_cli.domain.profile import Secret

MASK = "****"
SHORTEST_SECRET = 8  # below, the mask would eat ordinary words; real keys have 20 and more
SHAPES = (  # each begins with what it looks for, and looks back then: a third of the time
    (r"sk-(?<![A-Za-z0-9]sk-)[A-Za-z0-9_-]{8,}", f"sk-{MASK}"),
    (r"([bB](?<!\w[bB])(?i:earer)\s{1,8})[^\s\"',;]{8,}", rf"\1{MASK}"),
    (r"://[^\s/?#\"'<>]*@", f"://{MASK}@"),
    (r"(?i:([?&][a-z_-]{0,20}(?:key|token|secret)=)[^&\s#\"'<>]+)", rf"\1{MASK}"),
)


def redact(text: str, secrets: Iterable[Secret]) -> str:
    """Replace the known secrets, with and without `sk-`, and everything shaped like one.

    >>> redact("GET https://me:pw@host/?key=abc no sk-0123456789 or a canary", [Secret("a canary")])
    'GET https://****@host/?key=**** no sk-**** or ****'
    """
    text = redact_known(text, secrets)
    for shape, replacement in SHAPES:
        text = re.sub(shape, replacement, text)  # compiled when something is first told
    return text


def redact_known(text: str, secrets: Iterable[Secret]) -> str:
    """Replace the known secrets alone, in a text that may well speak of other ones."""
    for value in _forms(secrets):
        text = text.replace(value, MASK)
    return text


def _forms(secrets: Iterable[Secret]) -> list[str]:
    """Give what to look for, the longest first; New API repeats keys without their `sk-`."""
    values = {secret.reveal() for secret in secrets}
    forms = values | {value.removeprefix("sk-") for value in values}
    return sorted((form for form in forms if len(form) >= SHORTEST_SECRET), key=len, reverse=True)
