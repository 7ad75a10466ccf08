"""More ways in which the key could be shown than `tests/promises` tries for every command.

The server sends the key back in every field that the program could show. The model's own text is
exempt: it is printed unchanged.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.repl.conversation import conversation
from tests.support.fault_server import FaultServer
from tests.support.home import CANARY, Home
from tests.support.process import Environment, newapi_command, run_newapi
from tests.support.sample_files import PNG
from tests.support.steps import Send, Step, sse
from tests.support.wire import MODEL, answer_events, chunk, error, event, head, response

BARE = CANARY.removeprefix("sk-")  # the form in which New API repeats keys
TRACES = tuple(text.encode() for text in (CANARY, CANARY[:16], BARE[:16]))


def assert_secret(home: Home, *outputs: bytes, stored_in: Sequence[Path] = ()) -> None:
    """Fail if the key or its beginning is in an output, or in a file that does not store it."""
    for output in outputs:
        assert [trace for trace in TRACES if trace in output] == [], output
    own = {home.config_file, *stored_in}
    files = {path for trace in TRACES for path in home.files_holding(trace)}
    assert files - own == set()


def run(
    home: Home,
    *args: str,
    stdin: bytes = b"",
    env: Environment | None = None,
    stored_in: Sequence[Path] = (),
) -> tuple[int, str]:
    """Run the program, check that the key is secret, and return exit code and stderr."""
    result = run_newapi(*args, home=home, stdin=stdin, env=env)
    assert_secret(home, result.out, result.err.encode(), stored_in=stored_in)
    return result.code, result.err


def responses_with(key: str) -> dict[str, tuple[list[Step], int]]:
    """Return responses that repeat the key, each with the exit code of `chat`."""
    message = f"Invalid token: {key}!"
    identified = [("X-Oneapi-Request-Id", key)]
    text = answer_events("Paris.")
    named = [
        event(chunk("Paris.") | {"model": key, "id": key}),
        event(chunk(finish="stop") | {"model": key}),
        b"data: [DONE]\n\n",
    ]
    return {
        "message": ([Send(response(401, error(message)))], 4),
        "message with an id": ([Send(response(401, error(f"no (request id: {key})")))], 4),
        "code and type": ([Send(response(400, error("no", f"{key}_error", key)))], 6),
        "quota": ([Send(response(403, error(message, code="insufficient_user_quota")))], 7),
        "limit": ([Send(response(429, error(message)))], 7),
        "server error": ([Send(response(500, error(message)))], 6),
        "model": ([Send(response(503, error(f"no channel for {key}", code="model_not_found")))], 6),
        "other shapes": ([Send(response(400, {"detail": message}))], 6),
        "text": ([Send(response(502, message, content_type="text/plain"))], 6),
        "long text": ([Send(response(502, "x" * 280 + key, content_type="text/plain"))], 6),
        "long title": (
            [Send(response(200, f"<html><title>{'x' * 180}{key}", content_type="text/html"))],
            6,
        ),
        "id": ([Send(response(400, error("no"), headers=identified))], 6),
        "cf-ray": ([Send(response(400, error("no"), headers=[("CF-Ray", key)]))], 6),
        "id of an answer": (sse(*text, headers=identified), 0),
        "location": ([Send(response(302, headers=[("Location", f"https://x.invalid/{key}")]))], 6),
        "content type parameter": (sse(*text, content_type=f"text/event-stream; x={key}"), 0),
        "content type": ([Send(response(200, b"?", content_type=key))], 6),
        "protocol": ([Send(f"HTTP/9 {key}\r\n\r\n".encode())], 6),
        "long protocol": ([Send(f"{'x' * 240}{key}\r\n\r\n".encode())], 6),
        "encoding": ([Send(head(200, [("Content-Encoding", key)]) + b"x")], 6),
        "error alone": (sse(event({"error": key})), 6),
        "filter": (sse(event(chunk("Par", finish="content_filter") | {"id": key})), 6),
        "model and id of an answer": (sse(*named), 0),
        "finish": (sse(event(chunk("Paris.", finish=key)), b"data: [DONE]\n\n"), 0),
        "garbage": (sse(event(chunk("Par")), f"data: {{{key}\n\n".encode(), end=False), 9),
    }


IN_JSON = ("message", "id of an answer", "filter", "model and id of an answer", "finish", "garbage")


# -- a server that repeats the key -------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "key", "args"),
    [
        *((name, BARE, ["-v", "-u", "--debug"]) for name in responses_with("")),
        *((name, CANARY, ["--json", "-v"]) for name in IN_JSON),
        *((name, BARE, ["--json", "--stream"]) for name in ("message", "id of an answer")),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else value.replace(BARE, "key"),
)
def test_a_server_cannot_make_the_program_show_the_key(
    home: Home, name: str, key: str, args: list[str]
) -> None:
    script, code = responses_with(key)[name]
    with FaultServer(script) as server:
        home.configure(server.url, retries=0)
        assert run(home, "chat", *args, "hi")[0] == code


def test_retries_do_not_show_it(home: Home) -> None:
    scripts = [
        responses_with(BARE)[name][0] for name in ("limit", "server error", "id of an answer")
    ]
    with FaultServer(*scripts) as server:
        home.configure(server.url, retries=2)
        code, err = run(home, "chat", "-v", "hi")
    assert (code, err.count("; retrying in ")) == (0, 2)


@pytest.mark.parametrize("name", ["message", "id", "long title"])
def test_models_does_not_show_it(home: Home, name: str) -> None:
    script, code = responses_with(BARE)[name]
    with FaultServer(script) as server:
        home.configure(server.url, retries=0)
        assert run(home, "models", "-v")[0] == code


def test_request_fields_attachments_and_tool_calls_are_stored_without_it(home: Home) -> None:
    picture = home.path / f"{CANARY}.png"
    picture.write_bytes(PNG)
    call = {
        "index": 0,
        "id": f"call_{CANARY}",
        "type": "function",
        "function": {"name": "look_up", "arguments": json.dumps({"authorization": CANARY})},
    }
    answer = sse(
        event(chunk("Paris.")),
        event(chunk(delta={"tool_calls": [call]})),
        event(chunk(finish="tool_calls")),
        b"data: [DONE]\n\n",
    )
    with FaultServer(answer) as server:
        home.configure(server.url)
        options = ("-o", f'user="{CANARY}"', "--stop", CANARY, "-f", str(picture))
        assert run_newapi("chat", *options, "hi", home=home).code == 0
        assert CANARY.encode() in server.requests[0].body  # it is sent as it was given
    exported = run_newapi("sessions", "export", "--json", home=home)
    assert b"look_up" in exported.out
    picture.unlink()
    assert_secret(home, exported.out)


def test_the_text_of_the_model_is_printed_unchanged(home: Home) -> None:
    with FaultServer(sse(*answer_events(f"Your key is {CANARY}."))) as server:
        home.configure(server.url)
        completed = subprocess.run(
            newapi_command("chat", "hi"), capture_output=True, env=home.environment(), check=True
        )
    assert completed.stdout.decode() == f"Your key is {CANARY}.\n"
    assert_secret(home, completed.stderr)


# -- the sources of the key ------------------------------------------------------------------


def store_key(
    home: Home, url: str, source: str, key: str = CANARY
) -> tuple[Environment, list[Path]]:
    """Store the key in a source; return the environment and the files that hold it."""
    file = home.path / "stored-key"
    if source == "config":
        home.configure(url, api_key=key, retries=0)
    elif source == "environment":
        home.configure(url, api_key="", retries=0)
        return {"NEWAPI_API_KEY": key}, []
    elif source == "OpenAI":
        return {"OPENAI_API_KEY": key, "OPENAI_BASE_URL": url, "NEWAPI_RETRIES": "0"}, []
    elif source == "file":
        home.configure(url, api_key="", api_key_file=str(file), retries=0)
    else:
        home.configure(url, api_key="", api_key_command=f"cat '{file}'", retries=0)
    if source in ("file", "command"):
        file.write_text(f"{key}\n", "utf-8")
        return {}, [file]
    return {}, []


@pytest.mark.parametrize("source", ["config", "environment", "OpenAI", "file", "command"])
def test_a_key_from_every_source_is_secret(home: Home, source: str) -> None:
    scripts = [responses_with(BARE)[name][0] for name in ("id of an answer", "message")]
    with FaultServer(*scripts) as server:
        env, files = store_key(home, server.url, source)
        args = ("-v", "--debug", "-m", MODEL, "hi")
        assert run(home, "chat", *args, env=env, stored_in=files)[0] == 0
        assert run(home, "chat", *args, env=env, stored_in=files)[0] == 4
        assert server.requests[0].header("Authorization") == f"Bearer {CANARY}"
        for command in (
            ["chat", "--curl", "-m", MODEL, "hi"],
            ["config", "list", "--all", "-v"],
            ["config", "list", "--json"],
        ):
            assert run(home, *command, env=env, stored_in=files)[0] == 0


@pytest.mark.parametrize(
    "line",
    [
        f'api_key_file = "{CANARY}"',
        f'api_key_command = "echo {CANARY}"',
        f'api_key_command = "exit 3 # {CANARY}"',
        f'{CANARY} = "x"',
        f'"{CANARY}" = "x"',
        f"api_key = {CANARY}",
        f'api_key = "{CANARY}',
        f'api_key = ["{CANARY}"]',
        f'base_url = "{CANARY}"',
        f'base_url = "https://{CANARY}@gateway.invalid"',
        f'temperature = "{CANARY}"',
        f'proxy = "http://me:{CANARY}@127.0.0.1:9"',
        f'[profiles."{CANARY}"]',
    ],
    ids=lambda line: line.replace(CANARY, "KEY"),
)
@pytest.mark.parametrize("args", [["config", "list"], ["chat", "hi"]], ids=["list", "chat"])
def test_a_misplaced_key_in_the_config_file_is_not_shown(
    home: Home, line: str, args: list[str]
) -> None:
    home.newapi_home.mkdir(mode=0o700)
    base = "" if line.startswith("base_url") else 'base_url = "http://127.0.0.1:9"\n'
    text = f'default_profile = "test"\n[profiles.test]\n{base}model = "m"\nretries = 0\n{line}\n'
    home.config_file.write_text(text, "utf-8")
    home.config_file.chmod(0o600)
    code, _ = run(home, *args)
    assert code in (0, 3, 5)


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (["config", "get", CANARY], 2),
        (["config", "unset", CANARY], 2),
        (["login", CANARY], 2),
        (["login", f"https://{CANARY}@gateway.invalid"], 2),
        (["login", f'{{"_type":"newapi_channel_conn","key":"{CANARY}","url":'], 2),
        (["chat", "--api-key", CANARY, "hi"], 2),
        (["chat", f"--api-key={CANARY}", "hi"], 2),
        (["chat", "-P", CANARY, "hi"], 3),
        ([CANARY], 2),
        (["chat", "-t", CANARY], 2),
    ],
    ids=lambda value: " ".join(value[:2]).replace(CANARY, "KEY") if isinstance(value, list) else "",
)
def test_a_misplaced_key_on_the_command_line_is_not_shown(
    home: Home, args: list[str], code: int
) -> None:
    home.configure("https://gateway.invalid")
    assert run(home, *args)[0] == code


# -- login and logout -------------------------------------------------------------------------


def test_login_and_logout_with_a_bare_key_do_not_show_it(home: Home) -> None:
    key = BARE.encode()
    body: dict[str, object] = {"data": [{"id": "good"}, {"id": f"other-{BARE}"}]}
    with FaultServer([Send(response(200, body))]) as server:
        code, err = run(home, "login", server.url, "--stdin", "-v", stdin=key)
        assert (code, key in home.config_file.read_bytes()) == (0, True), err
    assert run(home, "logout", "-v")[0] == 0
    assert key not in home.config_file.read_bytes()


@pytest.mark.parametrize(
    ("name", "key"), [("message", BARE), ("long title", CANARY), ("protocol", BARE)]
)
def test_a_failed_login_does_not_show_it(home: Home, name: str, key: str) -> None:
    script, code = responses_with(BARE)[name]
    with FaultServer(script) as server:
        args = ("login", server.url, "--stdin", "-v", "--debug", "--retries", "0")
        assert run(home, *args, stdin=key.encode())[0] == code
    assert not home.config_file.exists()


# -- the conversation -------------------------------------------------------------------------


def test_a_line_with_the_key_is_not_in_the_history_whatever_its_form(home: Home) -> None:
    key = "abcdefQ3wE5rT7yU9iO1pA2sD4fG6hJ8kL0zX"
    with FaultServer(answer=lambda _: sse(*answer_events("Yes."))) as server:
        home.configure(server.url, api_key=key)
        with conversation(home) as repl:
            repl.enter(f"is {key} good?")
            repl.enter("kept")
            repl.leave()
    text = (home.newapi_home / "data" / "history").read_text("utf-8")
    assert "kept" in text
    assert key not in text
