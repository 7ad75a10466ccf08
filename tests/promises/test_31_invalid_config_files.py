"""An invalid config file is reported by position and fault, without any of its text."""

from __future__ import annotations

import os
import re
import stat
import tomllib
from pathlib import Path

import pytest

from newapi_cli.config.file import read_config
from newapi_cli.errors import ConfigError
from tests.promises.conftest import ANSWER
from tests.sessions.helpers import without_root
from tests.support.fault_server import FaultServer
from tests.support.home import CANARY, CANARY_TRACE, Home
from tests.support.observed import Conditions, observe, observe_process
from tests.support.process import Result
from tests.support.steps import Send
from tests.support.wire import response

AT_MOST_S = 8.0
TRACE = CANARY_TRACE.decode()
BEFORE = f'default_profile = "test"\n[profiles.test]\napi_key = "{CANARY}"\n'
LINE = BEFORE.count("\n") + 1
# Each is invalid in TOML 1.0 and 1.1; after the tests of the TOML project (toml-test, invalid/).
ONE_LINE = (
    f"K = {CANARY}", f"{CANARY}", f"{CANARY} = ", f'K = "{CANARY}', f"K = '{CANARY}",
    f'K = "{CANARY}" x', f"K = “{CANARY}”", f'"{CANARY} = 1', f"= {CANARY}", f"K == '{CANARY}'",
    f"K = '{CANARY}' '{CANARY}'", f'K = "{CANARY}\\', f'K = "{CANARY}\\q"', f'K = "{CANARY}\\u12"',
    f'K = "{CANARY}\\uD800"', f'K = "{CANARY}\\U00110000"', f'K = "{CANARY}\0"',
    f'K = "{CANARY}\x1b"', f'K = "{CANARY}\x7f"', f"K = '{CANARY}\x01'", f"K = 1 # {CANARY}\x02",
    f"K = [{CANARY}]", f"K = ['{CANARY}'", f"K = ['{CANARY}' 'x']", f"K = ['{CANARY}',,]",
    f"K = {{ a = '{CANARY}'", f"K = {{ a = '{CANARY}' b = 1 }}", f"K = {{ {CANARY} }}",
    f"K = {{ {CANARY} = 1, {CANARY} = 2 }}", f"K = {{ {CANARY}.a = 1, {CANARY} = 2 }}",
    f"[{CANARY}", f"[{CANARY}]]", f"[[{CANARY}]", f"[{CANARY}] x", f"[{CANARY}..x]", "[]", "[[]]",
    f"[ {CANARY} {CANARY} ]", f"['{CANARY}]", f".{CANARY} = 1", f"{CANARY}. = 1",
    f"{CANARY}..x = 1", f"é{CANARY} = 1", f"a b = '{CANARY}'", f"api_key = '{CANARY}'",
    "K = 01", "K = +0x1", "K = 0x", "K = 0xg", "K = 0b2", "K = 0o8", "K = 1__0", "K = _1", "K = 1_",
    "K = 1.", "K = .1", "K = 1.e2", "K = 1e", "K = 1e_2", "K = 1._2", "K = ++1", "K = 1,2",
    "K = True", "K = FALSE", "K = nul", "K = Inf", "K = infinity", "K = NaN", "K = tru",
    "K = 2024-13-01", "K = 2024-02-30", "K = 2024-1-1", "K = 2024-01-01T25:00:00", "K = 24:00:00",
    "K = 2024-01-01T00:00:00+25:00", "K = 12:61:00", "K = 127.0.0.1", "K = https://gateway.example",
    "K = C:\\Users", "K = -", "K = +", "K =", "K = @", "K = {{}}", "K = ]", "K = }", "K = #",
)  # fmt: skip
LINES = (
    f'K = """{CANARY}\n\n', f"K = '''{CANARY}\n\n", f'K = """{CANARY}\\q"""', f'K = "{CANARY}\nx"',
    f"K = ['{CANARY}',\n1 2]", f"K = [\n'{CANARY}'\n\n", f"K = '{CANARY}'\nK = 2",
    f"K.a = '{CANARY}'\nK = 2", f"K = 1\nK.{CANARY} = 2", f"[{CANARY}]\n[{CANARY}]",
    f"[[{CANARY}]]\n[{CANARY}]", f"[{CANARY}]\n[[{CANARY}]]", "K = []\n[[profiles.test.K]]\n",
    f"K = {{ a = 1 }}\n[profiles.test.K.{CANARY}]", f"K = {{ a = 1 }}\nK.{CANARY} = 2",
    f"K.{CANARY} = 1\n[profiles.test.K]", f"K\n= '{CANARY}'", f"K =\n'{CANARY}'",
    f"[profiles.test]\nK = '{CANARY}'", f"[x]\n[x.y]\n[x]\nK = '{CANARY}'", "K = 1\rL = 2",
    f"L = 'x'\n{CANARY}", f"# x\n\n\n[x\n]\nK = '{CANARY}'",
)  # fmt: skip
BY_PROCESS = (ONE_LINE[0], ONE_LINE[3], ONE_LINE[6], ONE_LINE[12], ONE_LINE[16], ONE_LINE[21],
              ONE_LINE[28], ONE_LINE[30], LINES[0], LINES[6], LINES[9], LINES[13])  # fmt: skip


def write(home: Home, data: str | bytes) -> None:
    """Replace the config file."""
    home.config_file.write_bytes(data.encode() if isinstance(data, str) else data)


def rejected(home: Home, server: FaultServer, *args: str) -> str:
    """Return stderr of a run that must be rejected for its configuration."""
    result = observe(*(args or ("chat", "hi")), home=home)
    assert (result.code, result.out) == (3, b"")
    assert result.seconds < AT_MOST_S
    assert server.connections == []
    return result.err


# -- invalid TOML -----------------------------------------------------------------------------


@pytest.mark.parametrize("text", [*ONE_LINE, *LINES], ids=lambda text: ascii(text)[:50])
def test_each_fault_is_reported_by_position_without_any_text(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(f"{BEFORE}{text}\n".encode())
    with pytest.raises(tomllib.TOMLDecodeError):
        tomllib.loads(f"{BEFORE}{text}\n".replace("\r\n", "\n"))
    with pytest.raises(ConfigError) as caught:
        read_config(path)
    error = caught.value
    assert TRACE not in f"{error.message}{error.why}{error.hint}{error!r}{error.__cause__!r}"
    position = re.match(rf"{re.escape(str(path))}:(\d+):(\d+): \w", error.message)
    assert position, error.message
    lines = text.count("\n") + 1
    assert LINE <= int(position[1]) < LINE + lines
    assert int(position[2]) >= 1
    assert error.hint


@pytest.mark.parametrize("text", BY_PROCESS, ids=lambda text: ascii(text)[:50])
def test_the_program_reports_it_and_sends_nothing(
    home: Home, server: FaultServer, text: str
) -> None:
    write(home, f"{BEFORE}{text}\n")
    err = rejected(home, server)
    assert re.match(rf"error: {re.escape(str(home.config_file))}:\d+:\d+: \w", err)
    assert "try: " in err


@pytest.mark.parametrize(
    "args",
    [["config", "list"], ["models"], ["config", "set", "model", "m"], ["logout"]],
    ids=" ".join,
)
def test_every_command_reports_it_and_leaves_the_file_unchanged(
    home: Home, server: FaultServer, args: list[str]
) -> None:
    write(home, f"{BEFORE}K = {CANARY}\n")
    assert f"{home.config_file}:{LINE}:5: " in rejected(home, server, *args)
    assert home.config_file.read_text("utf-8") == f"{BEFORE}K = {CANARY}\n"


# -- other encodings --------------------------------------------------------------------------


def valid_config(server: FaultServer, more: str = "") -> str:
    """Return a config file with which the program works."""
    return f'{BEFORE}base_url = "{server.url}"\nmodel = "m"\n{more}'


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1"])
def test_another_encoding_is_reported_with_how_to_save_the_file(
    home: Home, server: FaultServer, encoding: str
) -> None:
    write(home, valid_config(server, 'system = "café"\n').encode(encoding))
    err = rejected(home, server)
    assert "save the file as UTF-8" in err
    assert f"{home.config_file}" in err


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (f"options = {'[' * 5_000}", "nested too deep"),
        (f"options = {'{a=' * 5_000}", "nested too deep"),
        (f"options.{'a.' * 5_000}a = 1", ""),
        (f"seed = {'9' * 4_301}", "too many digits"),
        (f"temperature = {'9' * 4_301}", "too many digits"),
        ("\0", f":{LINE + 2}:1: "),
    ],
    ids=["lists", "tables", "dotted", "digits", "digits of another setting", "NUL"],
)
def test_values_that_break_parsers_are_errors_too(
    home: Home, server: FaultServer, more: str, message: str
) -> None:
    write(home, valid_config(server, f"{more}\n"))
    assert message in rejected(home, server)


# -- other files ------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["directory", "pipe", "loop", "giant", "endless"])
def test_anything_but_a_small_regular_file_is_an_error_at_once(
    home: Home, server: FaultServer, kind: str
) -> None:
    path = home.config_file
    path.unlink()
    if kind == "directory":
        path.mkdir(0o700)
    elif kind == "pipe":
        os.mkfifo(path, 0o600)
    elif kind == "loop":
        path.symlink_to(path)
    elif kind == "endless":
        path.symlink_to("/dev/zero")
    else:
        with path.open("xb") as file:
            os.truncate(file.fileno(), 100_000_000)
        path.chmod(0o600)
    err = rejected(home, server)
    assert str(path) in err
    assert "larger than" in err if kind in ("giant", "endless") else "cannot read" in err


def test_a_huge_file_is_not_read_into_memory(home: Home, server: FaultServer) -> None:
    with home.config_file.open("ab") as file:
        for _ in range(100):
            file.write(b"# " + b"x" * 999_998)
    result = observe_process("chat", "hi", home=home)
    assert (result.code, result.out) == (3, b"")
    assert result.peak_bytes < 80_000_000


def test_an_unreadable_file_is_reported(home: Home, server: FaultServer) -> None:
    home.config_file.chmod(0)
    prefix = tuple(without_root())
    result = observe_process("chat", "hi", home=home, conditions=Conditions(prefix=prefix))
    home.config_file.chmod(0o600)
    assert (result.code, result.out) == (3, b"")
    assert f"cannot read {home.config_file}" in result.err
    assert "Permission denied" in result.err
    assert server.connections == []


# -- accepted files ---------------------------------------------------------------------------


def answered(home: Home) -> Result:
    """Return a run that printed the answer despite the file."""
    result = observe("chat", "hi", home=home)
    assert (result.code, result.text) == (0, f"{ANSWER}\n"), result
    return result


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_byte_order_mark_and_windows_line_ends_are_accepted(
    home: Home, server: FaultServer, newline: str
) -> None:
    text = valid_config(server).replace("\n", newline)
    write(home, b"\xef\xbb\xbf" + text.encode())
    assert answered(home).err == ""


def test_unknown_names_are_only_warned_about_with_the_nearest_name(
    home: Home, server: FaultServer
) -> None:
    unknown = f'temprature = 1\n"{CANARY}" = "{CANARY}"\n'
    write(home, "color = 1\n" + valid_config(server, unknown))
    warnings = answered(home).err.splitlines()
    assert all(
        line.startswith(f"warning: {home.config_file}: unknown setting") for line in warnings
    )
    assert len(warnings) == 3
    assert 'did you mean "temperature"?' in "\n".join(warnings)


WRONG = (
    ('temperature = "hot"', "temperature", "a number"),
    ("temperature = 3", "temperature", "from 0 to 2"),
    ("temperature = nan", "temperature", "a number"),
    ("stream = 1", "stream", "true or false"),
    ("model = ['m']", "model", "a string"),
    ("max_tokens = 1.5", "max_tokens", "an integer"),
    (f"timeout = '{CANARY}'", "timeout", "seconds"),
    (f"retries = ['{CANARY}']", "retries", "from 0 to 10"),
    (f"reasoning = '{CANARY}'", "reasoning", "one of show, hide"),
    ("seed = 2024-01-01", "seed", "an integer"),
)


@pytest.mark.parametrize(("line", "name", "expected"), WRONG, ids=[line for line, _, _ in WRONG])
def test_a_value_of_the_wrong_type_is_reported_with_its_name_and_the_expected_type(
    home: Home, server: FaultServer, line: str, name: str, expected: str
) -> None:
    text = valid_config(server)
    write(home, text.replace('model = "m"\n', "") + line if name == "model" else text + line)
    err = rejected(home, server)
    assert name in err
    assert expected in err


@pytest.mark.parametrize(
    "text",
    [
        "profiles = 1",
        "[[profiles]]",
        f"profiles.test = '{CANARY}'",
        "default_profile = 3\n[profiles.test]",
        f"default_profile = '{CANARY}'\n[profiles.test]",
    ],
)
def test_a_file_with_another_structure_is_reported(
    home: Home, server: FaultServer, text: str
) -> None:
    write(home, text)
    err = rejected(home, server)
    assert str(home.config_file) in err
    assert "profile" in err


@pytest.mark.needs_root("make a device")
@pytest.mark.parametrize(
    "name", ["config.toml", "cache/models.txt"], ids=["the config file", "the cache"]
)
def test_a_device_is_never_replaced_by_a_file(home: Home, server: FaultServer, name: str) -> None:
    device = home.path / "device"
    os.mknod(device, 0o600 | stat.S_IFCHR, os.makedev(1, 3))  # like /dev/null
    path = home.newapi_home / name
    path.parent.mkdir(0o700, exist_ok=True)
    path.unlink(missing_ok=True)
    path.symlink_to(device)
    server.add(Send(response(200, {"data": [{"id": "test-model"}]})))
    env = {"NEWAPI_BASE_URL": server.url, "NEWAPI_API_KEY": CANARY}
    listed = observe("models", home=home, env=env)
    stored = observe("config", "set", "model", "m", home=home)
    assert (listed.code, listed.err) == (0, "")
    if name == "config.toml":
        assert (stored.code, f"it is a link to {device}, which is a device" in stored.err) == (
            3,
            True,
        )
        assert f"rm {path}" in stored.err
    else:
        assert stored.code == 0
    assert (device.is_char_device(), path.is_symlink()) == (True, True)
