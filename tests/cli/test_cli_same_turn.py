"""One-shot answers and conversations use the same functions for a turn."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

import newapi_cli.cli.chat
import newapi_cli.repl.loop
from newapi_cli.app.chat import ChatOptions, ChatRun
from newapi_cli.app.context import Context
from newapi_cli.app.prompt import Prompt
from newapi_cli.app.sessions.live_session import LiveSession
from newapi_cli.app.turn import Turn
from newapi_cli.cli.chat import run_chat
from newapi_cli.demo.server import DemoGateway
from newapi_cli.domain.session import TurnRecord
from newapi_cli.streams import Input, Output, Streams
from tests.support.home import Home

QUESTION = "Say this again."


class Recording(ChatRun):
    """Answers as always, and notes what went through it."""

    calls: list[tuple[str, str]]

    @contextmanager
    def turn(
        self,
        live: LiveSession,
        prompt: Prompt,
        model: str,
        after: tuple[TurnRecord, ...] | None = None,
    ) -> Iterator[Turn]:
        """Note a turn."""
        self.calls.append(("turn", prompt.text))
        with super().turn(live, prompt, model, after) as turn:
            yield turn

    def show(self, turn: Turn, live: LiveSession) -> None:
        """Note that a turn is shown."""
        super().show(turn, live)
        self.calls.append(("show", turn.completion.content))


class Typist:
    """Types one message, then leaves."""

    def __init__(self) -> None:
        self._messages = [QUESTION]

    def read(self, _bar: Callable[[int], str], _session_id: str) -> str:
        """Return the message, then the end of input."""
        if not self._messages:
            raise EOFError
        return self._messages.pop()

    def confirm(self, _question: str) -> bool:
        """Agree to nothing."""
        return False

    def drop_typeahead(self) -> None:
        """Nothing is typed ahead here."""


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Return what goes through `ChatRun`; a typist types in the conversation."""
    noted: list[tuple[str, str]] = []
    monkeypatch.setattr(Recording, "calls", noted, raising=False)
    monkeypatch.setattr(newapi_cli.cli.chat, "ChatRun", Recording)
    monkeypatch.setattr(newapi_cli.repl.loop, "open_reader", lambda *_, **__: Typist())
    return noted


@pytest.fixture
def context(home: Home) -> Iterator[Context]:
    """Return a context on a terminal, configured for the demo gateway."""
    person, program = os.openpty()
    with DemoGateway(pace_s=0) as gateway:
        environ = home.environment(
            {
                "NEWAPI_BASE_URL": gateway.base_url,
                "NEWAPI_API_KEY": "demo",
                "NEWAPI_MODEL": "demo-echo",
                "TERM": "dumb",
            }
        )
        streams = Streams(Input(program), Output(program), Output(program), environ)
        with Context(streams, {}) as context:
            yield context
    os.close(program)
    os.close(person)


def test_one_shot_and_conversation_share_the_turn(
    calls: list[tuple[str, str]], context: Context
) -> None:
    run_chat(context, ChatOptions(words=(QUESTION,)))
    one_shot = calls.copy()
    calls.clear()
    run_chat(context, ChatOptions())
    assert one_shot == [("turn", QUESTION), ("show", QUESTION)]
    assert calls == one_shot


def test_an_answer_before_a_conversation_shares_the_turn_too(
    calls: list[tuple[str, str]], context: Context
) -> None:
    run_chat(context, ChatOptions(words=("first",), interactive=True))
    assert calls == [("turn", "first"), ("show", "first"), ("turn", QUESTION), ("show", QUESTION)]
