"""Reads what the command line and standard input contain."""

from __future__ import annotations

import json
from collections.abc import Sequence

from newapi_cli.app.chat import ChatRun
from newapi_cli.app.context import Context
from newapi_cli.app.editor import edit_text
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
from newapi_cli.i18n import tr
from newapi_cli.streams import STDIN_NAMES, read_file

SYSTEM_HINT = tr("-s @FILE reads a text file; write @@ for a text that begins with @")
OWN_OPTIONS = ("model", "messages", "stream")  # fields of the body with an option of their own


def read_text_file(path_text: str, hint: str = "") -> str:
    """Return the content of a text file for a prompt. Raises `UsageError`."""
    content = read_file(path_text, MAX_INPUT_BYTES, hint=hint)
    if not content.is_complete:
        raise too_large(path_text)
    return text_from_bytes(content.data, path_text)


def read_system_prompt(value: str | None) -> str | None:
    """Return a system prompt: the text, or the content of the file in `@FILE`.

    A text that begins with `@` is written as `@@`.
    """
    if value is None or not value.startswith("@"):
        return value
    if not value[1:].strip():
        raise UsageError(tr("no file name given after @"), hint=SYSTEM_HINT)
    return value[1:] if value.startswith("@@") else read_text_file(value[1:], SYSTEM_HINT)


def gather_prompt(
    context: Context, run: ChatRun, words: Sequence[str], files: Sequence[str], *, edit: bool
) -> Prompt:
    """Return the prompt made of words, files and standard input, in this order.

    `-f -` puts standard input where it is named; otherwise it comes last, unless the system prompt
    is read from it. With `edit` the user edits the text last. Raises `UsageError`.
    """
    stdin = context.streams.stdin
    files = ["-" if name in STDIN_NAMES else name for name in files]
    is_system = context.overrides.get("system") in [f"@{name}" for name in STDIN_NAMES]
    if is_system and "-" in files:
        raise UsageError(
            tr("-s and -f both read standard input"), hint=tr("use a file for one of them")
        )
    reads_stdin = (not stdin.is_terminal or "-" in files) and not is_system
    piped = _read_stdin(context, run) if reads_stdin else TextFile("", "")
    contents = [piped if name == "-" else run.attacher.open(name) for name in files]
    text, rest = text_from_arguments(words), ""
    if "-" not in files:
        if isinstance(piped, Attachment):
            contents.append(piped)
        else:
            rest = piped.text
    if edit:
        draft = "\n\n".join(part for part in (text, rest) if part)
        text, rest = edit_text(context, draft), ""
    return prompt_from_contents(text, contents, rest)


def _read_stdin(context: Context, run: ChatRun) -> TextFile | Attachment:
    stdin = context.streams.stdin
    data, is_complete = stdin.read(MAX_INPUT_BYTES)
    if is_complete and is_plain_text(data):
        return TextFile("", text_from_bytes(data, "standard input"))  # loads nothing else
    if not is_complete and not is_plain_text(data):  # an image may be larger than a text
        data += stdin.read(MAX_INPUT_BYTES).data
    return run.attacher.from_stdin(data)


def option_fields(options: list[str]) -> dict[str, object]:
    """Parse `NAME=JSON` options; a value that is not JSON is used as text."""
    fields: dict[str, object] = {}
    for option in options:
        name, separator, text = option.partition("=")
        if not separator or not name:
            raise UsageError(
                tr("--option {text!r} is not NAME=JSON", text=option),
                hint=tr("for example -o top_k=40"),
            )
        if name in OWN_OPTIONS:
            raise UsageError(tr("--option {name} is not allowed; it has its own option", name=name))
        try:
            fields[name] = json.loads(text, parse_constant=_reject_constant)
        except (ValueError, RecursionError) as error:
            if text.startswith(("{", "[", '"')):
                raise UsageError(
                    tr("the value of --option {name} is not valid JSON", name=name)
                ) from error
            fields[name] = text
    return fields


def _reject_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")
