"""The slash commands. This registry feeds /help, the completion and the documentation."""

from __future__ import annotations

from newapi_cli.domain.attachment import Attachment
from newapi_cli.domain.completion import Status, Usage
from newapi_cli.domain.session import MAX_TITLE, Session, StoredSession, TurnRecord
from newapi_cli.errors import UsageProblem
from newapi_cli.flows.archive import session_to_json, session_to_lines
from newapi_cli.flows.prompt import Prompt
from newapi_cli.render.replay import last_turns_rows
from newapi_cli.render.rows import json_text
from newapi_cli.render.sanitise import safe_line, safe_text
from newapi_cli.render.transcript import transcript_markdown
from newapi_cli.render.units import ago, seconds, tokens
from newapi_cli.repl.clipboard import code_block, copy, copy_warning
from newapi_cli.repl.slash import Command, help_text
from newapi_cli.repl.talk import Talk

GO_ON = "Go on exactly where your last message stopped, without repeating any of it."
LISTED = 10
CLEAR_SCREEN = "\x1b[H\x1b[2J"


def show_help(talk: Talk, _: str) -> None:
    """List the commands and keys."""
    talk.tell(help_text(COMMANDS))


def set_model(talk: Talk, name: str) -> None:
    """Show or change the model; what the old one had no room for is sent again."""
    if name:
        talk.live.change(talk.live.session._replace(model=name, left_out=0))
    talk.tell(f"model: {safe_line(talk.model) or 'none'}")


def set_profile(talk: Talk, name: str) -> None:
    """Show or change the profile, and with it the gateway."""
    if name:
        before = talk.answers.host
        model = talk.answers.use_profile(name)
        if model:
            talk.live.change(talk.live.session._replace(model=model, left_out=0))
        if talk.live.path and talk.answers.host != before:
            talk.tell(
                f"with the next question all that was said goes to {talk.answers.host};"
                " /new begins anew"
            )
    host, model = talk.answers.host or "no gateway", talk.model or "no model"
    talk.tell(f"profile: {talk.answers.profile} ({host}, {safe_line(model)})")


def set_system(talk: Talk, text: str) -> None:
    """Show, set or clear the system prompt."""
    if text:
        system = "" if text == "clear" else talk.answers.system_text(text)
        talk.live.change(talk.live.session._replace(system=system))
    talk.tell(f"system prompt: {safe_text(talk.live.session.system) or 'none'}")


def set_setting(talk: Talk, text: str) -> None:
    """Show or change a setting of this run."""
    name, _, value = text.partition(" ")
    value = value.strip()
    if not name:
        for known, shown, origin in talk.answers.settings():
            talk.tell(f"  {known} = {shown}  ({origin})" if shown else f"  {known}")
    elif not value:
        found = [each for each in talk.answers.settings() if each[0] == name]
        if not found:
            raise UsageProblem(f"there is no setting {name} to change here", hint="/set lists them")
        talk.tell(f"{name} = {found[0][1]} ({found[0][2]})" if found[0][1] else f"{name}: not set")
    elif value == "unset":
        talk.tell(f"{name}: {talk.answers.unset(name) or 'not set'}")
    else:
        talk.tell(f"{name} = {talk.answers.set(name, value)}")


def attach(talk: Talk, text: str) -> None:
    """Attach a file or a URL to the next message, or go on without one."""
    word, _, rest = text.partition(" ")
    if not text:
        names = [_described(each) for each in talk.attached]
        talk.tell("\n".join(names) or "nothing is attached; /file PATH or URL")
    elif text == "clear":
        talk.attached = []
        talk.tell("nothing is attached any more")
    elif word == "drop" and rest:
        _drop(talk, rest.strip())
    else:
        content = talk.answers.open_file(_without_quotes(text))
        talk.attached.append(content)
        talk.tell(f"{_described(content)}: goes with the next message")


def _drop(talk: Talk, name: str) -> None:
    found = [each for turn in talk.live.path for each in turn.attachments if each.name == name]
    if not found:
        raise UsageProblem(f"nothing of the name {name} was attached", hint="/file clear")
    for attachment in found:
        talk.answers.drop(attachment)
    talk.tell(f"{safe_line(name)} is no longer sent in this run; /retry asks again")


def _described(content: object) -> str:
    if isinstance(content, Attachment):
        return safe_line(str(content))
    name, text = getattr(content, "name", ""), getattr(content, "text", "")
    return f"{safe_line(name)}, {len(text):,} characters of text"


def _without_quotes(text: str) -> str:
    """Take the quotes off a path, as a terminal writes one that was dropped on it."""
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        return text[1:-1]
    return text.replace("\\ ", " ")


def retry(talk: Talk, model: str) -> None:
    """Ask the last question again; the old answer stays in the session."""
    if model and (talk.unasked or talk.live.path):
        set_model(talk, model)
    if talk.unasked is not None:
        talk.ask(talk.unasked)
        return
    talk.ask_again(_last(talk, "there is nothing to ask again yet"))


def go_on(talk: Talk, _: str) -> None:
    """Let the model go on with an answer that was cut: its part is sent as its own message."""
    last = _last(talk, "there is nothing to continue yet")
    if not last.answer:
        raise UsageProblem("nothing of the last answer came", hint="/retry asks again")
    if last.status is Status.COMPLETE and last.finish_reason != "length":
        raise UsageProblem("the last answer is whole", hint="ask on")
    talk.ask(Prompt(GO_ON))
    if talk.live.last is not None and talk.live.last.status is Status.ERROR:
        talk.tell("the model did not go on with its part; /undo, then /retry asks it all again")


def edit(talk: Talk, _: str) -> None:
    """Write in the editor: the last question anew, or the first one."""
    last = talk.live.last
    text = talk.answers.edit(last.prompt if last else "")
    if not text.strip():
        talk.tell("nothing was written, nothing is sent")
    elif last is None:
        talk.say(text)
    elif text == last.prompt:
        talk.tell("nothing was changed; /retry asks again")
    else:
        talk.ask(Prompt(text, last.attachments), talk.live.path[:-1])


def undo(talk: Talk, _: str) -> None:
    """Take the last turn back; it stays in the session on a branch of its own."""
    undone = talk.live.undo()
    if undone is None:
        raise UsageProblem("there is nothing to take back", hint="/sessions lists the others")
    count = len(talk.live.path)
    talk.tell(
        f"taken back: “{safe_line(undone.prompt)[:60]}”; {count} turn{'s' * (count != 1)} left"
    )


def fork(talk: Talk, name: str) -> None:
    """Go on in a copy of the conversation; the session so far stays as it is."""
    _last(talk, "there is nothing to fork yet")
    left = talk.live.fork(_checked_title(name) if name else "")
    talk.tell(f"this is session {talk.live.session.short_id} now; {left.short_id} stays as it was")


def copy_answer(talk: Talk, which: str) -> None:
    """Copy the last answer, or code of it, to the clipboard."""
    answer = _answered(talk).answer
    text = code_block(answer, which)
    talk.tell(copy(talk.streams, text))
    if warning := copy_warning(text):
        talk.tell(warning)


def save(talk: Talk, text: str) -> None:
    """Write the last answer to a file, or with `all` the conversation."""
    word, _, rest = text.partition(" ")
    whole, path = (True, rest.strip()) if word == "all" else (False, text)
    path = _without_quotes(path)
    if not path:
        raise UsageProblem("say where to", hint="/save answer.md, or /save all conversation.md")
    content = _document(talk, path) if whole else _answered(talk).answer
    try:
        written = talk.answers.write_file(path, content, replace=False)
    except FileExistsError:
        if not talk.reader.confirm(f"{safe_line(path)} exists. Replace it? [y/N] "):
            talk.tell("nothing was written")
            return
        written = talk.answers.write_file(path, content, replace=True)
    talk.tell(f"written: {safe_line(written)}")


def _document(talk: Talk, path: str) -> str:
    """Give the conversation as Markdown, or as JSON or JSON lines where the name ends so."""
    live = talk.live
    turns = tuple(
        turn._replace(id=number, parent_id=number - 1 or None)
        for number, turn in enumerate(live.path, 1)
    )
    session = live.session._replace(leaf_id=len(turns) or None, turns=len(turns))
    stored = StoredSession(session, turns)
    if path.endswith(".jsonl"):
        return "".join(session_to_lines(stored))
    if path.endswith(".json"):
        return json_text(session_to_json(stored))
    return transcript_markdown(stored)


def sessions(talk: Talk, reference: str) -> None:
    """List the last sessions, or go over to one."""
    if reference:
        talk.live = talk.answers.resume(reference)
        talk.attached = []
        talk.show_last_turns(last_turns_rows(talk.streams, talk.live.path))
        return
    found = talk.answers.sessions(LISTED)
    for session in found:
        talk.tell(f"  {_listed(session, is_this=session.id == talk.live.session.id)}")
    talk.tell("/sessions ID goes over to one" if found else "no session is stored yet")


def _listed(session: Session, *, is_this: bool) -> str:
    mark = "  (this one)" if is_this else ""
    turns = f"{session.turns} turn{'s' * (session.turns != 1)}"
    title = safe_line(session.title)[:60]
    return f"{session.short_id}  {ago(session.used_at)}  {turns}  {title}{mark}"


def new(talk: Talk, _: str) -> None:
    """Begin anew; the old conversation stays stored."""
    old = talk.live
    talk.live = talk.answers.begin_anew(old)
    talk.attached = []
    kept = f"; {old.session.short_id} is kept" if old.path and old.is_saved else ""
    talk.tell(f"a new conversation{kept}")


def rename(talk: Talk, title: str) -> None:
    """Give the session a name."""
    if not title:
        talk.tell(f"title: {safe_line(talk.live.session.title) or 'none yet'}")
        return
    title = _checked_title(title)
    talk.live.change(talk.live.session._replace(title=title, is_named=True))
    talk.tell(f"this session is called “{safe_line(title)}”")


def thinking(talk: Talk, _: str) -> None:
    """Show the reasoning behind the last answer."""
    last = talk.live.last
    talk.tell((safe_text(last.reasoning).strip() if last else "") or "no reasoning came")


def usage(talk: Talk, _: str) -> None:
    """Say what the conversation took so far."""
    path = talk.live.path
    counted = [turn.usage for turn in path if turn.usage is not None]
    took_s = sum(turn.duration_s or 0.0 for turn in path)
    total = Usage(*(sum(getattr(each, name) or 0 for each in counted) for name in Usage._fields))
    unknown = len(path) - len(counted)
    parts = [
        f"{len(path)} turn{'s' * (len(path) != 1)}",
        tokens(total if counted else None) + (f" (not told for {unknown})" if unknown else ""),
        f"in all {seconds(took_s)}",
    ]
    talk.tell(" · ".join(parts))


def set_raw(talk: Talk, word: str) -> None:
    """Show answers as they come, without layout, or laid out."""
    wishes = {"": None, "on": True, "off": False}
    if word not in wishes:
        raise UsageProblem(f"/raw {word} is not known", hint="/raw, /raw on or /raw off")
    is_raw = talk.answers.set_raw(wishes[word])
    talk.tell("answers are shown as they come" if is_raw else "answers are laid out")


def clear(talk: Talk, _: str) -> None:
    """Clear the screen; the conversation goes on."""
    if not talk.streams.terminal_is_dumb:
        talk.streams.stdout.write(CLEAR_SCREEN)


def leave(talk: Talk, _: str) -> None:
    """Leave."""
    talk.is_over = True


def _last(talk: Talk, problem: str) -> TurnRecord:
    if talk.live.last is None:
        raise UsageProblem(problem, hint="type a question")
    return talk.live.last


def _answered(talk: Talk) -> TurnRecord:
    for turn in reversed(talk.live.path):
        if turn.answer:
            return turn
    raise UsageProblem("there is no answer yet", hint="type a question")


def _checked_title(text: str) -> str:
    title = " ".join(text.split())
    if len(title) > MAX_TITLE:
        raise UsageProblem(f"a name has at most {MAX_TITLE} characters")
    return title


COMMANDS = (
    Command("help", "", "this list", show_help),
    Command("model", "[NAME]", "show the model, or ask another one from now on", set_model,
            values="models"),
    Command("profile", "[NAME]", "show the profile, or ask another gateway from now on",
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
    Command("copy", "[code|N]", "copy the last answer, its last or its Nth code block",
            copy_answer, values=("code",)),
    Command("save", "[all] FILE", "write the last answer, or the conversation, to a file", save,
            values="paths"),
    Command("sessions", "[ID|NAME]", "list the last sessions, or go over to one", sessions,
            values="sessions"),
    Command("new", "", "begin a new conversation; this one stays stored", new),
    Command("rename", "[NAME]", "give this session a name", rename),
    Command("thinking", "", "show the reasoning behind the last answer", thinking),
    Command("usage", "", "tokens and time of this conversation", usage),
    Command("raw", "[on|off]", "show answers as they come, or laid out", set_raw,
            values=("on", "off")),
    Command("clear", "", "clear the screen", clear),
    Command("exit", "", "leave; so does Ctrl-D", leave, ("quit", "q")),
)  # fmt: skip
