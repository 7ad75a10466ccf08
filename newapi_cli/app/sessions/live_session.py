"""The conversation of this process and its twin in the store.

    begin ──> TurnRecorder.keep … ──> TurnRecorder.end        one turn; `path` ends with it

The store may fail at any moment (a full disk, another newapi that holds it): the conversation goes
on in memory after one warning, and what the store lacks is written with the next turn, if it can be.
"""  # noqa: E501

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

from newapi_cli.app.protocols import Keeper
from newapi_cli.domain.completion import Completion, Status
from newapi_cli.domain.messages import Attachment, Message
from newapi_cli.domain.session import (
    MessageHistory,
    Session,
    StoredSession,
    TurnRecord,
    path_to,
    title_from_prompt,
)
from newapi_cli.errors import LocalError

NOTHING: Mapping[str, object] = MappingProxyType({})


class LiveSession:
    """A conversation that is asked on. `warn` is told, once, that it cannot be saved."""

    def __init__(
        self,
        session: Session,
        path: tuple[TurnRecord, ...] = (),
        store: Keeper | None = None,
        warn: Callable[[LocalError], None] = lambda _: None,
    ) -> None:
        """Go on after `path`; without a `store` nothing is saved."""
        self.session = session
        self.path = path
        self.others_turns = 0  # what other processes had added when the last turn began
        self.taken_back = 0  # how many turns other processes had taken back by then
        self.was_deleted = False  # by another process, when the last turn began
        self.begun = 0  # how many turns were begun here
        self._store = store
        self._warn = warn
        self._has_warned = False
        self._untold: LocalError | None = None
        self._is_behind = False  # the store lacks something of the path

    @property
    def is_saved(self) -> bool:
        """Say whether the store has all of it."""
        return self._store is not None and not self._is_behind

    @property
    def conversation(self) -> MessageHistory:
        """Give what has been said."""
        return MessageHistory(self.session.system, self.path, self.session.left_out)

    @property
    def last(self) -> TurnRecord | None:
        """Give the last turn."""
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

        It goes below the newest turn of the session, or below the last one of `after`, a beginning
        of the path, in whose place the old branch stays in the store. Where a signal ends the wait
        for the store, no turn is begun, and the old branch is still the present one.
        """
        at_leaf, path = after is None, self.path if after is None else after
        left = self.path[len(path) :]
        self.path = path
        self.others_turns, self.taken_back, self.was_deleted = 0, 0, False
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
            self.path = (*self.path, *left)
            raise
        self.path = (*self.path, turn)
        self.begun += 1
        return TurnRecorder(self)

    def messages(self) -> tuple[Message, ...]:
        """Give the messages to send for the turn that has begun."""
        turn = self.path[-1]
        before = self.conversation._replace(turns=self.path[:-1])
        return before.messages_for(turn.prompt, turn.attachments)

    def keep(self, turn: TurnRecord) -> None:
        """Write down what the last turn has become so far; its end is what counts."""
        self.path = (*self.path[:-1], turn)
        if self._store is not None and turn.id and not self._is_behind:
            with contextlib.suppress(LocalError):
                self._store.save_partial_turn(turn)

    def end(self, turn: TurnRecord) -> None:
        """Write down how the last turn ended."""
        self.path = (*self.path[:-1], turn)
        if self._store is not None and turn.id:
            try:
                self._store.end_turn(turn)
            except LocalError as error:
                self._is_behind, self._untold = True, error

    def warn_if_unsaved(self) -> None:
        """Warn that the last turn's end could not be written, when its text has been shown."""
        error, self._untold = self._untold, None
        if error is not None:
            self._fail(error)

    def undo(self) -> TurnRecord | None:
        """Take the last turn back and give it; its branch stays in the store."""
        undone = self.last
        if undone is not None:
            self.return_to(self.path[:-1])
        return undone

    def return_to(self, path: tuple[TurnRecord, ...]) -> None:
        """Take another path of the session as the present one."""
        self.path = path
        left_out = min(self.session.left_out, len(path))
        self.change(self.session._replace(leaf_id=self._leaf_id, left_out=left_out))

    def change(self, session: Session) -> None:
        """Take a session with other fields. Raises `UsageError` for a name that is taken.

        Only what differs is written: another newapi may have renamed it, or gone on with it.
        """
        if self._store is not None and not self._is_behind:
            try:
                stored = self._store.load(session.id)
                written = (
                    _with_changes(stored.session, self.session, session) if stored else session
                )
                self._store.update_session(written)
                session = session._replace(title=written.title, is_named=written.is_named)
            except LocalError as error:
                self._fail(error)
        self.session = session

    def take_costs(self, turns: Iterable[TurnRecord]) -> None:
        """Take turns of the path whose cost has become known."""
        known = {(turn.id, turn.request_id): turn for turn in turns}
        self.path = tuple(known.get((turn.id, turn.request_id), turn) for turn in self.path)

    def fork(self, title: str = "") -> Session:
        """Go on in a copy of the path under a new id, and give the session that was left."""
        left = self.session
        copied = left._replace(title=title or left.title, is_named=bool(title), turns=0)
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
        return left

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
            self._take_others(begun.parent_id)
        except LocalError as error:  # the prompt is stored all the same, and once is enough
            self._fail(error)
        return begun

    def take_others_turns(self) -> bool:
        """Take over what other processes have done to the path; say whether there was anything.

        Before a turn is taken back or asked again: it must be the one that the person means.
        """
        self.others_turns, self.taken_back, self.was_deleted = 0, 0, False
        if self._store is None or self._is_behind or not self.session.turns:
            return False
        try:
            stored = self._store.load(self.session.id)
            if stored is None:
                return False
            created_at = stored.session.created_at
            self.was_deleted = self.session.created_at != created_at
            self._take_others(stored.session.leaf_id)
            self.session = self.session._replace(leaf_id=self._leaf_id, created_at=created_at)
        except LocalError as error:
            self._fail(error)
        return bool(self.others_turns or self.taken_back or self.was_deleted)

    def _take_others(self, leaf_id: int | None) -> None:
        """Take the path to a leaf as the present one, and count how it differs from ours.

        In a session that was deleted and made anew, others' turns may have the numbers of ours.
        """
        is_over = all(each.status is not Status.OPEN for each in self.path)
        if leaf_id == self._leaf_id and is_over and not self.was_deleted:
            return
        known = {each.id for each in self.path}
        self._reload(leaf_id)
        present = {each.id for each in self.path}
        self.others_turns = len(present - known)
        self.taken_back = len(known - present)

    def _catch_up(self) -> None:
        """Write down what the store lacks of the path, in silence where it still cannot."""
        if self._store is None or not self._is_behind:
            return
        done: list[TurnRecord] = []
        try:
            for turn in self.path:
                if turn.status is Status.OPEN:  # another newapi writes it
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
    """The recorder of a turn that has begun, the last one of its session."""

    def __init__(self, live: LiveSession) -> None:
        self._live = live
        self._turn = live.path[-1]

    def keep(self, completion: Completion) -> None:
        """Keep what has come so far."""
        answer, reasoning = completion.content, completion.reasoning
        self._live.keep(self._turn._replace(answer=answer, reasoning=reasoning))

    def end(self, completion: Completion, error: str) -> None:
        """Keep the answer as it ended."""
        self._live.end(self._turn.with_completion(completion, error))


def _with_changes(stored: Session, before: Session, after: Session) -> Session:
    """Give what is stored with the fields in which the other two differ."""
    fields = zip(stored, before, after, strict=True)
    return Session._make(new if new != old else kept for kept, old, new in fields)


def describe_external_changes(live: LiveSession) -> list[str]:
    """Say what other processes had done to a session when that was last looked at."""
    if live.was_deleted:
        return ["another newapi has deleted this session: it begins anew, without what was said"]
    texts = []
    if live.taken_back:
        count = f"{live.taken_back} turn{'s' * (live.taken_back != 1)}"
        texts.append(f"another newapi has taken {count} of this session back")
    if live.others_turns == 1:
        texts.append("another newapi has gone on with this session: its turn is part of it")
    elif live.others_turns:
        texts.append(
            "another newapi has gone on with this session:"
            f" its {live.others_turns} turns are part of it"
        )
    return texts
