"""Near misses of names, and which foreign words may be shown."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches  # 2 ms, and Typer has loaded it already

# Short words with separators: no gateway gives keys like that, every setting is called like that.
HARMLESS_NAME = re.compile(r"[^\W_]{1,20}(?:[_. -][^\W_]{1,20})*")
MAX_NAME = 40


def is_harmless(name: str) -> bool:
    """Say whether a name from the file or the command line cannot be a key put in its place.

    >>> is_harmless("require_finish_reason"), is_harmless("sk-0123456789"), is_harmless("x" * 32)
    (True, False, False)
    """
    short = len(name) <= MAX_NAME and HARMLESS_NAME.fullmatch(name) is not None
    return short and not name.lower().startswith("sk-")


def shown(name: str) -> str:
    """Quote a name for a message, or stand in for one that may be a key.

    >>> shown("work"), shown("sk-0123456789")
    ("'work'", '(a name not shown: it may be a key)')
    """
    return f"'{name}'" if is_harmless(name) else "(a name not shown: it may be a key)"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Ask for the known name most like a mistyped one, or say nothing.

    >>> did_you_mean("max-token", ["max_tokens", "model"]), did_you_mean("zzz", ["model"])
    ("; did you mean 'max_tokens'?", '')
    """
    matches = get_close_matches(word[:MAX_NAME].lower(), list(known), n=1, cutoff=0.6)
    return f"; did you mean {shown(matches[0])}?" if matches else ""
