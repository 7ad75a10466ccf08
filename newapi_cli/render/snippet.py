"""The place in a turn where a searched word stands, with a little of what is around it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from newapi_cli.domain.session import TurnRecord

BEFORE, AFTER = 30, 90


def snippet(turn: TurnRecord, words: Sequence[str]) -> str:
    """Give one line around the first word that is found, of the prompt or else of the answer.

    >>> snippet(TurnRecord("Why?", "Because the sky scatters light."), ["SKY"])
    'Because the sky scatters light.'
    """
    pattern = re.compile("|".join(map(re.escape, words)), re.IGNORECASE)
    for text in (turn.prompt, turn.answer):
        if match := pattern.search(text):
            return _around(text, match.start(), match.end())
    return _around(turn.prompt, 0, 0)


def _around(text: str, start: int, end: int) -> str:
    begin, stop = max(start - BEFORE, 0), end + AFTER
    piece = " ".join(text[begin:stop].split())
    return f"{'…' if begin else ''}{piece}{'…' if stop < len(text) else ''}"
