"""State between deltas: halves of characters, halves of tags."""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import combinations

import pytest

from newapi_cli.api.chat.folding import AnswerFolder, SurrogateJoiner
from newapi_cli.api.chat.think_tags import TAGS, split_reasoning
from newapi_cli.domain.completion import Chunk, CompletionBuilder, Status
from tests.support.cases import each
from tests.support.wire import chunk

# Content as a server sends it: the reasoning and the answer that are in it.
TAGGED = {
    "the gateway's own form": ("<think>\nhm\n</think>\nYes", "hm\n", "Yes"),
    "on one line": ("<think>hm</think>Yes", "hm", "Yes"),
    "white space before it": ("\n <think>hm</think>\n\n Yes", "hm", "Yes"),
    "empty": ("<think></think>Yes", "", "Yes"),
    "empty lines only": ("<think>\n\n</think>\n\nYes", "", "Yes"),
    "no answer": ("<think>hm</think>", "hm", ""),
    "no answer but white space": ("<think>hm</think>\n\n", "hm", ""),
    "no closing tag": ("<think>hm", "hm", ""),
    "half a closing tag": ("<think>hm</thi", "hm</thi", ""),
    "something like a closing tag": ("<think>a</thin>b<</think>Yes", "a</thin>b<", "Yes"),
    "two closing tags": ("<think>a</think>b</think>c", "a", "b</think>c"),
    "a second opening tag": ("<think>a<think>b</think>c", "a<think>b", "c"),
    "a later tag is text": ("Yes <think>hm</think> no", "", "Yes <think>hm</think> no"),
    "a later tag after reasoning is text": ("<think>a</think>b <think>c", "a", "b <think>c"),
    "half an opening tag": ("<thi", "", "<thi"),
    "almost an opening tag": ("<thinks>hm</thinks>", "", "<thinks>hm</thinks>"),
    "another tag": ("<thinking>hm</thinking>Yes", "hm", "Yes"),
    "two blocks": ("<think>a</think><think>b</think>\n\nYes", "a\nb", "Yes"),
    "two blocks on lines": ("<think>\na\n</think>\n\n<think>\nb\n</think>\nYes", "a\nb\n", "Yes"),
    "three blocks": ("<think>a</think> <think></think><think>c</think>Yes", "a\nc", "Yes"),
    "half a second block": ("<think>a</think><thi", "a", "<thi"),
    "a closing tag too many": ("<think>a</think></think>Yes", "a", "Yes"),
    "capitals": ("<THINK>hm</THINK>", "", "<THINK>hm</THINK>"),
    "white space of an ordinary answer": ("\n  Yes\n", "", "\n  Yes\n"),
    "white space only": (" \n", "", " \n"),
    "white space and half a tag": ("\n <th", "", "\n <th"),
    "code": ("<td>a</td>", "", "<td>a</td>"),
    "one sign": ("<", "", "<"),
    "characters outside ASCII": ("<think>嗯</think>是 👋", "嗯", "是 👋"),
}


class Folded:
    """Folds deltas as a response does."""

    def __init__(self) -> None:
        self.folder = AnswerFolder()
        self._builder = CompletionBuilder()

    def feed(self, content: str | None = None, reasoning: str | None = None) -> Chunk:
        """Return the chunk of the next delta."""
        return self._taken(self.folder.fold(chunk(content, reasoning=reasoning)))

    def end(self) -> tuple[str, str]:
        """Return the reasoning and the content of the whole stream."""
        self._taken(self.folder.end() or Chunk())
        done = self._builder.completion(Status.COMPLETE)
        return done.reasoning, done.content

    def _taken(self, last: Chunk) -> Chunk:
        for event in [*self.folder.events, last]:
            self._builder.add(event)
        self.folder.events.clear()
        return last


def parted(pieces: Sequence[str]) -> tuple[str, str]:
    """Return the reasoning and the content of a stream with these contents."""
    folded = Folded()
    for piece in pieces:
        folded.feed(piece)
    return folded.end()


EACH_TAGGED = pytest.mark.parametrize(("text", "reasoning", "content"), TAGGED.values(), ids=TAGGED)


@EACH_TAGGED
def test_leading_reasoning_in_tags_is_separated_from_the_answer(
    text: str, reasoning: str, content: str
) -> None:
    assert parted([text]) == (reasoning, content)


@EACH_TAGGED
def test_the_parts_are_the_same_wherever_the_text_is_split(
    text: str, reasoning: str, content: str
) -> None:
    for first, second in combinations(range(len(text) + 1), 2):
        pieces = [text[:first], text[first:second], text[second:]]
        assert parted(pieces) == (reasoning, content), pieces


@EACH_TAGGED
def test_the_parts_are_the_same_character_by_character(
    text: str, reasoning: str, content: str
) -> None:
    assert parted(list(text)) == (reasoning, content)


def test_an_answer_without_a_tag_is_not_held_back() -> None:
    folded = Folded()
    assert folded.feed("<t").content == ""
    assert folded.feed("d>").content == "<td>"
    assert folded.feed("<th").content == "<th"
    assert folded.feed("a long answer <").content == "a long answer "
    assert folded.feed("b>").content == "<b>"


def test_reasoning_is_returned_as_it_arrives() -> None:
    folded = Folded()
    assert folded.feed("<think>a").reasoning == "a"
    assert folded.feed("b</").reasoning == "b"
    assert folded.feed("c").reasoning == "</c"


def test_reasoning_of_members_and_of_tags_is_joined() -> None:
    chunk = Folded().feed("<think>b</think>c", reasoning="a")
    assert (chunk.reasoning, chunk.content) == ("ab", "c")


@each("opening", TAGS)
def test_every_pair_of_tags_is_known_wherever_it_is_split(opening: str) -> None:
    text = f"\n{opening}\nplan{TAGS[opening]}\n\n{opening}more{TAGS[opening]}\nSeven."
    assert split_reasoning(text) == ("plan\nmore", "Seven.")
    for place in range(len(text)):
        assert parted([text[:place], text[place:]]) == ("plan\nmore", "Seven."), place
    assert parted(list(text)) == ("plan\nmore", "Seven.")


# Content with a closing tag alone: the reasoning and the answer that are in it.
LONE = {
    "on a line of its own": ("I count.\n</think>\n\nSeven.", "I count.\n", "Seven."),
    "at the end of a line": ("I count.</think>\nSeven.", "I count.", "Seven."),
    "between two words": ("I count.</think>Seven.", "I count.", "Seven."),
    "after a blank": ("I count. </think>\n\nSeven.", "I count. ", "Seven."),
    "after a blank, before a word": ("I count. </think>Seven.", "I count. ", "Seven."),
    "at the beginning": ("\n</think>\n\nSeven.", "", "Seven."),
    "and nothing else": ("</think>\n\n", "", ""),
    "without an answer": ("I count.\n</think>", "I count.\n", ""),
    "of Seed": ("I count.\n</seed:think>\nSeven.", "I count.\n", "Seven."),
    "after code": ("```\nx\n```\nDone.\n</think>\nSeven.", "```\nx\n```\nDone.\n", "Seven."),
    "and another block": ("a\n</think>\n<think>b</think>c", "a\nb", "c"),
    "twice": ("a\n</think>\nb\n</think>\nc", "a\n", "b\n</think>\nc"),
    "after a part of a tag": ("a </ b < c\n</think>\nd", "a </ b < c\n", "d"),
    "Chinese": ("先数一数。</think>七。", "先数一数。", "七。"),
}
# Answers that mention a closing tag.
MENTIONS = (
    "Close it with `</think>` and go on.",
    "The tag </think> ends the reasoning.",
    "Write </think>, then the answer.",
    "It ends with </think>",
    "Split at '</think>' or \"</think>\" first.",
    "Use <think> and </think>\nfor that.",
    "```html\n<think>\nx\n</think>\n```\n",
    "```\n</think>\n```\n",
    "text.split('\\n</think>\\n')",
    "a < b </ c </think",
    "<td>x</td>\n</thead>\n",
)


@each(("text", "reasoning", "content"), LONE.values(), ids=LONE)
def test_text_before_a_lone_closing_tag_is_reasoning(
    text: str, reasoning: str, content: str
) -> None:
    assert split_reasoning(text) == (reasoning, content)
    assert parted([text]) == (reasoning, content)
    assert parted(list(text)) == (reasoning, content)
    for first, second in combinations(range(len(text) + 1), 2):
        pieces = [text[:first], text[first:second], text[second:]]
        assert parted(pieces) == (reasoning, content), pieces


def test_a_repeated_piece_before_a_lone_closing_tag_is_reasoning() -> None:
    """A delta that equals the whole answer is held back, as it may be a repetition."""
    assert parted(["</think>", "hi", "hi", "</think>\nthe end"]) == ("hihi", "the end")


@each("text", MENTIONS)
def test_an_answer_may_mention_a_closing_tag(text: str) -> None:
    assert parted([text]) == ("", text)
    assert parted(list(text)) == ("", text)
    for place in range(len(text)):
        assert parted([text[:place], text[place:]]) == ("", text), place


def test_many_mentions_and_blanks_take_linear_time() -> None:
    started = time.process_time()
    mentions = "Write `</think>` here.\n" * 40_000
    assert split_reasoning(mentions) == ("", mentions)
    assert parted([f"{line}\n" for line in mentions.split("\n")[:-1]]) == ("", mentions)
    html = ["<td>x</td>\n"] * 40_000
    assert parted(html) == ("", "".join(html))
    assert parted([" "] * 40_000) == ("", " " * 40_000)
    assert time.process_time() - started < 10


def test_a_closing_tag_after_reasoning_is_text() -> None:
    folded = Folded()
    folded.feed(reasoning="hm")
    folded.feed("a\n</think>\nb")
    assert folded.end() == ("hm", "a\n</think>\nb")


@pytest.mark.parametrize(
    ("pieces", "text"),
    [
        (["\ud83d", "\ude00"], "😀"),
        (["a\ud83d", "\ude00b"], "a😀b"),
        (["\ud83d", "", "\ude00"], "😀"),
        (["\ud83d", "x"], "\ufffdx"),
        (["\ud83d", "\ud83d", "\ude00"], "\ufffd😀"),
        (["\ude00", "\ud83d"], "\ufffd\ufffd"),
        (["\ud83d"], "\ufffd"),
        (["a\ud83d\ude00\ud83d"], "a😀\ufffd"),
        (["plain"], "plain"),
    ],
)
def test_surrogates_are_joined_over_deltas_or_replaced(pieces: list[str], text: str) -> None:
    joiner = SurrogateJoiner()
    assert "".join([*(joiner.feed(piece) for piece in pieces), joiner.end()]) == text
    assert parted(["a long beginning ", *pieces]) == ("", "a long beginning " + text)


def test_surrogates_of_reasoning_and_content_do_not_mix() -> None:
    folded = Folded()
    folded.feed("x\ud83d", reasoning="y\ud83d")
    folded.feed("\ude00", reasoning="\ude01")
    assert folded.end() == ("y😁", "x😀")
    assert folded.folder.end() is None


def test_a_surrogate_in_an_incomplete_tag_is_kept() -> None:
    assert parted(["<think>a", "\ud83d"]) == ("a\ufffd", "")
