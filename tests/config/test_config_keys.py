"""Reading a key from its source: trimmed, checked, never repeated."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

import pytest

from newapi_cli.config import keys
from newapi_cli.config.keys import ensure_key_may_be_sent, key_from_text, read_key
from newapi_cli.domain.base_url import base_url_from_text
from newapi_cli.domain.settings import KeyKind, KeySource, Origin, Secret, Source
from newapi_cli.errors import ConfigError
from tests.support.cases import each

KEY = "sk-CANARYcanary0123456789"
IN_PROFILE = Origin(Source.PROFILE, "work")


def source(kind: KeyKind, text: str, origin: Origin = IN_PROFILE) -> KeySource:
    return KeySource(kind, Secret(text), origin)


def refusal(key_source: KeySource, folder: Path) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        read_key(key_source, folder)
    error = caught.value
    assert "CANARY" not in f"{error!r} {error.why} {error.hint} {error.__cause__!r}"
    assert error.hint
    return error


@pytest.mark.parametrize(
    "text",
    [KEY, f" {KEY}\n", f"\t{KEY}\r\n", f"Bearer {KEY}", f"bearer  {KEY} ", f"\u3000{KEY}\xa0"],
)
def test_white_space_and_bearer_around_a_key_are_removed(text: str) -> None:
    assert key_from_text(text, "standard input").reveal() == KEY


@pytest.mark.parametrize("key", ["k", "a" * 4096, "a.b/c+d=~_-:#@!", "sk-KEY-12"])
def test_any_visible_ascii_is_valid_in_a_key(key: str) -> None:
    assert key_from_text(key, "x").reveal() == key


@each(
    ("text", "expected"),
    [
        (f"{KEY}\nmore", "a line break at position 26"),
        (f"{KEY}\r\nmore", "a line break at position 26"),
        (f"{KEY}\x85more", "a line break at position 26"),
        (f"{KEY}\u2028more", "a line break at position 26"),
        (f"“{KEY}”", "a curly quote at position 1"),
        (f"‘{KEY}’", "a curly quote at position 1"),
        (f'"{KEY}"', "a quote at position 1"),
        (f"`{KEY}`", "a quote at position 1"),
        (f"{KEY}\u200bmore", "a zero-width space at position 26"),
        (f"\ufeff{KEY}", "a zero-width space at position 1"),
        (f"{KEY} more", "a space at position 26"),
        (f"{KEY}\tmore", "a tab at position 26"),
        (f"{KEY}\xa0more", "a no-break space or another wide space at position 26"),
        (f"{KEY}\u202emore", "an invisible character at position 26"),
        (f"{KEY}\0", "a control character at position 26"),
        (f"{KEY}\x1b[0m", "a control character at position 26"),
        (f"{KEY}\x7f", "a control character at position 26"),
        (f"{KEY}—more", "a long dash at position 26"),
        (f"{KEY}…", "an ellipsis at position 26"),
        (f"{KEY}é", "a character outside ASCII at position 26"),
        (f"{KEY}\udcff", "a character outside ASCII at position 26"),
        ("sk-CANARY****6789", "masked"),
        (KEY * 200, "longer than 4,096"),
        ("", "empty"),
        (" \n", "empty"),
        ("Bearer \n", "empty"),
    ],
)
def test_an_invalid_key_is_an_error_with_position_and_kind_of_the_character(
    text: str, expected: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        key_from_text(text, "NEWAPI_API_KEY")
    error = caught.value
    assert error.message.startswith("the key from NEWAPI_API_KEY ")
    assert expected in error.message
    assert "CANARY" not in f"{error!r} {error.why} {error.hint}"


def test_a_key_in_a_profile_is_checked(tmp_path: Path) -> None:
    assert read_key(source(KeyKind.VALUE, f"{KEY}\n"), tmp_path) == Secret(KEY)
    error = refusal(source(KeyKind.VALUE, f"“{KEY}”"), tmp_path)
    assert error.message.startswith('the key from api_key of profile "work" contains a curly quote')
    named = source(KeyKind.VALUE, f"“{KEY}”", Origin(Source.ENVIRONMENT, "OPENAI_API_KEY"))
    assert "the key from OPENAI_API_KEY" in refusal(named, tmp_path).message


def test_the_first_line_of_a_key_file_is_the_key(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"\xef\xbb\xbf" + f"{KEY}\r\nnot this\n".encode())
    assert read_key(source(KeyKind.FILE, "key"), tmp_path) == Secret(KEY)
    assert read_key(source(KeyKind.FILE, str(tmp_path / "key")), Path("/")) == Secret(KEY)


def test_a_tilde_in_the_path_of_a_key_file_is_expanded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "key").write_text(KEY)
    assert read_key(source(KeyKind.FILE, "~/key"), Path("/")) == Secret(KEY)


def test_a_key_file_in_a_variable_is_relative_to_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "key").write_text(KEY)
    monkeypatch.chdir(tmp_path)
    by_variable = Origin(Source.ENVIRONMENT, "NEWAPI_API_KEY_FILE")
    assert read_key(source(KeyKind.FILE, "key", by_variable), Path("/")) == Secret(KEY)


@pytest.mark.parametrize("name", ["missing", ".", KEY, "~nobody-has-this-name/key"])
def test_an_unreadable_key_file_is_an_error_without_its_path(name: str, tmp_path: Path) -> None:
    error = refusal(source(KeyKind.FILE, name), tmp_path)
    assert error.message == 'cannot read the key file (api_key_file of profile "work")'
    assert error.why


def test_an_empty_key_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("\n\n")
    assert "is empty" in refusal(source(KeyKind.FILE, "key"), tmp_path).message


def test_the_first_line_that_a_command_prints_is_the_key(tmp_path: Path) -> None:
    command = f"printf '%s\\n' {KEY} second-line | cat"
    assert read_key(source(KeyKind.COMMAND, command), tmp_path) == Secret(KEY)


def test_a_key_command_gets_no_stdin_and_inherits_stderr(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "input").write_text("the-prompt-of-the-user\n")
    command = f"cat; echo passphrase? >&2; echo {KEY}"
    saved = os.dup(0)
    try:
        with (tmp_path / "input").open("rb") as piped:
            os.dup2(piped.fileno(), 0)
        assert read_key(source(KeyKind.COMMAND, command), tmp_path) == Secret(KEY)
    finally:
        os.dup2(saved, 0)
        os.close(saved)
    assert capfd.readouterr() == ("", "passphrase?\n")


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (f"echo {KEY}; exit 3", "failed (exit code 3)"),
        (f"kill -9 $$; echo {KEY}", "failed (exit code -9)"),
        (f"{KEY}-is-no-command 2>/dev/null", "failed (exit code 127)"),
        ("true", "printed nothing"),
        (f"yes {KEY}", "printed too much"),
        (f"echo; echo {KEY}", "printed nothing"),
        (f"echo '{KEY} more'", "a space at position 26"),
        (f"printf '{KEY}\\377'", "a character outside ASCII"),
        (f"echo {KEY}\0", "cannot start the command"),
    ],
)
def test_a_failing_key_command_is_an_error_without_command_and_output(
    command: str, expected: str, tmp_path: Path
) -> None:
    error = refusal(source(KeyKind.COMMAND, command), tmp_path)
    assert expected in error.message
    assert 'api_key_command of profile "work"' in error.message


def test_a_key_command_has_a_timeout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "COMMAND_TIMEOUT_S", 0.2)
    forever = f"echo {KEY}; exec {shlex.quote(sys.executable)} -c 'import signal; signal.pause()'"
    error = refusal(source(KeyKind.COMMAND, forever), tmp_path)
    assert "timed out after 0 seconds" in error.message


def test_background_processes_of_a_key_command_are_not_waited_for(tmp_path: Path) -> None:
    go_on = tmp_path / "go-on"
    os.mkfifo(go_on)
    holder = f"cat <{shlex.quote(str(go_on))} & echo {KEY}"
    assert read_key(source(KeyKind.COMMAND, holder), tmp_path).reveal() == KEY
    with go_on.open("w"):  # what was left behind ends
        pass


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("https://gateway.example", True),
        ("http://localhost:3000", True),
        ("http://127.9.9.9", True),
        ("http://[::1]:3000", True),
        ("http://gateway.example", False),
        ("http://192.168.1.5:3000", False),
        ("http://localhost.evil.example", False),
        ("http://0.0.0.0:3000", False),
    ],
)
def test_a_key_is_not_sent_in_clear_text(url: str, *, allowed: bool) -> None:
    base_url = base_url_from_text(url)
    ensure_key_may_be_sent(base_url, allow_insecure=True)
    if allowed:
        ensure_key_may_be_sent(base_url, allow_insecure=False)
        return
    with pytest.raises(ConfigError, match="refusing to send the key in clear text") as caught:
        ensure_key_may_be_sent(base_url, allow_insecure=False)
    assert "allow_insecure" in caught.value.hint
    assert "https://" in caught.value.hint
