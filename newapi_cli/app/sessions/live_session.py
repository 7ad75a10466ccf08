"""The conversation of this process, and its copy in the store. `resume` continues an earlier one.

    begin ──> TurnRecorder.save_partial … ──> TurnRecorder.end        one turn; `path` ends with it

The store may fail at any moment (full disk, locked by another newapi): the conversation continues
in memory after one warning, and what the store is missing is written with the next turn if it can.

In memory the texts stay as they are; `redacted_store.RedactedStore` redacts what is stored.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from types import MappingProxyType

from newapi_cli.app.context import Context
from newapi_cli.app.prompt import read_system_prompt
from newapi_cli.app.protocols import SessionStorage
from newapi_cli.app.sessions.redacted_store import RedactedStore
from newapi_cli.domain.completion import Completion, Status
from newapi_cli.domain.messages import Attachment, Message
from newapi_cli.domain.session import (
    ID_LENGTH,
    Hit,
    MessageHistory,
    Session,
    StoredSession,
    TurnRecord,
    path_to,
    title_from_prompt,
)
from newapi_cli.errors import LocalError, NewapiError
from newapi_cli.i18n import ntr, tr
from newapi_cli.render.status_lines import print_warning

NOTHING: Mapping[str, object] = MappingProxyType({})


class LiveSession:
    """A conversation that can continue. `warn` is called once if it cannot be saved."""

    def __init__(
        self,
        session: Session,
        path: tuple[TurnRecord, ...] = (),
        store: SessionStorage | None = None,
        warn: Callable[[LocalError], None] = lambda _: None,
    ) -> None:
        """Continue after `path`; without a `store` nothing is saved."""
        self.session = session
        self.path = path
        self.turns_added = 0  # by other processes, when the last turn began
        self.turns_removed = 0  # likewise
        self.was_deleted = False  # likewise
        self.turns_begun = 0  # by this process
        self._store = store
        self._warn = warn
        self._has_warned = False
        self._unreported: LocalError | None = None
        self._is_behind = False  # the store is missing something of the path

    @property
    def is_saved(self) -> bool:
        """Whether the store has all of it."""
        return self._store is not None and not self._is_behind

    @property
    def history(self) -> MessageHistory:
        """The messages so far."""
        return MessageHistory(self.session.system, self.path, self.session.left_out)

    @property
    def last(self) -> TurnRecord | None:
        """The last turn, None before the first."""
        return self.path[-1] if self.path else None

    def begin(
        self,
        prompt: str,
        attachments: tuple[Attachment, ...] = (),
        *,
        model: str,
        request: Mapping[str, object] = NOTHING,
        after: tuple[TurnRecord, ...] | None = None,
    ) -> TurnRecorder:
        """Commit a prompt, before anything is sent.

        It follows the newest turn of the session, even one of another process. With `after`, the
        first turns of the path, it starts a new branch there; the old one stays in the store. If a
        signal ends the wait for the store, no turn is begun, and the old branch stays the current
        one.
        """
        at_leaf, path = after is None, self.path if after is None else after
        old_branch = self.path[len(path) :]
        self.path = path
        self.turns_added, self.turns_removed, self.was_deleted = 0, 0, False
        title = self.session.title or title_from_prompt(prompt)
        left_out = min(self.session.left_out, len(path))
        self.session = self.session._replace(title=title, model=model, left_out=left_out)
        turn = TurnRecord(
            prompt,
            model=model,
            request=request,
            attachments=attachments,
            profile=self.session.profile,
            host=self.session.host,
        )
        try:
            self._catch_up()
            turn = self._begin_stored(turn._replace(parent_id=self._leaf_id), at_leaf=at_leaf)
        except BaseException:
            self.path = (*self.path, *old_branch)
            raise
        self.path = (*self.path, turn)
        self.turns_begun += 1
        return TurnRecorder(self)

    def messages(self) -> tuple[Message, ...]:
        """Return the messages to send for the turn that has begun."""
        turn = self.path[-1]
        before = self.history._replace(turns=self.path[:-1])
        return before.messages_for(turn.prompt, turn.attachments)

    def save_partial_turn(self, turn: TurnRecord) -> None:
        """Store the last turn so far; a failure is ignored, because its end is stored too."""
        self.path = (*self.path[:-1], turn)
        if self._store is not None and turn.id and not self._is_behind:
            with contextlib.suppress(LocalError):
                self._store.save_partial_turn(turn)

    def end(self, turn: TurnRecord) -> None:
        """Store how the last turn ended."""
        self.path = (*self.path[:-1], turn)
        if self._store is not None and turn.id:
            try:
                self._store.end_turn(turn)
            except LocalError as error:
                self._is_behind, self._unreported = True, error

    def warn_if_unsaved(self) -> None:
        """Warn if the end of the last turn could not be stored; called after its text is shown."""
        error, self._unreported = self._unreported, None
        if error is not None:
            self._fail(error)

    def undo(self) -> TurnRecord | None:
        """Remove and return the last turn; its branch stays in the store."""
        undone = self.last
        if undone is not None:
            self.return_to(self.path[:-1])
        return undone

    def return_to(self, path: tuple[TurnRecord, ...]) -> None:
        """Make another path of the session the current one."""
        self.path = path
        left_out = min(self.session.left_out, len(path))
        self.change(self.session._replace(leaf_id=self._leaf_id, left_out=left_out))

    def change(self, session: Session) -> None:
        """Change the fields of the session.

        Only what differs is written: another process may have renamed or continued it.

        Raises `UsageError` for a name that is in use.
        """
        if self._store is not None and not self._is_behind:
            try:
                stored = self._store.load(session.id)
                if stored is not None:
                    written = _with_changes(stored.session, self.session, session)
                    self._store.update_session(written)
                    session = session._replace(title=written.title, is_named=written.is_named)
                elif session.title != self.session.title:
                    self._store.update_session(session)  # writes nothing, checks the name
            except LocalError as error:
                self._fail(error)
        self.session = session

    def update_costs(self, turns: Iterable[TurnRecord]) -> None:
        """Replace turns of the path whose cost has become known."""
        known = {(turn.id, turn.request_id): turn for turn in turns}
        self.path = tuple(known.get((turn.id, turn.request_id), turn) for turn in self.path)

    def fork(self, title: str = "") -> Session:
        """Continue in a copy of the path under a new id; return the original session."""
        original = self.session
        copied = original._replace(title=title or original.title, is_named=bool(title), turns=0)
        self.session, self.path = copied, tuple(t._replace(id=0, parent_id=None) for t in self.path)
        if self._store is not None and self.path:
            turns = tuple(
                turn._replace(id=number, parent_id=number - 1 or None)
                for number, turn in enumerate(self.path, 1)
            )
            try:
                self.session = self._store.import_session(
                    StoredSession(copied._replace(leaf_id=len(turns)), turns)
                )
                self._reload(self.session.leaf_id)
            except LocalError as error:
                self._fail(error)
        return original

    def _begin_stored(self, turn: TurnRecord, *, at_leaf: bool) -> TurnRecord:
        if self._store is None or self._is_behind:
            return turn
        created_at = self.session.created_at
        try:
            self.session, begun = self._store.begin_turn(self.session, turn, at_leaf=at_leaf)
        except LocalError as error:
            self._fail(error)
            return turn
        self.was_deleted = bool(self.path) and self.session.created_at != created_at
        try:
            self._load_external_path(begun.parent_id)
        except LocalError as error:  # the prompt is stored, and must not be stored twice
            self._fail(error)
        return begun

    def load_external_changes(self) -> bool:
        """Load what other processes did to the path; return whether there was anything.

        Called before a turn is undone or sent again: it must be the one that the user sees.
        """
        self.turns_added, self.turns_removed, self.was_deleted = 0, 0, False
        if self._store is None or self._is_behind or not self.session.turns:
            return False
        try:
            stored = self._store.load(self.session.id)
            if stored is None:
                return False
            created_at = stored.session.created_at
            self.was_deleted = self.session.created_at != created_at
            self._load_external_path(stored.session.leaf_id)
            self.session = self.session._replace(leaf_id=self._leaf_id, created_at=created_at)
        except LocalError as error:
            self._fail(error)
        return bool(self.turns_added or self.turns_removed or self.was_deleted)

    def _load_external_path(self, leaf_id: int | None) -> None:
        """Make the path to a leaf the current one, and count how it differs from the old one.

        In a session that was deleted and created again, other turns may have the same ids.
        """
        is_over = all(each.status is not Status.OPEN for each in self.path)
        if leaf_id == self._leaf_id and is_over and not self.was_deleted:
            return
        old_ids = {each.id for each in self.path}
        self._reload(leaf_id)
        new_ids = {each.id for each in self.path}
        self.turns_added = len(new_ids - old_ids)
        self.turns_removed = len(old_ids - new_ids)

    def _catch_up(self) -> None:
        """Store what the store is missing of the path; a failure leaves that for the next turn."""
        if self._store is None or not self._is_behind:
            return
        done: list[TurnRecord] = []
        try:
            for turn in self.path:
                if turn.status is Status.OPEN:  # another process stores it
                    done.append(turn)
                    continue
                if not turn.id:
                    turn = turn._replace(parent_id=done[-1].id if done else None)
                    self.session, begun = self._store.begin_turn(self.session, turn, at_leaf=False)
                    turn = turn._replace(id=begun.id, created_at=begun.created_at)
                self._store.end_turn(turn)
                done.append(turn)
        except LocalError:
            return
        finally:
            self.path = (*done, *self.path[len(done) :])
        self._is_behind = False

    @property
    def _leaf_id(self) -> int | None:
        return (self.path[-1].id or None) if self.path else None

    def _reload(self, leaf_id: int | None) -> None:
        stored = self._store.load(self.session.id) if self._store is not None else None
        if stored is not None:
            self.path = path_to(leaf_id, stored.turns)

    def _fail(self, error: LocalError) -> None:
        self._is_behind = True
        if not self._has_warned:
            self._has_warned = True
            self._warn(error)


class TurnRecorder:
    """Stores a turn that has begun, the last one of its session, as its answer arrives.

    Implements `app.protocols.Recorder`.
    """

    def __init__(self, live: LiveSession) -> None:
        self._live = live
        self._turn = live.path[-1]

    def save_partial(self, completion: Completion) -> None:
        """Store what has arrived so far."""
        answer, reasoning = completion.content, completion.reasoning
        self._live.save_partial_turn(self._turn._replace(answer=answer, reasoning=reasoning))

    def end(self, completion: Completion, error: str) -> None:
        """Store the answer as it ended."""
        self._live.end(self._turn.with_completion(completion, error))


def _with_changes(stored: Session, before: Session, after: Session) -> Session:
    """Return the stored session with the fields in which the other two differ."""
    fields = zip(stored, before, after, strict=True)
    return Session._make(new if new != old else stored_value for stored_value, old, new in fields)


def describe_external_changes(live: LiveSession) -> list[str]:
    """Return what other processes did to a session, as of the last look at the store."""
    if live.was_deleted:
        return [tr("another newapi process deleted this session; it continues without its history")]
    texts: list[str] = []
    if live.turns_removed:
        texts.append(
            ntr(
                "another newapi process removed {n} turn of this session",
                "another newapi process removed {n:,} turns of this session",
                live.turns_removed,
            )
        )
    if live.turns_added:
        texts.append(
            ntr(
                "another newapi process continued this session: {n} turn was added",
                "another newapi process continued this session: {n:,} turns were added",
                live.turns_added,
            )
        )
    return texts


# -- sessions of a run -----------------------------------------------------------------------------


def new_live_session(context: Context, *, is_saved: bool = True) -> LiveSession:
    """Return a session that has not begun; warns once if it cannot be saved.

    It is not saved if the settings say so, either.
    """
    session = new_session(context)
    if not is_saved or not context.settings.flag("save"):
        return LiveSession(session)
    return saved_if_possible(context, session)


def new_session(context: Context) -> Session:
    """Return a session with the model and the system prompt of the settings."""
    text = context.settings.text("system")
    return Session(
        id=os.urandom(ID_LENGTH // 2).hex(),
        model=context.model_and_fallbacks[0],
        system=read_system_prompt(text, context.streams.report_silence) or "",
    )


def saved_if_possible(context: Context, session: Session) -> LiveSession:
    """Return a new session; warns once if it cannot be saved."""
    try:
        return saved_session(context, session)
    except NewapiError as error:
        _warn_unsaved(context, error)
        return LiveSession(session)


def saved_session(
    context: Context, session: Session, path: tuple[TurnRecord, ...] = ()
) -> LiveSession:
    """Return a session whose turns are stored.

    Raises `NewapiError` if there is no store.
    """
    return LiveSession(session, path, RedactedStore(context), partial(_warn_unsaved, context))


def _warn_unsaved(context: Context, error: NewapiError) -> None:
    text = tr("this conversation is not saved: {problem}", problem=error.summary)
    print_warning(context.streams, text)
    if error.hint:
        context.streams.print_err(tr("  try: {hint}", hint=error.hint))


def warn_about_unfinished_answers(context: Context) -> None:
    """Warn, once each, about answers whose end an earlier newapi did not store."""
    if not context.settings.flag("save"):
        return
    with contextlib.suppress(NewapiError):  # the store's problems are reported where they matter
        for hit in context.sessions.close_orphaned_turns():
            print_warning(context.streams, _unfinished_answer_text(hit))


def _unfinished_answer_text(hit: Hit) -> str:
    answer, session = hit.turn.answer, hit.session
    if not answer:
        return tr(
            "newapi was killed, or could not save an answer;"
            ' resume: newapi chat -S {id} ("{title}")',
            id=session.short_id,
            title=session.title,
        )
    return ntr(
        "newapi was killed, or could not save the rest of an answer; {n} character was saved;"
        ' resume: newapi chat -S {id} ("{title}")',
        "newapi was killed, or could not save the rest of an answer; {n:,} characters were saved;"
        ' resume: newapi chat -S {id} ("{title}")',
        len(answer),
        id=session.short_id,
        title=session.title,
    )
