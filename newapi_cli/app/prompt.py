"""Prompts: the parts of one, joined byte for byte, and the texts that they are read from.

words of the command line
                            <- a blank line
files, each with its name, fenced
                            <- a blank line
standard input, unchanged
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from newapi_cli.domain.messages import Attachment
from newapi_cli.errors import NextStep, UsageError, profile_command
from newapi_cli.i18n import tr
from newapi_cli.streams import read_file

MAX_INPUT_BYTES = 10 * 1024 * 1024
BOM = "\ufeff"
PDF_IN_TEXT = re.compile(rb"%PDF-\d.*%%EOF", re.DOTALL)
SYSTEM_HINT = tr(
    "use {step} to read a text file, and @@ for a text that begins with @",
    step=NextStep.SYSTEM_FILE,
)
NO_PROMPT_HINT = tr(
    "{command}, or pipe text into it", command=profile_command("newapi chat", '"your prompt"')
)


class TextFile(NamedTuple):
    """The text of one `-f`; `name` is empty for standard input, which is not fenced."""

    name: str
    text: str


class Prompt(NamedTuple):
    """What is sent: the text, and its attachments."""

    text: str
    attachments: tuple[Attachment, ...] = ()


def prompt_from_contents(
    words: str, contents: Sequence[TextFile | Attachment], piped: str = ""
) -> Prompt:
    """Return the prompt made of words, texts and attachments, each in their order.

    Raises `UsageError` if there are only attachments: the model needs a prompt.
    """
    texts = tuple(content for content in contents if isinstance(content, TextFile))
    attachments = tuple(content for content in contents if isinstance(content, Attachment))
    hint = NO_PROMPT_HINT
    if attachments:
        hint = tr(
            "add a prompt for {name}: {command}",
            name=attachments[0].name,
            command=profile_command("newapi chat", '-f FILE "what is this?"'),
        )
    return Prompt(prompt_from_parts(words, texts, piped, hint=hint), attachments)


def prompt_from_parts(
    words: str, files: tuple[TextFile, ...], piped: str, *, hint: str = NO_PROMPT_HINT
) -> str:
    """Join the parts in their order with a blank line between them.

    Raises `UsageError` if nothing but white space is left.

    >>> prompt_from_parts("review this", (), "a\\nb\\n")
    'review this\\n\\na\\nb\\n'
    """
    parts = [words, *(_fenced(file) for file in files), piped]
    prompt = "\n\n".join(part for part in parts if part)
    if not prompt.strip():
        raise UsageError(tr("no prompt given"), hint=hint)
    return prompt


def _fenced(file: TextFile) -> str:
    if not file.name:
        return file.text
    longest = max((len(run) for run in re.findall(r"`{3,}", file.text)), default=2)
    fence = "`" * (longest + 1)
    newline = "" if file.text.endswith("\n") else "\n"
    return f"{file.name}\n{fence}\n{file.text}{newline}{fence}"


def is_plain_text(data: bytes) -> bool:
    """Return whether bytes, whose last character may be cut off, are UTF-8 text and not a PDF.

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


def text_from_bytes(data: bytes, source: str) -> str:
    """Decode piped text or a file.

    Raises `UsageError` with the offset of the first bad byte.
    """
    if b"\0" in data:
        raise UsageError(
            tr("{source} is not text: NUL byte at offset {n}", source=source, n=data.index(b"\0")),
            hint=tr("convert it to text first"),
        )
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(
            tr(
                "{source} is not UTF-8 text: byte {byte} at offset {n}",
                source=source,
                byte=f"{data[error.start]:#04x}",
                n=error.start,
            ),
            hint=tr("convert it, for example with `iconv -t utf-8`"),
        ) from error
    return text.removeprefix(BOM)


def too_large(source: str) -> UsageError:
    """Return the error for input beyond `MAX_INPUT_BYTES`."""
    return UsageError(
        tr("{source} is larger than {n} MB", source=source, n=MAX_INPUT_BYTES // 1024 // 1024),
        hint=tr("send a part of it, for example with `head -c`"),
    )


def text_from_arguments(words: Sequence[str]) -> str:
    """Join the words of a command line.

    Raises `UsageError` for bytes that are not UTF-8.
    """
    text = " ".join(words)
    if any("\udc80" <= character <= "\udcff" for character in text):
        raise UsageError(tr("the prompt on the command line is not UTF-8 text"))
    return text


def read_system_prompt(
    value: str | None, on_silence: Callable[[], None] = lambda: None
) -> str | None:
    """Return a system prompt: the text, or the content of the file in `@FILE`.

    A text that begins with `@` is written as `@@`. `on_silence` is called if the file is standard
    input, and nothing arrives for a second. Raises `UsageError`.
    """
    if value is None or not value.startswith("@"):
        return value
    if value.startswith("@@"):
        return value[1:]
    path = value[1:]
    if not path.strip():
        raise UsageError(tr("no file name given after @"), hint=SYSTEM_HINT)
    content = read_file(path, MAX_INPUT_BYTES, hint=SYSTEM_HINT, on_silence=on_silence)
    if not content.is_complete:
        raise too_large(path)
    return text_from_bytes(content.data, path)
