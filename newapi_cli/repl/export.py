"""What is taken out of a conversation: to the clipboard, and into files."""

from __future__ import annotations

from newapi_cli.app.clipboard import code_block, copy, copy_warning
from newapi_cli.app.sessions.archive import session_to_json, session_to_lines
from newapi_cli.domain.session import StoredSession
from newapi_cli.errors import UsageError
from newapi_cli.render.rows import json_text
from newapi_cli.render.sanitizer import safe_line
from newapi_cli.render.transcript import transcript_markdown
from newapi_cli.repl.conversation import Talk

KEY_LEFT_OUT = "your key is left out: **** stands for it"


def copy_answer(talk: Talk, which: str) -> None:
    """Copy the last answer, or code of it, to the clipboard."""
    text = code_block(_answer(talk), which)
    talk.print_err(copy(talk.streams, text))
    if warning := copy_warning(text, is_code=bool(which)):
        talk.print_err(warning)


def save(talk: Talk, text: str) -> None:
    """Write the last answer to a file, or with `all` the conversation."""
    word, _, rest = text.partition(" ")
    whole, path = (True, rest.strip()) if word == "all" else (False, text)
    path = without_quotes(path)
    if not path:
        raise UsageError("say where to", hint="/save answer.md, or /save all conversation.md")
    content = _document(talk, path) if whole else _answer(talk)
    try:
        written = talk.answers.write_file(path, content, replace=False)
    except FileExistsError:
        if not talk.reader.confirm(f"{safe_line(path)} exists. Replace it? [y/N] "):
            talk.print_err("nothing was written")
            return
        written = talk.answers.write_file(path, content, replace=True)
    talk.print_err(f"written: {safe_line(written)}")


def _document(talk: Talk, path: str) -> str:
    """Give the conversation as Markdown, or as JSON or JSON lines where the name ends so."""
    live = talk.live
    turns = tuple(
        turn._replace(id=number, parent_id=number - 1 or None)
        for number, turn in enumerate(live.path, 1)
    )
    session = live.session._replace(leaf_id=len(turns) or None, turns=len(turns))
    stored = talk.answers.redact_session(StoredSession(session, turns))
    if stored.turns != turns or stored.session != session:
        talk.print_err(KEY_LEFT_OUT)
    if path.endswith(".jsonl"):
        return "".join(f"{line}\n" for line in session_to_lines(stored))
    if path.endswith(".json"):
        return json_text(session_to_json(stored))
    return transcript_markdown(stored)


def _answer(talk: Talk) -> str:
    """Give the last answer. Like the store, no file and no clipboard gets a key that is in it."""
    for turn in reversed(talk.live.path):
        if turn.answer:
            text = talk.answers.remove_keys(turn.answer)
            if text != turn.answer:
                talk.print_err(KEY_LEFT_OUT)
            return text
    raise UsageError("there is no answer yet", hint="type a question")


def without_quotes(text: str) -> str:
    """Take the quotes off a path, as a terminal writes one that was dropped on it."""
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        return text[1:-1]
    return text.replace("\\ ", " ")
