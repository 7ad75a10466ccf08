"""`newapi login` and `logout`: what is tried, and what is stored."""

from __future__ import annotations

import json
import re
import stat
import tomllib
from collections.abc import Iterator

import pytest

from newapi_cli.demo.server import DemoGateway
from tests.repl.conversation import CTRL_C, CTRL_D, ENTER, default_modes, modes_of
from tests.support.fault_server import FaultServer
from tests.support.home import CANARY, Home
from tests.support.process import Result, newapi_command, run_in_shell, run_newapi
from tests.support.steps import Send
from tests.support.terminal import Terminal
from tests.support.wire import response

KEY = "sk-loginkeyA1b2C3d4E5f6G7h8"
PROMPT = "(hidden)"


@pytest.fixture
def gateway() -> Iterator[DemoGateway]:
    """Return a running demo gateway."""
    with DemoGateway(pace_s=0) as running:
        yield running


def login(home: Home, *args: str, stdin: str = KEY) -> Result:
    """Log in with the key on standard input."""
    return run_newapi("login", *args, "--stdin", home=home, stdin=stdin.encode())


def stored(home: Home, profile: str = "default") -> dict[str, object]:
    """Return the values of a profile in the config file."""
    table = tomllib.loads(home.config_file.read_text("utf-8"))
    values: dict[str, object] = table["profiles"][profile]
    return values


def mode(path: object) -> int:
    """Return the permissions of a file."""
    assert hasattr(path, "stat")
    return stat.S_IMODE(path.stat().st_mode)


def models_server(*names: str) -> FaultServer:
    """Return a server that lists these models for any key."""
    body: dict[str, object] = {"object": "list", "data": [{"id": name} for name in names]}
    return FaultServer(answer=lambda _: [Send(response(200, body))])


# -- URL and key ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "form",
    [
        "{url}",
        "{url}/",
        "{url}/v1",
        "{url}/v1/",
        "{url}/v1/chat/completions",
        "{url}/v1/models",
        "{url}/console/token",
        "{bare}",
        "{bare}/v1",
        "  <{url}>  ",
    ],
)
def test_a_url_in_any_form_is_stored_as_the_root(
    home: Home, gateway: DemoGateway, form: str
) -> None:
    url = gateway.base_url
    result = login(home, form.format(url=url, bare=url.removeprefix("http://")))
    assert result.code == 0, result
    assert stored(home) == {"base_url": url, "api_key": KEY}
    assert gateway.requests[0].headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize("stdin", [KEY, f"{KEY}\n", f"  {KEY}\r\n", f"Bearer {KEY}\n"])
def test_the_key_is_stored_without_surrounding_text(
    home: Home, gateway: DemoGateway, stdin: str
) -> None:
    assert login(home, gateway.base_url, stdin=stdin).code == 0
    assert stored(home)["api_key"] == KEY


def clipboard(url: str) -> str:
    return json.dumps({"_type": "newapi_channel_conn", "key": KEY, "url": url})


def test_the_connection_info_of_the_console_is_an_argument(
    home: Home, gateway: DemoGateway
) -> None:
    result = run_newapi("login", clipboard(f"{gateway.base_url}/v1"), home=home)
    assert result.code == 0, result
    assert stored(home) == {"base_url": gateway.base_url, "api_key": KEY}


def test_the_connection_info_of_the_console_can_come_from_stdin(
    home: Home, gateway: DemoGateway
) -> None:
    result = login(home, stdin=f"\n{clipboard(gateway.base_url)}\n")
    assert result.code == 0, result
    assert stored(home) == {"base_url": gateway.base_url, "api_key": KEY}


def test_a_key_is_enough_if_the_url_is_known(home: Home, gateway: DemoGateway) -> None:
    home.configure(gateway.base_url)
    assert login(home).code == 0
    assert stored(home, "test")["api_key"] == KEY


def test_after_login_a_prompt_can_be_sent(home: Home, gateway: DemoGateway) -> None:
    assert login(home, gateway.base_url).code == 0
    assert run_newapi("config", "set", "model", "demo-echo", home=home).code == 0
    assert run_newapi("chat", "hello", home=home).text == "hello\n"


def test_a_non_ascii_path_is_sent_and_stored_encoded(home: Home) -> None:
    with models_server("only-one") as server:
        result = login(home, f"{server.url}/é/v1")
        assert result.code == 0, result
        assert server.requests[0].path == "/%C3%A9/v1/models"
        assert stored(home)["base_url"] == f"{server.url}/%C3%A9"
        assert run_newapi("models", "--refresh", home=home).code == 0
        assert "/%C3%A9/v1/models" in [each.path for each in server.requests[1:]]


def test_the_same_url_may_be_given_twice(home: Home, gateway: DemoGateway) -> None:
    url = gateway.base_url
    result = login(home, f"{url}/v1/", "--base-url", url, stdin=clipboard(f"{url}/console"))
    assert result.code == 0, result
    assert stored(home) == {"base_url": url, "api_key": KEY}


@pytest.mark.parametrize(
    ("args", "stdin"),
    [
        (["{url}"], "{other}"),
        (["--base-url", "{url}"], "{other}"),
        (["{url}", "--base-url", "https://other.invalid"], KEY),
        (["https://other.invalid", "--base-url", "{url}"], KEY),
        (["{other}", "--base-url", "{url}"], ""),
        (["{url}/sub"], "{same}"),
    ],
)
def test_two_different_urls_are_an_error_and_nothing_is_sent(
    home: Home, gateway: DemoGateway, args: list[str], stdin: str
) -> None:
    texts = {"{other}": clipboard("https://other.invalid"), "{same}": clipboard(gateway.base_url)}
    words = [texts.get(arg, arg.replace("{url}", gateway.base_url)) for arg in args]
    result = login(home, *words, stdin=texts.get(stdin, stdin))
    assert (result.code, result.out) == (2, b""), result
    assert "two different URLs" in result.err
    assert gateway.base_url in result.err
    assert "other.invalid" in result.err or f"{gateway.base_url}/sub" in result.err
    assert KEY not in result.err
    assert gateway.requests == []
    assert not home.config_file.exists()


def test_two_keys_are_an_error(home: Home, gateway: DemoGateway) -> None:
    result = login(home, clipboard(gateway.base_url), stdin="sk-anotherkey0123456789")
    assert (result.code, result.out) == (2, b""), result
    assert "given twice" in result.err
    assert gateway.requests == []


@pytest.mark.parametrize("by_variable", [True, False])
def test_an_invalid_profile_name_is_rejected_before_the_key_is_sent(
    home: Home, gateway: DemoGateway, by_variable: bool
) -> None:
    args, name = ["login", gateway.base_url, "--stdin"], "no/such name!"
    result = run_newapi(
        *(args if by_variable else [*args, "-P", name]),
        home=home,
        stdin=KEY.encode(),
        env={"NEWAPI_PROFILE": name} if by_variable else None,
    )
    assert (result.code, result.out) == (2, b""), result
    assert "invalid profile name" in result.err
    assert gateway.requests == []
    assert not home.config_file.exists()


# -- at the terminal --------------------------------------------------------------------------


def test_the_key_is_prompted_for_and_never_echoed(home: Home, gateway: DemoGateway) -> None:
    with Terminal(newapi_command("login", gateway.base_url, "-P", "new"), home=home) as terminal:
        terminal.wait_for(PROMPT)
        terminal.wait_until(lambda: not terminal.echoes)
        terminal.send(CANARY.encode() + b"\r")
        terminal.wait_for("Model to use")
        terminal.send(b"demo-echo\r")
        assert terminal.wait_exit() == 0
        assert modes_of(terminal) == default_modes()
    assert stored(home, "new") == {
        "base_url": gateway.base_url,
        "api_key": CANARY,
        "model": "demo-echo",
    }


def test_url_and_key_are_prompted_for(home: Home) -> None:
    with models_server("only-one") as server:
        with Terminal(newapi_command("login"), home=home) as terminal:
            terminal.wait_for("Gateway URL")
            terminal.send(f"{server.url}/v1{ENTER}".encode())
            terminal.wait_for(PROMPT)
            terminal.wait_until(lambda: not terminal.echoes)
            terminal.send(KEY.encode() + b"\r")
            assert terminal.wait_exit() == 0
            assert KEY not in terminal.all_text()
            assert "model: only-one" in terminal.all_text()
        assert stored(home) == {"base_url": server.url, "api_key": KEY, "model": "only-one"}


def test_enter_at_the_model_prompt_sets_no_model(home: Home, gateway: DemoGateway) -> None:
    with Terminal(newapi_command("login", clipboard(gateway.base_url)), home=home) as terminal:
        terminal.wait_for("Model to use")
        terminal.send(b"\r")
        assert terminal.wait_exit() == 0
        assert "newapi config set model" in terminal.all_text().replace("\n", " ")
    assert stored(home) == {"base_url": gateway.base_url, "api_key": KEY}


@pytest.mark.parametrize(
    ("key", "codes"), [(CTRL_C, {130}), (CTRL_D, {2, 130})], ids=["Ctrl-C", "Ctrl-D"]
)
def test_canceling_the_hidden_prompt_stores_nothing(
    home: Home, gateway: DemoGateway, key: str, codes: set[int]
) -> None:
    with Terminal(newapi_command("login", gateway.base_url), home=home) as terminal:
        terminal.wait_for(PROMPT)
        terminal.wait_until(lambda: not terminal.echoes)
        terminal.send(key.encode())
        assert terminal.wait_exit() in codes
        assert modes_of(terminal) == default_modes()
    assert not home.config_file.exists()
    assert gateway.requests == []


def test_ctrl_c_at_the_model_prompt_exits_with_130(home: Home, gateway: DemoGateway) -> None:
    with Terminal(newapi_command("login", clipboard(gateway.base_url)), home=home) as terminal:
        terminal.wait_for("Model to use")
        terminal.send(CTRL_C.encode())
        assert terminal.wait_exit() == 130


# -- what is not stored -----------------------------------------------------------------------


def test_a_rejected_key_is_not_stored(home: Home, gateway: DemoGateway) -> None:
    result = login(home, gateway.base_url, stdin="sk-wrong")
    assert (result.code, result.out) == (4, b"")
    assert "rejected the key" in result.err
    assert not home.config_file.exists()


def test_a_rejected_key_does_not_replace_the_stored_one(home: Home, gateway: DemoGateway) -> None:
    home.configure(gateway.base_url)
    before = home.config_file.read_bytes()
    assert login(home, gateway.base_url, stdin="sk-wrong").code == 4
    assert home.config_file.read_bytes() == before


def test_a_web_page_in_place_of_the_gateway_is_not_stored(home: Home) -> None:
    page = response(200, "<!doctype html><title>Shop</title>", content_type="text/html")
    with FaultServer(answer=lambda _: [Send(page)]) as server:
        result = login(home, f"{server.url}/somewhere/else")
    assert (result.code, result.out) == (6, b"")
    assert "web page" in result.err
    assert not home.config_file.exists()


def test_an_unreachable_server_is_not_stored(home: Home, gateway: DemoGateway) -> None:
    gateway.stop()
    result = login(home, gateway.base_url, "--retries", "0")
    assert result.code == 5
    assert not home.config_file.exists()


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://gateway.invalid", 3),
        ("http://192.0.2.1:3000/v1", 3),
        ("sk-0123456789abcdefghij", 2),
        ("ftp://gateway.invalid", 2),
        ("https://me:secret-pw@gateway.invalid", 2),
        ('{"_type":"newapi_channel_conn","key":"sk-abc', 2),
        ('{"_type":"other","url":"https://x.invalid"}', 2),
    ],
)
def test_a_url_that_a_key_must_not_be_sent_to_is_rejected(home: Home, url: str, code: int) -> None:
    result = login(home, url)
    assert (result.code, result.out) == (code, b""), result
    assert "secret-pw" not in result.err
    assert "0123456789" not in result.err
    assert not home.config_file.exists()


def test_plain_http_is_rejected_before_the_key_prompt(home: Home) -> None:
    with Terminal(newapi_command("login", "http://gateway.invalid"), home=home) as terminal:
        terminal.wait_until(
            lambda: terminal.exit_code is not None or PROMPT in terminal.screen_text()
        )
        assert PROMPT not in terminal.all_text()
        assert terminal.wait_exit() == 3


@pytest.mark.parametrize("stdin", ["", "\n", "sk-with space inside", "sk-“curly”", "sk-****abcd"])
def test_an_invalid_key_is_not_tried(home: Home, gateway: DemoGateway, stdin: str) -> None:
    result = login(home, gateway.base_url, stdin=stdin)
    assert (result.code, result.out) == (3, b""), result
    assert gateway.requests == []
    assert not home.config_file.exists()


@pytest.mark.parametrize("key", ["{url}", " {url}/v1", "HTTPS://other.invalid", "Bearer {url}"])
def test_a_url_in_place_of_the_key_is_not_tried(home: Home, gateway: DemoGateway, key: str) -> None:
    with Terminal(newapi_command("login", gateway.base_url), home=home) as terminal:
        terminal.wait_for(PROMPT)
        terminal.send(key.format(url=gateway.base_url).encode() + b"\r")
        assert terminal.wait_exit() == 3
        assert "the key from the prompt is a URL" in terminal.all_text()
    assert gateway.requests == []
    assert not home.config_file.exists()


def test_without_a_terminal_there_is_no_key_prompt(home: Home, gateway: DemoGateway) -> None:
    result = run_newapi("login", gateway.base_url, home=home)
    assert (result.code, result.out) == (2, b"")
    assert "--stdin" in result.err
    assert gateway.requests == []


def test_without_a_check_nothing_is_sent(home: Home) -> None:
    result = login(home, "https://gateway.invalid/v1", "--no-check")
    assert result.code == 0, result
    assert stored(home) == {"base_url": "https://gateway.invalid", "api_key": KEY}


@pytest.mark.parametrize("name", ["NEWAPI_BASE_URL", "NEWAPI_API_KEY"])
@pytest.mark.parametrize("is_same", [True, False])
def test_a_variable_that_overrides_the_stored_value_is_a_warning(
    home: Home, gateway: DemoGateway, name: str, is_same: bool
) -> None:
    own = {"NEWAPI_BASE_URL": gateway.base_url, "NEWAPI_API_KEY": KEY}[name]
    other = {"NEWAPI_BASE_URL": "https://other.invalid", "NEWAPI_API_KEY": "sk-other01"}[name]
    args, env = ("login", gateway.base_url, "--stdin"), {name: own if is_same else other}
    result = run_newapi(*args, home=home, stdin=KEY.encode(), env=env)
    assert result.code == 0, result
    assert (f"unset {name}" in result.err) != is_same
    assert stored(home) == {"base_url": gateway.base_url, "api_key": KEY}


# -- the file ---------------------------------------------------------------------------------


def test_a_named_profile_is_added_to_the_others(home: Home, gateway: DemoGateway) -> None:
    home.configure("https://gateway.invalid")
    assert login(home, gateway.base_url, "-P", "new").code == 0
    assert stored(home, "new") == {"base_url": gateway.base_url, "api_key": KEY}
    assert stored(home, "test")["api_key"] == CANARY
    assert tomllib.loads(home.config_file.read_text())["default_profile"] == "test"


def test_a_second_profile_does_not_become_the_default(home: Home, gateway: DemoGateway) -> None:
    home.newapi_home.mkdir(mode=0o700)
    home.config_file.write_text('[profiles.mine]\nbase_url = "https://gateway.invalid"\n')
    home.config_file.chmod(0o600)
    assert login(home, gateway.base_url, "-P", "new").code == 0
    profile = json.loads(run_newapi("config", "list", "--json", home=home).text)["profile"]
    assert profile["value"] == "mine"


def test_the_first_profile_becomes_the_default(home: Home, gateway: DemoGateway) -> None:
    assert login(home, gateway.base_url, "-P", "work").code == 0
    assert tomllib.loads(home.config_file.read_text())["default_profile"] == "work"


OLD = """\
# my gateways
default_profile = "work"   # the usual one
future = "kept"

[profiles.work]
# the old key
api_key = "sk-old-one-0123456789"
base_url = "https://old.invalid"   # moved
model = 'mine'
unknown_here = [1, 2]
"""


def test_comments_and_unknown_names_in_the_file_are_kept(home: Home, gateway: DemoGateway) -> None:
    home.newapi_home.mkdir(mode=0o700)
    home.config_file.write_text(OLD)
    home.config_file.chmod(0o600)
    result = login(home, gateway.base_url)
    assert result.code == 0, result
    text = home.config_file.read_text()
    for kept in ("# my gateways", "# the usual one", 'future = "kept"', "# the old key",
                 "# moved", "model = 'mine'", "unknown_here = [1, 2]"):  # fmt: skip
        assert kept in text
    assert "sk-old-one" not in text
    assert stored(home, "work")["api_key"] == KEY


@pytest.mark.parametrize("umask", ["000", "022", "777"])
def test_file_and_folder_are_private_with_any_umask(
    home: Home, gateway: DemoGateway, umask: str
) -> None:
    script = f'umask {umask}; "$@"'
    result = run_in_shell(
        script, "login", gateway.base_url, "--stdin", home=home, stdin=KEY.encode()
    )
    assert result.code == 0, result
    assert (mode(home.newapi_home), mode(home.config_file)) == (0o700, 0o600)
    files = [path for path in home.newapi_home.rglob("*") if path.is_file()]
    assert {path.name: mode(path) & 0o077 for path in files} == {path.name: 0 for path in files}


def test_a_file_that_others_could_read_becomes_private(home: Home, gateway: DemoGateway) -> None:
    home.configure(gateway.base_url)
    home.config_file.chmod(0o644)
    result = login(home, gateway.base_url)
    assert result.code == 0
    assert "chmod 600" in result.err
    assert mode(home.config_file) == 0o600


def test_the_models_are_cached_for_completion(home: Home, gateway: DemoGateway) -> None:
    assert login(home, gateway.base_url).code == 0
    names = (home.newapi_home / "cache" / "models.txt").read_text().split()
    assert "demo-echo" in names


# -- logout -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, "api_key"),
        ({"api_key": "", "api_key_command": "echo sk-x"}, "api_key_command"),
        ({"api_key": "", "api_key_file": "key"}, "api_key_file"),
    ],
    ids=["key", "command", "file"],
)
def test_logout_removes_the_key_and_nothing_else(
    home: Home, settings: dict[str, str], expected: str
) -> None:
    home.configure("https://gateway.invalid", **settings)
    result = run_newapi("logout", home=home)
    assert (result.code, result.out) == (0, b"")
    assert expected in result.err
    assert stored(home, "test") == {"base_url": "https://gateway.invalid", "model": "test-model"}


def test_a_second_logout_reports_that_there_is_no_key(home: Home) -> None:
    home.configure("https://gateway.invalid")
    assert run_newapi("logout", home=home).code == 0
    result = run_newapi("logout", home=home)
    assert result.code == 0
    assert "has no key" in result.err


def test_after_logout_the_next_prompt_is_an_error_with_a_login_hint(home: Home) -> None:
    home.configure("https://gateway.invalid")
    assert run_newapi("logout", home=home).code == 0
    result = run_newapi("chat", "hi", home=home)
    assert result.code == 3
    assert re.search(r"no API key is set\n.*newapi login", result.err, re.DOTALL)


def test_logout_of_one_profile_keeps_the_key_of_another(home: Home, gateway: DemoGateway) -> None:
    home.configure("https://gateway.invalid")
    assert login(home, gateway.base_url, "-P", "new").code == 0
    assert run_newapi("logout", "-P", "new", home=home).code == 0
    assert stored(home, "test")["api_key"] == CANARY
    assert "api_key" not in stored(home, "new")
