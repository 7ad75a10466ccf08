"""Folds the objects of one response into the events of one answer.

A choice is chosen, halves of characters are joined, reasoning and answer are separated, and text
that a server sends twice is dropped: whole texts are compared, never pieces.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from newapi_cli.api.chat.chunks import chunk_of, finish_reason, first_choice, index_of
from newapi_cli.api.chat.parts import ANSWER_MEMBERS, REASONING_MEMBERS, PartContent, read_part
from newapi_cli.api.chat.think_tags import (
    LONE_CLOSING,
    MAX_MENTIONS,
    TAGS,
    ThinkTagSplitter,
    find_lone_tag,
    hold_lone_tag,
    split_reasoning,
)
from newapi_cli.domain.completion import (
    AnswerEvent,
    Chunk,
    GrowingText,
    ReasoningEnded,
    Sources,
    ToolCallDelta,
)
from newapi_cli.text import SURROGATES, well_formed

if TYPE_CHECKING:
    from newapi_cli.api.chat.sources import SourceCollector

MAX_COMPARED = 1024 * 1024  # characters: a longer text is an image, not an answer
MIN_REPEATED = 16  # characters of an answer in one delta that the next one repeats
SLACK = 8  # characters of white space by which a repetition may be shorter
# Members of an object, a choice or a part that name the sources of an answer.
SOURCE_MEMBERS = frozenset(
    (
        *("citations", "search_results", "annotations", "web_search", "search_info", "references"),
        *("reference", "sources", "groundingMetadata", "grounding_metadata", "context"),
        *("vertex_ai_grounding_metadata", "provider_specific_fields"),
    )
)
# What makes an object more than the text of a delta.
CHOICE_MEMBERS = SOURCE_MEMBERS | {"message", "error", "text", "finishReason", "stop_reason"}
DELTA_MEMBERS = SOURCE_MEMBERS | ANSWER_MEMBERS
BESIDE_REASONING = DELTA_MEMBERS.difference(REASONING_MEMBERS)


class AnswerFolder:
    """The state between the objects of one response.

    `events` are those that precede the chunk that `fold` or `end` returned. `has_read`: the last
    object held a part of the answer or of its reasoning, even if that is held back or dropped;
    `has_skipped`: it held something that cannot be shown. `skipped` counts that by type.
    """

    def __init__(self) -> None:
        self.events: list[AnswerEvent] = []
        self.has_read = False
        self.has_skipped = False
        self.skipped: dict[str, int] = {}
        self._choices = _Choices()
        self._content = SurrogateJoiner()
        self._reasoning = SurrogateJoiner()
        self._think = ThinkTagSplitter()
        self._answer = _Answer()
        self._messages = _Messages()
        self._has_deltas = False  # with text
        self._has_reasoning = False
        self._held_tag = ""  # may end reasoning that had no opening tag
        self._mentions = 0  # deltas with such a tag that ends nothing
        self._repetition = ""  # a delta that equals the whole answer: dropped if nothing follows
        self._sources: SourceCollector | None = None
        # Nothing is held back: of the answer, of the reasoning.
        self._is_ordinary = False
        self._has_begun_reasoning = False

    def fold(self, value: dict[str, Any]) -> Chunk:
        """Return what an object adds to the answer."""
        choices = value.get("choices")
        if type(choices) is list and len(choices) == 1 and type(choices[0]) is dict:
            choice = choices[0]
            delta = choice.get("delta")
            # Nearly all objects have a piece of the answer or of the reasoning, and nothing else.
            if (
                type(delta) is dict
                and not choice.get("finish_reason")
                and (choice.get("index") or 0) == self._choices.current
                and not value.get("usage")
                and CHOICE_MEMBERS.isdisjoint(choice)
                and (SOURCE_MEMBERS.isdisjoint(value) or self._knows_sources(value))
            ):
                chunk = self._fold_text(delta)
                if chunk is not None:
                    self.has_read = True
                    return chunk
        return self._fold_any(value)

    def _fold_text(self, delta: dict[str, Any]) -> Chunk | None:
        """Return the chunk of a delta that has only text which needs no closer look."""
        content = delta.get("content")
        if content:
            if (
                not self._is_ordinary
                or type(content) is not str
                or len(content) + SLACK >= self._answer.characters
                or not (content.isascii() or not SURROGATES.search(content))
                or not (self._has_reasoning or ("</" not in content and content[-1] != "<"))
                or not (DELTA_MEMBERS.isdisjoint(delta) or _is_empty(delta, DELTA_MEMBERS))
            ):
                return None
            self._answer.add(content)
            return Chunk(content)
        reasoning = delta.get("reasoning_content") or delta.get("reasoning")
        if (
            not self._has_begun_reasoning
            or type(reasoning) is not str
            or not (reasoning.isascii() or not SURROGATES.search(reasoning))
            or not (BESIDE_REASONING.isdisjoint(delta) or _is_empty(delta, BESIDE_REASONING))
        ):
            return None
        return Chunk("", reasoning)

    def end(self) -> Chunk | None:
        """Return what was held back when the body ended, None if nothing was."""
        self._repetition = ""
        tagged, answer = self._split(self._content.end())
        last_tagged, last_answer = self._think.end()
        if self._held_tag:
            tag, self._held_tag = self._held_tag, ""
            if find_lone_tag(str(self._answer), tag) == (0, len(tag)):
                last_tagged += self._end_reasoning("", "")[0]
            else:
                last_answer += tag
        calls = self._messages.take_calls()
        reasoning = self._reasoning.end() + tagged + last_tagged
        answer += last_answer
        if not (answer or reasoning or calls):
            return None
        return Chunk(answer, reasoning, calls)

    def _knows_sources(self, value: dict[str, Any]) -> bool:
        return self._sources is not None and self._sources.knows(value)

    def _fold_any(self, value: dict[str, Any]) -> Chunk:
        choice = first_choice(value.get("choices"))
        delta, message = _object(choice.get("delta")), _object(choice.get("message"))
        content = read_part(delta, choice)
        self.has_read = content.has_anything
        self.has_skipped = bool(content.skipped)
        if self._choices.skips(index_of(choice), delta, content):
            return chunk_of(value)
        reason, reasoning, answer = finish_reason(choice), "", ""
        if content.skipped:
            self._count(content.skipped)
        if content.text or content.reasoning:
            reasoning, answer = self._take_delta(content, is_last=reason is not None)
        if message:
            more_reasoning, more = self._take_message(message)
            reasoning, answer = reasoning + more_reasoning, answer + more
        self._collect_sources(value, choice, delta, message)
        self._has_begun_reasoning = self._has_reasoning and not self._reasoning.held
        self._is_ordinary = self._think.is_answer and not (
            self._content.held or self._held_tag or self._repetition
        )
        return chunk_of(value, PartContent(answer, reasoning, content.tool_calls), reason)

    # -- deltas ---------------------------------------------------------------------------------

    def _take_delta(self, content: PartContent, *, is_last: bool) -> tuple[str, str]:
        """Return the reasoning and the answer that a delta adds."""
        reasoning = ""
        if content.reasoning:
            self._has_reasoning = True
            reasoning = self._reasoning.feed(content.reasoning)
        if not content.text:
            return reasoning, ""
        self._has_deltas = True
        tagged, answer = self._split(content.text)
        answer = self._without_repetition(answer, is_last=is_last)
        self._answer.add(answer)
        return reasoning + tagged, answer

    def _split(self, text: str) -> tuple[str, str]:
        """Return the reasoning and the answer in the next text."""
        text, reasoning = self._content.feed(text), ""
        if not self._think.is_answer:
            reasoning, text = self._think.feed(text)
            self._has_reasoning |= bool(reasoning)
        if text and not self._has_reasoning and ("<" in text or self._held_tag):
            text, self._held_tag = hold_lone_tag(self._held_tag + text)
            if LONE_CLOSING.search(text) and self._mentions < MAX_MENTIONS:
                span = find_lone_tag(str(self._answer) + self._repetition, text)
                if span is not None:
                    before, self._repetition = self._repetition + text[: span[0]], ""
                    return self._end_reasoning(before, text[span[1] :])
                self._mentions += 1
        return reasoning, text

    def _end_reasoning(self, before: str, after: str) -> tuple[str, str]:
        """Return the reasoning and the answer in two texts with a lone closing tag between them.

        All before it is reasoning, even what was returned as a part of the answer before.
        """
        after, self._held_tag = after + self._held_tag, ""
        self._think = ThinkTagSplitter(str(self._answer) + before)
        if self._answer.characters:
            self.events += [Chunk(before), ReasoningEnded()] if before else [ReasoningEnded()]
            self._answer, before = _Answer(), ""
        self._has_reasoning = True
        reasoning, answer = self._think.feed(after)
        return before + reasoning, answer

    def _without_repetition(self, answer: str, *, is_last: bool) -> str:
        """Return the text of a delta without what repeats the whole answer.

        Only at the end is it a repetition: RAG servers close a stream with the whole answer.
        """
        if self._repetition:  # more text follows
            answer, self._repetition = self._repetition + answer, ""
            return answer
        known = self._answer
        if not known.characters or len(answer) + SLACK < known.characters or known.is_long:
            return answer
        old, new = str(known).strip(), answer.strip()
        if new.startswith(tuple(TAGS)):
            new = split_reasoning(new)[1].strip()
        is_long = len(old) >= MIN_REPEATED
        # Two equal deltas are two pieces, unless the second one is long and ends the answer.
        if old and old == new and (known.has_several_pieces or (is_last and is_long)):
            self._repetition = "" if is_last else answer
            return ""
        if is_last and is_long and known.has_several_pieces and new.startswith(old):
            return new[len(old) :]
        return answer

    # -- messages -------------------------------------------------------------------------------

    def _take_message(self, message: dict[str, Any]) -> tuple[str, str]:
        """Return the reasoning and the answer that a message adds: it is the text so far."""
        content = read_part(message, {})
        self.has_read = self.has_read or content.has_anything
        self.has_skipped = self.has_skipped or bool(content.skipped)
        self._count(content.skipped)
        reasoning = ""
        if content.reasoning and (self._messages.reasoning or not self._has_reasoning):
            reasoning = well_formed(self._messages.new_reasoning(content.reasoning))
            self._has_reasoning = True
        if self._has_deltas:
            tagged, answer = self._new_in_message(content.text)
        else:
            tagged, answer = self._split(self._messages.new_text(content.text))
        if not self._choices.has_calls:
            self._messages.add_calls(content.tool_calls)
        self._answer.add(answer)
        return reasoning + tagged, answer

    def _new_in_message(self, text: str) -> tuple[str, str]:
        """Return what a message adds to the deltas, nothing if its text differs from theirs."""
        reasoning, answer = split_reasoning(well_formed(text))
        if self._answer.is_long:
            return "", ""
        known = str(self._answer)
        old, new = known.strip(), answer.strip()
        if old and not new.startswith(old):
            if self._has_reasoning or not reasoning.strip().startswith(old):
                return "", ""
            self._end_reasoning("", "")  # the deltas were reasoning: the message marks its end
            reasoning, known, old = reasoning.strip()[len(old) :], "", ""
        elif self._has_reasoning:
            reasoning = ""
        # The two may differ in the white space around them.
        answer = answer[len(known) :] if answer.startswith(known) else new[len(old) :]
        self._has_reasoning |= bool(reasoning)
        self._think, self._content = ThinkTagSplitter(), SurrogateJoiner()
        self._think.is_answer = True
        self._held_tag = self._repetition = ""
        return reasoning, answer

    # -- sources ------------------------------------------------------------------------------

    def _count(self, types: tuple[str, ...]) -> None:
        for type_ in types:
            # The audio of one answer arrives in many pieces.
            self.skipped[type_] = 1 if type_ == "audio" else self.skipped.get(type_, 0) + 1

    def _collect_sources(self, value: dict[str, Any], *places: dict[str, Any]) -> None:
        parts = [part for part in (value, *places) if not SOURCE_MEMBERS.isdisjoint(part)]
        for place in places:
            content = place.get("content")
            if type(content) is list:
                parts += [each for each in content if isinstance(each, dict)]
        if not parts:
            return
        if self._sources is None:
            from newapi_cli.api.chat.sources import SourceCollector  # noqa: PLC0415  # rare

            self._sources = SourceCollector(SOURCE_MEMBERS)
        if self._sources.add(parts):
            self.events.append(Sources(self._sources.sources))
        self.skipped |= self._sources.skipped


class _Answer(GrowingText):
    """The text of the answer so far, for comparisons; it is dropped if it is very long."""

    is_long = False

    def _join(self) -> None:
        super()._join()
        if self.characters > MAX_COMPARED:
            self._joined.clear()
            self.is_long = True


class _Choices:
    """Decides which choices belong to the answer.

    New API of April 2025 numbers the choices of a Claude stream by content blocks: an index means
    nothing until choice 0 has carried text. `current` is the choice whose text arrived last.
    """

    def __init__(self) -> None:
        self.current = 0
        self.has_calls = False
        self._first_has_text = False
        self._opened: set[int] = set()  # by a delta with a role, as each of several choices is
        self._others: set[int] = set()

    def skips(self, index: int, delta: dict[str, Any], content: PartContent) -> bool:
        """Return whether a choice with this index does not belong to the answer."""
        if index in self._others:
            return True
        if index and "role" in delta and not content.has_anything:
            self._opened.add(index)
        is_other_text = content.text and index and self._first_has_text
        is_other_call = content.tool_calls and self.has_calls and index in self._opened
        if is_other_text or is_other_call:
            self._others.add(index)
            return True
        if content.text:
            self.current = index
            self._first_has_text |= index == 0
        self.has_calls |= bool(content.tool_calls)
        return False


class _Messages:
    """The messages of a stream. Each holds the text so far, or, of some servers, a piece."""

    def __init__(self) -> None:
        self.reasoning = ""
        self._text = ""
        self._are_pieces = False
        self._calls: list[ToolCallDelta] = []

    def new_text(self, text: str) -> str:
        """Return what the text of a message adds to those before it."""
        if text.startswith(self._text):
            text, self._text = text[len(self._text) :], text
            return text
        if not self._are_pieces and self._text.startswith(text):
            return ""
        self._are_pieces = True
        self._text += text
        return text

    def new_reasoning(self, text: str) -> str:
        """Return what the reasoning of a message adds."""
        if text.startswith(self.reasoning):
            text, self.reasoning = text[len(self.reasoning) :], text
            return text
        if self.reasoning.startswith(text):
            return ""
        self.reasoning += text
        return text

    def add_calls(self, calls: tuple[ToolCallDelta, ...]) -> None:
        """Add the tool calls of a message, which holds all calls so far or only new ones."""
        known = [(call.id, call.name) for call in self._calls]
        if [(call.id, call.name) for call in calls][: len(known)] == known:
            self._calls = list(calls)
        else:
            self._calls += calls

    def take_calls(self) -> tuple[ToolCallDelta, ...]:
        """Return the tool calls, which are complete only when the body has ended."""
        calls, self._calls = self._calls, []
        return tuple(call._replace(begins=bool(call.id or call.name)) for call in calls)


def _is_empty(part: dict[str, Any], names: frozenset[str]) -> bool:
    """Return whether the members with these names are null or empty, as some servers send them."""
    return not any(map(part.get, names.intersection(part)))


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


class SurrogateJoiner:
    """Holds a trailing high surrogate back until the next delta brings its other half."""

    def __init__(self) -> None:
        self.held = ""

    def feed(self, text: str) -> str:
        """Return the text that is complete."""
        if self.held:
            text, self.held = self.held + text, ""
        if text and "\ud800" <= text[-1] <= "\udbff":
            text, self.held = text[:-1], text[-1]
        return well_formed(text)

    def end(self) -> str:
        """Return U+FFFD for a surrogate that has no other half."""
        held, self.held = self.held, ""
        return well_formed(held)
