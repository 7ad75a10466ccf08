"""What a run loads, and when: nothing that it does not need, and not before the request."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path

import pytest

from newapi_cli.demo.server import DemoGateway
from tests.support.demo import chats
from tests.support.home import Home

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

# Looks, at the moment when httpx is first asked for, whether the request has arrived.
WATCHER = """
import os, socket, sys

listener = socket.create_server(("127.0.0.1", 0))
listener.settimeout(5)
state = {}

def watch(event, arguments):
    if event == "import" and arguments[0] == "httpx" and not state:
        state["arrived"] = False
        connection, _ = listener.accept()
        connection.settimeout(5)
        request = b""
        while b'"messages"' not in request:
            request += connection.recv(65536)
        state["arrived"] = True
        state["connection"] = connection
        body = b'data: {"choices":[{"delta":{"content":"ok"},"finish_reason":"stop"}]}\\n\\n'
        connection.sendall(b"HTTP/1.1 200 OK\\r\\nConnection: close\\r\\n\\r\\n" + body)
        connection.shutdown(socket.SHUT_WR)

sys.addaudithook(watch)
os.environ["NEWAPI_BASE_URL"] = f"http://127.0.0.1:{listener.getsockname()[1]}"
from newapi_cli.cli.main import run
from newapi_cli.streams import streams_of_process

code = run(["chat", "--timeout", "10", "hi"], streams_of_process())
print(code, state.get("arrived"), "httpx" in sys.modules)
"""

HEAVY = ("httpx", "rich", "prompt_toolkit", "sqlite3", "asyncio", "pydantic")
KEY = {"NEWAPI_API_KEY": "sk-x", "NEWAPI_MODEL": "demo"}


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


def loaded_by(*args: str, home: Home, env: Mapping[str, str] | None = None) -> set[str]:
    """Run the program and give the names of the top-level modules that it has loaded."""
    record = home.path / "loaded"
    run_python(RECORDER, *args, home=home, env={"LOADED": str(record), **(env or {})})
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
    assert "httpx" in loaded
    assert "sqlite3" in loaded  # what is asked is stored
    assert loaded.isdisjoint({*HEAVY, "tomlkit", "markdown_it", "pygments"} - {"httpx", "sqlite3"})


def test_an_answer_that_is_not_saved_loads_no_store(home: Home) -> None:
    with DemoGateway(pace_s=0) as gateway:
        env = {**KEY, "NEWAPI_BASE_URL": gateway.base_url}
        loaded = loaded_by("chat", "-n", "hi", home=home, env=env)
    assert "httpx" in loaded
    assert "sqlite3" not in loaded


def test_a_request_that_cannot_be_made_loads_no_network(home: Home) -> None:
    record = home.path / "loaded"
    run_python(RECORDER, "chat", "hi", home=home, env={"LOADED": str(record)}, code=3)
    assert "httpx" not in record.read_text("utf-8").splitlines()


def test_the_request_has_arrived_before_httpx_is_loaded(home: Home) -> None:
    run = run_python(WATCHER, home=home, env=KEY)
    assert run.stdout.decode().splitlines() == ["ok", "0 True True"], run.stderr.decode()


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
