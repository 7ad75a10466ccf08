"""Sessions of several processes in one database, under any sequence of operations and crashes."""

from __future__ import annotations

import json
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from itertools import count
from pathlib import Path

from hypothesis import seed
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from newapi_cli.app.sessions.archive import session_to_json, session_to_lines, sessions_from_text
from newapi_cli.app.sessions.live_session import LiveSession
from newapi_cli.domain.completion import Chunk, Completion, CompletionBuilder, Status, Usage
from newapi_cli.domain.session import Session
from newapi_cli.errors import UsageError
from tests.fuzz.fuzzing import profiled
from tests.fuzz.store_model import DIES_IN_A_TRANSACTION, Process, Sessions, content_of
from tests.store.stores import Clock
from tests.support.scale import SEED

FIRST_VERSION = Path(__file__).parents[1] / "data" / "databases" / "v1.sql"
# In memory where there is such a folder: a commit waits for the disk, and there are thousands.
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
DEAD = "1:0"  # process 1 runs, but began at another time
PLACES = st.sampled_from([0, 1])
PICK = st.integers(0, 1000)
TAILS = st.text(st.characters(codec="utf-8"), max_size=6)
ENDS = st.sampled_from([Status.COMPLETE, Status.INTERRUPTED, Status.INCOMPLETE, Status.ERROR])
COUNTS = st.none() | st.tuples(st.integers(0, 10**9), st.integers(0, 10**9))


class StoreMachine(RuleBasedStateMachine):
    """Two processes on one database. Every text is unique, so that it can be searched for."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="newapi-store-", dir=MEMORY))
        self.path = self.folder / "sessions.db"
        self.clock = Clock()
        self.numbers = count(1)
        self.model = Sessions()
        self.processes: list[Process] = []
        self.owners: list[subprocess.Popen[bytes]] = []
        self.kills = 0
        self.crashed: set[int] = set()

    @initialize(is_old=st.booleans())
    def open_files(self, is_old: bool) -> None:
        """Start with no file, or with a database of the first version."""
        if is_old:
            with closing(sqlite3.connect(self.path)) as connection:
                connection.executescript(FIRST_VERSION.read_text("utf-8"))
        self.processes = [Process(self.path, self.clock) for _ in range(2)]
        for process in self.processes[1:]:  # another owner, who lives
            other = subprocess.Popen(["sleep", "600"])
            self.owners.append(other)
            start = Path(f"/proc/{other.pid}/stat").read_text().rpartition(")")[2].split()[19]
            process.store._owner = f"{other.pid}:{start}"
        self.model = content_of(self.processes[0].store)
        if is_old:
            assert len(self.model.turns) == 2
            self.crashed = {3}  # open, of a process that is dead
            assert self.model.turns["1a2b3c4d5e6f"][3].status == "open"

    def teardown(self) -> None:
        """Assert that the database is valid, and remove it."""
        try:
            with closing(sqlite3.connect(self.path)) as connection:
                assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
                assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        finally:
            for process in self.processes:
                process.store.close()
            for owner in self.owners:
                owner.kill()
                owner.wait()
            shutil.rmtree(self.folder)

    # -- parts --------------------------------------------------------------------------------

    def text(self, tail: str) -> str:
        """Return a text that was not used before."""
        self.clock.now += 1
        return f"marker{next(self.numbers)}x {tail}"

    def chosen(self, pick: int) -> str:
        """Return the id of an existing session."""
        ids = list(self.model.turns)  # in order of creation: imported sessions have random ids
        return ids[pick % len(ids)]

    def has_sessions(self) -> bool:
        """Return whether there is a session."""
        return bool(self.model.turns)

    def has_idle(self) -> bool:
        """Return whether there is a process without an open turn."""
        return any(process.kept is None for process in self.processes)

    def has_busy(self) -> bool:
        """Return whether a process has an open turn."""
        return any(process.kept is not None for process in self.processes)

    def idle(self, place: int) -> Process:
        """Return a process without an open turn, the one at this index if possible."""
        ones = [process for process in self.processes if process.kept is None]
        return self.processes[place] if self.processes[place].kept is None else ones[0]

    def busy(self, place: int) -> Process:
        """Return a process with an open turn, the one at this index if possible."""
        ones = [process for process in self.processes if process.kept is not None]
        return self.processes[place] if self.processes[place].kept is not None else ones[0]

    # -- rules --------------------------------------------------------------------------------

    @precondition(has_idle)
    @rule(place=PLACES)
    def start_session(self, place: int) -> None:
        """Start a session; nothing is stored before its first prompt."""
        process = self.idle(place)
        session = Session(f"{next(self.numbers):012x}", profile="test")
        process.live = LiveSession(session, (), process.store)

    @precondition(lambda self: self.has_sessions() and self.has_idle())
    @rule(place=PLACES, pick=PICK)
    def resume(self, place: int, pick: int) -> None:
        """Continue a session, which the other process may have open."""
        process = self.idle(place)
        stored = process.store.load(self.chosen(pick))
        assert stored is not None
        process.live = LiveSession(stored.session, stored.path, process.store)

    @precondition(has_idle)
    @rule(place=PLACES)
    def join(self, place: int) -> None:
        """Open the session of the other process."""
        process = self.idle(place)
        other = self.processes[1 - self.processes.index(process)]
        stored = process.store.load(other.live.session.id)
        if stored is not None:
            process.live = LiveSession(stored.session, stored.path, process.store)

    @precondition(has_idle)
    @rule(place=PLACES, tail=TAILS, tokens=COUNTS)
    def say(self, place: int, tail: str, tokens: tuple[int, int] | None) -> None:
        """Send a prompt and receive its answer, like nearly all turns."""
        process = self.idle(place)
        self.ask_in(process, tail)
        self.end_in(process, tail, Status.COMPLETE, tokens)

    @precondition(has_idle)
    @rule(place=PLACES, tail=TAILS)
    def ask(self, place: int, tail: str) -> None:
        """Store a prompt after the newest turn of the database."""
        self.ask_in(self.idle(place), tail)

    def ask_in(self, process: Process, tail: str) -> None:
        """Send a prompt, and assert that the messages sent are those stored."""
        prompt = self.text(tail)
        process.kept = process.live.begin(prompt, model="m")
        self.note_begun(process, prompt, "leaf")
        path = [(turn.prompt, turn.answer) for turn in process.live.path]
        assert path == self.model.path(process.live.session.id)

    @precondition(has_idle)
    @rule(place=PLACES, tail=TAILS)
    def retry(self, place: int, tail: str) -> None:
        """Add a branch in place of the last turn."""
        process = self.idle(place)
        process.live.load_external_changes()
        if process.live.path:
            prompt = self.text(tail)
            after = process.live.path[:-1]
            process.kept = process.live.begin(prompt, model="m", after=after)
            self.note_begun(process, prompt, after[-1].id if after else None)
            path = [(turn.prompt, turn.answer) for turn in process.live.path]
            assert path == self.model.path(process.live.session.id)

    def note_begun(self, process: Process, prompt: str, after: int | str | None) -> None:
        """Add a prompt to the model, with the id that the store gave it."""
        turn, session = process.live.last, process.live.session
        assert turn is not None
        assert turn.id
        title = (session.title, session.is_named)
        self.model.begin(session.id, title, turn.id, prompt, after)
        noted = self.model.turns[session.id][turn.id]
        process.open_turn = (session.id, turn.id, noted)

    @precondition(has_busy)
    @rule(place=PLACES, tail=TAILS)
    def keep(self, place: int, tail: str) -> None:
        """Store the partial answer."""
        process = self.busy(place)
        answer = self.text(tail)
        assert process.kept is not None
        process.kept.save_partial(completion(answer, Status.INTERRUPTED, None))
        if (turn := self.model.still(process.open_turn)) is not None:
            turn.answer = answer

    @precondition(has_busy)
    @rule(place=PLACES, tail=TAILS, status=ENDS, tokens=COUNTS)
    def end(self, place: int, tail: str, status: Status, tokens: tuple[int, int] | None) -> None:
        """Store the end of an answer."""
        self.end_in(self.busy(place), tail, status, tokens)

    def end_in(
        self, process: Process, tail: str, status: Status, tokens: tuple[int, int] | None
    ) -> None:
        """End an answer; nothing is stored if its session was deleted."""
        answer = self.text(tail)
        assert process.kept is not None
        process.kept.end(completion(answer, status, tokens), "")
        process.kept = None
        if (turn := self.model.still(process.open_turn)) is not None:
            turn.answer, turn.status, turn.tokens = answer, str(status), tokens
        else:
            self.model.deleted.append(answer)

    @rule(place=PLACES)
    def crash(self, place: int) -> None:
        """Close a connection like a crash, and continue as another process."""
        process = self.processes[place]
        owner = process.store._owner
        process.store.database._connection.close()
        with closing(sqlite3.connect(self.path)) as connection, connection:
            connection.execute("UPDATE turns SET owner = ? WHERE owner = ?", (DEAD, owner))
        if process.kept is not None and self.model.still(process.open_turn) is not None:
            assert process.open_turn is not None
            self.crashed.add(process.open_turn[1])
        again = self.processes[place] = Process(self.path, self.clock)
        again.store._owner = owner
        stored = again.store.load(process.live.session.id)
        if stored is not None:
            again.live = LiveSession(stored.session, stored.path, again.store)

    @rule(place=PLACES)
    def look_for_killed(self, place: int) -> None:
        """Mark the open turns of crashed processes, once."""
        hits = self.processes[place].store.close_orphaned_turns()
        open_ones = {
            turn_id
            for turns in self.model.turns.values()
            for turn_id, turn in turns.items()
            if turn.status == "open" and turn_id in self.crashed
        }
        assert {hit.turn.id for hit in hits} == open_ones
        for hit in hits:
            self.model.turns[hit.session.id][hit.turn.id].status = "interrupted"
        self.crashed.clear()

    @precondition(has_idle)
    @rule(place=PLACES)
    def undo(self, place: int) -> None:
        """Undo the last turn, like the conversation."""
        process = self.idle(place)
        process.live.load_external_changes()
        session = process.live.session.id
        if process.live.undo() is not None and session in self.model.turns:
            turn = self.model.turn(session, self.model.leaves[session] or 0)
            self.model.leaves[session] = turn.parent if turn is not None else None

    @precondition(has_idle)
    @rule(place=PLACES, model=st.sampled_from(["m2", "m3"]))
    def take_another_model(self, place: int, model: str) -> None:
        """Change fields that do not concern the turns."""
        live = self.idle(place).live
        live.change(live.session._replace(model=model))

    @precondition(has_sessions)
    @rule(place=PLACES, pick=PICK, name=st.sampled_from(["work", "home", "自然"]))
    def rename(self, place: int, pick: int, name: str) -> None:
        """Name a session; names are unique."""
        session = self.chosen(pick)
        store = self.processes[place].store
        stored = store.load(session)
        assert stored is not None
        others = [title for each, title in self.model.titles.items() if each != session]
        try:
            store.update_session(stored.session._replace(title=name, is_named=True))
        except UsageError:
            assert (name, True) in others
        else:
            assert (name, True) not in others
            self.model.titles[session] = (name, True)

    @precondition(has_sessions)
    @rule(place=PLACES, pick=PICK)
    def delete(self, place: int, pick: int) -> None:
        """Delete a session, and assert that no byte of it is left in any file."""
        session = self.chosen(pick)
        gone = set(self.model.turns[session])
        self.processes[place].store.delete([session])
        self.model.erase(session)
        self.crashed -= gone
        data = b"".join(path.read_bytes() for path in self.folder.iterdir())
        left = {text for turns in self.model.turns.values() for turn in turns.values()
                for text in (turn.prompt, turn.answer)}  # fmt: skip
        titles = {title for title, _ in self.model.titles.values()}
        for text in self.model.deleted:
            trace = text.partition(" ")[0] if text.startswith("marker") else text
            is_a_trace = trace.startswith("marker") or not trace.isascii()  # “par” is in a schema
            if is_a_trace and not any(each.startswith(trace) for each in left | titles):
                assert trace.encode() not in data, text

    @precondition(has_sessions)
    @rule(place=PLACES, pick=PICK, as_lines=st.booleans())
    def export_and_import(self, place: int, pick: int, as_lines: bool) -> None:
        """Import an exported session: it is the same except for its ids."""
        store = self.processes[place].store
        stored = store.load(self.chosen(pick))
        assert stored is not None
        text = json.dumps(session_to_json(stored))
        if as_lines:
            text = "\n".join(session_to_lines(stored))
        [read] = sessions_from_text(text)
        added = store.import_session(read)
        again = store.load(added.id)
        assert again is not None
        assert [t._replace(id=0, parent_id=0) for t in again.path] == [
            t._replace(id=0, parent_id=0) for t in read.path
        ]
        self.model.add(again)
        self.crashed |= {turn.id for turn in again.turns if turn.status is Status.OPEN}

    @precondition(has_idle)
    @rule(place=PLACES)
    def fork(self, place: int) -> None:
        """Continue in a copy."""
        process = self.idle(place)
        process.live.load_external_changes()
        if process.live.path:
            process.live.fork()
            stored = process.store.load(process.live.session.id)
            assert stored is not None
            self.model.add(stored)
            self.crashed |= {t.id for t in stored.turns if t.status is Status.OPEN}

    @rule(place=PLACES, number=st.integers(1, 60))
    def search(self, place: int, number: int) -> None:
        """Find exactly the turns that contain a text."""
        word = f"MARKER{number}X"
        hits = {hit.turn.id for hit in self.processes[place].store.search([word])}
        assert hits == {
            turn_id
            for turns in self.model.turns.values()
            for turn_id, turn in turns.items()
            if word.lower() in turn.prompt or word.lower() in turn.answer
        }

    @precondition(lambda self: self.kills < 1 and self.model.turns)
    @rule(chance=st.integers(0, 3))
    def die_in_a_transaction(self, chance: int) -> None:
        """Kill a process with -9 between two statements of one write."""
        if chance == 0:
            self.kills += 1
            command = [sys.executable, "-c", DIES_IN_A_TRANSACTION, str(self.path)]
            assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
            with closing(sqlite3.connect(self.path)) as connection:
                assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]

    # -- invariants --------------------------------------------------------------------

    @invariant()
    def the_file_holds_what_it_must(self) -> None:
        """Compare the whole store and its costs with the model."""
        if self.processes:
            store = self.processes[0].store
            content = content_of(store)
            assert content.turns == self.model.turns
            assert content.leaves == self.model.leaves
            assert content.titles == self.model.titles
            rows = [tuple(row) for row in store.iter_spending(tuple)]
            counts = [(int(str(row[5] or 0)), int(str(row[6] or 0))) for row in rows]
            assert (sum(a for a, _ in counts), sum(b for _, b in counts)) == self.model.tokens()


def completion(text: str, status: Status, tokens: tuple[int, int] | None) -> Completion:
    """Return an answer."""
    builder = CompletionBuilder()
    builder.add(Chunk(text, usage=Usage(*tokens, sum(tokens)) if tokens else None))
    return builder.completion(status)


def test_the_store_contains_what_was_saved_after_any_sequence_of_operations() -> None:
    run_state_machine_as_test(seed(SEED)(StoreMachine), settings=profiled(40))
