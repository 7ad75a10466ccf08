"""The slash commands. This registry feeds /help, the completion and the documentation."""

from __future__ import annotations

import json

from newapi_cli.app.prompt_input import Prompt
from newapi_cli.app.sessions.live_session import describe_external_changes
from newapi_cli.domain.completion import COUNTS, Status, usage_from_counts
from newapi_cli.domain.messages import Attachment
from newapi_cli.domain.session import MAX_TITLE, Session, TurnRecord
from newapi_cli.errors import UsageError
from newapi_cli.render.sanitizer import safe_line, safe_text
from newapi_cli.render.session_view import last_turns_rows
from newapi_cli.render.units import ago, seconds, tokens
from newapi_cli.repl.command_parser import Command, help_rows, keys_rows
from newapi_cli.repl.conversation import Talk
from newapi_cli.repl.export import copy_answer, save, without_quotes
from newapi_cli.text import truncate

GO_ON = "Go on exactly where your last message stopped, without repeating any of it."
LISTED, NARROWEST_TITLE = 10, 12
LINE_AND_BAR = 2  # rows of the window that the input line and its bar take
CLEAR_SCREEN = "\x1b[H\x1b[2J"


def show_help(talk: Talk, about: str) -> None:
    """List the commands, and the keys where the window has room for both; or tell of one."""
    screen = talk.streams.stderr
    rows = help_rows(COMMANDS, screen.width)
    keys = keys_rows(screen.width)
    word = about.lower().removeprefix("/")
    if word == "keys":
        rows = keys
    elif word:
        found = [each for each in COMMANDS if word in (each.name, *each.aliases)]
        if not found:
            raise UsageError(f"there is no command /{word}", hint="/help lists them")
        rows = help_rows(found, screen.width)
    elif len(rows) + len(keys) + LINE_AND_BAR <= screen.height:
        rows += keys
    for row in rows:
        talk.streams.print_err(row)


def set_model(talk: Talk, name: str) -> None:
    """Show or change the model; what the old one had no room for is sent again."""
    text = name
    name, *others = (without_quotes(part.strip()) for part in text.split(","))
    if text and not (name or any(others)):
        raise UsageError("that names no model", hint="/model NAME")
    if name:
        talk.live.change(talk.live.session._replace(model=name, left_out=0))
    if any(others):
        talk.answers.set("fallback", json.dumps([other for other in others if other]))
    after = f", then {', '.join(map(safe_line, others))}" if any(others) else ""
    talk.print_err(f"model: {safe_line(talk.model) or 'none'}{after}")


def set_profile(talk: Talk, name: str) -> None:
    """Show or change the profile, and with it the gateway."""
    if name:
        before = talk.answers.host
        model = talk.answers.use_profile(name)
        if model:
            talk.live.change(talk.live.session._replace(model=model, left_out=0))
        if talk.live.path and talk.answers.host != before:
            talk.print_err(
                f"with the next question all that was said goes to {talk.answers.host};"
                " /new begins anew"
            )
    host, model = talk.answers.host or "no gateway", talk.model or "no model"
    talk.print_err(f"profile: {talk.answers.profile} ({host}, {safe_line(model)})")


def set_system(talk: Talk, text: str) -> None:
    """Show, set or clear the system prompt."""
    if text:
        is_empty = text in ("clear", '""', "''")
        system = "" if is_empty else talk.answers.system_text(text)
        talk.live.change(talk.live.session._replace(system=system))
    talk.print_err(f"system prompt: {safe_text(talk.live.session.system) or 'none'}")


def set_setting(talk: Talk, text: str) -> None:
    """Show or change a setting of this run."""
    name, _, value = text.partition(" ")
    value = value.strip()
    if not name:
        for known, shown, origin in talk.answers.settings():
            talk.print_err(f"  {known} = {shown}  ({origin})" if shown else f"  {known}: not set")
    elif not value:
        found = [each for each in talk.answers.settings() if each[0] == name]
        if not found:
            raise UsageError(f"there is no setting {name} to change here", hint="/set lists them")
        talk.print_err(
            f"{name} = {found[0][1]} ({found[0][2]})" if found[0][1] else f"{name}: not set"
        )
    elif value == "unset":
        talk.print_err(f"{name}: {talk.answers.unset(name) or 'not set'}")
    else:
        talk.print_err(f"{name} = {talk.answers.set(name, value)}")


def attach(talk: Talk, text: str) -> None:
    """Attach a file or a URL to the next message, or go on without one."""
    word, _, rest = text.partition(" ")
    if not text:
        names = [_described(each) for each in talk.attached]
        talk.print_err("\n".join(names) or "nothing is attached; /file PATH or URL")
    elif text == "clear":
        talk.attached = []
        talk.print_err("nothing is attached any more")
    elif word == "drop" and rest:
        _drop(talk, rest.strip())
    else:
        content = talk.answers.open_file(without_quotes(text))
        talk.attached.append(content)
        talk.print_err(f"{_described(content)}: goes with the next message")


def _drop(talk: Talk, name: str) -> None:
    name = without_quotes(name)
    found = [each for turn in talk.live.path for each in turn.attachments if each.name == name]
    if not found:
        raise UsageError(f"nothing of the name {name} was attached", hint="/file clear")
    for attachment in found:
        talk.answers.drop(attachment)
    talk.print_err(f"{safe_line(name)} is no longer sent in this run; /retry asks again")


def _described(content: object) -> str:
    if isinstance(content, Attachment):
        return safe_line(str(content))
    name, text = getattr(content, "name", ""), getattr(content, "text", "")
    return f"{safe_line(name)}, {len(text):,} characters of text"


def retry(talk: Talk, model: str) -> None:
    """Ask the last question again; the old answer stays in the session."""
    if model and (talk.unasked or talk.live.path):
        set_model(talk, model)
    if talk.unasked is not None:
        talk.ask_unasked(talk.unasked)
        return
    _ensure_in_step(talk)
    talk.ask_again(_last(talk, "there is nothing to ask again yet"))


def go_on(talk: Talk, _: str) -> None:
    """Let the model go on with an answer that was cut: its part is sent as its own message."""
    last = _last(talk, "there is nothing to continue yet")
    if not last.answer:
        raise UsageError("nothing of the last answer came", hint="/retry asks again")
    if last.status is Status.COMPLETE and last.finish_reason != "length":
        raise UsageError("the last answer is whole", hint="ask on")
    talk.ask(Prompt(GO_ON))
    if talk.live.last is not None and talk.live.last.status is Status.ERROR:
        talk.print_err(
            "the model did not go on with its part; /undo, then /retry asks it all again"
        )


def edit(talk: Talk, _: str) -> None:
    """Write in the editor: the last question anew, or the first one."""
    _ensure_in_step(talk)
    last, unasked = talk.live.last, talk.unasked
    if unasked is not None:
        draft = unasked.prompt
    else:
        draft = Prompt(last.prompt, last.attachments) if last else Prompt("")
    text = talk.answers.edit(draft.text)
    if not text.strip():
        talk.print_err("nothing was written, nothing is sent")
    elif text == draft.text:
        talk.print_err("nothing was changed; /retry asks again")
    elif unasked is not None:
        talk.ask_unasked(unasked._replace(prompt=draft._replace(text=text)))
    elif last is None:
        talk.say(text)
    else:
        talk.ask(draft._replace(text=text), talk.live.path[:-1])


def undo(talk: Talk, _: str) -> None:
    """Take the last turn back; it stays in the session on a branch of its own."""
    _ensure_in_step(talk)
    undone = talk.live.undo()
    talk.unasked = None
    if undone is None:
        raise UsageError("there is nothing to take back", hint="/sessions lists the others")
    count = len(talk.live.path)
    talk.print_err(
        f"taken back: “{safe_line(undone.prompt)[:60]}”; {count} turn{'s' * (count != 1)} left"
    )


def fork(talk: Talk, name: str) -> None:
    """Go on in a copy of the conversation; the session so far stays as it is."""
    _last(talk, "there is nothing to fork yet")
    if not talk.live.is_saved:
        raise UsageError("nothing is saved here, so there is nothing to leave as it is")
    name = _checked_title(name)
    left = talk.live.fork(name)
    talk.unasked = None
    session = talk.live.session
    title = f" “{safe_line(session.title)}”" if session.is_named else ""
    talk.print_err(
        f"this is session {session.short_id}{title} now; {left.short_id} stays as it was"
    )
    if name and not session.is_named:
        talk.print_err("another session has that name: /rename gives this one its own")


def sessions(talk: Talk, reference: str) -> None:
    """List the last sessions, or go over to one."""
    if reference:
        talk.go_over(talk.answers.resume(reference))
        talk.show_last_turns(last_turns_rows(talk.streams, talk.live.path))
        return
    found = talk.answers.sessions(LISTED)
    for session in found:
        is_this = session.id == talk.live.session.id
        talk.print_err(_listed(session, talk.streams.stderr.width, is_this=is_this))
    talk.print_err("/sessions ID goes over to one" if found else "no session is stored yet")


def _listed(session: Session, width: int, *, is_this: bool) -> str:
    """Give a session in one row of the window: what finds no room of its title is cut."""
    mark = "  (this one)" if is_this else ""
    turns = f"{session.turns} turn{'s' * (session.turns != 1)}"
    head = f"  {session.short_id}  {ago(session.used_at)}  {turns}  "
    title = truncate(safe_line(session.title), max(width - len(head + mark), NARROWEST_TITLE))
    return f"{head}{title}{mark}"


def new(talk: Talk, _: str) -> None:
    """Begin anew; the old conversation stays stored."""
    old = talk.live
    talk.go_over(talk.answers.begin_anew(old))
    kept = f"; {old.session.short_id} is kept" if old.path and old.is_saved else ""
    talk.print_err(f"a new conversation{kept}")


def rename(talk: Talk, title: str) -> None:
    """Give the session a name."""
    if not title:
        talk.print_err(f"title: {safe_line(talk.live.session.title) or 'none yet'}")
        return
    title = _checked_title(title)
    talk.live.change(talk.live.session._replace(title=title, is_named=True))
    talk.print_err(f"this session is called “{safe_line(title)}”")


def thinking(talk: Talk, _: str) -> None:
    """Show the reasoning behind the last answer."""
    last = talk.live.last
    talk.print_err((safe_text(last.reasoning).strip() if last else "") or "no reasoning came")


def usage(talk: Talk, word: str) -> None:
    """Say what the conversation took so far; exactly, where that is asked for."""
    if word not in ("", "exact", "--exact"):
        raise UsageError(f"/usage {safe_line(word)} is not known", hint="/usage or /usage exact")
    if word:
        talk.print_err(talk.answers.make_exact(talk.live))
    path = talk.live.path
    counted = [turn.usage for turn in path if turn.usage is not None]
    took_s = sum(turn.duration_s or 0.0 for turn in path)
    sums = usage_from_counts(sum(getattr(each, name) or 0 for each in counted) for name in COUNTS)
    unknown = len(path) - len(counted)
    parts = [
        f"{len(path)} turn{'s' * (len(path) != 1)}",
        tokens(sums if counted else None) + (f" (not told for {unknown})" if unknown else ""),
        f"in all {seconds(took_s)}",
        talk.answers.spent(path),
    ]
    talk.print_err(" · ".join(filter(None, parts)))


def balance(talk: Talk, _: str) -> None:
    """Say what the key has left."""
    talk.print_err(f"{talk.answers.host}: {talk.answers.balance()}")


def set_raw(talk: Talk, word: str) -> None:
    """Show answers as they come, without layout, or laid out."""
    wishes = {"": None, "on": True, "off": False}
    if word not in wishes:
        raise UsageError(f"/raw {word} is not known", hint="/raw, /raw on or /raw off")
    is_raw = talk.answers.set_raw(wishes[word])
    talk.print_err("answers are shown as they come" if is_raw else "answers are laid out")


def clear(talk: Talk, _: str) -> None:
    """Clear the screen; the conversation goes on."""
    if not talk.streams.terminal_is_dumb:
        talk.streams.stdout.write(CLEAR_SCREEN)


def leave(talk: Talk, _: str) -> None:
    """Leave."""
    talk.is_over = True


def _ensure_in_step(talk: Talk) -> None:
    """Raise `UsageError` where another process has changed what the last turn is."""
    if talk.live.take_others_turns():
        last = talk.live.last
        now = f"the last question is “{safe_line(last.prompt)[:60]}” now" if last else "it is empty"
        raise UsageError(
            "; ".join(describe_external_changes(talk.live)), hint=f"{now}; nothing was done"
        )


def _last(talk: Talk, problem: str) -> TurnRecord:
    if talk.live.last is None:
        raise UsageError(problem, hint="type a question")
    return talk.live.last


def _checked_title(text: str) -> str:
    title = " ".join(text.split())
    if len(title) > MAX_TITLE:
        raise UsageError(f"a name has at most {MAX_TITLE} characters")
    return title


COMMANDS = (
    Command("help", "[keys|NAME]", "this list; the keys; one command", show_help,
            values=("keys",)),
    Command("model", "[NAME]", "show the model, or ask another one from now on", set_model,
            values="models"),
    Command("profile", "[NAME]", "show the profile, or go over to another gateway",
            set_profile, values="profiles"),
    Command("system", "[TEXT|@FILE|clear]", "show, set or clear the system prompt", set_system),
    Command("set", "[NAME [VALUE|unset]]", "show or change a setting for this run", set_setting,
            values="settings"),
    Command("file", "[PATH|URL|clear|drop NAME]", "attach a file to the next message", attach,
            values="paths"),
    Command("retry", "[MODEL]", "ask the last question again", retry, values="models"),
    Command("continue", "", "let the model go on with an answer that was cut", go_on),
    Command("edit", "", "write the last question anew in the editor", edit),
    Command("undo", "", "take the last turn back", undo),
    Command("fork", "[NAME]", "go on in a copy, and leave this session as it is", fork),
    Command("copy", "[code|N]", "copy the last answer, its last code block, the Nth",
            copy_answer, values=("code",)),
    Command("save", "[all] FILE", "write the last answer, or all of it, to a file", save,
            values="paths"),
    Command("sessions", "[ID|NAME]", "list the last sessions, or go over to one", sessions,
            values="sessions"),
    Command("new", "", "begin a new conversation; this one stays stored", new),
    Command("rename", "[NAME]", "give this session a name", rename),
    Command("thinking", "", "show the reasoning behind the last answer", thinking),
    Command("usage", "[exact]", "tokens, time and money of this conversation; by the log", usage,
            values=("exact",)),
    Command("balance", "", "what this key has left, as the gateway counts it", balance),
    Command("raw", "[on|off]", "show answers as they come, or laid out", set_raw,
            values=("on", "off")),
    Command("clear", "", "clear the screen", clear),
    Command("exit", "", "leave; so does Ctrl-D", leave, ("quit", "q")),
)  # fmt: skip
