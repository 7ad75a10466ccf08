"""A chat completion: the request, the chunks that stream back, and the whole that they make.

One turn is a stream of `TurnEvent`s: chunks, and between them ticks (nothing came) and notices
(something the person should know). `CompletionBuilder` folds the chunks.

What travels once a delta is a named tuple, not a frozen dataclass: 0.07 instead of 0.6 ms a class
when the program starts, and a third of the time for each delta (Python 3.11).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from newapi_cli.domain.messages import Message

MAX_PIECES = 1024
CALL_SIZE = 100  # what a tool call counts for beside its texts

if TYPE_CHECKING:
    from newapi_cli.domain.money import Cost


class Sampling(NamedTuple):
    """The optional fields of a request; None is not sent.

    `options` are further body fields with their JSON values, sent as they are; the gateway drops
    fields that it does not know.
    """

    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    effort: str | None = None
    options: Mapping[str, object] = MappingProxyType({})


class ChatRequest(NamedTuple):
    """What is asked of a model. `attached` holds the bytes of all attachments by their SHA-256."""

    model: str
    messages: tuple[Message, ...]
    sampling: Sampling = Sampling()
    stream: bool = True
    attached: Mapping[str, bytes] = MappingProxyType({})


class UsageExtras(NamedTuple):
    """Rarer counts, of which only prices ask.

    `excludes_cached`: old gateways count the prompt of Claude without what was read from its cache
    or written to it (contract, section 3).
    """

    cache_writes: int = 0
    cache_writes_1h: int = 0  # of them, those that are kept for an hour
    images: int = 0
    audio_in: int = 0
    audio_out: int = 0
    excludes_cached: bool = False


class Usage(NamedTuple):
    """Token counts as the server told them; None where it did not. `extras` are not stored."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None
    extras: UsageExtras | None = None


COUNTS = Usage._fields[:-1]  # those that are shown, added up and stored


def usage_from_counts(counts: Iterable[int | None]) -> Usage:
    """Give usage from counts in the order of `COUNTS`."""
    return Usage._make([*counts, None])


class ToolCallDelta(NamedTuple):
    """A piece of a tool call; `position` is the server's `index`, None where it gave none."""

    position: int | None
    id: str = ""
    name: str = ""
    arguments: str = ""


class ToolCall(NamedTuple):
    """A whole tool call; `arguments` is JSON text as the model wrote it."""

    id: str
    name: str
    arguments: str


class Chunk(NamedTuple):
    """One streamed object. A whole (not streamed) answer is a single chunk with everything.

    `finish_reason` is the server's word, kept even if it is unknown.
    """

    content: str = ""
    reasoning: str = ""
    tool_calls: tuple[ToolCallDelta, ...] = ()
    finish_reason: str | None = None
    usage: Usage | None = None
    model: str = ""
    id: str = ""

    @property
    def has_anything(self) -> bool:
        """Say whether a piece of the answer or of its reasoning is in it."""
        return bool(self.content or self.reasoning or self.tool_calls)


class Tick(NamedTuple):
    """Nothing came for a frame: a moment to paint. `silent_s` is the present silence."""

    silent_s: float


class Notice(NamedTuple):
    """One line for the person, on stderr. A detail is told only to who asked with `-v`."""

    text: str
    is_detail: bool = False


class ResponseStarted(NamedTuple):
    """The gateway took the request; its id is empty where the server gives none.

    `is_new_api`: the server has shown itself to be of New API's family; `names_version`: and to be
    of 2026 or later.
    """

    request_id: str
    is_new_api: bool = False
    names_version: bool = False


class FallbackUsed(NamedTuple):
    """A model failed before any text and another one is asked; `why` says how it failed."""

    model: str
    next_model: str
    why: str


class StreamEnd(NamedTuple):
    """The body ended. `is_certain`: by `[DONE]`, or as one whole object."""

    is_certain: bool


TurnEvent = ResponseStarted | Chunk | FallbackUsed | Tick | Notice | StreamEnd


class Status(StrEnum):
    """How an answer ended, in our own words. One that has not ended is open."""

    OPEN = "open"
    COMPLETE = "complete"
    INTERRUPTED = "interrupted"
    INCOMPLETE = "incomplete"
    ERROR = "error"


class Completion(NamedTuple):
    """All that arrived of one answer. Times in seconds from the start of the turn.

    `asked` is the model that was asked last and `tried` those that failed before it, each with the
    reason. `cost` is None where the server publishes no prices.
    """

    content: str
    reasoning: str
    tool_calls: tuple[ToolCall, ...]
    finish_reason: str | None
    usage: Usage | None
    model: str
    id: str
    status: Status
    request_id: str = ""
    first_token_s: float | None = None
    duration_s: float = 0.0
    requested_model: str = ""
    tried: tuple[tuple[str, str], ...] = ()
    cost: Cost | None = None


class _Text:
    """Text that grows. Of pieces of two letters each one takes fifty bytes, so they are joined."""

    def __init__(self) -> None:
        self._joined: list[str] = []
        self._pieces: list[str] = []
        self.characters = 0

    def add(self, piece: str) -> None:
        self._pieces.append(piece)
        self.characters += len(piece)
        if len(self._pieces) > MAX_PIECES:
            self._joined.append("".join(self._pieces))
            self._pieces.clear()

    def __str__(self) -> str:
        return "".join((*self._joined, *self._pieces))


class CompletionBuilder:
    """Folds chunks into a completion. The one mutable value of the domain."""

    def __init__(self) -> None:
        self._content = _Text()
        self._reasoning = _Text()
        self._calls: dict[int, ToolCall] = {}  # by the server's index, in order of first sight
        self._arguments: dict[int, _Text] = {}
        self.size = 0  # in characters, whatever they are; a tool call counts for some more
        self.finish_reason: str | None = None
        self.usage: Usage | None = None
        self.model = ""
        self.id = ""
        self.request_id = ""
        self.requested_model = ""
        self.tried: tuple[tuple[str, str], ...] = ()
        self.cost: Cost | None = None

    def add(self, chunk: Chunk) -> None:
        """Take the next chunk."""
        if chunk.content:
            self._content.add(chunk.content)
        if chunk.reasoning:
            self._reasoning.add(chunk.reasoning)
        self.size += len(chunk.content) + len(chunk.reasoning)
        for call in chunk.tool_calls:
            self._add_call(call)
        self.finish_reason = chunk.finish_reason or self.finish_reason
        self.usage = chunk.usage or self.usage  # some servers send it more than once: the last
        self.model = self.model or chunk.model
        self.id = self.id or chunk.id

    def _add_call(self, delta: ToolCallDelta) -> None:
        index = delta.position
        if index is None:
            last = next(reversed(self._calls), 0)
            is_another = delta.id and last in self._calls and delta.id != self._calls[last].id
            index = last + 1 if is_another else last
        known = self._calls.get(index, ToolCall("", "", ""))
        self._calls[index] = known._replace(id=known.id or delta.id, name=known.name or delta.name)
        self._arguments.setdefault(index, _Text()).add(delta.arguments)
        self.size += CALL_SIZE + len(delta.id) + len(delta.name) + len(delta.arguments)

    @property
    def has_answer(self) -> bool:
        """Say whether any text of the answer or any tool call came; reasoning is no answer."""
        return bool(self._content.characters or self._calls)

    @property
    def has_anything(self) -> bool:
        """Say whether the answer or its reasoning began."""
        return self.has_answer or bool(self._reasoning.characters)

    @property
    def characters(self) -> int:
        """Count the characters of the answer so far."""
        return self._content.characters

    def completion(
        self, status: Status, *, first_token_s: float | None = None, duration_s: float = 0.0
    ) -> Completion:
        """Give what has arrived so far as a value."""
        return Completion(
            content=str(self._content),
            reasoning=str(self._reasoning),
            tool_calls=tuple(
                call._replace(arguments=str(self._arguments[index]))
                for index, call in self._calls.items()
            ),
            finish_reason=self.finish_reason,
            usage=self.usage,
            model=self.model,
            id=self.id,
            status=status,
            request_id=self.request_id,
            first_token_s=first_token_s,
            duration_s=duration_s,
            requested_model=self.requested_model,
            tried=self.tried,
            cost=self.cost,
        )
