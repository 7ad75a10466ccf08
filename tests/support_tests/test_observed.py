"""Observed runs: what they report, and what fails a test."""

from __future__ import annotations

import os
import resource
import select
import signal
import sys
from pathlib import Path

import pytest

from tests.support.home import CANARY, Home
from tests.support.observed import ORDINARY, Conditions, Observed, Running, Stdin, observe_process
from tests.support.wire import MODEL

MIB = 1 << 20
NOBODY = 65534
ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")


def python(
    code: str, home: Home, *, stdin: Stdin = b"", conditions: Conditions = ORDINARY
) -> Running:
    """Return a running Python script, isolated so that it starts with any home."""
    command = [sys.executable, "-I", "-c", code]
    return Running(home=home, stdin=stdin, conditions=conditions, command=command)


def ended(
    code: str, home: Home, *, stdin: Stdin = b"", conditions: Conditions = ORDINARY
) -> Observed:
    with python(code, home, stdin=stdin, conditions=conditions) as running:
        return running.end()


# -- what is reported -------------------------------------------------------------------------


def test_the_program_itself_is_run(home: Home) -> None:
    home.configure("http://127.0.0.1:1")
    seen = observe_process("config", "get", "model", home=home)
    assert (seen.code, seen.text, seen.err) == (0, f"{MODEL}\n", "")
    assert seen.command[-3:] == ("config", "get", "model")


def test_code_output_and_time_are_the_commands(home: Home) -> None:
    code = "import sys; sys.stdout.buffer.write(b'\\xff\\0' + sys.stdin.buffer.read()); exit('no')"
    seen = ended(code, home, stdin=b"in")
    assert (seen.code, seen.out, seen.err) == (1, b"\xff\0in", "no\n")
    assert 0 < seen.seconds < 30


def test_a_death_by_signal_has_a_negative_code(home: Home) -> None:
    assert ended("import os; os.kill(os.getpid(), 9)", home).code == -signal.SIGKILL


def test_a_command_that_is_not_there_has_code_127(home: Home) -> None:
    with Running(home=home, command=["no-such-command"]) as running:
        assert running.end().code == 127


def test_a_test_that_is_large_makes_no_command_large(home: Home) -> None:
    large = b"x" * (300 * MIB)
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    assert own > len(large)
    assert 2 * MIB < ended("", home).peak_bytes < 100 * MIB


def test_the_memory_of_the_command_counts_also_after_it_is_given_back(home: Home) -> None:
    code = f"a = b'x' * (200 * {MIB}); del a"
    assert 200 * MIB < ended(code, home).peak_bytes < 300 * MIB


# -- what surrounds the command ---------------------------------------------------------------


def test_the_environment_is_clean_but_for_what_is_asked(home: Home) -> None:
    conditions = Conditions(env={"MORE": "1", "TERM": None})
    seen = ended("import os; print(*sorted(os.environ), os.getcwd())", home, conditions=conditions)
    shown = [name for name in seen.text.split() if name != "LC_CTYPE"]
    assert shown == ["HOME", "LANG", "MORE", "NEWAPI_HOME", "PATH", "PYTHONPATH", str(home.path)]


@pytest.mark.parametrize("umask", [0, 0o77, 0o777])
def test_the_umask_is_the_commands(home: Home, umask: int) -> None:
    seen = ended("import os; print(os.umask(0))", home, conditions=Conditions(umask=umask))
    assert seen.text == f"{umask}\n"


@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1, 2)])
def test_descriptors_can_be_closed(home: Home, closed: tuple[int, ...]) -> None:
    look = "[ -e /proc/$$/fd/{0} ] && echo {0} >&9;"
    script = f"exec 9>open; {' '.join(look.format(fd) for fd in (0, 1, 2))} exit 0"
    shell = ["sh", "-c", script]
    with Running(home=home, conditions=Conditions(closed=closed), command=shell) as running:
        assert running.end().code == 0
    left = (home.path / "open").read_text().split()
    assert left == [str(fd) for fd in (0, 1, 2) if fd not in closed]


def test_only_the_three_descriptors_are_handed_on(home: Home) -> None:
    seen = ended("import os; print(*sorted(os.listdir('/proc/self/fd')))", home)
    assert seen.text == "0 1 2 3\n"  # 3 is the folder that is listed


@ROOT_ONLY
def test_root_can_let_another_user_run_the_command(home: Home) -> None:
    home.path.chmod(0o755)
    with Running(
        home=home,
        conditions=Conditions(user=NOBODY),
        command=["sh", "-c", "id -u; id -g; id -G; grep CapEff /proc/self/status"],
    ) as running:
        uid, gid, groups, capabilities = running.end().text.splitlines()
    assert (uid, gid, groups) == (str(NOBODY), str(NOBODY), str(NOBODY))
    assert int(capabilities.split()[1], 16) == 0


def test_a_prefix_comes_before_the_command(home: Home) -> None:
    conditions = Conditions(prefix=("env", "MORE=prefixed"))
    assert ended("import os; print(os.environ['MORE'])", home, conditions=conditions).text == (
        "prefixed\n"
    )


def test_stdin_is_a_pipe_a_file_or_the_null_device(home: Home, tmp_path: Path) -> None:
    code = "import os; print(os.read(0, 9), os.readlink('/proc/self/fd/0')[:5])"
    (tmp_path / "in").write_bytes(b"file")
    assert ended(code, home, stdin=b"").text == "b'' pipe:\n"
    assert ended(code, home, stdin=None).text == "b'' /dev/\n"
    with (tmp_path / "in").open("rb") as file:
        assert ended(code, home, stdin=file).text.startswith("b'file' /")


def test_a_command_need_not_read_what_it_is_fed(home: Home) -> None:
    assert ended("", home, stdin=b"x" * (4 * MIB)).code == 0


def test_stdout_can_be_a_file(home: Home, tmp_path: Path) -> None:
    with (tmp_path / "out").open("wb") as file:
        seen = observe_process("--version", home=home, stdout=file)
    assert seen.out == b""
    assert (tmp_path / "out").read_bytes().startswith(b"newapi ")


# -- while it runs ----------------------------------------------------------------------------

WRITING_ITS_PID = "import os, time; print(os.getpid(), file=open('pid', 'w'))"
WAITING = """
import signal, time
def leave(number, frame):
    exit(100 + number)
for number in CAUGHT:
    signal.signal(number, leave)
print("ready", flush=True)
time.sleep(60)
"""


def assert_gone(home: Home) -> None:
    """Fail if the process whose id is in the file `pid` is still running."""
    try:
        watched = os.pidfd_open(int((home.path / "pid").read_text()))
    except ProcessLookupError:
        return
    ended_ones, _, _ = select.select([watched], [], [], 5)
    os.close(watched)
    assert ended_ones


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_reaches_the_command_and_its_end_is_told(
    home: Home, number: signal.Signals
) -> None:
    with python(WAITING.replace("CAUGHT", f"[{number:d}]"), home) as running:
        running.wait_for(b"ready")
        running.send_signal(number)
        assert running.end(10).code == 100 + number


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_that_is_not_caught_kills_the_command(home: Home, number: signal.Signals) -> None:
    with python(WAITING.replace("CAUGHT", "[]"), home) as running:
        running.wait_for(b"ready")
        running.send_signal(number)
        assert running.end(10).code == -number


def test_what_never_comes_is_not_waited_for_for_ever(home: Home) -> None:
    code = (
        "import sys, time; print('on', 'the', 'way', file=sys.stderr, flush=True); time.sleep(60)"
    )
    with python(code, home) as running:
        running.wait_for(b"on the way", in_err=True)
        with pytest.raises(AssertionError, match=r"no b'arrived' in 0.1 s, but .*on the way"):
            running.wait_for(b"arrived", timeout_s=0.1)


def test_a_command_that_does_not_end_is_killed_and_fails(home: Home) -> None:
    with python(f"{WRITING_ITS_PID}; print('on', flush=True); time.sleep(60)", home) as running:
        running.wait_for(b"on")
        with pytest.raises(AssertionError, match=r"still ran after 0.1 s, with .*on\\n"):
            running.end(0.1)
        assert_gone(home)


def test_a_command_that_the_test_leaves_is_killed(home: Home) -> None:
    with python(f"{WRITING_ITS_PID}; print('on', flush=True); time.sleep(60)", home) as running:
        running.wait_for(b"on")
    assert_gone(home)


# -- what no command may do -------------------------------------------------------------------

SLEEPER = ["sh", "-c", "echo $$ >pid; exec sleep 60"]
LEAVING = {
    "a child": f"subprocess.Popen({SLEEPER})",
    "a child in a session of its own": f"subprocess.Popen({SLEEPER}, start_new_session=True)",
    "a child with streams of its own": f"subprocess.Popen({SLEEPER}, stdout=-3, stderr=-3)",
    "a grandchild": f"subprocess.run(['sh', '-c', '{SLEEPER[2].replace('exec ', '')} &'])",
}


@pytest.mark.parametrize("way", LEAVING)
def test_a_process_that_is_left_behind_fails_and_is_killed(home: Home, way: str) -> None:
    code = f"import os, subprocess; {LEAVING[way]}\nwhile not os.path.exists('pid'): pass"
    with (
        python(code, home) as running,
        pytest.raises(AssertionError, match=r"has left behind .*sleep 60"),
    ):
        running.end(10)
    assert_gone(home)


def test_a_process_that_was_waited_for_is_not_left_behind(home: Home) -> None:
    assert ended("import subprocess; subprocess.run(['sleep', '0'])", home).code == 0


@pytest.mark.parametrize("where", ["newapi/data/log", "newapi/config.toml.old", ".cache/x"])
def test_a_key_in_a_file_fails(home: Home, where: str) -> None:
    home.configure("http://127.0.0.1:1")
    write = f"p = pathlib.Path({where!r}); p.parent.mkdir(0o700, exist_ok=True, parents=True);"
    code = f"import pathlib; {write} p.touch(0o600); p.write_text(input())"
    assert ended(code, home, stdin=b"harmless\n").code == 0
    with pytest.raises(AssertionError, match=f"the key is in .*{where}"):
        ended(code, home, stdin=f"x {CANARY}\n".encode())


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_key_or_a_traceback_on_a_stream_fails(home: Home, stream: str) -> None:
    code = f"import sys; print(input(), file=sys.{stream})"
    with pytest.raises(AssertionError, match=f"the key is in {stream}"):
        ended(code, home, stdin=f"x {CANARY}\n".encode())
    with pytest.raises(AssertionError, match=f"a traceback is in {stream}"):
        ended(code, home, stdin=b"Traceback (most recent call last):\n")


MAKING = {
    "a file for others": "open('newapi/new', 'w'); os.chmod('newapi/new', 0o604)",
    "a file for the group": "open('newapi/new', 'w'); os.chmod('newapi/new', 0o640)",
    "a file for nobody": "open('newapi/new', 'w'); os.chmod('newapi/new', 0)",
    "a folder for others": "os.mkdir('newapi/new'); os.chmod('newapi/new', 0o755)",
    "a file that was private": "os.chmod('newapi/config.toml', 0o644)",
    "the home itself": "os.chmod('newapi', 0o755)",
}


@pytest.mark.parametrize("way", MAKING)
def test_what_others_could_read_fails(home: Home, way: str) -> None:
    home.configure("http://127.0.0.1:1")
    with pytest.raises(AssertionError, match=r"not private, or not readable any more: .*newapi"):
        ended(f"import os; {MAKING[way]}", home)


def test_private_files_links_and_what_was_there_before_pass(home: Home) -> None:
    home.configure("http://127.0.0.1:1")
    (home.newapi_home / "before").touch(0o644)
    (home.newapi_home / "before").chmod(0o644)
    code = "import os; os.umask(0o77); open('newapi/new', 'w'); os.symlink('new', 'newapi/link')"
    assert ended(code, home).code == 0
