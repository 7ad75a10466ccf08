"""Which turns could go when a conversation is too long for a model. Nothing goes unasked."""

from __future__ import annotations

import re
from typing import NamedTuple

from newapi_cli.domain.session import MessageHistory, TurnRecord, title_from_prompt
from newapi_cli.render.sanitizer import safe_line

COUNT = re.compile(r"\b\d{1,3}(?:,\d{3})+\b|\b\d{3,9}\b")
MARGIN = 0.85  # of the room that the model has: the answer needs some, and tokens vary
HALF = 0.5
MOST_TOLD = 10


class Proposal(NamedTuple):
    """The turns that would go, and how many of the path that leaves out in all."""

    turns: tuple[TurnRecord, ...]
    left_out: int


def proposal(before: MessageHistory, prompt: str, error: str) -> Proposal | None:
    """Propose the oldest turns to go, or nothing where there are none.

    As many go as the gateway's own numbers ask for (the model's room and what was sent, in tokens),
    else enough to halve the text.
    """
    turns = before.turns[before.left_out :]
    if not any(turn.answer for turn in turns):
        return None
    total = len(prompt) + len(before.system) + sum(map(_size, turns))
    room = total * _share(error)
    gone = 0
    for index, turn in enumerate(turns, 1):
        gone += _size(turn)
        if total - gone <= room or index == len(turns):
            going = tuple(each for each in turns[:index] if each.answer)
            if going:
                return Proposal(going, before.left_out + index)
    return None


def told_proposal(found: Proposal, before: MessageHistory, model: str) -> str:
    """Say what would go."""
    count = len(found.turns)
    lines = [
        f"this conversation is too long for {safe_line(model)}. "
        f"{'This turn' if count == 1 else f'These {count} turns'} of {len(before.sent_turns)}"
        " could go; they stay in the session and are only no longer sent:"
    ]
    for turn in found.turns[:MOST_TOLD]:
        lines.append(
            f"  · {safe_line(title_from_prompt(turn.prompt))} ({_size(turn):,} characters)"
        )
    if count > MOST_TOLD:
        lines.append(f"  · and {count - MOST_TOLD} more")
    return "\n".join(lines)


def _share(error: str) -> float:
    """Give the share of the text that the model has room for.

    >>> _share("maximum context length is 8,000 tokens, you sent 16000"), _share("too long")
    (0.425, 0.5)
    """
    numbers = [int(text.replace(",", "")) for text in COUNT.findall(error[:2000])]
    sent = max(numbers, default=0)
    room = max((number for number in numbers if number < sent), default=0)
    return MARGIN * room / sent if sent and room > sent / 100 else HALF


def _size(turn: TurnRecord) -> int:
    return len(turn.prompt) + len(turn.answer) if turn.answer else 0
