"""The bottom bar: what a person wants to know before the next question, fitted to the window."""

from __future__ import annotations

from prompt_toolkit.utils import get_cwidth

from newapi_cli.render.sanitizer import safe_line
from newapi_cli.repl.conversation import Talk
from newapi_cli.text import truncate

LONGEST_TITLE = 30
SEPARATOR = " · "


def bar_text(talk: Talk, width: int) -> str:
    """Give the bar for a width in columns: what matters less goes first where room is short."""
    live = talk.live
    turns = len(live.path)
    sent = turns - live.session.left_out
    count = f"{turns} turn{'s' * (turns != 1)}"
    if live.session.left_out:
        count += f" ({sent} sent)"
    parts = [  # each with its rank: the highest is dropped first
        (2, talk.answers.profile),
        (0, talk.model or "no model"),
        (4, truncate(safe_line(live.session.title), LONGEST_TITLE)),
        (1, count),
        (3, _tokens(talk)),
        (2, talk.answers.spent(live.path)),
        (1, f"{len(talk.attached)} attached" if talk.attached else ""),
        (2, "" if live.is_saved else "not saved"),
        (5, "/help"),
        (6, "Ctrl-D leaves"),
    ]
    redact = talk.streams.redact
    kept = [(rank, safe_line(redact(text))) for rank, text in parts if text]
    while len(kept) > 1 and get_cwidth(SEPARATOR.join(text for _, text in kept)) > width - 2:
        kept.remove(max(kept, key=lambda part: part[0]))
    return truncate(SEPARATOR.join(text for _, text in kept), width - 2)


def _tokens(talk: Talk) -> str:
    total = sum((turn.usage.total_tokens or 0) for turn in talk.live.path if turn.usage)
    return f"{total:,} tokens" if total else ""
