"""Which turns could be left out of a conversation that is too long for a model.

Nothing is left out unless the user agrees.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from newapi_cli.domain.session import MessageHistory, TurnRecord, title_from_prompt
from newapi_cli.i18n import ntr, tr
from newapi_cli.render.sanitizer import safe_line

NUMBER = re.compile(r"\b\d{1,3}(?:,\d{3})+\b|\b\d{3,9}\b")
MARGIN = 0.85  # of the model's context: the answer needs room, and token counts vary
DEFAULT_SHARE = 0.5
MAX_LISTED = 10
MAX_ERROR_CHARACTERS = 2_000


class Proposal(NamedTuple):
    """The turns to leave out, and how many of the path are left out in all."""

    turns: tuple[TurnRecord, ...]
    left_out: int


def propose_trimming(history: MessageHistory, prompt: str, error: str) -> Proposal | None:
    """Propose the oldest turns to leave out, None if there are none.

    By the numbers in the gateway's error (the model's context and what was sent, in tokens), else
    enough turns to halve the text.
    """
    turns = history.turns[history.left_out :]
    if not any(turn.answer for turn in turns):
        return None
    total = len(prompt) + len(history.system) + sum(map(_size, turns))
    room = total * _share(error)
    removed = 0
    for index, turn in enumerate(turns, 1):
        removed += _size(turn)
        if total - removed <= room or index == len(turns):
            answered = tuple(each for each in turns[:index] if each.answer)
            if answered:
                return Proposal(answered, history.left_out + index)
    return None


def proposal_lines(proposed: Proposal, history: MessageHistory, model: str) -> Iterator[str]:
    """Yield the lines that show what would be left out."""
    yield ntr(
        "this conversation is too long for {model}; {n} of {sent:,} turns could be left out"
        " (it stays in the session, but is not sent):",
        "this conversation is too long for {model}; {n:,} of {sent:,} turns could be left out"
        " (they stay in the session, but are not sent):",
        len(proposed.turns),
        model=safe_line(model),
        sent=len(history.sent_turns),
    )
    for turn in proposed.turns[:MAX_LISTED]:
        title = safe_line(title_from_prompt(turn.typed_prompt))
        yield ntr(
            "  · {title} ({n} character)",
            "  · {title} ({n:,} characters)",
            _size(turn),
            title=title,
        )
    if len(proposed.turns) > MAX_LISTED:
        yield tr("  · and {n:,} more", n=len(proposed.turns) - MAX_LISTED)


def _share(error: str) -> float:
    """Return the share of the text that fits into the model's context.

    >>> _share("maximum context length is 8,000 tokens, you sent 16000"), _share("too long")
    (0.425, 0.5)
    """
    numbers = [int(text.replace(",", "")) for text in NUMBER.findall(error[:MAX_ERROR_CHARACTERS])]
    sent = max(numbers, default=0)
    room = max((number for number in numbers if number < sent), default=0)
    return MARGIN * room / sent if sent and room > sent / 100 else DEFAULT_SHARE


def _size(turn: TurnRecord) -> int:
    return len(turn.prompt) + len(turn.answer) if turn.answer else 0
