"""The key is in no output and in no file but the config, whatever fails.

Each command on the help page runs against a server that repeats the key wherever it can. More ways
in which it could be shown are tested in `tests/secrets`.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Sequence

import pytest

from tests.promises.conftest import ANSWER
from tests.repl.conversation import CTRL_C, ENTER, conversation, part_then_silence
from tests.support.connection import Request
from tests.support.fault_server import FaultServer
from tests.support.home import CANARY, CANARY_TRACE, Home
from tests.support.observed import observe
from tests.support.process import newapi_command
from tests.support.steps import Send, Step, sse
from tests.support.terminal import Terminal
from tests.support.wire import chunk, error, event, response

BARE = CANARY.removeprefix("sk-")  # the form in which New API repeats keys
REPEATED = [("X-Oneapi-Request-Id", BARE), ("CF-Ray", CANARY)]
BUG = """
import os, sys
from newapi_cli.{package} import {owner}
def fail(*_, **__):
    key = os.environ["PLANTED"]
    try:
        raise ValueError({{"Authorization": "Bearer " + key}})
    except ValueError as error:
        raise RuntimeError(key, key[3:], key.encode()) from error
{owner}.{function} = fail
from newapi_cli.cli.main import run
from newapi_cli.streams import streams_of_process
raise SystemExit(run(sys.argv[1:], streams_of_process()))
"""
CRASHES = [
    ("app", "turn", "Turn"),
    ("api.http", "connection", "Connection"),
    ("api.chat", "client", "Exchange"),
    ("render", "plain", "PlainRenderer"),
]
COMMANDS: Sequence[tuple[int, list[str]]] = (
    (0, ["chat", "-v", "-u", "--debug", "hi"]),
    (0, ["chat", "-c", "--json", "hi"]),
    (0, ["chat", "--json", "--stream", "hi"]),
    (0, ["chat", "--curl", "-v", "hi"]),
    (0, ["models", "-v", "--debug"]),
    (0, ["models", "--prices", "--json", "--refresh"]),
    (6, ["balance", "-v", "--debug"]),
    (0, ["usage", "--by", "model"]),
    (6, ["usage", "--exact", "-v", "--debug"]),
    (0, ["doctor", "--yes", "-v", "--debug"]),
    (0, ["doctor", "--json"]),
    (0, ["demo", "-v", "hi"]),
    (0, ["completion", "bash"]),
    (0, ["sessions", "list", "--json"]),
    (0, ["sessions", "show"]),
    (0, ["sessions", "search", "Paris"]),
    (0, ["sessions", "export", "--jsonl", "--all"]),
    (0, ["sessions", "export"]),
    (0, ["sessions", "rename", "last", "a title"]),
    (0, ["sessions", "import", "export.json"]),
    (0, ["sessions", "path"]),
    (0, ["config", "list", "--all", "-v"]),
    (0, ["config", "list", "--json"]),
    (0, ["config", "get", "api_key"]),
    (0, ["config", "set", "temperature", "1"]),
    (0, ["config", "unset", "temperature"]),
    (2, ["config", "set", "api_key", CANARY]),
    (0, ["config", "path"]),
    (0, ["config", "edit"]),
    (0, ["sessions", "rm", "last", "--yes"]),
    (0, ["--help"]),
    (0, ["login", "URL", "--stdin", "-v", "--debug"]),
    (0, ["logout", "-v", "--debug"]),
)


def repeat_the_key(request: Request) -> list[Step]:
    """Return an answer with the key in every field that can hold it."""
    if request.method == "GET":
        models = [{"id": "test-model", "owned_by": BARE}, {"id": CANARY}, {"id": f"x-{BARE}"}]
        return [Send(response(200, {"data": models}, headers=REPEATED))]
    named = {"model": CANARY, "id": BARE, "system_fingerprint": BARE}
    return sse(
        event(chunk(ANSWER) | named),
        event(chunk(finish="stop") | named),
        b"data: [DONE]\n\n",
        headers=REPEATED,
    )


def commands_of_help(home: Home) -> set[str]:
    """Return the commands on the help pages, those of groups as two words."""
    commands = set()
    for command in _named_in(observe("--help", home=home).text):
        inner = _named_in(observe(command, "--help", home=home).text)
        commands |= {f"{command} {each}" for each in inner} or {command}
    return commands


def _named_in(page: str) -> list[str]:
    listed = page.partition(" Commands ─")[2].partition("╰")[0]
    return re.findall(r"^│ (\w+)  ", listed, re.MULTILINE)


def test_no_command_shows_it(home: Home, server: FaultServer) -> None:
    server.answer_with(repeat_the_key)
    assert observe("chat", "hi", home=home).code == 0
    exported = observe("sessions", "export", "--json", home=home)
    (home.path / "export.json").write_bytes(exported.out)
    env = {"EDITOR": "true"}
    for code, args in COMMANDS:
        words = [server.url if word == "URL" else word for word in args]
        if "last" in words:
            listed = json.loads(observe("sessions", "list", "--json", home=home).text)
            words[words.index("last")] = listed[0]["id"]
        stdin = CANARY.encode() if "URL" in args else b""
        result = observe(*words, home=home, stdin=stdin, env=env)
        assert result.code == code, result
        assert BARE not in result.text + result.err
        if "-v" in words and "--debug" in words and words[0] in ("chat", "models"):
            assert "****" in result.err + result.text  # the masked key was shown
    tried = {" ".join(args[:2]) for _, args in COMMANDS} | {args[0] for _, args in COMMANDS}
    assert commands_of_help(home) - tried == set()
    holding = [p for p in home.path.rglob("*") if p.is_file() and CANARY_TRACE in p.read_bytes()]
    assert holding == []  # the last command was a logout


def test_no_failure_shows_it(home: Home, server: FaultServer) -> None:
    message = f"Invalid token {CANARY}, {BARE}!"
    failures: list[tuple[int, list[Step]]] = [
        (4, [Send(response(401, error(message), headers=REPEATED, reason=BARE))]),
        (6, [Send(response(302, headers=[("Location", f"https://x.example/?key={BARE}")]))]),
        (7, [Send(response(429, error(message, code=BARE), headers=[("Retry-After", BARE)]))]),
        (6, [Send(response(502, f"<title>{message}</title>", content_type="text/html"))]),
        (6, sse(event(chunk("Par")), event(error(message)))),
        (9, sse(event(chunk("Par")), f"data: {{{BARE}\n\n".encode())),
        (6, [Send(f"HTTP/9 {CANARY}\r\n\r\n".encode())]),
    ]
    for code, script in failures:
        server.add(*script)
        result = observe("chat", "-v", "--debug", "hi", home=home)
        assert (result.code, BARE in result.err) == (code, False), result


def test_a_key_that_is_invalid_in_a_header_is_not_shown(home: Home, server: FaultServer) -> None:
    server.answer_with(repeat_the_key)
    commands = (
        (3, ["chat", "-v", "--debug", "hi"]),
        (3, ["doctor", "-v"]),
        (0, ["config", "list"]),
    )
    for bad in (f"{CANARY}\n{BARE}", f"“{CANARY}”", f"{CANARY}\0"):
        home.configure(server.url, api_key=bad)
        for code, args in commands:
            result = observe(*args, home=home)
            assert (result.code, BARE in result.err + result.text) == (code, False), result
    assert [request for request in server.requests if request.header("Authorization")] == []


@pytest.mark.parametrize("flags", [[], ["--debug"]], ids=["plain", "debug"])
@pytest.mark.parametrize("crash", CRASHES, ids=lambda crash: crash[2])
@pytest.mark.usefixtures("server")
def test_a_crash_shows_its_place_and_not_the_key(
    home: Home, crash: tuple[str, str, str], flags: list[str]
) -> None:
    package, owner, function = crash
    script = BUG.format(package=package, owner=owner, function=function)
    # `observe` fails on any traceback; here `--debug` prints one.
    done = subprocess.run(
        [sys.executable, "-c", script, "chat", "-v", *flags, "hi"],
        capture_output=True,
        env=home.environment({"PLANTED": CANARY}),
        cwd=home.path,
        timeout=30,
        check=False,
    )
    err = done.stderr.decode()
    assert done.returncode == 1, err
    assert BARE[:16] not in err + done.stdout.decode()
    assert home.files_holding() == []
    assert "a bug in newapi (RuntimeError" in err
    assert ("Traceback" in err) == bool(flags)
    assert ("--debug" in err) != bool(flags)


def test_a_terminal_and_a_conversation_neither_show_nor_store_it(
    home: Home, server: FaultServer
) -> None:
    rejection = [Send(response(401, error(f"no: {BARE}"), headers=REPEATED))]
    server.answer_with(repeat_the_key)
    with Terminal(newapi_command("models", "-v"), home=home) as terminal:
        assert terminal.wait_exit() == 0
    commands = ("/help", "/model", "/profile", "/system", "/set", "/usage", "/balance", "/sessions",
                "/thinking", "/copy", "/save talk.md", "/retry", "/fork", "/nonsense")  # fmt: skip
    with conversation(home, "chat", "-v", "-u", "--debug", columns=100, rows=60) as repl:
        repl.enter("one")
        for command in commands:
            repl.enter(command)
        server.add(*rejection)
        repl.enter("two")
        server.add(*part_then_silence())
        repl.type("three" + ENTER)
        repl.terminal.wait_for("Paris is the capital.")
        repl.type(CTRL_C)
        repl.wait_for_line()
        repl.leave()
        assert CANARY_TRACE not in repl.terminal.raw
    assert "three" in (home.newapi_home / "data" / "history").read_text("utf-8")
    assert home.files_holding() == []
