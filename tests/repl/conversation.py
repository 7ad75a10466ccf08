"""Helpers: a conversation on a terminal, and the keys that a user presses in it."""

from __future__ import annotations

import contextlib
import os
import re
import termios
import threading
from collections.abc import Iterator
from pathlib import Path

from newapi_cli.domain.session import StoredSession
from newapi_cli.repl.reader import CONTINUATION
from newapi_cli.store.sessions import SessionStore
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.process import Environment, newapi_command
from tests.support.steps import Send, Stall, Step, sse
from tests.support.terminal import Terminal
from tests.support.wire import answer_events, chunk, error, event, response

ENTER, ALT_ENTER, CTRL_J, TAB, UP = "\r", "\x1b\r", "\n", "\t", "\x1b[A"
CTRL_C, CTRL_D, ESCAPE = "\x03", "\x04", "\x1b"
# prompt-toolkit asks for bracketed paste each time that it opens the input line, in raw mode.
LINE_OPENED = b"\x1b[?2004h"
REFUSAL = [Send(response(400, error("no such thing")))]
STOPPED_MESSAGE = "stopped; the partial answer is saved; resume: newapi chat -c\n"
PART = "Paris is the capital.\n\nIt lies on"


class ConversationTerminal:
    """A running conversation; waits are for an input line that is ready for keys."""

    def __init__(self, terminal: Terminal) -> None:
        self.terminal = terminal
        self._lines = 0

    def wait_for_line(self) -> None:
        """Wait for the next input line."""
        self._lines += 1
        self.terminal.wait_until(
            lambda: self.terminal.raw.count(LINE_OPENED) >= self._lines, what="an input line"
        )

    def type(self, keys: str) -> None:
        """Send keys."""
        self.terminal.send(keys.encode())

    def type_lines(self, keys: str) -> None:
        """Type several lines as a person does: each line break is read by itself."""
        first, *others = re.findall(r"\x1b\r|[\r\n]|[^\r\n\x1b]+", keys)
        emulator, word = self.terminal.emulator, first.split()[-1]
        self.type(first)
        row = -1

        def line_is_shown() -> bool:
            nonlocal row
            lines = [n for n, line in enumerate(emulator.screen_lines()) if line.startswith("> ")]
            row = lines[-1] if lines else -1
            return row >= 0 and word in emulator.screen_lines()[row]

        self.terminal.wait_until(line_is_shown, what=word)
        for piece in others:
            self.type(piece)
            if piece.endswith(("\r", "\n")):
                row += 1
                at = (len(CONTINUATION), row)
                self.terminal.wait_until(
                    lambda: (emulator.cursor.x, emulator.cursor.y) == at,  # noqa: B023
                    what="a new row",
                )
            else:
                word = piece.split()[-1]
                self.terminal.wait_until(
                    lambda: word in emulator.screen_lines()[row],  # noqa: B023
                    what=word,
                )

    def paste(self, text: str) -> None:
        """Paste a text as a terminal with bracketed paste does."""
        self.type(f"\x1b[200~{text}\x1b[201~")

    def enter(self, text: str) -> None:
        """Type a line, press Enter and wait for the next one."""
        self.type(text + ENTER)
        self.wait_for_line()

    @property
    def screen(self) -> str:
        """Return the text of the window."""
        return self.terminal.screen_text()

    @property
    def text(self) -> str:
        """Return the text of the window and the scrollback."""
        return self.terminal.all_text()

    def words(self) -> str:
        """Return all text with one space between words."""
        return " ".join(self.text.split())

    def output_of(self, line: str) -> str:
        """Enter a line and return, as words, what is printed before the next input line."""
        self.enter(line)
        said = " ".join(f"> {line}".split())
        self.terminal.wait_until(lambda: self.words().count(said) > 0, what=said)
        return self.words().rpartition(said)[2].rpartition(" >")[0].strip()

    def leave(self) -> None:
        """Leave with Ctrl-D and assert exit code 0."""
        self.type(CTRL_D)
        assert self.terminal.wait_exit() == 0


def wait_for_raw_keys(repl: ConversationTerminal) -> None:
    """Wait until the terminal does not echo; a dumb one gets no sequence for it."""
    for _ in range(1000):
        if not repl.terminal.echoes:
            return
        threading.Event().wait(0.01)
    raise AssertionError("the terminal still echoes")


@contextlib.contextmanager
def conversation(
    home: Home,
    *args: str,
    columns: int = 80,
    rows: int = 24,
    env: Environment | None = None,
    is_ready: bool = True,
) -> Iterator[ConversationTerminal]:
    """Start `newapi` and wait for its input line, unless it is not ready at once."""
    command = newapi_command(*args)
    with Terminal(command, home=home, columns=columns, rows=rows, env=env) as terminal:
        conversing = ConversationTerminal(terminal)
        if is_ready:
            conversing.wait_for_line()
        yield conversing


def sent_messages(server: FaultServer, request: int = -1) -> list[tuple[str, str]]:
    """Return role and content of the messages of a request."""
    messages = server.requests[request].json["messages"]
    return [(message["role"], message["content"]) for message in messages]


def last_prompt(server: FaultServer) -> str:
    """Return the last message of the last request."""
    role, content = sent_messages(server)[-1]
    assert role == "user"
    return content


def part_then_silence() -> list[Step]:
    """Return the steps of a paragraph and the beginning of another, which stalls."""
    pieces = ("Paris is ", "the capital.\n\nIt lies on")
    return [*sse(*(event(chunk(piece)) for piece in pieces), end=False), Stall()]


def answers(*texts: str) -> list[list[Step]]:
    """Return the steps of each answer."""
    return [sse(*answer_events(text)) for text in texts]


def stored_sessions(home: Home) -> list[StoredSession]:
    """Return the stored sessions, the last used first."""
    with SessionStore(home.newapi_home / "data" / "sessions.db") as store:
        found = [store.load(session.id) for session in store.sessions()]
    return [each for each in found if each is not None]


def write_script(home: Home, name: str, text: str) -> Path:
    """Write a shell script in place of a program and return its path."""
    path = home.path / "bin" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o700)
    return path


def default_modes() -> list[object]:
    """Return the modes of a new terminal."""
    master, slave = os.openpty()
    try:
        return list(termios.tcgetattr(master))
    finally:
        os.close(master)
        os.close(slave)


def modes_of(terminal: Terminal) -> list[object]:
    """Return the current modes of a terminal."""
    return list(termios.tcgetattr(terminal._master))
