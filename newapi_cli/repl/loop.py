"""The conversation: read, act, answer, again. An error or Ctrl-C ends a turn, never the program."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from newapi_cli.app.prompt_input import Prompt
from newapi_cli.errors import ExitCode, Interrupted, NewapiError, PipeClosed, UsageError
from newapi_cli.render.error_lines import print_error
from newapi_cli.render.sanitizer import safe_line
from newapi_cli.render.session_view import last_turns_rows
from newapi_cli.render.status_lines import print_attachments, print_dim
from newapi_cli.repl.command_parser import UnknownCommand, typed_from_text
from newapi_cli.repl.commands import COMMANDS
from newapi_cli.repl.conversation import LineReader, Talk
from newapi_cli.repl.status_bar import bar_text

TWICE_S = 1.0


class Lines(LineReader, Protocol):
    """Where the lines come from: `reader.Reader`."""

    def read(self, bar: Callable[[int], str], session_id: str) -> str:
        """Give the next message; `bar` gives the bottom bar for a width in columns."""


class Loop:
    """Reads and acts until the person leaves."""

    def __init__(self, talk: Talk, lines: Lines) -> None:
        self._talk = talk
        self._lines = lines

    def run(self, first: Prompt | None) -> None:
        """Converse; `first` is asked at once if there is one."""
        talk = self._talk
        if talk.live.path:
            talk.show_last_turns(last_turns_rows(talk.streams, talk.live.path))
        if first is not None:
            print_attachments(talk.streams, first.attachments)
            talk.ask(first)
        elif not talk.live.path:
            talk.print_err("/help lists the commands, Ctrl-D leaves")
        pressed_at = -TWICE_S
        while not talk.is_over:
            try:
                text = self._lines.read(self._bar, talk.live.session.id)
            except EOFError:
                break
            except KeyboardInterrupt:
                if time.monotonic() - pressed_at < TWICE_S:
                    break
                pressed_at = time.monotonic()
                talk.print_err("Ctrl-C twice, or Ctrl-D, leaves")
                continue
            self._act(text)
        self._say_goodbye()

    def _act(self, text: str) -> None:
        if not text.strip():
            return
        talk = self._talk
        try:
            self._run(text)
        except UnknownCommand as unknown:
            talk.print_err(str(unknown))
        except UsageError as problem:  # of a command: no need to shout
            hint = f"; {problem.hint}" if problem.hint else ""
            why = f": {problem.why}" if problem.why else ""
            talk.print_err(safe_line(f"{problem.message}{why}{hint}"))
        except KeyboardInterrupt:  # of a command; in an answer `ask` has to do with it
            talk.print_err("stopped")
        except Interrupted as interrupted:
            if interrupted.code is not ExitCode.SIGINT:
                raise
            talk.print_err("stopped")
        except PipeClosed:
            raise
        except NewapiError as error:
            print_error(talk.streams, error)

    def _run(self, text: str) -> None:
        talk = self._talk
        typed = typed_from_text(text, COMMANDS)
        if typed.command is None:
            talk.say(typed.message)
        elif typed.argument and not typed.command.argument:
            name = typed.command.name
            talk.print_err(f"/{name} stands alone; //{name} … is a message")
        else:
            typed.command.run(talk, typed.argument)

    def _bar(self, width: int) -> str:
        return bar_text(self._talk, width)

    def _say_goodbye(self) -> None:
        """Say how to come back, where something was said and is stored."""
        live = self._talk.live
        if live.path and live.is_saved:
            print_dim(
                self._talk.streams,
                f"kept as {live.session.short_id} “{live.session.title}”;"
                f" {self._talk.answers.way_back(live.session)} goes on with it",
            )
