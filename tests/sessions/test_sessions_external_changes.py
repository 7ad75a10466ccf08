"""A conversation and its store while other processes change the session."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from newapi_cli.app.sessions.live_session import LiveSession
from newapi_cli.domain.completion import Chunk, Completion, CompletionBuilder, Status
from newapi_cli.domain.session import Session, StoredSession
from newapi_cli.errors import LocalError
from newapi_cli.store.sessions import SessionStore
from tests.store.stores import change_raw, new_session


def completion(text: str) -> Completion:
    builder = CompletionBuilder()
    builder.add(Chunk(text, finish_reason="stop"))
    return builder.completion(Status.COMPLETE)


class Process:
    """The conversation of one process, with its own connection to the file."""

    def __init__(self, store: SessionStore, session: Session, owner: str) -> None:
        store._owner = owner
        self.store = store
        self.warnings: list[str] = []
        stored = store.load(session.id) or StoredSession(session, ())
        self.live = LiveSession(stored.session, stored.path, store, self._warn)

    def add_turn(self, prompt: str, answer: str) -> None:
        """Begin a turn and end it with an answer."""
        self.live.begin(prompt, model="m").end(completion(answer), "")

    def _warn(self, error: LocalError) -> None:
        self.warnings.append(error.message)

    def block(self, is_blocked: bool) -> None:
        """Make writing fail, as on a full disk, or allow it again."""
        self.store.database.execute(f"PRAGMA query_only = {int(is_blocked)}")

    def path(self) -> list[tuple[str, str]]:
        """Return prompts and answers in memory."""
        return [(turn.prompt, turn.answer) for turn in self.live.path]

    def stored(self) -> list[tuple[str, str, Status]]:
        """Return prompts, answers and status of the stored path."""
        found = self.store.load(self.live.session.id)
        assert found is not None
        return [(turn.prompt, turn.answer, turn.status) for turn in found.path]


@pytest.fixture
def sides(tmp_path: Path) -> Iterator[tuple[Process, Process]]:
    """Return the views of two processes on a session with one turn."""
    with ExitStack() as stack:
        one, two = (stack.enter_context(SessionStore(tmp_path / "s.db")) for _ in range(2))
        first = Process(one, new_session(), "1:1")
        first.add_turn("first", "1")
        yield first, Process(two, first.live.session, "2:2")


DONE = Status.COMPLETE


def test_unsaved_turns_are_saved_with_the_next_turn(
    sides: tuple[Process, Process],
) -> None:
    one, _ = sides
    one.block(True)
    one.add_turn("second", "2")
    one.add_turn("third", "3")
    assert (len(one.warnings), one.live.is_saved) == (1, False)
    assert one.stored() == [("first", "1", DONE)]
    one.block(False)
    one.add_turn("fourth", "4")
    assert (len(one.warnings), one.live.is_saved) == (1, True)
    assert one.stored() == [(p, a, DONE) for p, a in one.path()]
    assert [prompt for prompt, _ in one.path()] == ["first", "second", "third", "fourth"]


def test_an_unsaved_end_is_saved_with_the_next_turn(
    sides: tuple[Process, Process],
) -> None:
    one, _ = sides
    kept = one.live.begin("second", model="m")
    one.block(True)
    kept.end(completion("2"), "")
    assert one.stored()[-1] == ("second", "", Status.OPEN)
    one.block(False)
    one.add_turn("third", "3")
    assert one.stored()[1:] == [("second", "2", DONE), ("third", "3", DONE)]


def test_saving_late_leaves_an_open_turn_of_another_process_alone(
    sides: tuple[Process, Process],
) -> None:
    one, two = sides
    other_recorder = two.live.begin("of two", model="m")
    other_recorder.save_partial(completion("par"))
    kept = one.live.begin("of one", model="m")
    assert one.path()[1:] == [("of two", "par"), ("of one", "")]
    one.block(True)
    kept.end(completion("1b"), "")
    one.block(False)
    other_recorder.end(completion("part and rest"), "")
    one.add_turn("more", "2b")
    assert one.stored()[1:] == [
        ("of two", "part and rest", DONE),
        ("of one", "1b", DONE),
        ("more", "2b", DONE),
    ]
    one.add_turn("and more", "3b")
    assert one.path() == [(prompt, answer) for prompt, answer, _ in one.stored()]


def test_a_turn_of_another_process_precedes_the_next_turn(sides: tuple[Process, Process]) -> None:
    one, two = sides
    two.add_turn("of two", "2")
    one.add_turn("of one", "3")
    assert (one.live.turns_added, two.live.turns_added) == (1, 0)
    assert [prompt for prompt, _ in one.path()] == ["first", "of two", "of one"]
    assert [m.content for m in one.live.messages()] == ["first", "1", "of two", "2", "of one"]


def test_a_turn_saved_late_is_a_branch_beside_the_turn_of_another_process(
    sides: tuple[Process, Process],
) -> None:
    one, two = sides
    one.block(True)
    one.add_turn("unsaved", "x")
    two.add_turn("of two", "2")
    one.block(False)
    one.add_turn("again", "3")
    found = one.store.load(one.live.session.id)
    assert found is not None
    assert sorted(turn.prompt for turn in found.turns) == ["again", "first", "of two", "unsaved"]
    assert [turn.status for turn in found.turns] == [DONE] * 4


def test_a_killed_answer_of_another_process_counts_with_its_part(
    sides: tuple[Process, Process],
) -> None:
    one, two = sides
    two.live.begin("of two", model="m").save_partial(completion("par"))
    one.add_turn("of one", "2")
    assert [hit.turn.prompt for hit in one.store.close_orphaned_turns()] == ["of two"]
    one.add_turn("more", "3")
    assert [turn.status for turn in one.live.path] == [
        DONE, Status.INTERRUPTED, DONE, DONE,
    ]  # fmt: skip


def test_a_fork_is_a_separate_session(sides: tuple[Process, Process]) -> None:
    one, two = sides
    left = one.live.fork("fork")
    one.add_turn("in the fork", "2")
    two.add_turn("in the old one", "3")
    assert [prompt for prompt, *_ in one.stored()] == ["first", "in the fork"]
    assert [prompt for prompt, *_ in two.stored()] == ["first", "in the old one"]
    assert one.live.session.id != left.id


def test_a_damaged_turn_ends_saving_but_not_the_conversation(
    sides: tuple[Process, Process],
) -> None:
    one, two = sides
    two.add_turn("of two", "2")
    change_raw(one.store.database.path, "UPDATE turns SET request = '{' WHERE prompt = 'first'")
    one.add_turn("of one", "3")
    assert len(one.warnings) == 1
    assert one.path()[-1] == ("of one", "3")


def test_a_prompt_is_stored_once_even_if_turns_of_another_process_are_unreadable(
    sides: tuple[Process, Process], tmp_path: Path
) -> None:
    one, two = sides
    two.add_turn("of two", "2")
    change_raw(tmp_path / "s.db", "UPDATE turns SET answer = x'ff' WHERE prompt = 'of two'")
    kept = one.live.begin("of one", model="m")
    assert one.warnings == ["turn 2 in the session store is damaged"]
    kept.end(completion("1b"), "")
    change_raw(tmp_path / "s.db", "UPDATE turns SET answer = '2' WHERE prompt = 'of two'")
    one.add_turn("more", "2b")
    assert one.live.is_saved
    assert one.stored() == [
        ("first", "1", DONE),
        ("of two", "2", DONE),
        ("of one", "1b", DONE),
        ("more", "2b", DONE),
    ]
