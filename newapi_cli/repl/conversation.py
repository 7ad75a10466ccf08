"""The state of a conversation at the terminal, and how prompts are sent in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from newapi_cli.app.chat import ChatRun, require_model
from newapi_cli.app.context import Context
from newapi_cli.app.hints import words_of_run
from newapi_cli.app.prompt import Prompt, TextFile, prompt_from_contents
from newapi_cli.app.sessions.live_session import LiveSession
from newapi_cli.app.turn import Turn
from newapi_cli.domain.completion import Status
from newapi_cli.domain.messages import Attachment
from newapi_cli.domain.session import TurnRecord
from newapi_cli.errors import (
    ContextTooLongError,
    ExitCode,
    Interrupted,
    NewapiError,
    NextStep,
    PipeClosed,
)
from newapi_cli.i18n import ntr, reword, tr
from newapi_cli.render.status_lines import print_attachments, print_dim, print_error
from newapi_cli.render.units import spent_text
from newapi_cli.repl.reader import Reader
from newapi_cli.repl.trimming import proposal_lines, propose_trimming
from newapi_cli.streams import Streams
from newapi_cli.text import wrap_line

# The wording of next steps in the conversation; their values are the wording in a shell.
NEXT_STEPS: Mapping[object, str] = {
    NextStep.USE_MODEL: "/model NAME",
    NextStep.SET_TIMEOUT: "/set timeout SECONDS",
    NextStep.SET_MAX_TOKENS: "/set max_tokens N",
    NextStep.SHOW_REASONING: "/thinking",
    NextStep.SYSTEM_FILE: "/system @FILE",
    NextStep.LIST_SESSIONS: "/sessions lists them",
    NextStep.PIPE_FILE: tr("save its content as a file, then attach that"),
    NextStep.AFTER_TOKEN_LIMIT: "/continue continues the answer",
    NextStep.RESEND_OR_CONTINUE: "/continue or /retry",
    NextStep.SHORTEN: NextStep.SHORTEN.value,
}


class Unsent(NamedTuple):
    """A prompt that could not be sent, and the beginning of the path that it was to follow."""

    prompt: Prompt
    after: tuple[TurnRecord, ...] | None


class Conversation:
    """One conversation at the terminal. The slash commands work on it."""

    def __init__(self, chat: ChatRun, reader: Reader, live: LiveSession) -> None:
        self.chat = chat
        chat.next_steps = NEXT_STEPS
        self.reader = reader
        self.live = live
        self.attached: list[TextFile | Attachment] = []  # sent with the next message
        self.unsent: Unsent | None = None  # for /retry
        self.is_over = False
        self._cost: tuple[tuple[TurnRecord, ...], str] | None = None

    @property
    def context(self) -> Context:
        return self.chat.context

    @property
    def streams(self) -> Streams:
        return self.chat.context.streams

    @property
    def model(self) -> str:
        """The model that the next prompt is sent to, empty where none is set."""
        return self.live.session.model

    @property
    def host(self) -> str:
        """The base URL that prompts are sent to, empty where none is set."""
        return str(self.context.settings.base_url or "")

    def cost_text(self) -> str:
        """Return what the conversation cost, empty where that is unknown. Called at each key."""
        path = self.live.path
        if self._cost is None or self._cost[0] is not path:
            has_costs = any(turn.cost_kind for turn in path)
            self._cost = (
                path,
                spent_text(self.chat.gateway.prices.total_cost(path)) if has_costs else "",
            )
        return self._cost[1]

    def forget_cost(self) -> None:
        """Compute the cost again: another gateway may have another currency."""
        self._cost = None

    def print_err(self, text: str) -> None:
        """Print to stderr, wrapped between words; rows after the first keep a line's indent."""
        width = self.streams.stderr.width if self.streams.stderr.is_terminal else 0
        for line in self.streams.redact(text).split("\n"):
            indent = len(line) - len(line.lstrip(" "))
            self.streams.print_err(wrap_line(line, width, " " * (indent + 2 if indent else 0)))

    def switch_to(self, live: LiveSession) -> None:
        """Continue with another session; files and a prompt for the old one are dropped."""
        self.live = live
        self.attached = []
        self.unsent = None

    def send_text(self, text: str) -> None:
        """Send a typed message, with what is attached to it."""
        prompt = prompt_from_contents(text, self.attached)
        print_attachments(self.streams, prompt.attachments)
        if self.send(prompt):
            self.attached = []

    def send(self, prompt: Prompt, after: tuple[TurnRecord, ...] | None = None) -> bool:
        """Send a prompt and display the answer; return whether a turn was begun.

        A failure or an interruption is printed; it ends the turn, never the conversation.
        """
        self.unsent = Unsent(prompt, after)
        turn: Turn | None = None
        turns_before = self.live.turns_begun
        try:
            model = require_model(self.context, self.model)
            with self.chat.turn(self.live, prompt, model, after) as turn:
                self.chat.show(turn, self.live)
        except Interrupted as interrupted:
            if interrupted.code is not ExitCode.SIGINT:
                self.reader.drop_typeahead()
                raise
            self._report_interruption(turn)
        except PipeClosed:
            raise
        except NewapiError as error:
            self.print_error(error)
            if isinstance(error, ContextTooLongError):
                self._offer_trimming()
        is_begun = self.live.turns_begun != turns_before
        if is_begun:
            self.unsent = None
        return is_begun

    def print_error(self, error: NewapiError) -> None:
        """Print an error, its hint in terms of the conversation's commands."""
        print_error(self.streams, error.with_hint(self.hint_of(error)))

    def hint_of(self, error: NewapiError) -> str:
        """Return the hint of an error with the conversation's commands in place of options."""
        words = {**words_of_run(self.context), **NEXT_STEPS}
        return error.conversation_hint or reword(error.hint, words)

    def send_unsent(self, unsent: Unsent) -> None:
        """Send a prompt that could not be sent before, with what was attached to it."""
        if self.send(unsent.prompt, unsent.after):
            self.attached = []

    def resend(self, turn: TurnRecord) -> None:
        """Send the last turn's prompt again, in its place.

        If no answer arrives, the previous one stays the last answer.
        """
        path_before = self.live.path
        self.send(Prompt(turn.prompt, turn.attachments), path_before[:-1])
        self.unsent = None  # the turn itself can be sent again
        if turn.answer and self.live.last is not None and not self.live.last.answer:
            self.live.return_to(path_before)

    def show_last_turns(self, rows: Iterable[str]) -> None:
        """Show the end of a resumed session, and whether its last answer is complete."""
        for row in rows:
            self.streams.stdout.write(f"{row}\n")
        session = self.live.session
        print_dim(
            self.streams,
            ntr(
                'session {id} "{title}": {n} turn',
                'session {id} "{title}": {n:,} turns',
                len(self.live.path),
                id=session.short_id,
                title=session.title,
            ),
        )
        if self.live.last is not None and (text := ending_text(self.live.last)):
            self.print_err(text)

    def _report_interruption(self, turn: Turn | None) -> None:
        if turn is None or not turn.completion.content:
            self.print_err(tr("stopped; /retry sends the prompt again"))
        elif self.live.is_saved:
            self.print_err(tr("stopped; the partial answer is saved: /continue or /retry"))
        else:
            self.print_err(tr("stopped; /continue or /retry"))

    def _offer_trimming(self) -> None:
        """Propose turns to leave out, and send the prompt without them if the user agrees."""
        failed = self.live.last
        if failed is None:
            return
        history = self.live.history._replace(turns=self.live.path[:-1])
        proposed = propose_trimming(history, failed.prompt, failed.error)
        if proposed is None:
            self.print_err(tr("the message alone is too long"))
            return
        for line in proposal_lines(proposed, history, self.model):
            self.print_err(line)
        prompt = ntr(
            "Send again without this turn? [y/N] ",
            "Send again without these {n:,} turns? [y/N] ",
            len(proposed.turns),
        )
        if not self.reader.confirm(prompt):
            self.print_err(tr("nothing was left out; /model changes the model, /retry sends again"))
            return
        self.live.change(self.live.session._replace(left_out=proposed.left_out))
        self.resend(failed)


def ending_text(turn: TurnRecord) -> str:
    """Return how the last turn ended and what can be done, empty where it is complete."""
    if turn.status is Status.COMPLETE:
        return ""
    if turn.status is Status.OPEN:
        return tr("another newapi process is still receiving the last answer")
    steps = tr("/continue or /retry") if turn.answer else tr("/retry sends the prompt again")
    texts = {
        Status.INTERRUPTED: tr("the last answer was interrupted: {steps}", steps=steps),
        Status.INCOMPLETE: tr("the last answer was cut off: {steps}", steps=steps),
        Status.ERROR: tr("the last answer failed: {steps}", steps=steps),
    }
    if turn.error and turn.status is not Status.INTERRUPTED:
        return tr("{text} ({why})", text=texts[turn.status], why=turn.error)
    return texts[turn.status]
