"""The conversation: read, act, answer, again. An error or Ctrl-C ends a turn, never the program."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

from newapi_cli.domain.completion import ChatRequest
from newapi_cli.domain.conversation import Conversation
from newapi_cli.domain.message import Message
from newapi_cli.errors import ExitCode, Interrupted, NewapiError, ReaderGone
from newapi_cli.flows.turn import Turn
from newapi_cli.render.failure import tell_failure
from newapi_cli.render.sanitise import safe_text
from newapi_cli.repl.slash import (
    Typed,
    UnknownCommand,
    help_text,
    takes_argument,
    typed_from_text,
)
from newapi_cli.streams import Streams

TWICE_S = 1.0


class Answers(Protocol):
    """Asks and shows: `cli.answering.Answering`, the same as for one-shot answers."""

    def request(self, messages: tuple[Message, ...], model: str) -> ChatRequest:
        """Give the request for messages."""

    def turn(self, request: ChatRequest) -> AbstractContextManager[Turn]:
        """Let a request leave."""

    def show(self, turn: Turn) -> None:
        """Play a turn to its end."""


class LineReader(Protocol):
    """Where messages come from."""

    def read(self, bar: Callable[[], str]) -> str:
        """Give the next message."""

    def drop_typed_ahead(self) -> None:
        """Drop what was typed and not read: the shell that comes next would run it."""


class Loop:
    """One conversation, kept in memory."""

    def __init__(
        self,
        streams: Streams,
        reader: LineReader,
        answers: Answers,
        conversation: Conversation,
        model: str,
    ) -> None:
        self._streams = streams
        self._reader = reader
        self._answers = answers
        self._conversation = conversation
        self._model = model
        self._last_prompt = ""
        self._last_is_kept = False  # the last prompt is the last turn of the conversation
        self._reasoning = ""  # of the last answer
        self._is_over = False
        self._commands: dict[str, Callable[[str], None]] = {
            "help": self._help,
            "model": self._set_model,
            "system": self._set_system,
            "new": self._new,
            "retry": self._retry,
            "thinking": self._show_thinking,
            "exit": self._exit,
        }

    def run(self, first_prompt: str) -> None:
        """Converse until the person leaves; `first_prompt` is asked at once if there is one."""
        if first_prompt:
            self._ask(first_prompt, self._conversation)
        else:
            self._streams.tell("/help lists the commands, Ctrl-D leaves")
        pressed_at = -TWICE_S
        while not self._is_over:
            try:
                text = self._reader.read(self._bar)
            except EOFError:
                return
            except KeyboardInterrupt:
                if time.monotonic() - pressed_at < TWICE_S:
                    return
                pressed_at = time.monotonic()
                self._streams.tell("Ctrl-C again or Ctrl-D leaves")
                continue
            self._act(text)

    def _act(self, text: str) -> None:
        if not text.strip():
            return
        try:
            typed = typed_from_text(text)
        except UnknownCommand as unknown:
            self._streams.tell(str(unknown))
            return
        if typed == Typed(message=typed.message):
            self._ask(typed.message, self._conversation)
        elif typed.argument and not takes_argument(typed.command):
            self._streams.tell(f"/{typed.command} stands alone; //{typed.command} … is a message")
        else:
            self._commands[typed.command](typed.argument)

    def _ask(self, prompt: str, before: Conversation) -> None:
        """Ask after what was said before, show the answer, remember both.

        What failed or was stopped is told; where nothing of an answer came, nothing is changed.
        """
        self._last_is_kept = self._last_is_kept and before is not self._conversation
        self._last_prompt = prompt
        if not self._model:
            self._streams.tell("no model is set: /model NAME; `newapi models` lists them")
            return
        turn: Turn | None = None
        try:
            request = self._answers.request(before.asking(prompt), self._model)
            with self._answers.turn(request) as turn:
                self._answers.show(turn)
        except Interrupted as interrupted:
            if interrupted.code is not ExitCode.SIGINT:
                self._reader.drop_typed_ahead()
                raise
            came = turn is not None and turn.completion.content
            self._streams.tell(f"stopped{'; what came is kept' if came else ''}, /retry asks again")
        except ReaderGone:
            raise
        except NewapiError as error:
            tell_failure(self._streams, error)
        answer = turn.completion.content if turn is not None else ""
        self._reasoning = turn.completion.reasoning if turn is not None else ""
        if answer:
            self._conversation = before.with_turn(prompt, answer)
            self._last_is_kept = True

    def _bar(self) -> str:
        turns = len(self._conversation.messages) // 2
        parts = [self._model or "no model", f"{turns} turn{'s' * (turns != 1)}"]
        return " · ".join([*parts, "/help", "Ctrl-D leaves"])

    def _help(self, _: str) -> None:
        self._streams.tell(help_text())

    def _set_model(self, name: str) -> None:
        self._model = name or self._model
        self._streams.tell(f"model: {self._model or 'none'}")

    def _set_system(self, text: str) -> None:
        if text:
            system = "" if text == "clear" else text
            self._conversation = Conversation(system, self._conversation.messages)
        self._streams.tell(f"system prompt: {self._conversation.system or 'none'}")

    def _new(self, _: str) -> None:
        self._conversation = Conversation(self._conversation.system)
        self._last_prompt = ""
        self._streams.tell("a new conversation")

    def _retry(self, model: str) -> None:
        if not self._last_prompt:
            self._streams.tell("there is nothing to ask again yet")
            return
        if model:
            self._set_model(model)
        kept = self._last_is_kept
        before = self._conversation.without_last_turn() if kept else self._conversation
        self._ask(self._last_prompt, before)

    def _show_thinking(self, _: str) -> None:
        self._streams.tell(safe_text(self._reasoning).strip() or "no reasoning came")

    def _exit(self, _: str) -> None:
        self._is_over = True
