"""The same commands in every odd environment: a documented code, exact output, private files.

What an environment may change stands in its row, and nothing else may change. Of one there is no
row: where stdin is a folder, Python itself refuses to start.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, Any

import pytest

from newapi_cli import __version__
from newapi_cli.domain.completion import Status
from newapi_cli.domain.session import Session, TurnRecord
from newapi_cli.errors import ExitCode
from newapi_cli.store.sessions import SessionStore
from tests.promises.conftest import ANSWER, PIECES
from tests.sessions.keeping import data_dir, fill, sessions_file, small_disk, warnings_of
from tests.support.connection import Request
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.observed import Conditions, Observed, Running, observe_process
from tests.support.steps import Send, Step, WaitFor, sse
from tests.support.wire import MODEL, answer_events, chunk, error, event, response

NOBODY = 54_321
MODELS: dict[str, object] = {"object": "list", "data": [{"id": MODEL}, {"id": "另一个"}]}


@dataclass(frozen=True)
class Command:
    """A command, its code, all of its stdout (None: as in an ordinary run), a part of stderr."""

    args: Sequence[str]
    code: int = 0
    out: str | None = None
    told: str = ""
    asks: int = 0


COMMANDS = {
    "chat hi": Command(["chat", "hi"], out=f"{ANSWER}\n", asks=1),
    "chat that fails": Command(["chat", "fail"], code=6, out="", told="坏了", asks=1),
    "models": Command(["models"], out=f"{MODEL}\n另一个\n", asks=1),
    "sessions list": Command(["sessions", "list"]),
    "config list": Command(["config", "list"]),
    "--version": Command(["--version"], out=f"newapi {__version__}\n"),
    "--help": Command(["--help"]),
}


def answer(request: Request) -> list[Step]:
    """Answer by what was asked."""
    if request.method == "GET":
        return [Send(response(200, MODELS))]
    if request.json["messages"][-1]["content"].startswith("fail"):
        return [Send(response(500, error("坏了")))]
    return sse(*answer_events(*PIECES))


@dataclass
class Case:
    """One home with a server, and what stands around a run in it."""

    home: Home
    server: FaultServer
    conditions: Conditions = field(default_factory=Conditions)
    stdin: IO[bytes] | bytes | int | None = None
    saves: bool = True
    has_stdout: bool = True
    has_stderr: bool = True
    reads_stdin: bool = False

    def run(self, command: Command) -> Observed:
        """Run a command in it."""
        return observe_process(
            *command.args, home=self.home, stdin=self.stdin, conditions=self.conditions
        )


Environment = Callable[[Case], Iterator[None]]


def plain(env: Mapping[str, str | None] | None = None, **more: Any) -> Environment:
    """Give an environment of variables and conditions."""

    def enter(case: Case) -> Iterator[None]:
        case.conditions = Conditions(env or {}, **more)
        yield

    return enter


def closed(*descriptors: int) -> Environment:
    def enter(case: Case) -> Iterator[None]:
        case.conditions = Conditions(closed=descriptors)
        case.has_stdout = 1 not in descriptors
        case.has_stderr = 2 not in descriptors
        yield

    return enter


def with_stdin(data: bytes | None, *, is_refused: bool = False) -> Environment:
    def enter(case: Case) -> Iterator[None]:
        case.stdin = data
        case.reads_stdin = is_refused
        yield

    return enter


def endless_stdin(case: Case) -> Iterator[None]:
    """Let `yes` write to stdin."""
    with subprocess.Popen(["yes"], stdout=subprocess.PIPE) as process:
        case.stdin = process.stdout
        case.reads_stdin = True
        yield
        process.kill()


def full_data_folder(case: Case) -> Iterator[None]:
    """Put the data on a small disk that has no room."""
    data_dir(case.home).rename(case.home.path / "kept")
    with small_disk(data_dir(case.home)):
        sessions_file(case.home).write_bytes((case.home.path / "kept/sessions.db").read_bytes())
        sessions_file(case.home).chmod(0o600)
        fill(data_dir(case.home))
        case.saves = False
        yield


def of_another_user(case: Case) -> Iterator[None]:
    """Run as somebody who may write nowhere in the home, and to whom nothing in it belongs.

    What is read (the program too, wherever it is installed) may be read.
    """
    user = [f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    reads = ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
    case.conditions = Conditions(prefix=("setpriv", *user, *reads))
    case.saves = False
    yield


def few_descriptors(case: Case) -> Iterator[None]:
    case.conditions = Conditions(prefix=("prlimit", "--nofile=16"))
    yield


NO_UTF8 = {"LC_ALL": "C", "LANG": None, "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
PROXIES = ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy")
IGNORES = "import os,signal,sys; signal.signal(signal.SIGINT, signal.SIG_IGN); "
IGNORES += "os.execvp(sys.argv[1], sys.argv[1:])"
ROOTED = pytest.mark.needs_root
ENVIRONMENTS: list[tuple[Any, ...]] = [  # name, environment, marks
    ("no HOME", plain({"HOME": None})),
    ("HOME is no folder", plain({"HOME": "/dev/null"})),
    ("read-only, as another user", of_another_user, ROOTED("become another user")),
    ("umask 000", plain(umask=0o000)),
    ("umask 077", plain(umask=0o077)),
    ("umask 777", plain(umask=0o777)),
    ("a full disk", full_data_folder, ROOTED("mount a small disk")),
    ("LC_ALL=C", plain({"LC_ALL": "C", "LANG": None})),
    *(
        (f"no UTF-8, {name}", plain(NO_UTF8 | {"PYTHONIOENCODING": name}))
        for name in ("ascii", "latin-1", "cp1252", "gbk")
    ),
    ("unbuffered", plain({"PYTHONUNBUFFERED": "1"})),
    ("stdin closed", closed(0)),
    ("stdout closed", closed(1)),
    ("stderr closed", closed(2)),
    ("all closed", closed(0, 1, 2)),
    ("proxies", plain(dict.fromkeys(PROXIES, "http://127.0.0.1:9"))),
    ("a SOCKS proxy", plain({"ALL_PROXY": "socks5://127.0.0.1:9"})),
    # What has nothing to do with each other is odd at once.
    ("TERM=dumb, COLUMNS=0", plain({"TERM": "dumb", "COLUMNS": "0", "TZ": "Nowhere/Never"})),
    ("no TERM, COLUMNS=abc", plain({"TERM": None, "COLUMNS": "abc", "TZ": "XXX+11:30:15"})),
    ("TERM=bogus, COLUMNS=1", plain({"TERM": "bogus-9000", "COLUMNS": "1", "TZ": ":/dev/null"})),
    ("COLUMNS of a giant", plain({"COLUMNS": "9" * 30, "LINES": "x", "TERMINAL_WIDTH": "abc"})),
    ("binary stdin", with_stdin(bytes(range(256)), is_refused=True)),
    ("endless stdin", endless_stdin),
    ("an empty stdin", with_stdin(b"")),
    ("stdin is /dev/null", with_stdin(None)),
    ("SIGINT ignored", plain(prefix=(sys.executable, "-I", "-S", "-c", IGNORES))),
    ("few descriptors", few_descriptors),
]


def exact(command: Command, seen: Observed, usual: Mapping[str, str], case: Case) -> bool:
    """Say whether stdout is what it always is: the same but for the home, the port and the time."""
    name = " ".join(command.args)
    if command.out is not None:
        return seen.text == command.out
    if name == "sessions list":
        *later, first = seen.text.splitlines()  # the last used stand first
        asked = 2 * (case.saves and not case.reads_stdin)
        return first.startswith("aaaaaaaa") and "谢谢 é" in first and len(later) == asked
    return _same(seen.text, case) == usual[name]


def _same(text: str, case: Case) -> str:
    return text.replace(str(case.home.path), "HOME").replace(str(case.server.port), "PORT")


def assert_as_documented(
    case: Case, command: Command, seen: Observed, usual: Mapping[str, str]
) -> None:
    """Hold a run against its row."""
    code, told, asks = command.code, command.told, command.asks
    is_chat = command.args[0] == "chat"
    has_output = case.has_stdout
    if is_chat and case.reads_stdin:
        code, told, asks, has_output = 2, "standard input", 0, False
    elif not case.has_stdout and command.out != "":
        code, told = 10, "cannot write the output"
    assert code in {int(each) for each in ExitCode}
    assert seen.code == code, seen
    assert exact(command, seen, usual, case) if has_output else seen.out == b"", seen
    assert len(case.server.requests) == asks
    if case.has_stderr:
        assert told in seen.err, seen
        assert seen.err.count("error:") == (code != 0), seen
        unsaved = [line for line in warnings_of(seen.err) if "not saved" in line]
        assert len(unsaved) == (is_chat and asks > 0 and not case.saves), seen
    else:
        assert seen.err == ""


def made_case(home: Home, server: FaultServer) -> Case:
    """Give a home with a session, whose server answers each of the commands."""
    server.answer_with(answer)
    home.configure(server.url, retries=0)
    data_dir(home).mkdir(mode=0o700)
    with SessionStore(sessions_file(home)) as store:
        _, turn = store.begin_turn(Session("a" * 12, "谢谢 é"), TurnRecord("谢谢 é"), at_leaf=True)
        store.end_turn(turn._replace(status=Status.COMPLETE, answer="不客气"))
    return Case(home, server)


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """Give what the commands say that always say the same."""
    path = tmp_path_factory.mktemp("usual") / "home"
    path.mkdir(mode=0o700)
    with FaultServer() as server:
        case = made_case(Home(path), server)
        names = ("config list", "--help")
        return {name: _same(case.run(COMMANDS[name]).text, case) for name in names}


@pytest.mark.parametrize(
    "environment", [pytest.param(each, id=name, marks=marks) for name, each, *marks in ENVIRONMENTS]
)
def test_each_command_behaves_the_same_in_each_environment(
    home: Home, fault_server: FaultServer, usual: Mapping[str, str], environment: Environment
) -> None:
    case = made_case(home, fault_server)
    with contextmanager(environment)(case):
        for command in COMMANDS.values():
            fault_server.requests.clear()
            assert_as_documented(case, command, case.run(command), usual)


def test_a_run_started_with_ctrl_c_ignored_ignores_it(
    home: Home, fault_server: FaultServer
) -> None:
    go_on = threading.Event()
    fault_server.add(*sse(event(chunk("Paris")), WaitFor(go_on), *answer_events(" is it.")))
    home.configure(fault_server.url, retries=0)
    ignoring = Conditions(prefix=(sys.executable, "-I", "-S", "-c", IGNORES))
    with Running("chat", "hi", home=home, conditions=ignoring) as running:
        running.wait_for(b"Paris")
        running.send_signal(signal.SIGINT)
        go_on.set()
        seen = running.end()
    assert (seen.code, seen.text, seen.err) == (0, "Paris is it.\n", "")
