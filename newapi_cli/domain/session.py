"""Sessions and turns as they are stored, and the title of a new session.

The turns form a tree, of which one path is current.

1 ── 2 ── 3        /undo moves the leaf up, /retry and /edit add a branch;
     └─── 4        no turn is ever removed from the tree.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from enum import Enum, auto
from types import MappingProxyType
from typing import NamedTuple

from newapi_cli.domain.completion import Completion, Source, Status, ToolCall, Usage
from newapi_cli.domain.messages import Attachment, Message, Role

EPOCH = datetime.fromtimestamp(0, UTC)
MAX_INTEGER = 2**63 - 1  # of SQLite; a server may report more tokens
MAX_TITLE = 80
EXCERPT_BEFORE, EXCERPT_AFTER = 30, 90  # characters around a word that was searched for
ID_LENGTH = 12  # hex digits
SHORT_ID_LENGTH = 8  # displayed
# Sent by /continue. Stored like a typed prompt, because later requests repeat it.
CONTINUE_PROMPT = "Go on exactly where your last message stopped, without repeating any of it."


class TurnRecord(NamedTuple):
    """One prompt and its answer.

    `id` is 0 for a turn that is not stored, `parent_id` None for the first turn. `request` holds
    the parameters of the request, without the messages, by their API names. `model` is the
    requested one, `answered_by` its name in the response; `tried` holds the models that failed
    before it, each with the reason. `error` is the error that was displayed. `cost` is dollars as
    decimal text, None if unknown; `cost_kind` is a `CostKind`, empty if the server publishes no
    prices. `profile` and `host`, a base URL, received this turn; its session may have continued
    elsewhere.
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
    sources: tuple[Source, ...] = ()
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

    @property
    def is_continuation(self) -> bool:
        """Whether /continue sent the prompt."""
        return self.prompt == CONTINUE_PROMPT

    @property
    def typed_prompt(self) -> str:
        """What the user typed."""
        return "/continue" if self.is_continuation else self.prompt

    def with_completion(self, completion: Completion, error: str = "") -> TurnRecord:
        """Return the turn with what has arrived of its answer."""
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
            sources=completion.sources,
            finish_reason=completion.finish_reason,
            error=error,
            usage=completion.usage,
            request_id=completion.request_id,
            first_token_s=completion.first_token_s,
            duration_s=completion.duration_s,
        )


class Session(NamedTuple):
    """A session without its turns.

    `profile` and `host`, a base URL, are the last ones used. `is_named`: the user chose the title,
    which is then unique. `left_out` counts the oldest turns of the path that are no longer sent to
    the model. `turns` counts all turns, those of other branches included.
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
        """The id as it is displayed. Commands accept every unique prefix."""
        return self.id[:SHORT_ID_LENGTH]


class FieldType(Enum):
    """What a stored field holds. The store and the export format each convert every type."""

    TEXT = auto()
    OPTIONAL_TEXT = auto()
    SESSION_ID = auto()
    TURN_ID = auto()
    COUNT = auto()
    FLAG = auto()
    SECONDS = auto()
    TIME = auto()
    STATUS = auto()
    OBJECT = auto()  # of JSON values
    DOLLARS = auto()  # decimal text, or None
    USAGE = auto()  # stored as one column for each of `COUNTS`
    ATTACHMENTS = auto()
    TOOL_CALLS = auto()
    SOURCES = auto()
    TRIED = auto()  # pairs of a model and how it failed


class StoredField(NamedTuple):
    """One field of a session or a turn, by its name in the store and in exported JSON.

    A field without a name in JSON is not exported.
    """

    name: str
    type: FieldType
    json_name: str


def _fields(*types: tuple[str, FieldType]) -> tuple[StoredField, ...]:
    return tuple(StoredField(name, type_, name) for name, type_ in types)


# The order is that of exported JSON, which is a stable interface.
SESSION_FIELDS = (
    *_fields(
        ("id", FieldType.SESSION_ID),
        ("title", FieldType.TEXT),
        ("is_named", FieldType.FLAG),
        ("profile", FieldType.TEXT),
        ("host", FieldType.TEXT),
        ("model", FieldType.TEXT),
        ("system", FieldType.TEXT),
        ("left_out", FieldType.COUNT),
        ("created_at", FieldType.TIME),
        ("used_at", FieldType.TIME),
    ),
    StoredField("leaf_id", FieldType.TURN_ID, "leaf"),
    StoredField("turns", FieldType.COUNT, ""),
)
TURN_FIELDS = _fields(
    ("id", FieldType.TURN_ID),
    ("parent_id", FieldType.TURN_ID),
    ("prompt", FieldType.TEXT),
    ("answer", FieldType.TEXT),
    ("reasoning", FieldType.TEXT),
    ("status", FieldType.STATUS),
    ("model", FieldType.TEXT),
    ("answered_by", FieldType.TEXT),
    ("request", FieldType.OBJECT),
    ("attachments", FieldType.ATTACHMENTS),
    ("tool_calls", FieldType.TOOL_CALLS),
    ("sources", FieldType.SOURCES),
    ("finish_reason", FieldType.OPTIONAL_TEXT),
    ("error", FieldType.TEXT),
    ("usage", FieldType.USAGE),
    ("cost", FieldType.DOLLARS),
    ("cost_kind", FieldType.TEXT),
    ("tried", FieldType.TRIED),
    ("profile", FieldType.TEXT),
    ("host", FieldType.TEXT),
    ("request_id", FieldType.TEXT),
    ("first_token_s", FieldType.SECONDS),
    ("duration_s", FieldType.SECONDS),
    ("created_at", FieldType.TIME),
)


class StoredSession(NamedTuple):
    """A session with all its turns, oldest first."""

    session: Session
    turns: tuple[TurnRecord, ...]

    @property
    def path(self) -> tuple[TurnRecord, ...]:
        """The turns of the current path."""
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
        """The turns that are sent with the next prompt.

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
    """A turn that matches a search, and its session."""

    session: Session
    turn: TurnRecord

    def excerpt(self, words: Sequence[str]) -> str:
        """Return one line around the first of the words, in the prompt or else in the answer.

        >>> turn = TurnRecord("Why?", "Because the sky scatters light.")
        >>> Hit(Session("1a2b"), turn).excerpt(["SKY"])
        'Because the sky scatters light.'
        """
        pattern = re.compile("|".join(map(re.escape, words)), re.IGNORECASE)
        for text in (self.turn.typed_prompt, self.turn.answer):
            if match := pattern.search(text):
                return _around(text, match.start(), match.end())
        return _around(self.turn.typed_prompt, 0, 0)


def _around(text: str, start: int, end: int) -> str:
    first, last = max(start - EXCERPT_BEFORE, 0), end + EXCERPT_AFTER
    excerpt = " ".join(text[first:last].split())
    return f"{'…' if first else ''}{excerpt}{'…' if last < len(text) else ''}"


def path_to(leaf_id: int | None, turns: Iterable[TurnRecord]) -> tuple[TurnRecord, ...]:
    """Return the turns from the first one to a leaf. A missing turn ends the path.

    >>> turns = [TurnRecord("a", id=1), TurnRecord("b", id=2, parent_id=1), TurnRecord("c", id=3)]
    >>> [turn.prompt for turn in path_to(2, turns)], path_to(None, turns)
    (['a', 'b'], ())
    """
    by_id = {turn.id: turn for turn in turns}
    path: list[TurnRecord] = []
    while leaf_id is not None and leaf_id in by_id:
        turn = by_id.pop(leaf_id)  # each turn once: damaged data may contain a cycle
        path.append(turn)
        leaf_id = turn.parent_id
    return tuple(reversed(path))


def title_from_prompt(prompt: str) -> str:
    """Return the title of a session: the first line of its first prompt, up to 80 characters.

    >>> title_from_prompt("\\n  Why is the sky blue?\\nTell me."), len(title_from_prompt("x" * 99))
    ('Why is the sky blue?', 80)
    """
    line = next((line.strip() for line in prompt.splitlines() if line.strip()), "")
    return line if len(line) <= MAX_TITLE else f"{line[: MAX_TITLE - 1]}…"
