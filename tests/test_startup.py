"""What a run loads, and when: nothing that it does not need, and not before the request."""

from __future__ import annotations

import socket
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path

import pytest

from newapi_cli.demo.server import DemoGateway
from tests.support.demo import chats
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.steps import Reset, Send, Step, sse
from tests.support.terminal import Terminal
from tests.support.wire import answer_events, error, response

# Runs the program as its console script does, and writes down which modules it has loaded.
RECORDER = """
import atexit, os, sys

def write_down():
    with open(os.environ["LOADED"], "w", encoding="utf-8") as file:
        file.write("\\n".join(sys.modules))

atexit.register(write_down)
from newapi_cli.__main__ import main
main()
"""

# Writes down which modules are loaded at the moment when the thread that sends the request starts.
WATCHER = """
import os, sys, threading

start = threading.Thread.start

def watch(thread):
    if thread.name == "newapi exchange" and not os.path.exists(os.environ["LOADED"]):
        with open(os.environ["LOADED"], "w", encoding="utf-8") as file:
            file.write("\\n".join(sys.modules))
    start(thread)

threading.Thread.start = watch
from newapi_cli.__main__ import main
main()
"""

HEAVY = ("httpx", "rich", "prompt_toolkit", "sqlite3", "asyncio", "pydantic")
PAINTERS = ("rich", "markdown_it", "pygments")
KEY = {"NEWAPI_API_KEY": "sk-x", "NEWAPI_MODEL": "demo"}
REMOTE = {"NEWAPI_BASE_URL": "http://gateway.invalid", "NEWAPI_ALLOW_INSECURE": "true"}


def run_python(
    script: str, *args: str, home: Home, env: Mapping[str, str], code: int = 0
) -> subprocess.CompletedProcess[bytes]:
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), *args],
        env=home.environment(env),
        cwd=home.path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == code, run
    return run


def loaded_by(
    *args: str, home: Home, env: Mapping[str, str] | None = None, code: int = 0
) -> set[str]:
    """Run the program and return the names of the top-level modules that it has loaded."""
    record = home.path / "loaded"
    run_python(RECORDER, *args, home=home, env={"LOADED": str(record), **(env or {})}, code=code)
    return recorded_in(record)


def recorded_in(record: Path) -> set[str]:
    """Return the names of the top-level modules in a file that the program has written."""
    return {name.partition(".")[0] for name in record.read_text("utf-8").splitlines()}


def test_the_recorder_sees_what_is_loaded(home: Home) -> None:
    assert {"newapi_cli", "sys"} <= loaded_by("--version", home=home)


@pytest.mark.parametrize("flag", ["--version", "-V"])
def test_the_version_loads_next_to_nothing(flag: str, home: Home) -> None:
    loaded = loaded_by(flag, home=home)
    assert loaded.isdisjoint({*HEAVY, "typer", "platformdirs", "tomlkit", "tomllib", "json", "ssl"})


@pytest.mark.parametrize(
    ("typed", "position"),
    [("newapi ch", "1"), ("newapi chat -m gp", "3"), ("newapi chat --ba", "2"), ("newapi ", "1")],
)
def test_completion_loads_no_heavy_library(typed: str, position: str, home: Home) -> None:
    env = {"_NEWAPI_COMPLETE": "complete_bash", "COMP_WORDS": typed, "COMP_CWORD": position}
    assert loaded_by(home=home, env=env).isdisjoint(HEAVY)


def test_completion_completes(home: Home) -> None:
    env = {"_NEWAPI_COMPLETE": "complete_bash", "COMP_WORDS": "newapi ch", "COMP_CWORD": "1"}
    record = {"LOADED": str(home.path / "loaded")}
    assert run_python(RECORDER, home=home, env={**env, **record}).stdout.split() == [b"chat"]


@pytest.mark.parametrize(
    "args", [["--help"], ["chat", "--help"], ["config", "--help"]], ids=" ".join
)
def test_help_loads_nothing_but_its_painter(args: list[str], home: Home) -> None:
    loaded = loaded_by(*args, home=home)
    assert loaded.isdisjoint(set(HEAVY) - {"rich"})


@pytest.mark.parametrize("args", [["config", "path"], ["config", "list"]], ids=" ".join)
def test_a_look_at_the_configuration_loads_no_network(args: list[str], home: Home) -> None:
    assert loaded_by(*args, home=home).isdisjoint({*HEAVY, "ssl"})


def test_an_answer_into_a_pipe_loads_nothing_to_paint_with(home: Home) -> None:
    with DemoGateway(pace_s=0) as gateway:
        env = {**KEY, "NEWAPI_BASE_URL": gateway.base_url}
        loaded = loaded_by("chat", "hi", home=home, env=env)
        assert len(chats(gateway)) == 1
    assert "sqlite3" in loaded  # what is asked is stored
    assert loaded.isdisjoint({*HEAVY, *PAINTERS, "tomlkit"} - {"sqlite3"})


def test_an_answer_loads_nothing_that_reads_errors_or_writes_other_forms(home: Home) -> None:
    record = home.path / "loaded"
    with DemoGateway(pace_s=0) as gateway:
        env = {**KEY, "NEWAPI_BASE_URL": gateway.base_url, "LOADED": str(record)}
        run_python(RECORDER, "chat", "-n", "hi", home=home, env=env)
    names = record.read_text("utf-8").splitlines()
    assert {name.rpartition(".")[2] for name in names if ".api.errors." in name} <= {
        "body", "error_object", "explain", "failures"
    }  # fmt: skip
    assert {name.rpartition(".")[2] for name in names if ".render." in name} <= {
        "plain", "renderer", "sanitizer", "status_lines", "units"
    }  # fmt: skip


def test_a_priced_answer_loads_only_what_its_cost_needs(home: Home) -> None:
    record = home.path / "loaded"
    with DemoGateway(pace_s=0) as gateway:
        env = {**KEY, "NEWAPI_BASE_URL": gateway.base_url, "LOADED": str(record)}
        for _ in range(2):  # the first one fetches the prices and the log
            run_python(RECORDER, "chat", "hi", home=home, env=env)
    loaded = set(record.read_text("utf-8").splitlines())
    assert {"newapi_cli.domain.pricing", "newapi_cli.domain.rates"} <= loaded
    assert loaded.isdisjoint(
        {
            "newapi_cli.api.gateway.key_log",
            "newapi_cli.app.gateway.key_record",
            "newapi_cli.domain.finish_reasons",
        }
    )


def test_an_answer_that_is_not_saved_loads_no_store(home: Home) -> None:
    with DemoGateway(pace_s=0) as gateway:
        env = {**KEY, "NEWAPI_BASE_URL": gateway.base_url}
        assert loaded_by("chat", "-n", "hi", home=home, env=env).isdisjoint(HEAVY)


def test_an_http_error_of_a_direct_connection_loads_no_httpx(home: Home) -> None:
    with FaultServer([Send(response(401, error("Invalid token")))]) as server:
        env = {**KEY, "NEWAPI_BASE_URL": server.url}
        loaded = loaded_by("chat", "-n", "hi", home=home, env=env, code=4)
        assert len(server.requests) == 1
    assert loaded.isdisjoint(HEAVY)


@pytest.mark.parametrize(
    ("script", "code"),
    [([Reset()], 5), ([Send(b"SSH-2.0-x\r\n")], 6)],
    ids=["reset", "no HTTP"],
)
def test_a_direct_connection_that_breaks_loads_no_httpx(
    script: list[Step], code: int, home: Home
) -> None:
    with FaultServer(script) as server:
        env = {**KEY, "NEWAPI_BASE_URL": server.url, "NEWAPI_RETRIES": "0"}
        loaded = loaded_by("chat", "-n", "hi", home=home, env=env, code=code)
        assert len(server.requests) == 1
    assert loaded.isdisjoint(HEAVY)


def test_a_refused_connection_loads_no_httpx(home: Home) -> None:
    with socket.socket() as bound:  # and not listening
        bound.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{bound.getsockname()[1]}"
        env = {**KEY, "NEWAPI_BASE_URL": url, "NEWAPI_RETRIES": "0"}
        assert loaded_by("chat", "-n", "hi", home=home, env=env, code=5).isdisjoint(HEAVY)


def test_a_host_of_no_proxy_is_connected_to_without_httpx(home: Home) -> None:
    with FaultServer() as proxy:
        env = {
            **KEY,
            **REMOTE,
            "NEWAPI_RETRIES": "0",
            "HTTP_PROXY": proxy.url,
            "NO_PROXY": "gateway.invalid",
        }
        loaded = loaded_by("chat", "-n", "hi", home=home, env=env, code=5)
        assert proxy.connections == []
    assert loaded.isdisjoint(HEAVY)


def test_only_a_proxy_loads_httpx(home: Home) -> None:
    with FaultServer(sse(*answer_events("ok"))) as proxy:
        env = {**KEY, **REMOTE, "HTTP_PROXY": proxy.url}
        loaded = loaded_by("chat", "-n", "hi", home=home, env=env)
        assert len(proxy.requests) == 1
    assert "httpx" in loaded


def test_a_request_that_cannot_be_made_loads_no_network(home: Home) -> None:
    assert loaded_by("chat", "hi", home=home, code=3).isdisjoint(set(HEAVY) - {"sqlite3"})


def test_the_request_leaves_before_what_shows_the_answer_is_loaded(home: Home) -> None:
    record = home.path / "loaded"
    with DemoGateway(pace_s=0) as gateway:
        env = {**KEY, "NEWAPI_BASE_URL": gateway.base_url, "LOADED": str(record)}
        command = [sys.executable, "-c", WATCHER, "chat", "hi"]
        with Terminal(command, home=home, env=env) as terminal:
            assert terminal.wait_exit() == 0
        assert len(chats(gateway)) == 1
    loaded = recorded_in(record)
    assert {"newapi_cli", "sqlite3", "ssl"} <= loaded
    assert loaded.isdisjoint({*HEAVY, *PAINTERS, "tomlkit", "hashlib"} - {"sqlite3"})


def test_no_module_of_ours_does_its_work_when_it_is_imported() -> None:
    package = Path(__file__).parent.parent / "newapi_cli"
    names = [
        ".".join(path.relative_to(package.parent).with_suffix("").parts)
        for path in package.rglob("*.py")
    ]
    names = [name.removesuffix(".__init__") for name in names]
    script = f"import importlib\nfor name in {names!r}: importlib.import_module(name)"
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
        cwd=package.parent,
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, b"", b"")
