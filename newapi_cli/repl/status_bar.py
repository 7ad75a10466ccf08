"""The status bar below the input line, fitted to the width of the window."""

from __future__ import annotations

from newapi_cli.i18n import ntr, tr
from newapi_cli.render.sanitizer import safe_line
from newapi_cli.repl.conversation import Conversation
from newapi_cli.text import cell_width, truncate

MAX_TITLE_CELLS = 30
MARGINS = 2
SEPARATOR = " · "


def bar_text(conversation: Conversation, width: int) -> str:
    """Return the status bar for a width in cells; less important parts are dropped first."""
    live = conversation.live
    parts = [  # each with its rank: the highest is dropped first
        (2, conversation.context.settings.profile),
        (0, conversation.model or tr("no model")),
        (4, truncate(safe_line(live.session.title), MAX_TITLE_CELLS)),
        (1, _turns_text(conversation)),
        (3, _tokens_text(conversation)),
        (2, conversation.cost_text()),
        (1, tr("{n} attached", n=len(conversation.attached)) if conversation.attached else ""),
        (2, "" if live.is_saved else tr("not saved")),
        (5, "/help"),
        (6, tr("Ctrl-D exits")),
    ]
    redact = conversation.streams.redact
    shown = [(rank, safe_line(redact(text))) for rank, text in parts if text]
    room = width - MARGINS
    while len(shown) > 1 and cell_width(SEPARATOR.join(text for _, text in shown)) > room:
        shown.remove(max(shown, key=lambda part: part[0]))
    return truncate(SEPARATOR.join(text for _, text in shown), room)


def _turns_text(conversation: Conversation) -> str:
    turns, left_out = len(conversation.live.path), conversation.live.session.left_out
    if not left_out:
        return ntr("{n} turn", "{n:,} turns", turns)
    return ntr(
        "{n} turn ({sent:,} sent)", "{n:,} turns ({sent:,} sent)", turns, sent=turns - left_out
    )


def _tokens_text(conversation: Conversation) -> str:
    path = conversation.live.path
    total = sum((turn.usage.total_tokens or 0) for turn in path if turn.usage)
    return ntr("{n} token", "{n:,} tokens", total) if total else ""
