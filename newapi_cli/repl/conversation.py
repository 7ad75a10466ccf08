"""The state of a conversation at the terminal, and the one way to ask in it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol

from newapi_cli.api.errors.hints import LEAVING_OUT
from newapi_cli.app.prompt_input import Prompt, TextFile, prompt_from_contents
from newapi_cli.app.sessions.live_session import LiveSession
from newapi_cli.app.turn import CUT_HINT, Turn
from newapi_cli.domain.completion import Status
from newapi_cli.domain.messages import Attachment
from newapi_cli.domain.session import Session, StoredSession, TurnRecord
from newapi_cli.errors import (
    ContextTooLongError,
    ExitCode,
    Interrupted,
    NewapiError,
    PipeClosed,
)
from newapi_cli.render.error_lines import print_error
from newapi_cli.render.status_lines import print_attachments, print_dim
from newapi_cli.repl.trimming import proposal, told_proposal
from newapi_cli.streams import Streams
from newapi_cli.text import wrap_line

WAYS_ON = "/continue goes on with it, /retry asks again"


class Answers(Protocol):
    """What the conversation needs of the rest of the program: `cli.desk.Desk`."""

    def turn(
        self,
        live: LiveSession,
        prompt: Prompt,
        model: str,
        after: tuple[TurnRecord, ...] | None = None,
    ) -> AbstractContextManager[Turn]:
        """Commit a prompt and let its request leave."""

    def show(self, turn: Turn, live: LiveSession) -> None:
        """Play a turn to its end."""

    def open_file(self, reference: str) -> TextFile | Attachment:
        """Read a file or a URL. Raises `NewapiError`."""

    def drop(self, attachment: Attachment) -> None:
        """Go on without an attachment of earlier turns."""

    def edit(self, text: str) -> str:
        """Let the person write in an editor. Raises `UsageError`."""

    def system_text(self, text: str) -> str:
        """Give a system prompt, from a file where it is `@FILE`. Raises `UsageError`."""

    def set_raw(self, wanted: bool | None) -> bool:
        """Show answers without layout or with it, or the other way round; say which it is now."""

    @property
    def profile(self) -> str:
        """Give the name of the profile."""

    @property
    def host(self) -> str:
        """Give the base URL that questions go to, empty where none is set."""

    def use_profile(self, name: str) -> str:
        """Go over to another profile and give its model. Raises `ConfigError`."""

    def settings(self) -> Sequence[tuple[str, str, str]]:
        """Give name, value and origin of what can be set in a conversation."""

    def set(self, name: str, text: str) -> str:
        """Set a value for this run and give it back as it stands. Raises `UsageError`."""

    def unset(self, name: str) -> str:
        """Take back what was set for this run and give what rules now."""

    def sessions(self, limit: int) -> list[Session]:
        """Give the last used sessions. Raises `NewapiError`."""

    def resume(self, reference: str) -> LiveSession:
        """Give a stored session to go on with. Raises `NewapiError`."""

    def begin_anew(self, old: LiveSession) -> LiveSession:
        """Give a session that has not begun, with model and system prompt of another."""

    def spent(self, path: tuple[TurnRecord, ...]) -> str:
        """Give what turns cost as text, empty where that is not told."""

    def make_exact(self, live: LiveSession) -> str:
        """Take what turns cost from the gateway's log; say how far. Raises `NewapiError`."""

    def balance(self) -> str:
        """Ask the gateway what the key has left. Raises `NewapiError`."""

    def remove_keys(self, text: str) -> str:
        """Take the known keys out of a text that leaves the conversation."""

    def redact_session(self, stored: StoredSession) -> StoredSession:
        """Give a session as it may be written to a file."""

    def write_file(self, path: str, text: str, *, replace: bool) -> str:
        """Write a private text file and give its path. Raises `FileExistsError`, `LocalError`."""

    def way_back(self, session: Session) -> str:
        """Give the command that goes on with a session in a later run."""

    def values(self, kind: str) -> Iterable[str]:
        """Give what TAB offers: models, profiles, sessions, settings."""


class LineReader(Protocol):
    """Where messages come from: `reader.Reader`."""

    def confirm(self, question: str) -> bool:
        """Ask a yes-or-no question."""

    def drop_typed_ahead(self) -> None:
        """Drop what was typed and not read: the shell that comes next would run it."""


class Unasked(NamedTuple):
    """What could not even be sent, and the beginning of the path that it was to go on from."""

    prompt: Prompt
    after: tuple[TurnRecord, ...] | None


class Talk:
    """One conversation at the terminal. The commands work on it."""

    def __init__(
        self, streams: Streams, reader: LineReader, answers: Answers, live: LiveSession
    ) -> None:
        self.streams = streams
        self.reader = reader
        self.answers = answers
        self.live = live
        self.attached: list[TextFile | Attachment] = []  # for the next message
        self.unasked: Unasked | None = None  # for /retry
        self.is_over = False

    @property
    def model(self) -> str:
        """Give the model that is asked."""
        return self.live.session.model

    def print_err(self, text: str) -> None:
        """Write to the person, broken between words; further rows keep the indent of a line."""
        width = self.streams.stderr.width if self.streams.stderr.is_terminal else 0
        for line in self.streams.redact(text).split("\n"):
            lead = len(line) - len(line.lstrip(" "))
            self.streams.print_err(wrap_line(line, width, " " * (lead + 2 if lead else 0)))

    def go_over(self, live: LiveSession) -> None:
        """Go over to another session; what was meant for the old one stays behind."""
        self.live = live
        self.attached = []
        self.unasked = None

    def say(self, text: str) -> None:
        """Ask a message that was typed, with what was attached to it."""
        prompt = prompt_from_contents(text, self.attached)
        print_attachments(self.streams, prompt.attachments)
        if self.ask(prompt):
            self.attached = []

    def ask(self, prompt: Prompt, after: tuple[TurnRecord, ...] | None = None) -> bool:
        """Ask and show the answer; say whether a turn was begun, so that /retry knows it.

        What failed or was stopped is told; it ends the turn, never the conversation.
        """
        self.unasked = Unasked(prompt, after)
        if not self.model:
            self.print_err("no model is set: /model NAME, then /retry; `newapi models` lists them")
            return False
        turn: Turn | None = None
        before = self.live.begun
        try:
            with self.answers.turn(self.live, prompt, self.model, after) as turn:
                self.answers.show(turn, self.live)
        except Interrupted as interrupted:
            if interrupted.code is not ExitCode.SIGINT:
                self.reader.drop_typed_ahead()
                raise
            self._tell_stopped(turn)
        except PipeClosed:
            raise
        except NewapiError as error:
            error.hint = hint_for_here(error.hint)
            print_error(self.streams, error)
            if isinstance(error, ContextTooLongError):
                self._ask_with_less()
        is_begun = self.live.begun != before
        if is_begun:
            self.unasked = None
        return is_begun

    def ask_unasked(self, unasked: Unasked) -> None:
        """Ask what could not be sent, with what was attached to it."""
        if self.ask(unasked.prompt, unasked.after):
            self.attached = []

    def _tell_stopped(self, turn: Turn | None) -> None:
        if turn is None or not turn.completion.content:
            self.print_err("stopped, /retry asks again")
        elif self.live.is_saved:
            self.print_err("stopped; what came is kept: /continue goes on, /retry asks again")
        else:
            self.print_err("stopped; /continue goes on with what came, /retry asks again")

    def ask_again(self, turn: TurnRecord) -> None:
        """Ask the last turn's question again, in its place.

        Where nothing comes of it, an answer that was there before is still the last one.
        """
        before = self.live.path
        self.ask(Prompt(turn.prompt, turn.attachments), before[:-1])
        self.unasked = None  # the turn itself is there to be asked again
        if turn.answer and self.live.last is not None and not self.live.last.answer:
            self.live.return_to(before)

    def _ask_with_less(self) -> None:
        """Say which turns could go, and ask without them where the person agrees."""
        failed = self.live.last
        if failed is None:
            return
        before = self.live.conversation._replace(turns=self.live.path[:-1])
        found = proposal(before, failed.prompt, failed.error)
        if found is None:
            self.print_err(
                "the message alone is too long: shorten it, or take another model (/model)"
            )
            return
        self.print_err(told_proposal(found, before, self.model))
        count = len(found.turns)
        if not self.reader.confirm(f"Ask again without {'it' if count == 1 else 'them'}? [y/N] "):
            self.print_err("nothing was left out; /model takes another model, /retry asks again")
            return
        self.live.change(self.live.session._replace(left_out=found.left_out))
        self.ask_again(failed)

    def show_last_turns(self, rows: Iterable[str]) -> None:
        """Show what a resumed session was about, and whether its last answer is whole."""
        for row in rows:
            self.streams.stdout.write(f"{row}\n")
        title, short = self.live.session.title, self.live.session.short_id
        count = len(self.live.path)
        print_dim(
            self.streams, f"session {short} “{title}”: {count} turn{'s' * (count != 1)} so far"
        )
        if self.live.last is not None and (text := ending_text(self.live.last)):
            self.print_err(text)


def hint_for_here(hint: str) -> str:
    """Say with commands of the conversation what a hint says for the command line.

    >>> hint_for_here("ask a model with a larger context: -m NAME")
    'ask a model with a larger context: /model NAME'
    """
    hint = hint.replace(CUT_HINT, WAYS_ON).replace(LEAVING_OUT, "")
    return hint.replace("-m NAME", "/model NAME").replace("--timeout ", "/set timeout ")


def ending_text(turn: TurnRecord) -> str:
    """Say how the last turn ended where it is not whole, and what can be done."""
    if turn.status is Status.COMPLETE:
        return ""
    if turn.status is Status.OPEN:
        return "the last answer is still coming in another newapi"
    what = {
        Status.INTERRUPTED: "was interrupted",
        Status.INCOMPLETE: "was cut off",
        Status.ERROR: "failed",
    }[turn.status]
    why = f" ({turn.error})" if turn.error else ""
    ways = WAYS_ON if turn.answer else "/retry asks again"
    return f"the last answer {what}{why}: {ways}"
