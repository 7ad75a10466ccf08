"""The slash commands: each is a function here and a row of the table at the end.

/help, completion and documentation are made from the table. `command_parser.Command` explains its
columns.
"""

from __future__ import annotations

import json

from newapi_cli.app.config_edit import (
    Setting,
    run_setting,
    run_settings,
    set_run_setting,
    switch_profile,
    unset_run_setting,
)
from newapi_cli.app.editor import edit_text
from newapi_cli.app.exact_costs import fetch_exact_costs
from newapi_cli.app.prompt import Prompt, TextFile, read_system_prompt
from newapi_cli.app.sessions.live_session import describe_external_changes
from newapi_cli.app.sessions.resume import (
    checked_session_name,
    new_session_like,
    resume_reference,
)
from newapi_cli.config.cache import split_model_names
from newapi_cli.domain.completion import COUNTS, Status, usage_from_counts
from newapi_cli.domain.messages import Attachment
from newapi_cli.domain.session import CONTINUE_PROMPT, Session, TurnRecord
from newapi_cli.errors import UsageError
from newapi_cli.i18n import ntr, tr
from newapi_cli.render.prices import balance_text
from newapi_cli.render.sanitizer import safe_line, safe_text
from newapi_cli.render.session_view import last_turns_rows
from newapi_cli.render.spending import exactness_text
from newapi_cli.render.units import ago, seconds, tokens, turns_on_path
from newapi_cli.repl.command_parser import Command, help_rows, keys_rows
from newapi_cli.repl.conversation import Conversation
from newapi_cli.repl.export import copy_answer, save, unquote_path
from newapi_cli.text import cell_width, truncate

LISTED_SESSIONS, MIN_TITLE_CELLS = 10, 12
INPUT_ROWS = 2  # rows of the window for the input line and the status bar
QUOTED_CHARACTERS = 60
CLEAR_SCREEN = "\x1b[H\x1b[2J"


def show_help(conversation: Conversation, topic: str) -> None:
    """List the commands, and the keys if the window has room for both; or describe one command."""
    screen = conversation.streams.stderr
    rows = help_rows(COMMANDS, screen.width)
    keys = keys_rows(screen.width)
    word = topic.lower().removeprefix("/")
    if word == "keys":
        rows = keys
    elif word:
        matching = [each for each in COMMANDS if word in (each.name, *each.aliases)]
        if not matching:
            raise UsageError(tr("unknown command /{name}", name=word), hint=tr("/help lists them"))
        rows = help_rows(matching, screen.width)
    elif len(rows) + len(keys) + INPUT_ROWS <= screen.height:
        rows += keys
    for row in rows:
        conversation.print_err(row)


def set_model(conversation: Conversation, text: str) -> None:
    """Show or change the model. Turns that the old one had no room for are sent again."""
    split = split_model_names(text, conversation.context.paths.cache_dir)
    has_no_name = not split or text.lstrip().startswith(",")
    name, *others = map(unquote_path, ["", *split] if has_no_name else split)
    if text and not (name or any(others)):
        raise UsageError(tr("no model name given"), hint="/model NAME")
    if name:
        conversation.live.change(conversation.live.session._replace(model=name, left_out=0))
    fallbacks = [other for other in others if other]
    if fallbacks:
        set_run_setting(conversation.context, "fallback", json.dumps(fallbacks))
    model = safe_line(conversation.model)
    if not model:
        conversation.print_err(tr("model: not set"))
    elif fallbacks:
        names = ", ".join(map(safe_line, fallbacks))
        conversation.print_err(tr("model: {model}, fallback: {names}", model=model, names=names))
    else:
        conversation.print_err(tr("model: {model}", model=model))


def set_profile(conversation: Conversation, name: str) -> None:
    context = conversation.context
    if name:
        host_before = conversation.host
        switch_profile(context, name)
        conversation.forget_cost()
        model = context.model_and_fallbacks[0]
        if model:
            conversation.live.change(conversation.live.session._replace(model=model, left_out=0))
        if conversation.live.path and conversation.host != host_before:
            conversation.print_err(
                tr(
                    "the next message sends this whole conversation to {host};"
                    " /new starts an empty one",
                    host=conversation.host,
                )
            )
    conversation.print_err(
        tr(
            "profile: {profile} ({host}, {model})",
            profile=tr("none") if context.demo_models else context.settings.profile,
            host=conversation.host or tr("no gateway"),
            model=safe_line(conversation.model) or tr("no model"),
        )
    )


def set_system(conversation: Conversation, text: str) -> None:
    if text:
        is_empty = text in ("clear", '""', "''")
        system = "" if is_empty else read_system_prompt(text) or ""
        conversation.live.change(conversation.live.session._replace(system=system))
    system = safe_text(conversation.live.session.system)
    conversation.print_err(
        tr("system prompt: {text}", text=system) if system else tr("system prompt: not set")
    )


def set_setting(conversation: Conversation, text: str) -> None:
    context = conversation.context
    name, _, value = text.partition(" ")
    value = value.strip()
    if not name:
        for setting in run_settings(context):
            conversation.print_err(f"  {_setting_text(setting)}")
    elif not value:
        conversation.print_err(_setting_text(run_setting(context, name)))
    elif value == "unset":
        conversation.print_err(_setting_text(unset_run_setting(context, name)))
    else:
        conversation.print_err(_setting_text(set_run_setting(context, name, value)))


def _setting_text(setting: Setting) -> str:
    if not setting.value:
        return tr("{name}: not set", name=setting.name)
    return tr(
        "{name} = {value} ({origin})",
        name=setting.name,
        value=setting.readable_value,
        origin=setting.readable_origin,
    )


def attach(conversation: Conversation, text: str) -> None:
    word, _, rest = text.partition(" ")
    if not text:
        for content in conversation.attached:
            conversation.print_err(_attachment_text(content))
        if not conversation.attached:
            conversation.print_err(tr("nothing is attached; /file PATH or URL attaches a file"))
    elif text == "clear":
        conversation.attached = []
        conversation.print_err(tr("detached all files"))
    elif word == "drop" and rest:
        _drop(conversation, unquote_path(rest.strip()))
    else:
        content = conversation.chat.attach(unquote_path(text))
        conversation.attached.append(content)
        conversation.print_err(tr("attached {file}", file=_attachment_text(content)))


def _drop(conversation: Conversation, name: str) -> None:
    """Detach a file from the next message, or else an attachment from earlier turns."""
    pending = conversation.attached
    kept = [each for each in pending if each.name != name]
    if len(kept) < len(pending):
        conversation.attached = kept
        conversation.print_err(tr("{name} is detached", name=safe_line(name)))
        return
    sent = [each for turn in conversation.live.path for each in turn.attachments]
    dropped = [each for each in sent if each.name == name]
    if not dropped:
        names = ", ".join(dict.fromkeys(each.name for each in (*pending, *sent)))
        raise UsageError(
            tr("no attachment named {name}", name=name),
            hint=tr("attached: {names}", names=names) if names else tr("nothing is attached"),
        )
    for attachment in dropped:
        conversation.chat.detach(attachment)
    conversation.print_err(
        tr("{name} is no longer sent; /retry sends the prompt again", name=safe_line(name))
    )


def _attachment_text(content: TextFile | Attachment) -> str:
    if isinstance(content, Attachment):
        return safe_line(str(content))
    return ntr(
        "{name} ({n} character of text)",
        "{name} ({n:,} characters of text)",
        len(content.text),
        name=safe_line(content.name),
    )


def retry(conversation: Conversation, model: str) -> None:
    """Send the last prompt again; the old answer stays in the session."""
    if model and (conversation.unsent or conversation.live.path):
        set_model(conversation, model)
    if conversation.unsent is not None:
        conversation.send_unsent(conversation.unsent)
        return
    _ensure_unchanged(conversation)
    conversation.resend(_last_turn(conversation, tr("nothing to retry yet")))


def continue_answer(conversation: Conversation, _: str) -> None:
    """Ask the model to continue an incomplete answer; the part is sent as its own message."""
    last = _last_turn(conversation, tr("nothing to continue yet"))
    if not last.answer:
        raise UsageError(
            tr("the last answer has no text to continue"),
            hint=tr("/retry sends the prompt again"),
        )
    if last.status is Status.COMPLETE and last.finish_reason != "length":
        raise UsageError(tr("the last answer is complete"))
    conversation.send(Prompt(CONTINUE_PROMPT))
    if conversation.live.last is not None and conversation.live.last.status is Status.ERROR:
        conversation.print_err(
            tr("the model did not continue its answer; /undo, then /retry sends the prompt again")
        )


def edit(conversation: Conversation, _: str) -> None:
    """Edit the last prompt in the editor and send it, or write the first one."""
    _ensure_unchanged(conversation)
    last, unsent = conversation.live.last, conversation.unsent
    if unsent is not None:
        draft = unsent.prompt
    else:
        draft = Prompt(last.prompt, last.attachments) if last else Prompt("")
    if draft.text == CONTINUE_PROMPT:
        raise UsageError(tr("/continue has no prompt to edit"), hint=tr("/undo, then /edit"))
    text = edit_text(conversation.context, draft.text)
    if not text.strip():
        conversation.print_err(tr("the prompt is empty; nothing was sent"))
    elif text == draft.text:
        conversation.print_err(tr("the prompt is unchanged; /retry sends it again"))
    elif unsent is not None:
        conversation.send_unsent(unsent._replace(prompt=draft._replace(text=text)))
    elif last is None:
        conversation.send_text(text)
    else:
        conversation.send(draft._replace(text=text), conversation.live.path[:-1])


def undo(conversation: Conversation, _: str) -> None:
    """Remove the last turn; it stays in the session on its own branch."""
    _ensure_unchanged(conversation)
    undone = conversation.live.undo()
    conversation.unsent = None
    if undone is None:
        raise UsageError(tr("nothing to undo"))
    removed = tr('"{prompt}"', prompt=_quoted(undone.prompt))
    if undone.is_continuation:
        removed = tr("the continuation")
    conversation.print_err(
        ntr(
            "removed {removed}; {n} turn left",
            "removed {removed}; {n:,} turns left",
            len(conversation.live.path),
            removed=removed,
        )
    )


def fork(conversation: Conversation, name: str) -> None:
    """Continue in a copy of the conversation; the session so far stays unchanged."""
    _last_turn(conversation, tr("nothing to fork yet"))
    if not conversation.live.is_saved:
        raise UsageError(tr("this conversation is not saved, so it cannot be forked"))
    name = name and checked_session_name(name)
    original = conversation.live.fork(name)
    conversation.unsent = None
    session = conversation.live.session
    conversation.print_err(
        tr(
            'continuing in session {id} "{title}"; {original} is unchanged',
            id=session.short_id,
            title=safe_line(session.title),
            original=original.short_id,
        )
    )
    if name and not session.is_named:
        conversation.print_err(
            tr('another session is named "{name}"; /rename names this one', name=safe_line(name))
        )


def sessions(conversation: Conversation, reference: str) -> None:
    context, streams = conversation.context, conversation.streams
    if reference:
        conversation.switch_to(resume_reference(context, reference))
        conversation.show_last_turns(last_turns_rows(streams, conversation.live.path))
        return
    listed = context.sessions.sessions(LISTED_SESSIONS)
    path_lengths = context.sessions.path_lengths(listed)
    for session in listed:
        turns = turns_on_path(path_lengths.get(session.id, 0), session.turns)
        is_current = session.id == conversation.live.session.id
        row = _session_row(session, turns, streams.stderr.width, is_current=is_current)
        conversation.print_err(row)
    if listed:
        conversation.print_err(tr("/sessions ID switches to one"))
    else:
        conversation.print_err(tr("no sessions yet"))


def _session_row(session: Session, turns: str, width: int, *, is_current: bool) -> str:
    """Return a session as one row of the window; a title that does not fit is cut."""
    mark = f"  ({tr('current')})" if is_current else ""
    head = f"  {session.short_id}  {ago(session.used_at)}  {turns}  "
    room = width - cell_width(head) - cell_width(mark)
    return f"{head}{truncate(safe_line(session.title), max(room, MIN_TITLE_CELLS))}{mark}"


def new(conversation: Conversation, _: str) -> None:
    old = conversation.live
    conversation.switch_to(new_session_like(conversation.context, old.session))
    if old.path and old.is_saved:
        conversation.print_err(tr("new conversation; {id} is saved", id=old.session.short_id))
    else:
        conversation.print_err(tr("new conversation"))


def rename(conversation: Conversation, title: str) -> None:
    session = conversation.live.session
    if not title:
        name = safe_line(session.title)
        conversation.print_err(tr("name: {name}", name=name) if name else tr("name: not set"))
        return
    if not conversation.live.is_saved:
        raise UsageError(tr("this conversation is not saved, so it cannot be renamed"))
    title = checked_session_name(title)
    conversation.live.change(session._replace(title=title, is_named=True))
    conversation.print_err(tr('renamed to "{title}"', title=safe_line(title)))


def thinking(conversation: Conversation, _: str) -> None:
    last = conversation.live.last
    reasoning = safe_text(last.reasoning).strip() if last else ""
    conversation.print_err(reasoning or tr("the last answer has no reasoning"))


def usage(conversation: Conversation, word: str) -> None:
    """Show tokens, time and cost of the conversation; `exact` fetches costs from the gateway."""
    if word not in ("", "exact", "--exact"):
        raise UsageError(
            tr('unknown argument "{word}"', word=safe_line(word)), hint="/usage, /usage exact"
        )
    if word:
        exactness = fetch_exact_costs(
            conversation.context, conversation.chat.gateway, conversation.live
        )
        conversation.print_err(exactness_text(exactness))
    path = conversation.live.path
    counted = [turn.usage for turn in path if turn.usage is not None]
    duration_s = sum(turn.duration_s or 0.0 for turn in path)
    sums = usage_from_counts(sum(getattr(each, name) or 0 for each in counted) for name in COUNTS)
    uncounted = len(path) - len(counted)
    parts = [
        ntr("{n} turn", "{n:,} turns", len(path)),
        tokens(sums if counted or not path else None),
        ntr("unknown for {n} turn", "unknown for {n:,} turns", uncounted)
        if counted and uncounted
        else "",
        tr("{duration} in total", duration=seconds(duration_s)),
        conversation.cost_text(),
    ]
    conversation.print_err(" · ".join(filter(None, parts)))


def balance(conversation: Conversation, _: str) -> None:
    text = balance_text(conversation.chat.gateway.balance())
    conversation.print_err(tr("{host}: {balance}", host=conversation.host, balance=text))


def set_raw(conversation: Conversation, word: str) -> None:
    """Show answers as they arrive, without formatting, or formatted."""
    choices = {"": not conversation.chat.is_raw, "on": True, "off": False}
    if word not in choices:
        raise UsageError(
            tr('unknown argument "{word}"', word=safe_line(word)), hint="/raw, /raw on, /raw off"
        )
    conversation.chat.set_raw(choices[word])
    if conversation.chat.is_raw:
        conversation.print_err(tr("answers are shown without formatting"))
    else:
        conversation.print_err(tr("answers are shown formatted"))


def clear(conversation: Conversation, _: str) -> None:
    if not conversation.streams.terminal_is_dumb:
        conversation.streams.stdout.write(CLEAR_SCREEN)


def leave(conversation: Conversation, _: str) -> None:
    conversation.is_over = True


def _ensure_unchanged(conversation: Conversation) -> None:
    """Raise `UsageError` if another process has changed which turn is the last one."""
    if not conversation.live.load_external_changes():
        return
    last = conversation.live.last
    hint = tr("nothing was changed; the conversation is empty now")
    if last is not None:
        hint = tr(
            'nothing was changed; the last prompt is now "{prompt}"',
            prompt=_quoted(last.typed_prompt),
        )
    raise UsageError("; ".join(describe_external_changes(conversation.live)), hint=hint)


def _last_turn(conversation: Conversation, problem: str) -> TurnRecord:
    if conversation.live.last is None:
        raise UsageError(problem)
    return conversation.live.last


def _quoted(prompt: str) -> str:
    return safe_line(prompt)[:QUOTED_CHARACTERS]


COMMANDS = (
    Command("help", "[keys|NAME]", tr("list commands or keys, or describe a command"), show_help,
            values=("keys",)),
    Command("model", "[NAME]", tr("show or change the model"), set_model, values="models"),
    Command("profile", "[NAME]", tr("show or change the profile and its gateway"), set_profile,
            values="profiles"),
    Command("system", "[TEXT|@FILE|clear]", tr("show, set or clear the system prompt"),
            set_system),
    Command("set", "[NAME [VALUE|unset]]", tr("show or change a setting for this run"),
            set_setting, values="settings"),
    Command("file", "[PATH|URL|clear|drop NAME]",
            tr("attach a file; clear: detach all; drop: one"), attach, values="paths"),
    Command("retry", "[MODEL]", tr("send the last prompt again"), retry, values="models"),
    Command("continue", "", tr("continue an incomplete answer"), continue_answer),
    Command("edit", "", tr("edit the last prompt in the editor and send it"), edit),
    Command("undo", "", tr("remove the last turn"), undo),
    Command("fork", "[NAME]", tr("continue in a copy of this session"), fork),
    Command("copy", "[code|N]", tr("copy the last answer, or a code block of it"),
            copy_answer, values=("code",)),
    Command("save", "[all] FILE", tr("save the last answer or the conversation"),
            save, values="paths"),
    Command("sessions", "[ID|NAME]", tr("list recent sessions, or switch to one"), sessions,
            values="sessions"),
    Command("new", "", tr("start a new conversation; this one stays saved"), new),
    Command("rename", "[NAME]", tr("name this session"), rename),
    Command("thinking", "", tr("show the reasoning of the last answer"), thinking),
    Command("usage", "[exact]", tr("show tokens, time and cost of this conversation"), usage,
            values=("exact",)),
    Command("balance", "", tr("show what the key has left"), balance),
    Command("raw", "[on|off]", tr("show answers as they arrive, or formatted"), set_raw,
            values=("on", "off")),
    Command("clear", "", tr("clear the screen"), clear),
    Command("exit", "", tr("exit the conversation; Ctrl-D does the same"), leave, ("quit", "q")),
)  # fmt: skip
