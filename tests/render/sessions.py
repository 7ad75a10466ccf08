"""Sessions to show: a path of two turns, and another branch."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from newapi_cli.domain.completion import Status, ToolCall, Usage
from newapi_cli.domain.messages import Attachment
from newapi_cli.domain.session import Session, StoredSession, TurnRecord

WHEN = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
LATER = datetime(2026, 3, 2, 8, 5, tzinfo=UTC)
IMAGE = "data:image/png;base64," + "iVBORw0KGgo" * 20
ATTACHMENT = Attachment("photo.png", "/tmp/photo.png", "image/png", 12_345, "0f" * 32)
CALL = ToolCall("c", "look_up", '{"city": "Paris"}')

SKY = TurnRecord(
    "Why is the sky blue?",
    "Because **air** scatters.",
    reasoning="They ask\nabout light.",
    status=Status.COMPLETE,
    model="gpt",
    answered_by="gpt-4o",
    finish_reason="stop",
    usage=Usage(10, 20, 30),
    first_token_s=0.25,
    duration_s=3.2,
    created_at=WHEN,
    id=11,
)
MORE = TurnRecord(
    "And red?\nAt sunset?",
    "- longer\n- waves\n\n```py\nx = 1",
    status=Status.INTERRUPTED,
    model="gpt",
    duration_s=1.5,
    id=12,
    parent_id=11,
)
OTHER = TurnRecord("Why not green?", "It is not.", status=Status.COMPLETE, id=13, parent_id=11)


def session(*turns: TurnRecord, leaf_id: int | None = None, **fields: Any) -> StoredSession:
    """Make a session of turns whose path ends with the last one, unless another leaf is given."""
    head = Session(
        "0123456789ab",
        title="The sky",
        profile="work",
        model="gpt",
        leaf_id=leaf_id or (turns[-1].id if turns else None),
        turns=len(turns),
        created_at=WHEN,
        used_at=LATER,
    )
    return StoredSession(head._replace(**fields), turns)


BRANCHED = session(SKY, MORE, OTHER, leaf_id=12)
