"""Prompts are joined byte for byte, and data that is not text is refused with an offset."""

from __future__ import annotations

import pytest

from newapi_cli.app.prompt import (
    TextFile,
    prompt_from_parts,
    text_from_arguments,
    text_from_bytes,
    too_large,
)
from newapi_cli.errors import UsageError
from tests.support.cases import each

FENCE = "```"


@each(
    ("words", "piped", "prompt"),
    [
        ("review", "", "review"),
        ("", "text\n", "text\n"),
        ("review", "text", "review\n\ntext"),
        ("review", "text\n", "review\n\ntext\n"),
        ("review\n", "\ntext", "review\n\n\n\ntext"),
        ("  a  ", "\tb\t", "  a  \n\n\tb\t"),
        ("a", "x\r\ny\r\n", "a\n\nx\r\ny\r\n"),
        ("a", "\n", "a\n\n\n"),
        ("a", "\x00\x1b[31m\u2028", "a\n\n\x00\x1b[31m\u2028"),
        ("你好", "👋", "你好\n\n👋"),
    ],
)
def test_words_and_piped_text_are_joined_byte_for_byte(words: str, piped: str, prompt: str) -> None:
    assert prompt_from_parts(words, (), piped) == prompt


def test_files_are_fenced_between_words_and_piped_text() -> None:
    files = (TextFile("a.py", "x = 1\n"), TextFile("b.txt", "no end"))
    assert prompt_from_parts("review", files, "piped") == (
        "review\n\n"
        "a.py\n```\nx = 1\n```\n\n"
        "b.txt\n```\nno end\n```\n\n"
        "piped"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "fence"),
    [
        ("x\n", FENCE),
        ("``x``\n", FENCE),
        ("```py\nx\n```\n", FENCE + "`"),
        ("a ``````` b\n", FENCE + "`````"),
        ("", FENCE),
        ("~~~\n", FENCE),
    ],
)
def test_a_fence_is_longer_than_any_in_the_file(text: str, fence: str) -> None:
    newline = "" if text.endswith("\n") else "\n"
    expected = f"f\n{fence}\n{text}{newline}{fence}"
    assert prompt_from_parts("", (TextFile("f", text),), "") == expected


def test_standard_input_named_as_a_file_keeps_its_place() -> None:
    files = (TextFile("a", "1\n"), TextFile("", "piped\n"), TextFile("b", "2\n"))
    assert prompt_from_parts("w", files, "") == ("w\n\na\n```\n1\n```\n\npiped\n\n\nb\n```\n2\n```")


@each("words", ["", " ", "\n\t", "\u2003"])
@each("piped", ["", "\n", "  "])
def test_an_empty_prompt_is_a_usage_error(words: str, piped: str) -> None:
    with pytest.raises(UsageError) as caught:
        prompt_from_parts(words, (), piped)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", ""),
        (b"a\r\nb\n", "a\r\nb\n"),
        (b"\xef\xbb\xbfa", "a"),
        (b"\xef\xbb\xbf\xef\xbb\xbfa", "\ufeffa"),
        (b"a\xef\xbb\xbf", "a\ufeff"),
        ("你好 é 👋".encode(), "你好 é 👋"),
        (b"\x1b[31m\x07", "\x1b[31m\x07"),
    ],
)
def test_one_byte_order_mark_is_dropped(data: bytes, text: str) -> None:
    assert text_from_bytes(data, "standard input") == text


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"abc\xffd", "byte 0xff at offset 3"),
        (b"\xff\xfea\0", "NUL byte at offset 3"),
        (b"ab\0c", "NUL byte at offset 2"),
        (b"caf\xe9", "byte 0xe9 at offset 3"),
        (b"\xe4\xbd", "byte 0xe4 at offset 0"),
        (b"\xed\xa0\x80", "byte 0xed at offset 0"),
    ],
)
def test_data_that_is_not_text_is_refused_with_an_offset(data: bytes, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        text_from_bytes(data, "notes.txt")
    assert message in caught.value.message
    assert caught.value.message.startswith("notes.txt is not")
    assert caught.value.hint


def test_too_large_input_is_reported_with_the_limit() -> None:
    problem = too_large("standard input")
    assert problem.message == "standard input is larger than 10 MB"
    assert problem.hint


def test_arguments_are_joined_by_a_space() -> None:
    assert text_from_arguments(["a", " b ", "", "c\nd"]) == "a  b   c\nd"


@pytest.mark.parametrize("word", ["\udcff", "a\udc80b"])
def test_arguments_that_are_not_utf_8_are_refused(word: str) -> None:
    with pytest.raises(UsageError):
        text_from_arguments(["a", word])
