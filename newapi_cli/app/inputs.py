"""What the command line and standard input hold, read into text."""

from __future__ import annotations

import json
from collections.abc import Sequence

from newapi_cli.app.chat import ChatRun
from newapi_cli.app.context import Context
from newapi_cli.app.editor import edited
from newapi_cli.app.prompt_input import (
    MAX_INPUT_BYTES,
    Prompt,
    TextFile,
    is_plain_text,
    prompt_from_contents,
    text_from_arguments,
    text_from_bytes,
    too_large,
)
from newapi_cli.domain.messages import Attachment
from newapi_cli.errors import UsageError
from newapi_cli.streams import STDIN_NAMES, read_file

SYSTEM_HINT = "-s @FILE names a text file; a text that begins with @ is given as @@"


def read_text_file(path_text: str, hint: str = "") -> str:
    """Read a text file for a prompt. Raises `UsageError`, with the hint where nothing is read."""
    content = read_file(path_text, MAX_INPUT_BYTES, hint=hint)
    if not content.is_complete:
        raise too_large(path_text)
    return text_from_bytes(content.data, path_text)


def system_text(value: str | None) -> str | None:
    """Give a system prompt: the text, or the content of the file that `@FILE` names.

    A text that begins with `@` is given as `@@`.
    """
    if value is None or not value.startswith("@"):
        return value
    if not value[1:].strip():
        raise UsageError("no file is named behind the @", hint=SYSTEM_HINT)
    return value[1:] if value.startswith("@@") else read_text_file(value[1:], SYSTEM_HINT)


def gather_prompt(
    context: Context, run: ChatRun, words: Sequence[str], files: Sequence[str], *, edit: bool
) -> Prompt:
    """Make the prompt of words, files and standard input, in this order.

    `-f -` puts standard input where it is named; else it comes last, unless the system prompt is
    taken from it. With `edit` the person has the last word in an editor. Raises `UsageError`
    where there is nothing to ask.
    """
    stdin = context.streams.stdin
    files = ["-" if name in STDIN_NAMES else name for name in files]
    is_system = context.overrides.get("system") in [f"@{name}" for name in STDIN_NAMES]
    if is_system and "-" in files:
        raise UsageError("-s and -f both take standard input", hint="name a file for one of them")
    takes_stdin = (not stdin.is_terminal or "-" in files) and not is_system
    piped = _read_stdin(context, run) if takes_stdin else TextFile("", "")
    contents = [piped if name == "-" else run.attacher.open(name) for name in files]
    text, rest = text_from_arguments(words), ""
    if "-" not in files:
        if isinstance(piped, Attachment):
            contents.append(piped)
        else:
            rest = piped.text
    if edit:
        draft = "\n\n".join(part for part in (text, rest) if part)
        text, rest = edited(context, draft), ""
    return prompt_from_contents(text, contents, rest)


def _read_stdin(context: Context, run: ChatRun) -> TextFile | Attachment:
    stdin = context.streams.stdin
    data, is_complete = stdin.read(MAX_INPUT_BYTES)
    if is_complete and is_plain_text(data):
        return TextFile("", text_from_bytes(data, "standard input"))  # loads nothing further
    if not is_complete and not is_plain_text(data):  # a picture may be larger than a text
        data += stdin.read(MAX_INPUT_BYTES).data
    return run.attacher.from_stdin(data)


def option_fields(options: list[str]) -> dict[str, object]:
    """Read `NAME=JSON` options; a value that is no JSON is taken as text."""
    fields: dict[str, object] = {}
    for option in options:
        name, separator, text = option.partition("=")
        if not separator or not name:
            raise UsageError(
                f"--option {option!r} is not NAME=JSON", hint="for example -o top_k=40"
            )
        if name in ("model", "messages", "stream"):
            raise UsageError(f"--option {name} has an option of its own")
        try:
            fields[name] = json.loads(text, parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            if text.startswith(("{", "[", '"')):
                raise UsageError(f"the value of --option {name} is no whole JSON") from error
            fields[name] = text
    return fields


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is no JSON")
