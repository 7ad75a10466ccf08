"""State between deltas: halves of characters, halves of tags."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import pytest

from newapi_cli.api.chat.split_text import DeltaDecoder, SurrogateJoiner
from newapi_cli.domain.completion import Chunk

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
    "almost an opening tag": ("<thinking>hm</thinking>", "", "<thinking>hm</thinking>"),
    "capitals": ("<THINK>hm</THINK>", "", "<THINK>hm</THINK>"),
    "white space of an ordinary answer": ("\n  Yes\n", "", "\n  Yes\n"),
    "white space only": (" \n", "", " \n"),
    "white space and half a tag": ("\n <th", "", "\n <th"),
    "code": ("<td>a</td>", "", "<td>a</td>"),
    "one sign": ("<", "", "<"),
    "characters outside ASCII": ("<think>嗯</think>是 👋", "嗯", "是 👋"),
}


def parted(pieces: Sequence[str]) -> tuple[str, str]:
    """Return the reasoning and the content of a stream with these contents."""
    decoder = DeltaDecoder()
    chunks = [decoder.feed(Chunk(content=piece)) for piece in pieces]
    chunks.append(decoder.end() or Chunk())
    return "".join(c.reasoning for c in chunks), "".join(c.content for c in chunks)


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
    decoder = DeltaDecoder()
    assert decoder.feed(Chunk(content="<t")).content == ""
    assert decoder.feed(Chunk(content="d>")).content == "<td>"
    assert decoder.feed(Chunk(content="<th")).content == "<th"


def test_reasoning_is_returned_as_it_arrives() -> None:
    decoder = DeltaDecoder()
    assert decoder.feed(Chunk(content="<think>a")).reasoning == "a"
    assert decoder.feed(Chunk(content="b</")).reasoning == "b"
    assert decoder.feed(Chunk(content="c")).reasoning == "</c"


def test_reasoning_of_members_and_of_tags_is_joined() -> None:
    decoder = DeltaDecoder()
    chunk = decoder.feed(Chunk(content="<think>b</think>c", reasoning="a"))
    assert (chunk.reasoning, chunk.content) == ("ab", "c")


def test_all_other_fields_of_a_chunk_are_kept() -> None:
    chunk = Chunk(content="<think>a", finish_reason="stop", model="m", id="i")
    assert DeltaDecoder().feed(chunk) == chunk._replace(content="", reasoning="a")


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
    assert parted(["x", *pieces]) == ("", "x" + text)


def test_surrogates_of_reasoning_and_content_do_not_mix() -> None:
    decoder = DeltaDecoder()
    first = decoder.feed(Chunk(content="x\ud83d", reasoning="y\ud83d"))
    second = decoder.feed(Chunk(content="\ude00", reasoning="\ude01"))
    assert (first.content + second.content, first.reasoning + second.reasoning) == ("x😀", "y😁")
    assert decoder.end() is None


def test_a_surrogate_in_an_incomplete_tag_is_kept() -> None:
    assert parted(["<think>a", "\ud83d"]) == ("a\ufffd", "")
