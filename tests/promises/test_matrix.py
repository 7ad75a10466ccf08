"""The same commands in every unusual environment: documented code, exact output, private files.

The row of an environment lists what it may change; nothing else may change. If stdin is a folder,
Python itself does not start, so there is no such row.
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
from tests.sessions.helpers import data_dir, fill, sessions_file, small_disk, warnings_of
from tests.support.connection import Request
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.observed import Conditions, Running, observe, observe_process
from tests.support.process import Result
from tests.support.steps import Send, Step, WaitFor, sse
from tests.support.wire import MODEL, answer_events, chunk, error, event, response

UNKNOWN_USER = 54_321
MODELS: dict[str, object] = {"object": "list", "data": [{"id": MODEL}, {"id": "另一个"}]}


@dataclass(frozen=True)
class Command:
    """A command, its exit code, all of stdout (None: as usual), a part of stderr, its requests."""

    args: Sequence[str]
    code: int = 0
    out: str | None = None
    message: str = ""
    requests: int = 0


COMMANDS = {
    "chat hi": Command(["chat", "hi"], out=f"{ANSWER}\n", requests=1),
    "chat that fails": Command(["chat", "fail"], code=6, out="", message="坏了", requests=1),
    "models": Command(["models"], out=f"{MODEL}\n另一个\n", requests=1),
    "sessions list": Command(["sessions", "list"]),
    "config list": Command(["config", "list"]),
    "--version": Command(["--version"], out=f"newapi {__version__}\n"),
    "--help": Command(["--help"]),
}


def answer(request: Request) -> list[Step]:
    """Respond by method and prompt."""
    if request.method == "GET":
        return [Send(response(200, MODELS))]
    if request.json["messages"][-1]["content"].startswith("fail"):
        return [Send(response(500, error("坏了")))]
    return sse(*answer_events(*PIECES))


@dataclass
class Case:
    """A home with a server, and the conditions of a run in it."""

    home: Home
    server: FaultServer
    env: Mapping[str, str | None] = field(default_factory=dict)
    umask: int = 0o022
    conditions: Conditions | None = None  # of a process of its own
    stdin: IO[bytes] | bytes | int | None = None
    saves: bool = True
    has_stdout: bool = True
    has_stderr: bool = True
    reads_stdin: bool = False

    def run(self, command: Command) -> Result:
        """Run a command in this case, in this process if that is enough."""
        args, stdin = command.args, self.stdin
        if self.conditions is None and (stdin is None or isinstance(stdin, bytes)):
            return observe(*args, home=self.home, stdin=stdin, env=self.env, umask=self.umask)
        conditions = self.conditions or Conditions()
        return observe_process(*args, home=self.home, stdin=stdin, conditions=conditions)


Environment = Callable[[Case], Iterator[None]]


def plain(env: Mapping[str, str | None] | None = None, umask: int = 0o022) -> Environment:
    """Return an environment of variables that are read while the program runs."""

    def enter(case: Case) -> Iterator[None]:
        case.env, case.umask = env or {}, umask
        yield

    return enter


def process(env: Mapping[str, str | None] | None = None, **more: Any) -> Environment:
    """Return an environment of variables that count at a start, and of other conditions."""

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
    """Connect stdin to the output of `yes`."""
    with subprocess.Popen(["yes"], stdout=subprocess.PIPE) as process:
        case.stdin = process.stdout
        case.reads_stdin = True
        yield
        process.kill()


def full_data_folder(case: Case) -> Iterator[None]:
    """Put the data on a small disk that is full."""
    data_dir(case.home).rename(case.home.path / "kept")
    with small_disk(data_dir(case.home)):
        sessions_file(case.home).write_bytes((case.home.path / "kept/sessions.db").read_bytes())
        sessions_file(case.home).chmod(0o600)
        fill(data_dir(case.home))
        case.saves = False
        yield


def of_another_user(case: Case) -> Iterator[None]:
    """Run as a user who owns nothing in the home and can write nothing in it.

    Everything may be read, including the program wherever it is installed.
    """
    user = [f"--reuid={UNKNOWN_USER}", f"--regid={UNKNOWN_USER}", "--clear-groups"]
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
    ("HOME is not a folder", plain({"HOME": "/dev/null"})),
    ("read-only, as another user", of_another_user, ROOTED("become another user")),
    ("umask 000", plain(umask=0o000)),
    ("umask 077", plain(umask=0o077)),
    ("umask 777", plain(umask=0o777)),
    ("a full disk", full_data_folder, ROOTED("mount a small disk")),
    ("LC_ALL=C", process({"LC_ALL": "C", "LANG": None})),
    *(
        (f"no UTF-8, {name}", process(NO_UTF8 | {"PYTHONIOENCODING": name}))
        for name in ("ascii", "latin-1", "cp1252", "gbk")
    ),
    ("unbuffered", process({"PYTHONUNBUFFERED": "1"})),
    ("stdin closed", closed(0)),
    ("stdout closed", closed(1)),
    ("stderr closed", closed(2)),
    ("all closed", closed(0, 1, 2)),
    ("proxies", plain(dict.fromkeys(PROXIES, "http://127.0.0.1:9"))),
    ("a SOCKS proxy", plain({"ALL_PROXY": "socks5://127.0.0.1:9"})),
    # Independent oddities are combined.
    ("TERM=dumb, COLUMNS=0", process({"TERM": "dumb", "COLUMNS": "0", "TZ": "Nowhere/Never"})),
    ("no TERM, COLUMNS=abc", process({"TERM": None, "COLUMNS": "abc", "TZ": "XXX+11:30:15"})),
    ("TERM=bogus, COLUMNS=1", process({"TERM": "bogus-9000", "COLUMNS": "1", "TZ": ":/dev/null"})),
    ("COLUMNS is huge", process({"COLUMNS": "9" * 30, "LINES": "x", "TERMINAL_WIDTH": "abc"})),
    ("binary stdin", with_stdin(bytes(range(256)), is_refused=True)),
    ("endless stdin", endless_stdin),
    ("an empty stdin", with_stdin(b"")),
    ("stdin is /dev/null", with_stdin(None)),
    ("SIGINT ignored", process(prefix=(sys.executable, "-I", "-S", "-c", IGNORES))),
    ("few descriptors", few_descriptors),
]


def has_usual_output(
    command: Command, result: Result, usual: Mapping[str, str], case: Case
) -> bool:
    """Return whether stdout is as usual, apart from home, port and time."""
    name = " ".join(command.args)
    if command.out is not None:
        return result.text == command.out
    if name == "sessions list":
        *later, first = result.text.splitlines()  # the last used come first
        added = 2 * (case.saves and not case.reads_stdin)
        return first.startswith("aaaaaaaa") and "谢谢 é" in first and len(later) == added
    return _same(result.text, case) == usual[name]


def _same(text: str, case: Case) -> str:
    return text.replace(str(case.home.path), "HOME").replace(str(case.server.port), "PORT")


def assert_as_documented(
    case: Case, command: Command, result: Result, usual: Mapping[str, str]
) -> None:
    """Compare a run with the row of its environment."""
    code, message, requests = command.code, command.message, command.requests
    is_chat = command.args[0] == "chat"
    has_output = case.has_stdout
    if is_chat and case.reads_stdin:
        code, message, requests, has_output = 2, "standard input", 0, False
    elif not case.has_stdout and command.out != "":
        code, message = 10, "cannot write the output"
    assert code in {int(each) for each in ExitCode}
    assert result.code == code, result
    assert has_usual_output(command, result, usual, case) if has_output else result.out == b"", (
        result
    )
    assert len(case.server.requests) == requests
    if case.has_stderr:
        assert message in result.err, result
        assert result.err.count("error:") == (code != 0), result
        unsaved = [line for line in warnings_of(result.err) if "not saved" in line]
        assert len(unsaved) == (is_chat and requests > 0 and not case.saves), result
    else:
        assert result.err == ""


def make_case(home: Home, server: FaultServer) -> Case:
    """Return a home with a session, and a server that responds to each command."""
    server.answer_with(answer)
    home.configure(server.url, retries=0)
    data_dir(home).mkdir(mode=0o700)
    with SessionStore(sessions_file(home)) as store:
        _, turn = store.begin_turn(Session("a" * 12, "谢谢 é"), TurnRecord("谢谢 é"), at_leaf=True)
        store.end_turn(turn._replace(status=Status.COMPLETE, answer="不客气"))
    return Case(home, server)


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """Return the output of commands that always print the same."""
    path = tmp_path_factory.mktemp("usual") / "home"
    path.mkdir(mode=0o700)
    with FaultServer() as server:
        case = make_case(Home(path), server)
        names = ("config list", "--help")
        return {name: _same(case.run(COMMANDS[name]).text, case) for name in names}


@pytest.mark.parametrize(
    "environment", [pytest.param(each, id=name, marks=marks) for name, each, *marks in ENVIRONMENTS]
)
def test_each_command_behaves_the_same_in_each_environment(
    home: Home, fault_server: FaultServer, usual: Mapping[str, str], environment: Environment
) -> None:
    case = make_case(home, fault_server)
    with contextmanager(environment)(case):
        for command in COMMANDS.values():
            fault_server.requests.clear()
            assert_as_documented(case, command, case.run(command), usual)


def test_a_run_started_with_ctrl_c_ignored_ignores_it(
    home: Home, fault_server: FaultServer
) -> None:
    proceed = threading.Event()
    fault_server.add(*sse(event(chunk("Paris")), WaitFor(proceed), *answer_events(" is it.")))
    home.configure(fault_server.url, retries=0)
    ignoring = Conditions(prefix=(sys.executable, "-I", "-S", "-c", IGNORES))
    with Running("chat", "hi", home=home, conditions=ignoring) as running:
        running.wait_for(b"Paris")
        running.send_signal(signal.SIGINT)
        proceed.set()
        result = running.end()
    assert (result.code, result.text, result.err) == (0, "Paris is it.\n", "")
