"""Reasoning in the text of an answer, in tags such as `<think>` that deltas may split."""

from __future__ import annotations

import re
from itertools import islice

# How models mark reasoning in their text.
TAGS = {
    "<think>": "</think>",
    "<thinking>": "</thinking>",
    "<thought>": "</thought>",
    "<seed:think>": "</seed:think>",
    "<|begin_of_thought|>": "<|end_of_thought|>",
    "[THINK]": "[/THINK]",
    "◁think▷": "◁/think▷",
}
# With these the chat template may have written the opening tag, so that only they are sent.
LONE_CLOSINGS = ("</think>", "</seed:think>")
LONE_CLOSING = re.compile("|".join(LONE_CLOSINGS))
MAX_MENTIONS = 20  # of such a tag in an answer, before it is no longer looked for
MAX_BLANKS = 4096  # before a tag
FENCE = re.compile(r"^ {0,3}(?:```|~~~)", re.MULTILINE)


class ThinkTagSplitter:
    """Splits content that begins with reasoning in tags, in one block or several.

    Only leading blocks count: an answer may mention `<think>` later. White space before the tags
    and after the closing one is dropped; white space before an ordinary answer is kept.
    `is_answer`: the answer has begun, and all that follows is text.
    """

    def __init__(self, after: str | None = None) -> None:
        """Start at the beginning of the text, or `after` reasoning that has just ended."""
        self.is_answer = False
        self._held = ""
        self._closing = ""  # the tag that ends the open block
        self._is_at_start = after is None
        self._is_block_empty = True
        self._needs_line_break = bool(after) and not str(after).endswith("\n")

    def feed(self, text: str) -> tuple[str, str]:
        """Return the reasoning and the answer in the next content."""
        if self.is_answer:
            return "", text
        self._held += text
        reasoning = ""
        while True:
            if self._closing:
                reasoning += self._take_reasoning()
            tag = None if self._closing else self._take_tag()
            if tag is None:
                return reasoning, ""
            if not tag:
                break
            self._closing = TAGS.get(tag, "")  # nothing for a closing tag without an opening one
            self._is_block_empty = True
        self.is_answer = True
        answer, self._held = self._held, ""
        return reasoning, answer

    def end(self) -> tuple[str, str]:
        """Return what was held back: an incomplete tag is text."""
        held, self._held = self._held, ""
        return (held, "") if self._closing else ("", held)

    def split(self, text: str) -> tuple[str, str]:
        """Return the reasoning and the answer in the whole rest of the text."""
        reasoning, answer = self.feed(text)
        last_reasoning, last = self.end()
        return reasoning + last_reasoning, answer + last

    def _take_tag(self) -> str | None:
        """Return the tag that comes next, empty if none does, None if that is not certain yet."""
        text = self._held.lstrip()
        if not self._is_at_start:
            self._held = text
        for tag in (*TAGS, *LONE_CLOSINGS):
            if text.startswith(tag):
                self._held, self._is_at_start = text.removeprefix(tag), False
                return tag
        may_be_tag = any(tag.startswith(text) for tag in (*TAGS, *LONE_CLOSINGS))
        return None if may_be_tag and len(self._held) < MAX_BLANKS else ""

    def _take_reasoning(self) -> str:
        """Return the next reasoning of the open block; the blocks are on lines of their own."""
        if self._is_block_empty:
            self._held = self._held.lstrip("\n")
        reasoning, tag, rest = self._held.partition(self._closing)
        if tag:
            self._closing = ""
        else:
            length = len(reasoning) - _length_of_partial_tag(reasoning, self._closing)
            reasoning, rest = reasoning[:length], reasoning[length:]
        self._held = rest
        if reasoning:
            if self._is_block_empty and self._needs_line_break:
                reasoning = f"\n{reasoning}"
            self._is_block_empty = False
            self._needs_line_break = not reasoning.endswith("\n")
        return reasoning


def split_reasoning(text: str) -> tuple[str, str]:
    """Return the reasoning and the answer in a whole text."""
    reasoning, answer = ThinkTagSplitter().split(text)
    span = None if reasoning else find_lone_tag("", answer)
    if span is None:
        return reasoning, answer
    reasoning = answer[: span[0]]
    more, answer = ThinkTagSplitter(reasoning).split(answer[span[1] :])
    return reasoning + more, answer


def _length_of_partial_tag(text: str, tag: str) -> int:
    """Return how many of the last characters may be the beginning of a tag."""
    sizes = range(min(len(text), len(tag) - 1), 0, -1)
    return next((size for size in sizes if tag.startswith(text[-size:])), 0)


def hold_lone_tag(text: str) -> tuple[str, str]:
    """Split off a closing tag at the end of a text, or its beginning: what follows decides."""
    start = text.rfind("<")
    is_tag = start >= 0 and any(tag.startswith(text[start:]) for tag in LONE_CLOSINGS)
    return (text[:start], text[start:]) if is_tag else (text, "")


def find_lone_tag(before: str, text: str) -> tuple[int, int] | None:
    """Return the place of the tag that makes all text before it reasoning, None without one.

    `before` is the answer before the text. A tag that an answer mentions is not one.
    """
    for match in islice(LONE_CLOSING.finditer(text), MAX_MENTIONS):
        following = text[match.end() : match.end() + 1]
        if _ends_reasoning(before + text[: match.start()], following):
            return match.span()
    return None


def _ends_reasoning(before: str, following: str) -> bool:
    line = before.rpartition("\n")[2]
    is_code = len(FENCE.findall(before)) % 2 or line.count("`") % 2
    if is_code or "<think>" in before or "<seed:think>" in before:
        return False
    if not line.strip():
        return True
    if line.endswith(("'", '"', "“", "‘", "(", "（", "\\n")):
        return False
    is_word = not following or following.isspace() or following in ".,;:!?)'\"，。；：！？）”’"
    return not line[-1].isspace() or following == "\n" or not is_word
