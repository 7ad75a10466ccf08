"""A conversation as it is stored: its turns make a tree, of which one path is the present one.

1 ── 2 ── 3        /undo moves the leaf up, /retry and /edit grow a branch;
     └─── 4        nothing that was said is ever taken out of the tree.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import NamedTuple

from newapi_cli.domain.completion import Completion, Status, ToolCall, Usage
from newapi_cli.domain.messages import Attachment, Message, Role

EPOCH = datetime.fromtimestamp(0, UTC)
MAX_TITLE = 80
ID_LENGTH = 12  # hex digits
SHORT_ID_LENGTH = 8  # of them are shown to people


class TurnRecord(NamedTuple):
    """One prompt and what became of it.

    `id` is 0 where it is not stored, `parent_id` None for the first turn. `request` holds the
    parameters that were sent beside the messages, by their names on the wire. `model` is the one
    asked for, `answered_by` what the server called it; `tried` are models that failed before it,
    each with the reason. `error` is what was told where the turn failed. `cost` is dollars as
    decimal text, None where it is not known; `cost_kind` is a `CostKind`, empty where the server
    publishes no prices. `profile` and `host`, a base URL, are what this turn was sent to: its
    session may have gone on elsewhere.
    """

    prompt: str
    answer: str = ""
    reasoning: str = ""
    status: Status = Status.OPEN
    model: str = ""
    answered_by: str = ""
    request: Mapping[str, object] = MappingProxyType({})
    attachments: tuple[Attachment, ...] = ()
    tool_calls: tuple[ToolCall, ...] = ()
    finish_reason: str | None = None
    error: str = ""
    usage: Usage | None = None
    cost: str | None = None
    cost_kind: str = ""
    tried: tuple[tuple[str, str], ...] = ()
    profile: str = ""
    host: str = ""
    request_id: str = ""
    first_token_s: float | None = None
    duration_s: float | None = None
    created_at: datetime = EPOCH
    id: int = 0
    parent_id: int | None = None

    def with_completion(self, completion: Completion, error: str = "") -> TurnRecord:
        """Give the turn with what has come of its answer."""
        cost = completion.cost
        return self._replace(
            model=completion.requested_model or self.model,
            tried=completion.tried,
            cost=None if cost is None or cost.usd is None else format(cost.usd, "f"),
            cost_kind="" if cost is None else str(cost.kind),
            answer=completion.content,
            reasoning=completion.reasoning,
            status=completion.status,
            answered_by=completion.model,
            tool_calls=completion.tool_calls,
            finish_reason=completion.finish_reason,
            error=error,
            usage=completion.usage,
            request_id=completion.request_id,
            first_token_s=completion.first_token_s,
            duration_s=completion.duration_s,
        )


class Session(NamedTuple):
    """What is known of a session without its turns.

    `profile` and `host`, a base URL, are those that it was sent to last. `is_named`: a person gave
    the title, so that it names this session alone. `left_out` counts the oldest turns of the path
    that are no longer sent to the model. `turns` counts all turns, those of old branches too.
    """

    id: str
    title: str = ""
    is_named: bool = False
    profile: str = ""
    host: str = ""
    model: str = ""
    system: str = ""
    left_out: int = 0
    leaf_id: int | None = None
    turns: int = 0
    created_at: datetime = EPOCH
    used_at: datetime = EPOCH

    @property
    def short_id(self) -> str:
        """Give the id as people are shown it; commands take any beginning that is unique."""
        return self.id[:SHORT_ID_LENGTH]


class StoredSession(NamedTuple):
    """A session with all its turns, oldest first."""

    session: Session
    turns: tuple[TurnRecord, ...]

    @property
    def path(self) -> tuple[TurnRecord, ...]:
        """Give the turns of the present path."""
        return path_to(self.session.leaf_id, self.turns)


class MessageHistory(NamedTuple):
    """The system prompt and the turns of the current path, oldest first.

    The first `left_out` turns are no longer sent to the model.
    """

    system: str = ""
    turns: tuple[TurnRecord, ...] = ()
    left_out: int = 0

    @property
    def sent_turns(self) -> tuple[TurnRecord, ...]:
        """Return the turns that are sent with the next prompt.

        A turn without an answer is not sent: servers refuse empty messages.
        """
        return tuple(turn for turn in self.turns[self.left_out :] if turn.answer)

    def messages_for(
        self, prompt: str, attachments: tuple[Attachment, ...] = ()
    ) -> tuple[Message, ...]:
        """Return the messages to send for a new prompt."""
        messages = [Message(Role.SYSTEM, self.system)] if self.system else []
        for turn in self.sent_turns:
            messages.append(Message(Role.USER, turn.prompt, turn.attachments))
            messages.append(Message(Role.ASSISTANT, turn.answer))
        return (*messages, Message(Role.USER, prompt, attachments))


class Hit(NamedTuple):
    """A turn that a search found, in its session."""

    session: Session
    turn: TurnRecord


def path_to(leaf_id: int | None, turns: Iterable[TurnRecord]) -> tuple[TurnRecord, ...]:
    """Give the turns from the first one to a leaf; turns that are missing end it.

    >>> turns = [TurnRecord("a", id=1), TurnRecord("b", id=2, parent_id=1), TurnRecord("c", id=3)]
    >>> [turn.prompt for turn in path_to(2, turns)], path_to(None, turns)
    (['a', 'b'], ())
    """
    by_id = {turn.id: turn for turn in turns}
    path: list[TurnRecord] = []
    while leaf_id is not None and leaf_id in by_id:
        turn = by_id.pop(leaf_id)  # taken out: damaged data may hold a ring
        path.append(turn)
        leaf_id = turn.parent_id
    return tuple(reversed(path))


def title_from_prompt(prompt: str) -> str:
    """Give the title of a session by its first prompt: its first line, cut to 80 characters.

    >>> title_from_prompt("\\n  Why is the sky blue?\\nTell me."), len(title_from_prompt("x" * 99))
    ('Why is the sky blue?', 80)
    """
    line = next((line.strip() for line in prompt.splitlines() if line.strip()), "")
    return line if len(line) <= MAX_TITLE else f"{line[: MAX_TITLE - 1]}…"
