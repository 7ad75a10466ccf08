"""The conversation of this process and its copy in the store, which may fail at any moment."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from newapi_cli.app.sessions.live_session import LiveSession
from newapi_cli.domain.completion import Chunk, Completion, CompletionBuilder, Status
from newapi_cli.domain.messages import Message, Role
from newapi_cli.domain.session import Session, StoredSession, TurnRecord
from newapi_cli.errors import LocalError, UsageError
from newapi_cli.store.sessions import SessionStore

ID = "0123456789ab"


class FailingStore:
    """A real store that can fail as if the disk were full."""

    def __init__(self, store: SessionStore) -> None:
        self.store = store
        self.is_full = False

    def _ensure_room(self) -> None:
        if self.is_full:
            raise LocalError("the session store cannot be used", why="no space left")

    def begin_turn(
        self, session: Session, turn: TurnRecord, *, at_leaf: bool
    ) -> tuple[Session, TurnRecord]:
        """Begin a turn unless the disk is full."""
        self._ensure_room()
        return self.store.begin_turn(session, turn, at_leaf=at_leaf)

    def save_partial_turn(self, turn: TurnRecord) -> None:
        """Save a partial turn unless the disk is full."""
        self._ensure_room()
        self.store.save_partial_turn(turn)

    def end_turn(self, turn: TurnRecord) -> None:
        """End a turn unless the disk is full."""
        self._ensure_room()
        self.store.end_turn(turn)

    def load(self, session_id: str) -> StoredSession | None:
        """Load a session."""
        return self.store.load(session_id)

    def update_session(self, session: Session) -> None:
        """Update a session unless the disk is full."""
        self._ensure_room()
        self.store.update_session(session)

    def import_session(self, stored: StoredSession) -> Session:
        """Import a session unless the disk is full."""
        self._ensure_room()
        return self.store.import_session(stored)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[FailingStore]:
    """Return a store on a disk."""
    with SessionStore(tmp_path / "sessions.db") as store:
        yield FailingStore(store)


@pytest.fixture
def warnings() -> list[LocalError]:
    """Return the warnings."""
    return []


@pytest.fixture
def live(disk: FailingStore, warnings: list[LocalError]) -> LiveSession:
    """Return a session without turns."""
    return LiveSession(Session(ID, system="be brief"), (), disk, warnings.append)


def answer(text: str, status: Status = Status.COMPLETE) -> Completion:
    builder = CompletionBuilder()
    builder.add(Chunk(text))
    return builder.completion(status)


def add_turn(live: LiveSession, prompt: str, text: str = "yes") -> None:
    live.begin(prompt, model="m").end(answer(text), "")


def stored_path(disk: FailingStore, session_id: str = ID) -> list[tuple[str, str]]:
    stored = disk.load(session_id)
    return [(turn.prompt, turn.answer) for turn in stored.path] if stored else []


def test_the_prompt_is_stored_before_anything_is_sent(
    live: LiveSession, disk: FailingStore
) -> None:
    live.begin("Why?\nTell me.", model="m", request={"temperature": 0})
    stored = disk.load(ID)
    assert stored is not None
    assert stored.session.title == "Why?"
    (turn,) = stored.turns
    assert (turn.prompt, turn.status, turn.model) == ("Why?\nTell me.", Status.OPEN, "m")
    assert turn.request == {"temperature": 0}
    assert live.messages() == (
        Message(Role.SYSTEM, "be brief"),
        Message(Role.USER, "Why?\nTell me."),
    )


def test_a_partial_answer_is_stored(live: LiveSession, disk: FailingStore) -> None:
    recorder = live.begin("Why?", model="m")
    recorder.save_partial(answer("Because", Status.INTERRUPTED))
    assert stored_path(disk) == [("Why?", "Because")]
    recorder.end(answer("Because of the sky.", Status.INTERRUPTED), "stopped")
    assert live.last is not None
    assert stored_path(disk) == [("Why?", "Because of the sky.")]
    assert (live.last.status, live.last.error) == (Status.INTERRUPTED, "stopped")


def test_a_turn_that_replaces_another_leaves_it_on_its_branch(
    live: LiveSession, disk: FailingStore
) -> None:
    add_turn(live, "one")
    add_turn(live, "two")
    live.begin("two, again", model="m", after=live.path[:-1]).end(answer("no"), "")
    stored = disk.load(ID)
    assert stored is not None
    assert stored_path(disk) == [("one", "yes"), ("two, again", "no")]
    assert [turn.prompt for turn in stored.turns] == ["one", "two", "two, again"]
    assert [turn.prompt for turn in live.path] == ["one", "two, again"]


def test_undo_goes_to_the_parent_and_the_next_turn_starts_a_branch(
    live: LiveSession, disk: FailingStore
) -> None:
    add_turn(live, "one")
    add_turn(live, "two")
    undone = live.undo()
    assert undone is not None
    assert (undone.prompt, stored_path(disk)) == ("two", [("one", "yes")])
    add_turn(live, "three")
    assert stored_path(disk) == [("one", "yes"), ("three", "yes")]


def test_undo_of_all_turns_starts_over(live: LiveSession, disk: FailingStore) -> None:
    add_turn(live, "one")
    live.undo()
    assert live.undo() is None
    add_turn(live, "two")
    assert stored_path(disk) == [("two", "yes")]


def test_a_fork_leaves_the_session_unchanged(live: LiveSession, disk: FailingStore) -> None:
    add_turn(live, "one")
    left = live.fork("other way")
    add_turn(live, "two")
    assert (left.id, live.session.id == ID) == (ID, False)
    assert stored_path(disk) == [("one", "yes")]
    assert stored_path(disk, live.session.id) == [("one", "yes"), ("two", "yes")]
    assert disk.store.find_by_name("other way") is not None


@pytest.mark.parametrize("is_full", [False, True])
def test_every_turn_has_its_host_also_in_a_fork(
    live: LiveSession, disk: FailingStore, is_full: bool
) -> None:
    sent = [("work", "http://a/v1"), ("home", "http://b/v1"), ("home", "http://c/v1")]
    disk.is_full = is_full  # then the store is given all turns later
    for profile, host in sent:
        live.session = live.session._replace(profile=profile, host=host)
        add_turn(live, "one")
    disk.is_full = False
    live.fork()
    add_turn(live, "two")
    sent.append(sent[-1])
    stored = disk.load(live.session.id)
    assert stored is not None
    for path in (live.path, stored.path):
        assert [(turn.profile, turn.host) for turn in path] == sent


def test_turns_of_another_process_are_sent_too(live: LiveSession, disk: FailingStore) -> None:
    add_turn(live, "one")
    stored = disk.load(ID)
    assert stored is not None
    other = LiveSession(stored.session, stored.path, disk)
    add_turn(other, "theirs", "of course")
    recorder = live.begin("mine", model="m")
    assert live.turns_added == 1
    assert [message.content for message in live.messages()] == [
        *("be brief", "one", "yes", "theirs", "of course", "mine")
    ]
    recorder.end(answer("fine"), "")
    assert [prompt for prompt, _ in stored_path(disk)] == ["one", "theirs", "mine"]


def other_process(disk: FailingStore) -> LiveSession:
    """Return the session as another process has loaded it."""
    stored = disk.load(ID)
    assert stored is not None
    return LiveSession(stored.session, stored.path, disk)


def test_undo_keeps_the_name_that_another_process_gave(
    live: LiveSession, disk: FailingStore
) -> None:
    add_turn(live, "one")
    add_turn(live, "two")
    other = other_process(disk)
    other.change(other.session._replace(title="work", is_named=True))
    live.undo()
    stored = disk.load(ID)
    assert stored is not None
    assert (stored.session.title, stored.session.is_named) == ("work", True)
    assert (live.session.title, live.session.is_named) == ("work", True)
    assert stored_path(disk) == [("one", "yes")]


def test_another_model_keeps_the_turns_of_another_process(
    live: LiveSession, disk: FailingStore
) -> None:
    add_turn(live, "one")
    add_turn(other_process(disk), "theirs")
    live.change(live.session._replace(model="m2"))
    assert [prompt for prompt, _ in stored_path(disk)] == ["one", "theirs"]
    add_turn(live, "mine")
    assert [prompt for prompt, _ in stored_path(disk)] == ["one", "theirs", "mine"]


def test_turns_of_a_session_that_was_deleted_and_recreated_are_not_sent(
    live: LiveSession, disk: FailingStore
) -> None:
    """The new turn may have the id of the deleted one."""
    add_turn(live, "secret")
    other = other_process(disk)
    disk.store.delete([ID])
    add_turn(other, "anew")
    assert other.was_deleted
    live.begin("mine", model="m")
    assert [m.content for m in live.messages()] == ["be brief", "anew", "yes", "mine"]
    assert live.was_deleted


def test_a_full_disk_gives_one_warning_and_loses_no_turn(
    live: LiveSession, disk: FailingStore, warnings: list[LocalError]
) -> None:
    add_turn(live, "one")
    disk.is_full = True
    add_turn(live, "two")
    add_turn(live, "three")
    assert [turn.prompt for turn in live.path] == ["one", "two", "three"]
    assert len(warnings) == 1
    assert not live.is_saved


def test_unsaved_turns_are_written_when_there_is_space_again(
    live: LiveSession, disk: FailingStore
) -> None:
    add_turn(live, "one")
    recorder = live.begin("two", model="m")
    disk.is_full = True
    recorder.end(answer("lost?"), "")
    add_turn(live, "three")
    disk.is_full = False
    add_turn(live, "four")
    assert live.is_saved
    assert stored_path(disk) == [
        *(("one", "yes"), ("two", "lost?"), ("three", "yes"), ("four", "yes"))
    ]


def test_a_partial_answer_that_cannot_be_saved_is_ignored_if_its_end_can(
    live: LiveSession, disk: FailingStore, warnings: list[LocalError]
) -> None:
    recorder = live.begin("one", model="m")
    disk.is_full = True
    recorder.save_partial(answer("ye", Status.INTERRUPTED))
    disk.is_full = False
    recorder.end(answer("yes"), "")
    assert (stored_path(disk), warnings, live.is_saved) == ([("one", "yes")], [], True)


def test_without_a_store_a_conversation_works_in_memory() -> None:
    live = LiveSession(Session(ID))
    add_turn(live, "one")
    add_turn(live, "two")
    live.undo()
    live.fork()
    add_turn(live, "three")
    assert [turn.prompt for turn in live.path] == ["one", "three"]
    assert not live.is_saved


def test_left_out_turns_stay_left_out_until_an_undo(live: LiveSession, disk: FailingStore) -> None:
    for prompt in ("one", "two", "three"):
        add_turn(live, prompt)
    live.change(live.session._replace(left_out=2))
    live.begin("four", model="m").end(answer("yes"), "")
    assert [turn.prompt for turn in live.history.sent_turns] == ["three", "four"]
    stored = disk.load(ID)
    assert stored is not None
    assert stored.session.left_out == 2
    for _ in range(3):
        live.undo()
    assert live.session.left_out == 1


def test_a_session_that_was_deleted_starts_again(
    live: LiveSession, disk: FailingStore, warnings: list[LocalError]
) -> None:
    add_turn(live, "one")
    disk.store.delete([ID])
    add_turn(live, "two")
    assert live.was_deleted
    assert (stored_path(disk), warnings) == ([("two", "yes")], [])


def test_a_deleted_session_changes_model_although_its_name_is_in_use(
    live: LiveSession, disk: FailingStore
) -> None:
    live.change(live.session._replace(title="work", is_named=True))
    add_turn(live, "one")
    disk.store.delete([ID])
    other = Session("b" * 12, "work", is_named=True)
    disk.store.begin_turn(other, TurnRecord("two"), at_leaf=True)
    disk.store.begin_turn(Session("c" * 12, "other", is_named=True), TurnRecord("3"), at_leaf=True)
    live.change(live.session._replace(model="m2"))
    assert live.session.model == "m2"
    with pytest.raises(UsageError, match="already has this name"):
        live.change(live.session._replace(title="other"))
