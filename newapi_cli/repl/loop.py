"""The conversation: read, act, answer, repeat. Errors and Ctrl-C end a turn, never the program."""

from __future__ import annotations

import time
from contextlib import suppress

from newapi_cli.app.chat import ChatRun
from newapi_cli.app.input_history import FILE as HISTORY_FILE
from newapi_cli.app.prompt import Prompt
from newapi_cli.app.sessions.live_session import LiveSession
from newapi_cli.app.sessions.resume import resume_command
from newapi_cli.config.paths import create_for_folder_owner, ensure_private_dir
from newapi_cli.errors import (
    ConfigError,
    ExitCode,
    Interrupted,
    NewapiError,
    PipeClosed,
    UsageError,
)
from newapi_cli.i18n import tr
from newapi_cli.render.sanitizer import safe_line
from newapi_cli.render.session_view import last_turns_rows
from newapi_cli.render.status_lines import print_attachments, print_dim
from newapi_cli.repl.command_parser import UnknownCommand, parse_line
from newapi_cli.repl.commands import COMMANDS
from newapi_cli.repl.completer import SlashCompleter, completion_values
from newapi_cli.repl.conversation import Conversation
from newapi_cli.repl.reader import Reader, open_reader
from newapi_cli.repl.status_bar import bar_text

TWICE_S = 1.0


def converse(chat: ChatRun, live: LiveSession, first: Prompt | None) -> None:
    """Run a conversation until the user leaves; `first` is sent at once if there is one."""
    reader = _reader(chat)
    run_conversation(Conversation(chat, reader, live), first)


def _reader(chat: ChatRun) -> Reader:
    context = chat.context
    history_file = None
    if context.settings.flag("save"):
        with suppress(ConfigError):  # the session has already reported that there is no folder
            ensure_private_dir(context.paths.data_dir)
            history_file = create_for_folder_owner(context.paths.data_dir / HISTORY_FILE)
    context.streams.keeps_typeahead = True
    completer = SlashCompleter(COMMANDS, lambda kind: completion_values(context, kind))
    is_vi = context.settings.text("editing_mode") == "vi"
    return open_reader(context.streams, history_file, completer, vi=is_vi)


def run_conversation(conversation: Conversation, first: Prompt | None) -> None:
    """Read and act until the user leaves."""
    _begin(conversation, first)
    interrupted_at = -TWICE_S
    while not conversation.is_over:
        try:
            text = conversation.reader.read(
                lambda width: bar_text(conversation, width), conversation.live.session.id
            )
        except EOFError:
            break
        except KeyboardInterrupt:
            if time.monotonic() - interrupted_at < TWICE_S:
                break
            interrupted_at = time.monotonic()
            conversation.print_err(tr("to exit, press Ctrl-C twice within a second, or Ctrl-D"))
            continue
        if text.strip():
            _act(conversation, text)
    _print_resume_command(conversation)


def _begin(conversation: Conversation, first: Prompt | None) -> None:
    streams, path = conversation.streams, conversation.live.path
    if path:
        conversation.show_last_turns(last_turns_rows(streams, path))
    if first is not None:
        print_attachments(streams, first.attachments)
        conversation.send(first)
    elif not path:
        conversation.print_err(tr("/help lists the commands, Ctrl-D exits"))
        try:
            _ = conversation.context.base_url
        except ConfigError as error:  # before the first message is written
            conversation.print_error(error)


def _act(conversation: Conversation, text: str) -> None:
    try:
        _run(conversation, text)
    except UnknownCommand as unknown:
        conversation.print_err(str(unknown))
    except UsageError as error:  # of a slash command: one line is enough
        conversation.print_err(safe_line(_one_line(conversation, error)))
    except KeyboardInterrupt:  # of a slash command; `Conversation.send` handles those of answers
        conversation.print_err(tr("stopped"))
    except Interrupted as interrupted:
        if interrupted.code is not ExitCode.SIGINT:
            raise
        conversation.print_err(tr("stopped"))
    except PipeClosed:
        raise
    except NewapiError as error:
        conversation.print_error(error)


def _one_line(conversation: Conversation, error: UsageError) -> str:
    text, hint = error.summary, conversation.hint_of(error)
    if not hint:
        return text
    return f"{text} {hint}" if text.endswith("?") else f"{text}; {hint}"


def _run(conversation: Conversation, text: str) -> None:
    line = parse_line(text, COMMANDS)
    if line.command is None:
        conversation.send_text(line.message)
    elif line.argument and not line.command.argument:
        conversation.print_err(
            tr(
                "/{name} takes no argument; to send it as a message: //{name} …",
                name=line.command.name,
            )
        )
    else:
        line.command.run(conversation, line.argument)


def _print_resume_command(conversation: Conversation) -> None:
    live = conversation.live
    if live.turns_begun and live.path and live.is_saved:
        print_dim(
            conversation.streams,
            tr(
                'saved as {id} "{title}"; resume: {command}',
                id=live.session.short_id,
                title=live.session.title,
                command=resume_command(conversation.context, live.session),
            ),
        )
