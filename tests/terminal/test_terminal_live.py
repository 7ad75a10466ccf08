"""The live answer on a real terminal: nothing lost, nothing twice, everything restored."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.render.live.screens import ReflowingScreen, Screen
from tests.repl.conversation import ENTER, conversation
from tests.support.connection import Connection
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.process import Environment, check_output, kill_group, newapi_command
from tests.support.steps import Fin, Reset, Send, SetEvent, Stall, Step, WaitFor, sse
from tests.support.terminal import LAUNCHER, Terminal
from tests.support.wire import DONE, answer_events, chunk, error, event

WORDS = 1800
HALF = "Paris is the capital.\n\nIt lies on"
REST = " the Seine.\n\n- one\n- two\n"
SGR = re.compile(rb"\x1b\[([\d;]*)m")
# Runs a command as a job, as a shell does: reports at each stop whether the terminal echoes, and
# continues the job after a SIGUSR1.
JOB = """
import os, signal, sys, termios
signal.signal(signal.SIGTTOU, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
me = os.getpgrp()
job = os.fork()
if job == 0:
    os.setpgid(0, 0)
    os.tcsetpgrp(0, os.getpid())
    signal.signal(signal.SIGTTOU, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGUSR1])
    os.execvp(sys.argv[1], sys.argv[1:])
while True:
    _, status = os.waitpid(job, os.WUNTRACED)
    if not os.WIFSTOPPED(status):
        break
    os.tcsetpgrp(0, me)
    echoes = bool(termios.tcgetattr(0)[3] & termios.ECHO)
    print(f"[stopped {echoes}]", flush=True)
    signal.sigwait([signal.SIGUSR1])
    os.tcsetpgrp(0, job)
    os.killpg(job, signal.SIGCONT)
os.tcsetpgrp(0, me)
sys.exit(os.waitstatus_to_exitcode(status))
"""


def fresh_modes() -> list[object]:
    """Return the modes of a new terminal."""
    master, slave = os.openpty()
    modes = termios.tcgetattr(slave)
    os.close(master)
    os.close(slave)
    return modes


def modes_of(terminal: Terminal) -> list[object]:
    return termios.tcgetattr(terminal._master)


def assert_restored(terminal: Terminal) -> None:
    assert modes_of(terminal) == fresh_modes()
    assert not terminal.emulator.cursor.hidden
    assert terminal.emulator.cursor.x == 0, terminal.screen_text()
    assert terminal.raw.count(b"\x1b[?7l") == terminal.raw.count(b"\x1b[?7h")
    assert terminal.raw.count(b"\x1b[?2026h") == terminal.raw.count(b"\x1b[?2026l")


def in_two_halves(server: FaultServer, home: Home, *last: Step | bytes) -> threading.Event:
    """Make the server send half an answer, and the rest when the returned event is set."""
    proceed = threading.Event()
    whole = [event(chunk(REST)), *answer_events()]
    server.add(*sse(event(chunk(HALF)), WaitFor(proceed), *(last or whole), end=not last))
    home.configure(server.url)
    return proceed


def chat(home: Home, columns: int = 80, rows: int = 24, env: Environment | None = None) -> Terminal:
    return Terminal(newapi_command("chat", "hi"), home=home, columns=columns, rows=rows, env=env)


def squeezed(text: str) -> str:
    """Remove all blanks: a terminal wraps inside words."""
    return "".join(text.split())


def word(number: int) -> str:
    return f"w{number}x"


def document_of_words(count: int) -> str:
    """Return a document with `count` different words in all kinds of blocks."""
    numbers = iter(range(count))
    blocks = []

    def take(some: int) -> list[str]:
        return [word(number) for _, number in zip(range(some), numbers, strict=False)]

    kind = 0
    while words := take(12):
        two, four, last = " ".join(words[:2]), " ".join(words[2:6]), " ".join(words[6:])
        forms = [
            f"{two} {four}\n{last}",
            f"## {two}\n\n{four} *{last}*",
            f"- {two}\n- {four}\n  - {last}",
            f"1. {two}\n2. {four}\n\n   {last}",
            f"> {two}\n>\n> {four} {last}",
            f"```python\n{two}\n\n    {four}\n# {last}\n```",
            f"| {two} | b |\n|---|---|\n| {four} | c |\n| d | {last} |",
            f"    {two}\n    {four}\n\n{last}",
            f"{two}\n===\n\n{four} [{last}](/t)",
            f"```\n{two}\n{four}\n" + "\n".join(words[6:]) + "\n```",
        ]
        blocks.append(forms[kind % len(forms)])
        kind += 1
    return "\n\n".join(blocks) + "\n"


def in_pieces(text: str, length: int = 11) -> list[str]:
    return [text[at : at + length] for at in range(0, len(text), length)]


def miscounted(shown: str, count: int) -> dict[str, int]:
    """Return the words that are not there exactly once."""
    text = squeezed(shown)
    counts = {word(number): text.count(word(number)) for number in range(count)}
    return {each: times for each, times in counts.items() if times != 1}


# -- words ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(80, 24), (41, 10), (120, 50), (20, 6)], ids=str)
def test_each_of_1800_words_is_there_once(
    home: Home, fault_server: FaultServer, size: tuple[int, int]
) -> None:
    document = document_of_words(WORDS)
    fault_server.add(*sse(*answer_events(*in_pieces(document))))
    home.configure(fault_server.url)
    with chat(home, *size) as terminal:
        assert terminal.wait_exit(60) == 0
        assert miscounted(terminal.all_text(), WORDS) == {}
        assert_restored(terminal)


def test_a_slow_answer_is_complete_too(home: Home, fault_server: FaultServer) -> None:
    """Each part waits until the one before is on the screen: a frame for each."""
    gates = [threading.Event() for _ in range(60)]
    pieces = in_pieces(document_of_words(300), 1 + len(document_of_words(300)) // len(gates))
    steps: list[bytes | Step] = []
    for gate, piece in zip(gates, pieces, strict=False):
        steps += [WaitFor(gate), event(chunk(piece))]
    fault_server.add(*sse(*steps, *answer_events()))
    home.configure(fault_server.url)
    with chat(home, rows=12) as terminal:
        for gate in gates:
            seen = len(terminal.raw)
            gate.set()
            terminal.wait_until(lambda seen=seen: len(terminal.raw) > seen)  # type: ignore[misc]
        assert terminal.wait_exit() == 0
        assert miscounted(terminal.all_text(), 300) == {}


# -- keys -----------------------------------------------------------------------------------------


def test_typed_ahead_text_is_in_the_next_line_and_not_in_the_answer(
    home: Home, fault_server: FaultServer
) -> None:
    proceed = in_two_halves(fault_server, home)
    with conversation(home) as repl:
        repl.type("hi" + ENTER)
        repl.terminal.wait_for("It lies on")
        assert not repl.terminal.echoes
        repl.type("typedahead")
        proceed.set()
        repl.wait_for_line()
        repl.terminal.wait_for("> typedahead")
        text = repl.terminal.all_text()
        assert text.count("typedahead") == 1, text
        assert "It lies on the Seine." in text
        assert len(fault_server.requests) == 1
        fault_server.add(*sse(*answer_events("Second answer.")))
        repl.enter("")
        assert fault_server.requests[1].json["messages"][-1]["content"] == "typedahead"
        repl.leave()


def test_typed_text_is_not_in_the_answer_if_the_prompt_is_piped(
    home: Home, fault_server: FaultServer
) -> None:
    """Standard input is not a terminal then; echo is turned off on the terminal of stdout."""
    proceed = in_two_halves(fault_server, home)
    command = ["bash", "-c", 'echo "the text" | "$@"', "bash", *newapi_command("chat", "hi")]
    with Terminal(command, home=home) as terminal:
        terminal.wait_for("It lies on")
        assert not terminal.echoes
        terminal.send(b"typedahead")
        proceed.set()
        assert terminal.wait_exit() == 0
        assert "typedahead" not in terminal.all_text()
        assert "It lies on the Seine." in terminal.all_text()
        assert_restored(terminal)


# -- modes ----------------------------------------------------------------------------------------


def test_the_modes_are_restored_at_the_end(home: Home, fault_server: FaultServer) -> None:
    proceed = in_two_halves(fault_server, home)
    with chat(home) as terminal:
        terminal.wait_for("It lies on")
        assert modes_of(terminal) != fresh_modes()
        assert terminal.emulator.cursor.hidden
        proceed.set()
        assert terminal.wait_exit() == 0
        assert_restored(terminal)


LAST_CHUNK = Send(b"0\r\n\r\n")
ENDS: dict[str, tuple[list[bytes | Step], int]] = {
    "error in the stream": ([event(error("upstream failed")), LAST_CHUNK], 6),
    "reset": ([Reset()], 9),
    "filter": ([event(chunk(finish="content_filter")), DONE, LAST_CHUNK], 6),
    "no finish reason": ([DONE, LAST_CHUNK], 9),
    "no end": ([Fin()], 9),
}


@pytest.mark.parametrize(("last", "code"), ENDS.values(), ids=ENDS)
def test_the_modes_are_restored_after_an_error(
    home: Home, fault_server: FaultServer, last: list[bytes | Step], code: int
) -> None:
    proceed = threading.Event()
    fault_server.add(*sse(event(chunk(HALF)), WaitFor(proceed), *last, end=False))
    home.configure(fault_server.url)
    with chat(home) as terminal:
        terminal.wait_for("It lies on")
        proceed.set()
        assert terminal.wait_exit() == code
        assert terminal.all_text().count("It lies on") == 1
        assert "error: " in terminal.all_text()
        assert_restored(terminal)


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)],
    ids=lambda each: getattr(each, "name", ""),
)
@pytest.mark.parametrize(
    ("half", "shown"),
    [
        (HALF, "It lies on"),
        ("", "waiting for"),
        ("```python\nParis = 1\n", "Paris = 1"),
        ("| a | Paris |\n|---|---|\n| Lyon", "Lyon"),
    ],
    ids=["text", "nothing", "code", "table"],
)
def test_the_modes_are_restored_after_a_signal(
    home: Home,
    fault_server: FaultServer,
    number: signal.Signals,
    code: int,
    half: str,
    shown: str,
) -> None:
    fault_server.add(*sse(event(chunk(half)), Stall(), end=False))
    home.configure(fault_server.url)
    with chat(home) as terminal:
        terminal.wait_for(shown)
        assert not terminal.echoes
        terminal.send_signal(number)
        assert terminal.wait_exit() == code
        assert "waiting for" not in terminal.all_text()
        answer = terminal.all_text().partition("test-model · ")[0]
        for each in re.findall(r"\w{3,}", half.replace("python", "")):
            assert answer.count(each) == 1
        assert_restored(terminal)


def test_ctrl_c_loses_no_words(home: Home, fault_server: FaultServer) -> None:
    document = document_of_words(360)
    fault_server.add(*sse(*(event(chunk(x)) for x in in_pieces(document)), Stall(), end=False))
    home.configure(fault_server.url)
    with chat(home, rows=12) as terminal:
        terminal.wait_for(word(359))
        terminal.press_ctrl_c()
        assert terminal.wait_exit() == 130
        assert miscounted(terminal.all_text(), 360) == {}
        assert_restored(terminal)


def test_a_conversation_continues_after_ctrl_c(home: Home, fault_server: FaultServer) -> None:
    fault_server.add(*sse(event(chunk(HALF)), Stall(), end=False))
    home.configure(fault_server.url)
    with conversation(home) as repl:
        repl.type("hi" + ENTER)
        repl.terminal.wait_for("It lies on")
        repl.terminal.press_ctrl_c()
        repl.wait_for_line()
        assert repl.terminal.all_text().count("It lies on") == 1
        assert not repl.terminal.emulator.cursor.hidden
        repl.leave()
        assert modes_of(repl.terminal) == fresh_modes()


# -- stopping -------------------------------------------------------------------------------------


@pytest.mark.parametrize("times", [1, 2])
def test_ctrl_z_restores_the_terminal_and_fg_continues(
    home: Home, fault_server: FaultServer, times: int
) -> None:
    proceed = in_two_halves(fault_server, home)
    command = [sys.executable, "-c", JOB, *newapi_command("chat", "hi")]
    with Terminal(command, home=home) as terminal:
        terminal.wait_for("It lies on")
        for number in range(1, times + 1):
            terminal.wait_until(lambda: not terminal.echoes)
            terminal.send(b"\x1a")
            terminal.wait_until(
                lambda number=number: terminal.all_text().count("[stopped True]") == number  # type: ignore[misc]
            )
            assert not terminal.emulator.cursor.hidden
            seen = len(terminal.raw)
            terminal.send_signal(signal.SIGUSR1)
            terminal.wait_until(lambda seen=seen: len(terminal.raw) > seen)  # type: ignore[misc]
        proceed.set()
        assert terminal.wait_exit() == 0
        text = terminal.all_text()
        assert text.count("Paris is the capital.") == 1, text
        assert text.count("It lies on the Seine.") == 1, text
        assert " • two" in text
        assert_restored(terminal)


@pytest.mark.parametrize("args", [("chat", "hi"), ("chat", "--raw", "hi")], ids=["markdown", "raw"])
def test_ctrl_backslash_ends_at_once_and_restores_the_terminal(
    home: Home, fault_server: FaultServer, args: tuple[str, ...]
) -> None:
    in_two_halves(fault_server, home)
    shell = [
        "sh",
        "-c",
        'trap : QUIT; "$@"; echo "code $?"; exec cat',
        "sh",
        *newapi_command(*args),
    ]
    with Terminal(shell, home=home) as terminal:
        terminal.wait_until(lambda: not terminal.echoes)
        terminal.wait_for("Paris")
        terminal.send(b"\x1c")
        terminal.wait_for("code 131")
        assert terminal.echoes
        assert not terminal.emulator.cursor.hidden


# -- windows --------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(50, 24), (120, 24), (80, 10), (40, 12), (100, 40)], ids=str)
def test_a_resize_during_the_answer_loses_nothing(
    home: Home,
    fault_server: FaultServer,
    monkeypatch: pytest.MonkeyPatch,
    size: tuple[int, int],
) -> None:
    monkeypatch.setattr("tests.support.terminal.Emulator", ReflowingScreen)
    proceed = threading.Event()
    pieces = in_pieces(document_of_words(600))
    half = len(pieces) // 2
    events = [event(chunk(piece)) for piece in pieces]
    last = re.findall(r"w\d+x", "".join(pieces[:half]))[-1]
    steps: list[bytes | Step] = [*events[:half], WaitFor(proceed), *events[half:], *answer_events()]
    fault_server.add(*sse(*steps))
    home.configure(fault_server.url)
    with chat(home) as terminal:
        terminal.wait_for(last)
        terminal.resize(*size)
        proceed.set()
        assert terminal.wait_exit() == 0
        counts = miscounted(terminal.all_text(), 600)
        assert [each for each, times in counts.items() if times == 0] == []
        assert len(counts) <= 10 * 6, counts  # at most the live region, twice
        assert_restored(terminal)


PLAIN_SIZES = [(9, 24), (80, 3), (5, 2)]


@pytest.mark.parametrize(
    ("size", "term"),
    [
        *((size, "xterm-256color") for size in PLAIN_SIZES),
        ((80, 24), "dumb"),
        ((80, 24), "unknown"),
    ],
    ids=str,
)
def test_a_terminal_that_is_too_small_or_dumb_gets_plain_text(
    home: Home, fault_server: FaultServer, size: tuple[int, int], term: str
) -> None:
    fault_server.add(*sse(*answer_events("# Ti", "tle\n\n**bold** \x1b[31m", "end\n")))
    home.configure(fault_server.url, usage=False)
    with chat(home, *size, env={"TERM": term}) as terminal:
        assert terminal.wait_exit() == 0
        assert b"\x1b" not in terminal.raw
        assert squeezed("# Title **bold** ␛[31mend") in squeezed(terminal.raw.decode())
        assert modes_of(terminal) == fresh_modes()


@pytest.mark.parametrize("size", [(10, 4), (20, 6), (300, 60)], ids=str)
def test_a_terminal_that_is_just_large_enough_gets_markdown(
    home: Home, fault_server: FaultServer, size: tuple[int, int]
) -> None:
    fault_server.add(*sse(*answer_events("# Ti", "tle\n\n**bold** ", "end\n")))
    home.configure(fault_server.url, usage=False)
    with chat(home, *size) as terminal:
        assert terminal.wait_exit() == 0
        assert terminal.all_text() == "Title\n\nbold end"
        assert_restored(terminal)


@pytest.mark.parametrize("no_color", [None, "", "1"])
def test_no_color_removes_only_the_colors(
    home: Home, fault_server: FaultServer, no_color: str | None
) -> None:
    source = "# Title\n\n`code` **bold**\n\n```python\nx = 'a'  # b\n```\n"
    fault_server.add(*sse(*answer_events(*in_pieces(source, 5))))
    home.configure(fault_server.url, usage=False)
    with chat(home, env={"NO_COLOR": no_color}) as terminal:
        assert terminal.wait_exit() == 0
        text = terminal.all_text()
        assert text == "Title\n\ncode bold\n\nx = 'a'  # b"
        numbers = {int(n) for codes in SGR.findall(terminal.raw) for n in codes.split(b";") if n}
        colors = {number for number in numbers if 30 <= number <= 49 or 90 <= number <= 107}
        assert bool(colors) is (no_color != "1")
        assert 1 in numbers  # bold stays


# -- a terminal that reads slowly -----------------------------------------------------------------

SLOW_BYTES, SLOW_S = 1024, 0.1  # 10 KB a second


class SlowTerminal:
    """A process on a terminal whose other end is read at ten kilobytes a second."""

    def __init__(self, command: list[str], home: Home) -> None:
        self._master, slave = os.openpty()
        termios.tcsetwinsize(slave, (24, 80))
        self.output = bytearray()
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", LAUNCHER, *command],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=home.environment(),
            cwd=home.path,
            start_new_session=True,
        )
        os.close(slave)
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._master, SLOW_BYTES)
            except OSError:
                return  # EIO: no process has the terminal open
            self.output += data
            time.sleep(SLOW_S)  # the slowness is the subject

    def end(self) -> int:
        """Wait for the end of the process and of its output."""
        code = self.process.wait(60)
        self._reader.join(60)
        return code

    def close(self) -> None:
        """Kill the process if it still runs."""
        kill_group(self.process.pid)
        self.process.wait()
        self._reader.join(60)
        os.close(self._master)


@pytest.fixture
def slow_terminal(home: Home, fault_server: FaultServer) -> Iterator[SlowTerminal]:
    home.configure(fault_server.url)
    terminal = SlowTerminal(newapi_command("chat", "hi"), home)
    yield terminal
    terminal.close()


def padded(value: dict[str, object], size: int) -> bytes:
    """Return an event that is large on the wire and empty on the screen."""
    return b"data: " + json.dumps(value | {"padding": "x" * size}).encode() + b"\n\n"


@dataclass(frozen=True, slots=True)
class SmallBuffer:
    """Limit the kernel's buffers, so that only a reader can take what the server sends."""

    def play(self, connection: Connection) -> None:
        """Set the size of the buffer."""
        connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)


def test_a_terminal_that_reads_slowly_does_not_slow_the_stream(
    fault_server: FaultServer, slow_terminal: SlowTerminal
) -> None:
    """Far more than the socket buffers hold is read before the terminal has the first words."""
    words = " ".join(word(number) for number in range(WORDS * 2)) + "\n\n"
    sent = threading.Event()
    padding = [padded(chunk(f"{word(WORDS * 2 + n)} "), 100_000) for n in range(30)]
    pieces: list[bytes | Step] = [
        event(chunk(words)),
        *padding,
        SetEvent(sent),
        *answer_events("The last words."),
    ]
    fault_server.add(SmallBuffer(), *sse(*pieces))
    assert sent.wait(20)
    shown_by_then = len(slow_terminal.output)
    assert slow_terminal.end() == 0
    output = bytes(slow_terminal.output)
    check_output(output, "the slow terminal")
    assert shown_by_then < 0.5 * len(output), (shown_by_then, len(output))
    screen = Screen(80, 24)
    screen.feed(output)
    assert miscounted(screen.text(), WORDS * 2 + 30) == {}
    assert "The last words." in screen.text()
    assert not screen.cursor.hidden


def test_the_words_of_the_document_are_all_different() -> None:
    document = document_of_words(WORDS)
    assert re.findall(r"w\d+x", document) == [word(number) for number in range(WORDS)]


# A job in its own process group on the same terminal, as a shell's `&` starts it.
BACKGROUND = """
import os, sys
job = os.fork()
if job == 0:
    os.setpgid(0, 0)
    os.execvp(sys.argv[1], sys.argv[1:])
_, status = os.waitpid(job, os.WUNTRACED)
if os.WIFSTOPPED(status):
    os.killpg(job, 9)
    sys.exit(f"stopped by signal {os.WSTOPSIG(status)}")
sys.exit(os.waitstatus_to_exitcode(status))
"""


def test_a_background_job_is_not_stopped(home: Home) -> None:
    with FaultServer(sse(*answer_events("Hello ", "world"))) as server:
        home.configure(server.url)
        command = [sys.executable, "-c", BACKGROUND, *newapi_command("chat", "hi")]
        with Terminal(command, home=home) as terminal:
            assert terminal.wait_exit() == 0, terminal.all_text()
            assert "Hello world" in terminal.all_text()
