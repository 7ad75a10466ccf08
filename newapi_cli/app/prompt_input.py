"""Arguments, files and standard input made into one prompt, byte for byte. Pure.

words of the command line
                            <- a blank line
files, each with its name, fenced
                            <- a blank line
standard input, as it is
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from newapi_cli.domain.messages import Attachment
from newapi_cli.errors import UsageError

MAX_INPUT_BYTES = 10 * 1024 * 1024
BOM = "\ufeff"
PDF_IN_TEXT = re.compile(rb"%PDF-\d.*%%EOF", re.DOTALL)
NOTHING_HINT = 'newapi chat "your question", or pipe text into it'


class TextFile(NamedTuple):
    """The text of one `-f`; `name` is empty for standard input, which is not fenced."""

    name: str
    text: str


class Prompt(NamedTuple):
    """What is asked: the text, and what goes beside it."""

    text: str
    attachments: tuple[Attachment, ...] = ()


def prompt_from_contents(
    words: str, contents: Sequence[TextFile | Attachment], piped: str = ""
) -> Prompt:
    """Put texts into the prompt, in their order, and attachments beside it, in theirs.

    Raises `UsageError` where there is nothing but attachments: it is not known what to do.
    """
    texts = tuple(content for content in contents if isinstance(content, TextFile))
    attachments = tuple(content for content in contents if isinstance(content, Attachment))
    hint = NOTHING_HINT
    if attachments:
        hint = f'say what to do with {attachments[0].name}: newapi chat -f FILE "what is this?"'
    return Prompt(prompt_from_parts(words, texts, piped, hint=hint), attachments)


def prompt_from_parts(
    words: str, files: tuple[TextFile, ...], piped: str, *, hint: str = NOTHING_HINT
) -> str:
    """Join the parts in their order with a blank line between them.

    Raises `UsageError` where nothing but white space is left to ask.

    >>> prompt_from_parts("review this", (), "a\\nb\\n")
    'review this\\n\\na\\nb\\n'
    """
    parts = [words, *(_framed(file) for file in files), piped]
    prompt = "\n\n".join(part for part in parts if part)
    if not prompt.strip():
        raise UsageError(
            "there is nothing to ask: no prompt was given",
            hint=hint,
        )
    return prompt


def _framed(file: TextFile) -> str:
    if not file.name:
        return file.text
    longest = max((len(run) for run in re.findall(r"`{3,}", file.text)), default=2)
    fence = "`" * (longest + 1)
    newline = "" if file.text.endswith("\n") else "\n"
    return f"{file.name}\n{fence}\n{file.text}{newline}{fence}"


def is_plain_text(data: bytes) -> bool:
    """Say whether bytes, the last character of which may be cut off, are UTF-8 text and no PDF.

    >>> is_plain_text("é".encode()), is_plain_text(b"caf\\xe9!"), is_plain_text(b"a\\0b")
    (True, False, False)
    """
    if b"\0" in data or PDF_IN_TEXT.match(data):
        return False
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.reason == "unexpected end of data"
    return True


def text_from_bytes(data: bytes, where: str) -> str:
    """Decode text that was piped in or read from a file.

    Raises `UsageError` for what is no UTF-8 text, naming the offset in bytes.
    """
    if b"\0" in data:
        offset = data.index(b"\0")
        raise UsageError(
            f"{where} is not text: a NUL byte at offset {offset}",
            hint="only text can be sent; convert it first",
        )
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{where} is not UTF-8 text: byte {data[error.start]:#04x} at offset {error.start}",
            hint="convert it, for example with `iconv -t utf-8`",
        ) from error
    return text.removeprefix(BOM)


def too_large(where: str) -> UsageError:
    """Give the error for input beyond `MAX_INPUT_BYTES`."""
    return UsageError(
        f"{where} is larger than {MAX_INPUT_BYTES // 1024 // 1024} MB",
        hint="send the part that matters, for example with `head -c`",
    )


def text_from_arguments(words: Sequence[str]) -> str:
    """Join the words of a command line; raises `UsageError` for bytes that are no UTF-8."""
    text = " ".join(words)
    if any("\udc80" <= character <= "\udcff" for character in text):
        raise UsageError("the prompt on the command line is not UTF-8 text")
    return text
