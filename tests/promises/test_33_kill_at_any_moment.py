"""`kill -9` loses no prompt, at most two seconds of an answer, and no setting.

The moments during an answer are random. A change of settings is killed before each of its changes
to a file.
"""

from __future__ import annotations

import itertools
import random
import re
import signal
import stat
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from newapi_cli.domain.completion import Status
from newapi_cli.domain.session import TurnRecord
from newapi_cli.store.sessions import UNFINISHED, SessionStore
from tests.repl.conversation import ENTER, conversation
from tests.sessions.helpers import (
    answer_numbered,
    assert_sound,
    chat,
    chat_in_a_process,
    data_dir,
    last_turn,
    only_session,
    sent_texts,
    sessions_file,
    stored_sessions,
    warnings_of,
)
from tests.support.connection import Connection, Request
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.observed import observe
from tests.support.process import kill_group, newapi_command, run_command, run_newapi
from tests.support.scale import SEED
from tests.support.steps import Pause, Send, Stall, Step, sse
from tests.support.wire import DONE, answer_events, chunk, event, framed

KILLS, WORKERS, CONVERSATION_KILLS = 24, 4, 3
LONGEST_LOSS_S = 2.0
MARGIN_S = 0.75  # for a busy machine: from the socket to the disk
ANSWER_S = 3.6
EVERY_S = 0.02
PART = "Paris " * 1000


@dataclass
class Log:
    """The words sent for each prompt, with their times (`time.monotonic`)."""

    sent: dict[str, list[tuple[float, str]]] = field(default_factory=dict)

    def answer(self, request: Request) -> list[Step]:
        """Return an answer of unique words that takes a few seconds."""
        prompt = request.json["messages"][-1]["content"]
        if prompt == "check":
            return sse(*answer_events("ok"))
        words = self.sent[prompt] = []
        number = prompt.split()[1]
        count, length = int(ANSWER_S / EVERY_S), 300 if "fast" in prompt else 1
        steps = sse(end=False)
        for position in range(count):
            word = f"{number}.{position} " * length
            steps += [Word(word, words), Pause(EVERY_S)]
        end = (event(chunk(finish="stop")), DONE)
        return [*steps, *(Send(framed(each)) for each in end), Send(b"0\r\n\r\n")]


@dataclass(frozen=True)
class Word:
    """Send a word and record the time."""

    word: str
    words: list[tuple[float, str]]

    def play(self, connection: Connection) -> None:
        connection.socket.sendall(framed(event(chunk(self.word))))
        self.words.append((time.monotonic(), self.word))


class Victim:
    """A session of one-shot runs in a home of its own, each of them killed."""

    def __init__(self, folder: Path, server: FaultServer, log: Log, seed: int) -> None:
        folder.mkdir(0o700)
        self.home = Home(folder).configure(server.url)
        self._server = server
        self._log = log
        self._random = random.Random(seed)
        self._name = f"{seed}"
        self.reported = self.open = 0

    def run(self, kills: int) -> None:
        """Kill that many runs; check the store after each, and that the next run reports it."""
        for number in range(kills):
            prompt = f"prompt {self._name}-{number} {self._random.choice(('slow', 'fast'))}"
            killed_at = self.run_and_kill(prompt)
            self._check_store(prompt, killed_at)
            self._run_again()
        self._check_all_turns()

    def run_and_kill(self, prompt: str) -> float:
        """Start a run, kill it, and return the time of the kill (`time.monotonic`)."""
        kind = self._random.choice(("starting", "early", "early", "late"))
        process = subprocess.Popen(
            newapi_command("chat", "-S", "talk", prompt),
            env=self.home.environment(),
            cwd=self.home.path,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        with process:
            if kind == "starting":
                self._wait(self._random.uniform(0.05, 0.4))
            else:
                self._wait_for_request(prompt)
                low, high = (0.0, 1.0) if kind == "early" else (2.0, ANSWER_S + 0.3)
                self._wait(self._random.uniform(low, high))
            killed_at = time.monotonic()
            kill_group(process.pid)
            process.wait()
            assert process.stderr is not None
            err = process.stderr.read().decode()
        assert warnings_of(err) == [], err
        return killed_at

    @staticmethod
    def _wait(seconds: float) -> None:
        threading.Event().wait(seconds)  # the moment is random on purpose

    def _wait_for_request(self, prompt: str) -> None:
        deadline = time.monotonic() + 20
        while prompt not in self._log.sent:
            assert time.monotonic() < deadline, "no request arrived"
            self._wait(0.005)

    def _check_store(self, prompt: str, killed_at: float) -> None:
        path = sessions_file(self.home)
        if not path.exists():
            return
        for each in data_dir(self.home).iterdir():
            assert stat.S_IMODE(each.stat().st_mode) == 0o600, each
        assert_sound(path)
        turn = self._stored(prompt)
        words = self._log.sent.get(prompt)
        assert turn is not None or words is None, f"{prompt} was sent and is not stored"
        self.open = 0
        if turn is None or words is None:
            self.open = int(turn is not None)
            return
        self.open = int(turn.status is Status.OPEN)
        text = "".join(word for _, word in words)
        assert text.startswith(turn.answer)
        cutoff = killed_at - LONGEST_LOSS_S - MARGIN_S
        required = "".join(word for at, word in words if at < cutoff)
        assert len(turn.answer) >= len(required), f"{turn.answer[-20:]!r} … {required[-20:]!r}"

    def _stored(self, prompt: str) -> TurnRecord | None:
        with SessionStore(sessions_file(self.home)) as store:
            session = store.find_by_name("talk")
            stored = store.load(session.id) if session else None
        turns = [turn for turn in stored.turns if turn.prompt == prompt] if stored else []
        assert len(turns) <= 1
        return turns[0] if turns else None

    def _run_again(self) -> None:
        """Run to the end: that reports and closes an open turn, once."""
        result = chat_in_a_process(self.home, "-S", "talk", "check")
        warnings = warnings_of(result.err)
        assert len(warnings) == self.open, result.err
        assert all("newapi was killed" in each for each in warnings)
        self.reported += self.open

    def _check_all_turns(self) -> None:
        turns = only_session(self.home).path
        mine = [p for p in self._log.sent if p.split()[1].startswith(f"{self._name}-")]
        assert set(mine) <= {turn.prompt for turn in turns}
        assert [turn.status for turn in turns if turn.status is Status.OPEN] == []
        interrupted = [turn for turn in turns if turn.status is Status.INTERRUPTED]
        assert len(interrupted) == self.reported
        assert {turn.error for turn in interrupted} <= {UNFINISHED}
        assert warnings_of(chat_in_a_process(self.home, "-S", "talk", "check").err) == []


class ConversationVictim(Victim):
    """A conversation on a terminal, killed during a turn and started again."""

    def run_and_kill(self, prompt: str) -> float:
        """Type the prompt, kill the process during the answer, and return the time of the kill."""
        with conversation(self.home, "chat", "-S", "talk") as repl:
            repl.type(prompt + ENTER)
            self._wait_for_request(prompt)
            self._wait(self._random.uniform(0.0, ANSWER_S))
            killed_at = time.monotonic()
            repl.terminal.send_signal(signal.SIGKILL)
            repl.terminal.wait_exit()
        return killed_at


def test_kills_during_an_answer_lose_no_prompt_and_at_most_two_seconds(tmp_path: Path) -> None:
    log = Log()
    kinds = [*[(Victim, KILLS // WORKERS)] * WORKERS, (ConversationVictim, CONVERSATION_KILLS)]
    with FaultServer(answer=log.answer) as server, ThreadPoolExecutor(len(kinds)) as workers:
        victims = [
            kind(tmp_path / f"{n}", server, log, SEED + n) for n, (kind, _) in enumerate(kinds)
        ]
        runs = zip(victims, kinds, strict=True)
        for running in [workers.submit(each.run, kills) for each, (_, kills) in runs]:
            running.result()
    reported = sum(victim.reported for victim in victims)
    assert reported > KILLS // 3, f"only {reported} of {KILLS} kills hit an answer"


# -- a change of settings --------------------------------------------------------------------

NEW_KEY = b"sk-the-key-that-is-new"
COMMANDS = {
    "config set": (["config", "set", "model", "another-model"], b""),
    "login": (["login", "https://gateway.example", "--stdin", "--no-check"], NEW_KEY),
}


@pytest.mark.parametrize(("args", "stdin"), COMMANDS.values(), ids=COMMANDS)
def test_kills_at_each_step_of_a_change_leave_the_old_or_the_new_settings(
    home: Home, args: list[str], stdin: bytes
) -> None:
    before = home.configure("http://127.0.0.1:9").config_file.read_bytes()
    contents = []
    for number in itertools.count(1):
        home.config_file.write_bytes(before)
        line = [sys.executable, "-m", "tests.support.kill_at_change", str(number), *args]
        result = run_command(line, home=home, stdin=stdin)
        contents.append(home.config_file.read_bytes())
        if result.code == 0:
            break
        assert result.code == -signal.SIGKILL, result
    after = contents[-1]
    assert {*contents} == {before, after}
    assert before != after
    assert contents == sorted(contents, key=[before, after].index), (
        "the new settings were replaced by the old ones"
    )
    listed = observe("config", "list", home=home)
    assert (listed.code, listed.err) == (0, "")
    # A kill can leave a temporary file with a key; the next change removes it.
    assert [path.name for path in home.newapi_home.glob(".*.tmp")] == []
    assert home.files_holding(NEW_KEY) == []


# -- the report of the next run ---------------------------------------------------------------


def kill_during_answer(home: Home, server: FaultServer) -> None:
    """Kill a run whose partial answer is so long that it is stored at once."""
    home.configure(server.url)
    server.add(*sse(event(chunk(PART)), end=False), Stall())
    process = subprocess.Popen(
        newapi_command("chat", "tell me"),
        env=home.environment(),
        cwd=home.path,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    with process:
        server.wait_for_requests(len(server.requests) or 1)
        deadline = time.monotonic() + 10
        while last_answer(home) != PART:
            assert time.monotonic() < deadline, len(last_answer(home))
            threading.Event().wait(0.02)
        process.send_signal(signal.SIGKILL)


def last_answer(home: Home) -> str:
    return last_turn(home).answer if sessions_file(home).exists() else ""


def test_the_next_run_reports_the_interrupted_answer_and_how_to_continue(
    home: Home, fault_server: FaultServer
) -> None:
    kill_during_answer(home, fault_server)
    answer_numbered(fault_server, home)
    short_id = only_session(home).session.short_id
    result = run_newapi("chat", "something else", home=home)
    [warning] = warnings_of(result.err)
    assert "killed" in warning
    assert "6,000 characters were saved" in warning
    [command] = re.findall(r"resume: newapi (chat -S \w+) ", warning)
    assert command.endswith(short_id)
    again = run_newapi(*command.split(), "go on", home=home)
    assert (again.code, warnings_of(again.err)) == (0, [])
    assert sent_texts(fault_server) == ["tell me", PART, "go on"]


def test_a_conversation_reports_it_and_offers_to_continue(
    home: Home, fault_server: FaultServer
) -> None:
    kill_during_answer(home, fault_server)
    answer_numbered(fault_server, home)
    with conversation(home, "chat", "-c") as repl:
        text = repl.terminal.all_text()
        assert text.count("newapi was killed") == 1, text
        assert "the last answer was interrupted" in text
        assert "/continue" in text
        repl.type("/continue" + ENTER)
        repl.wait_for_line()
        repl.leave()
    assert sent_texts(fault_server)[:2] == ["tell me", PART]
    first, second = only_session(home).path
    assert (first.status, first.error) == (Status.INTERRUPTED, UNFINISHED)
    assert second.status is Status.COMPLETE


def test_a_run_that_saves_nothing_leaves_it_to_the_next_one(
    home: Home, fault_server: FaultServer
) -> None:
    kill_during_answer(home, fault_server)
    answer_numbered(fault_server, home)
    assert warnings_of(chat(home, "-n", "hi").err) == []
    assert last_turn(home).status is Status.OPEN
    assert len(warnings_of(chat(home, "hi").err)) == 1
    assert warnings_of(chat(home, "hi").err) == []


@pytest.mark.parametrize("args", [["list"], ["show"], ["export"]], ids=" ".join)
def test_reading_commands_leave_the_answer_open(
    home: Home, fault_server: FaultServer, args: list[str]
) -> None:
    kill_during_answer(home, fault_server)
    assert run_newapi("sessions", *args, home=home).code == 0
    assert last_turn(home).status is Status.OPEN


def test_an_answer_that_still_streams_is_not_reported_as_killed(
    home: Home, fault_server: FaultServer
) -> None:
    home.configure(fault_server.url)
    fault_server.add(*sse(event(chunk("Par")), end=False), Stall())
    with conversation(home) as repl:
        repl.type("hi" + ENTER)
        fault_server.wait_for_requests(1)
        answer_numbered(fault_server, home)
        assert warnings_of(chat(home, "other").err) == []
        assert {s.path[-1].status for s in stored_sessions(home)} == {Status.OPEN, Status.COMPLETE}
        repl.type("\x03")
        repl.wait_for_line()
        repl.leave()
