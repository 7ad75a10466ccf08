"""Headers of a profile: sent to its host only, and masked wherever they are shown.

Realiserad/fish-ai#462.
"""

from __future__ import annotations

import json
import sqlite3
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.doctor.doctor_runs import run_doctor
from tests.support.cases import each
from tests.support.fault_server import FaultServer
from tests.support.home import CANARY, Home
from tests.support.process import Environment, Result, run_newapi
from tests.support.steps import BeforeReading, ReadHead, Send, sse
from tests.support.wire import answer_events, error, response

ID = "access-id-7qXw2LmT9cRb4NzK"
SECRET = "access-secret-s8YdHf3GjPe6UaQ1"
BY_COMMAND = "by-command-tMo5vBxWiKq8Zr2"
HEADERS = f"""
[profiles.test.headers]
CF-Access-Client-Id = "{ID}"
CF-Access-Client-Secret = "{SECRET}"
X-Team = {{ command = "echo {BY_COMMAND[:10]}; echo second line" }}
""".replace(f"echo {BY_COMMAND[:10]};", f"printf '%s%s\\\\n' {BY_COMMAND[:10]} {BY_COMMAND[10:]};")
ANSWER = sse(*answer_events("Paris"))
MODELS: dict[str, object] = {"object": "list", "data": [{"id": "test-model"}]}


@pytest.fixture
def server() -> Iterator[FaultServer]:
    """Return a server that lists a model, and answers."""

    def answer(request: object) -> list[object]:
        path = getattr(request, "path", "")
        return [Send(response(200, MODELS))] if path.endswith("/models") else [*ANSWER]

    with FaultServer(answer=answer) as running:  # type: ignore[arg-type]
        yield running


def configure(home: Home, url: str, headers: str = HEADERS, **settings: str | bool) -> Home:
    """Write a profile with headers."""
    home.configure(url, retries=0, **settings)
    with home.config_file.open("a") as file:
        file.write(headers)
    return home


def run(home: Home, *args: str, env: Environment | None = None, stdin: bytes = b"") -> Result:
    """Run; no value of a header may be printed."""
    result = run_newapi(*args, home=home, env=env, stdin=stdin)
    for value in (ID, SECRET, BY_COMMAND):
        assert value not in result.text + result.err, result
        assert value[:-4] not in result.text + result.err, result
    return result


def test_each_request_to_the_host_has_the_headers(home: Home, server: FaultServer) -> None:
    configure(home, server.url)
    assert run(home, "chat", "hi").text == "Paris\n"
    assert run(home, "models", "--refresh").text == "test-model\n"
    assert len(server.requests) == 2
    for request in (*server.requests, *server.api_requests):
        assert request.header("CF-Access-Client-Id") == ID
        assert request.header("CF-Access-Client-Secret") == SECRET
        assert request.header("X-Team") == BY_COMMAND
    for request in server.requests:
        assert request.header("Authorization") == f"Bearer {CANARY}"


def test_headers_can_replace_the_key(home: Home, server: FaultServer) -> None:
    configure(home, server.url, f'headers = {{ api-key = "{SECRET}" }}\n', api_key="")
    assert run(home, "chat", "hi").text == "Paris\n"
    [request] = server.requests
    assert (request.header("api-key"), request.header("Authorization")) == (SECRET, None)
    assert run(home, "models", "--refresh").text == "test-model\n"
    check = run_doctor(home, "--yes")
    assert check.failed == [], check.result
    command = run(home, "chat", "-n", "--curl", "hi").text
    assert "Authorization" not in command
    assert '--header "api-key: $HEADER_API_KEY"' in command


def test_authorization_can_be_of_another_kind(home: Home, server: FaultServer) -> None:
    configure(home, server.url, 'headers = { authorization = "Basic bWU6c2VjcmV0" }\n', api_key="")
    assert run(home, "chat", "hi").text == "Paris\n"
    assert server.requests[0].header("Authorization") == "Basic bWU6c2VjcmV0"


@pytest.mark.parametrize("name", ["Authorization", "authorization"])
def test_a_key_and_the_header_authorization_are_an_error(
    home: Home, server: FaultServer, name: str
) -> None:
    configure(home, server.url, f'headers = {{ {name} = "Basic bWU6c2VjcmV0" }}\n')
    result = run(home, "chat", "hi")
    assert (result.code, result.out) == (3, b""), result
    assert "both a key and the header Authorization are set" in result.err
    assert server.requests == []


def test_without_key_and_headers_no_key_is_set(home: Home, server: FaultServer) -> None:
    configure(home, server.url, "", api_key="")
    assert run(home, "chat", "hi").code == 3
    assert server.requests == []


@pytest.mark.parametrize("by", ["option", "variable"])
def test_another_host_gets_no_header(home: Home, server: FaultServer, by: str) -> None:
    configure(home, "https://own.example")
    env = {"NEWAPI_API_KEY": "sk-of-the-other-01"}
    args = ["chat", "hi"]
    if by == "option":
        args += ["--base-url", server.url]
    else:
        env["NEWAPI_BASE_URL"] = server.url
    assert run(home, *args, env=env).text == "Paris\n"
    for request in (*server.requests, *server.api_requests):
        assert request.header("CF-Access-Client-Id") is None
        assert request.header("X-Team") is None
    listed = run(home, "config", "list", env=env | {"NEWAPI_BASE_URL": server.url})
    assert (
        'note: the setting headers of profile "test" is for a host other than 127.0.0.1'
        in listed.err
    )


def test_headers_do_not_replace_the_key_of_another_host(home: Home, server: FaultServer) -> None:
    configure(home, "https://own.example", api_key="")
    assert run(home, "chat", "hi", "--base-url", server.url).code == 3
    assert server.connections == []


def test_a_redirect_is_not_followed(home: Home, server: FaultServer) -> None:
    with FaultServer(answer=lambda _: ANSWER) as other:
        configure(home, server.url)
        server.add(Send(response(302, headers=[("Location", f"{other.url}/v1/x")])))
        assert run(home, "chat", "hi").code == 6
        assert other.requests == []


def test_a_download_has_no_header(home: Home, server: FaultServer) -> None:
    configure(home, server.url)
    server.add(Send(response(200, "notes", content_type="text/plain")))
    assert run(home, "chat", "-f", f"{server.url}/notes.txt", "hi").text == "Paris\n"
    download, prompt = server.requests
    assert download.header("CF-Access-Client-Id") is None
    assert prompt.header("CF-Access-Client-Id") == ID


def test_a_proxy_gets_them_only_within_the_request(home: Home) -> None:
    connect = response(407, "no", content_type="text/plain")
    with FaultServer([BeforeReading(), ReadHead(), Send(connect)]) as proxy:
        configure(home, "https://gateway.invalid", proxy=proxy.url)
        assert run(home, "chat", "-n", "hi").code == 5
        [request] = proxy.requests
        assert request.method == "CONNECT"
        assert b"Access" not in request.head and b"Team" not in request.head


def test_they_are_not_sent_unencrypted(home: Home) -> None:
    configure(home, "http://gateway.invalid", api_key="")
    result = run(home, "chat", "hi")
    assert (result.code, result.out) == (3, b""), result
    assert "refusing to send the headers in clear text" in result.err


def test_of_the_environment_they_go_to_the_address_of_the_run(
    home: Home, server: FaultServer
) -> None:
    env = {"NEWAPI_BASE_URL": server.url, "NEWAPI_MODEL": "m",
           "NEWAPI_HEADERS": json.dumps({"api-key": SECRET})}  # fmt: skip
    assert run(home, "chat", "hi", env=env).text == "Paris\n"
    assert server.requests[0].header("api-key") == SECRET


def test_they_override_headers_that_are_not_needed(home: Home) -> None:
    with FaultServer(ANSWER) as server:
        configure(home, server.url, 'headers = { user-agent = "newapi/of-us", Cookie = "a=b" }\n')
        assert run(home, "chat", "hi").text == "Paris\n"
        [request] = server.requests
        assert request.header("User-Agent") == "newapi/of-us"
        assert request.header("Cookie") == "a=b"


# -- where they are shown ---------------------------------------------------------------------


def test_they_are_masked_in_lists(home: Home) -> None:
    configure(home, "https://own.example")
    for args in (["list"], ["list", "--json"], ["get", "headers"]):
        text = run(home, "config", *args).text
        assert "CF-Access-Client-Id" in text
        assert "****" in text


def test_doctor_shows_them_masked(home: Home, server: FaultServer) -> None:
    configure(home, server.url)
    text = run_doctor(home)["base URL"].text
    assert "with the headers CF-Access-Client-Id: ****" in text
    for value in (ID, SECRET, BY_COMMAND):
        assert value[:-4] not in text


def test_curl_names_variables_in_their_place_and_runs_no_command(home: Home) -> None:
    marker = home.path / "was-run"
    table = f'[profiles.test.headers]\nX-Id = "{ID}"\nX-T = {{ command = "touch {marker}" }}\n'
    configure(home, "https://own.example", table)
    result = run(home, "chat", "-n", "--curl", "hi")
    assert '--header "X-Id: $HEADER_X_ID" \\\n  --header "X-T: $HEADER_X_T"' in result.text
    assert '--header "Authorization: Bearer $NEWAPI_API_KEY"' in result.text
    assert "set HEADER_X_ID, HEADER_X_T to the values of the headers" in result.err
    assert not marker.exists()


def test_they_are_redacted_in_errors_of_the_server(home: Home, server: FaultServer) -> None:
    for status in (400, 401, 500):
        configure(home, server.url)
        server.add(Send(response(status, error(f"bad {SECRET} and {BY_COMMAND}"))))
        result = run(home, "chat", "-n", "--debug", "-v", "hi")
        assert result.code in (4, 6)
        assert "bad **** and ****" in result.err


def test_they_are_redacted_in_the_store(home: Home, server: FaultServer) -> None:
    configure(home, server.url)
    server.add(*sse(*answer_events(f"it is {SECRET} and {BY_COMMAND}")))
    run_newapi("chat", f"my id is {ID}", home=home)
    with sqlite3.connect(home.newapi_home / "data/sessions.db") as store:
        text = "\n".join(store.iterdump())
    assert "my id is ****" in text
    assert "it is **** and ****" in text
    for value in (ID, SECRET, BY_COMMAND):
        assert value not in text
        assert home.files_holding(value.encode()) == []


def test_public_headers_are_not_redacted_in_texts(home: Home, server: FaultServer) -> None:
    table = 'headers = { HTTP-Referer = "https://example.com/app", X-Title = "My Application" }\n'
    configure(home, server.url, table)
    server.add(*sse(*answer_events("My Application is at https://example.com/app")))
    assert run(home, "chat", "hi").code == 0
    shown = run(home, "sessions", "show").text
    assert "My Application is at https://example.com/app" in shown


# -- what cannot be sent ----------------------------------------------------------------------

INVALID = {
    '{"Host": "evil.example"}': "must not contain Host, which newapi sets itself",
    '{"content-length": "1"}': "must not contain content-length",
    '{"Transfer-Encoding": "chunked"}': "must not contain Transfer-Encoding",
    '{"Content-Type": "text/plain"}': "must not contain Content-Type",
    '{"Proxy-Authorization": "Basic x"}': "must not contain Proxy-Authorization",
    '{"Accept-Encoding": "gzip"}': "must not contain Accept-Encoding",
    '{"X Y": "1"}': "must have names of letters, digits and hyphens only",
    '{"": "1"}': "must have names of letters, digits and hyphens only",
    '{"X:": "1"}': "must have names of letters, digits and hyphens only",
    '{"X\\r\\nY": "1"}': "must have names of letters, digits and hyphens only",
    '{"X-中": "1"}': "must have names of letters, digits and hyphens only",
    '{"X": "1", "x": "2"}': "must not contain x twice",
    '{"X": "a-secret\\r\\nEvil: 1"}': "X contains a line break at position 9",
    '{"X": "a-secret\\u0000"}': "a string with a NUL",
    '{"X": "a-secret\\u001b"}': "X contains a control character at position 9",
    '{"X": "a-secret密"}': "X contains a character outside ASCII at position 9",
    '{"X": "a-secret“"}': "X contains a curly quote at position 9",
    '{"X": " "}': "must not have an empty value, as X has",
    '{"X": 1}': 'must be a table of strings or { command = "…" }',
    '{"X": {"file": "a-secret"}}': 'must be a table of strings or { command = "…" }',
    '{"X": {"command": 1}}': 'must be a table of strings or { command = "…" }',
    '{"X": {"command": "a", "b": "c"}}': 'must be a table of strings or { command = "…" }',
    '["X: a-secret"]': "must be a table of header names and values",
    "X=a-secret": "must be a table of header names and values",
    json.dumps({"X": "a-secret" * 2000}): "must not have a value of more than 8,192 characters",
}


@each(("text", "problem"), INVALID.items(), ids=[name[:40] for name in INVALID])
def test_an_invalid_header_is_not_stored(home: Home, text: str, problem: str) -> None:
    configure(home, "https://own.example", "")
    result = run(home, "config", "set", "headers", text)
    assert (result.code, result.out) == (2, b""), result
    if "NUL" not in problem:
        assert problem in result.err, result.err
    assert "a-secret" not in result.err
    assert "headers" not in home.config_file.read_text()


@each(
    ("value", "problem"),
    [
        ('"a-secret\\nEvil: 1"', "X contains a line break at position 9"),
        ('"a-secret密"', "X contains a character outside ASCII at position 9"),
        ('{ command = "printf a-secret密" }', "X contains a character outside ASCII"),
        ('{ command = "true" }', 'the command (header X of profile "test") printed nothing'),
        ('{ command = "exit 3" }', 'the command (header X of profile "test") failed (exit code 3)'),
        ('{ command = "true a-secret; exit 3" }', "failed (exit code 3)"),
        ("7", 'headers of profile "test" must be a table of strings or { command = "…" }'),
    ],
)
def test_a_header_that_cannot_be_sent_is_an_error(home: Home, value: str, problem: str) -> None:
    with FaultServer() as server:
        configure(home, server.url, f"headers = {{ X = {value} }}\n")
        result = run(home, "chat", "hi")
        assert (result.code, result.out) == (3, b""), result
        assert problem in result.err, result.err
        assert "a-secret;" not in result.err and "a-secret密" not in result.err
        assert run_doctor(home).result.code == 3
        assert server.requests == []


# -- commands of the program ------------------------------------------------------------------


def test_config_set_stores_them_and_warns(home: Home, server: FaultServer) -> None:
    configure(home, server.url, "")
    text = json.dumps({"X-Id": ID, "X-Team": {"command": f"echo {BY_COMMAND}"}})
    result = run_newapi("config", "set", "headers", text, home=home)
    assert result.code == 0, result
    assert "warning: a value on the command line is visible to other users" in result.err
    stored = tomllib.loads(home.config_file.read_text())["profiles"]["test"]["headers"]
    assert stored == json.loads(text)
    assert run(home, "chat", "hi").text == "Paris\n"
    assert server.requests[0].header("X-Team") == BY_COMMAND
    result = run(home, "config", "set", "headers", '{"X": {"command": "echo x"}}')
    assert (result.code, "warning" in result.err) == (0, False)
    assert run(home, "config", "unset", "headers").code == 0
    assert "headers" not in home.config_file.read_text()


def test_login_sends_them_and_leaves_them(home: Home, server: FaultServer) -> None:
    configure(home, server.url)
    result = run(home, "login", f"{server.url}/v1", "--stdin", stdin=b"sk-loginkeyA1b2C3d4")
    assert result.code == 0, result
    assert server.requests[0].header("CF-Access-Client-Secret") == SECRET
    assert SECRET in home.config_file.read_text()


def test_a_profile_with_headers_and_no_host_gets_the_one_of_login(
    home: Home, server: FaultServer
) -> None:
    configure(home, "", api_key="")
    result = run(home, "login", server.url, "--stdin", stdin=b"sk-loginkeyA1b2C3d4")
    assert result.code == 0, result
    assert server.requests[0].header("CF-Access-Client-Id") == ID


@pytest.mark.parametrize("args", [["login", "{url}", "--stdin"], ["config", "set", "base_url",
                                                                 "{url}"]])  # fmt: skip
def test_a_profile_with_headers_does_not_move_to_another_host(
    home: Home, server: FaultServer, args: list[str]
) -> None:
    configure(home, "https://own.example", api_key="")
    words = [word.format(url=server.url) for word in args]
    result = run(home, *words, stdin=b"sk-loginkeyA1b2C3d4")
    assert (result.code, result.out) == (2, b""), result
    assert 'profile "test" has headers for another host' in result.err
    assert server.connections == []


def test_a_config_file_with_headers_must_be_private(home: Home) -> None:
    configure(home, "https://own.example", api_key="")
    home.config_file.chmod(0o644)
    result = run(home, "config", "list")
    assert "other users can read the key" in result.err


def test_a_command_is_run_once(home: Home, server: FaultServer, tmp_path: Path) -> None:
    log = tmp_path / "log"
    configure(home, server.url, f'headers = {{ X = {{ command = "echo x >> {log}; echo v" }} }}\n')
    assert run(home, "models", "--refresh", "--prices").code == 0
    assert log.read_text() == "x\n"
