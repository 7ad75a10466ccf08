"""Text out of a conversation: to the clipboard, and into files."""

from __future__ import annotations

import os
from pathlib import Path

from newapi_cli.app.clipboard import code_block, copy, copy_warnings
from newapi_cli.app.sessions.archive import session_to_json, session_to_lines
from newapi_cli.app.sessions.redacted_store import redact_session
from newapi_cli.domain.session import StoredSession
from newapi_cli.errors import LocalError, UsageError
from newapi_cli.i18n import tr
from newapi_cli.render.rows import json_text
from newapi_cli.render.sanitizer import safe_line
from newapi_cli.render.transcript import transcript_markdown
from newapi_cli.repl.conversation import Conversation

KEY_REDACTED = tr("your API key is redacted (****)")


def copy_answer(conversation: Conversation, which: str) -> None:
    """Copy the last answer, or code of it, to the clipboard."""
    text = code_block(_last_answer(conversation), which)
    conversation.print_err(copy(conversation.streams, text))
    for warning in copy_warnings(text, is_code=bool(which)):
        conversation.print_err(warning)


def save(conversation: Conversation, text: str) -> None:
    """Write the last answer, or with `all` the whole conversation, to a file."""
    word, _, rest = text.partition(" ")
    is_all, path = (True, rest.strip()) if word == "all" else (False, text)
    path = unquote_path(path)
    if not path:
        raise UsageError(tr("no file name given"), hint="/save answer.md, /save all talk.md")
    content = _document(conversation, path) if is_all else _last_answer(conversation)
    try:
        written = _write_file(path, content, replace=False)
    except FileExistsError:
        prompt = tr("{path} already exists. Overwrite it? [y/N] ", path=safe_line(path))
        if not conversation.reader.confirm(prompt):
            conversation.print_err(tr("not saved"))
            return
        written = _write_file(path, content, replace=True)
    conversation.print_err(tr("saved to {path}", path=safe_line(str(written))))


def unquote_path(text: str) -> str:
    """Return a path without the quotes and backslashes that a terminal adds to a dropped file."""
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        return text[1:-1]
    return text.replace("\\ ", " ")


def _document(conversation: Conversation, path: str) -> str:
    """Return the conversation as Markdown, or as JSON or JSON lines, by the file's extension."""
    live = conversation.live
    turns = tuple(
        turn._replace(id=number, parent_id=number - 1 or None)
        for number, turn in enumerate(live.path, 1)
    )
    session = live.session._replace(leaf_id=len(turns) or None, turns=len(turns))
    stored = redact_session(conversation.context, StoredSession(session, turns))
    if stored.turns != turns or stored.session != session:
        conversation.print_err(KEY_REDACTED)
    if path.endswith(".jsonl"):
        return "".join(f"{line}\n" for line in session_to_lines(stored))
    if path.endswith(".json"):
        return json_text(session_to_json(stored))
    return transcript_markdown(stored)


def _last_answer(conversation: Conversation) -> str:
    """Return the last answer with API keys redacted: they go into no file and no clipboard."""
    for turn in reversed(conversation.live.path):
        if turn.answer:
            text = conversation.context.redact_known_keys(turn.answer)
            if text != turn.answer:
                conversation.print_err(KEY_REDACTED)
            return text
    raise UsageError(tr("no answer yet"))


def _write_file(path: str, text: str, *, replace: bool) -> Path:
    """Write a private text file and return its path.

    Raises `FileExistsError`, `LocalError`.
    """
    target = Path(path)
    flags = os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if replace else os.O_EXCL)
    try:
        target = target.expanduser()
        if target.is_dir():
            raise UsageError(tr("{path} is a folder", path=path))
        if target.exists() and not target.is_file():  # opening a pipe would wait for its reader
            raise UsageError(tr("{path} is not a regular file", path=path))
        with os.fdopen(os.open(target, flags, 0o600), "wb") as file:
            file.write(text.encode("utf-8", "replace"))
            if text and not text.endswith("\n"):
                file.write(b"\n")
    except FileExistsError:
        raise
    except (OSError, RuntimeError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise LocalError(tr("cannot write {path}", path=path), why=why or "") from error
    return target
