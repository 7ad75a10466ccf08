"""Changes to config.toml keep everything else, whatever the layout and the error."""

from __future__ import annotations

import fcntl
import math
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import tomlkit

import newapi_cli
from newapi_cli.config import edit
from newapi_cli.config.edit import set_values, unset_values
from newapi_cli.config.file import read_config
from newapi_cli.domain.settings import KeyKind
from newapi_cli.errors import ConfigError, UsageError

ROOT = Path(newapi_cli.__file__).parents[1]
KEY = "sk-CANARYcanary0123456789"
KEY_NAMES = [kind.value for kind in KeyKind]

FULL = """\
# my settings
default_profile = "work"  # the usual one
unknown_top = [1, 2]

# --- work ---
[profiles.work]
base_url = "https://gateway.example"  # never /v1
api_key = "sk-CANARYcanary0123456789"
modle = "typo"   # kept

[profiles.work.options]
n = 1

# --- home ---
[profiles.home]
model = 'm'
[other]
x = nan
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the place of a config file that does not exist yet."""
    return tmp_path / "config.toml"


@pytest.fixture(params=[0o000, 0o077, 0o777], ids=oct)
def any_umask(request: pytest.FixtureRequest) -> Iterator[int]:
    """Run the test under three umasks."""
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def test_a_new_file_has_a_comment_and_the_profile(any_umask: int, path: Path) -> None:
    set_values(path, "work", {"base_url": "gateway.example/v1", "api_key": KEY})
    assert path.read_text().startswith("# ")
    assert read_config(path).profiles == {
        "work": {"base_url": "https://gateway.example", "api_key": KEY}
    }
    assert [file.stat().st_mode & 0o777 for file in path.parent.iterdir()] == [0o600, 0o600]


def test_other_lines_are_unchanged(path: Path) -> None:
    path.write_text(FULL)
    set_values(path, "work", {"temperature": 0.7, "base_url": "https://new.example"})
    changed = path.read_text().splitlines()
    kept = [line for line in FULL.splitlines() if "base_url" not in line]
    assert [line for line in changed if line in kept] == kept
    assert [line for line in changed if line not in kept] == [
        'base_url = "https://new.example"  # never /v1',
        "temperature = 0.7",
    ]
    assert read_config(path).profiles["work"]["temperature"] == 0.7


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n",
        "# only a comment",
        'default_profile = "home"\n[profiles.home]\n',
        "[profiles]\n",
        "[profiles.work]\n",
        '[profiles.work]\nmodel = "old"',
        "profiles = {}\n",
        'profiles = { work = { model = "old" } }\n',
        'profiles.work.model = "old"\n',
        '[profiles]\nwork = { model = "old" }\n',
        '[profiles]\nwork.model = "old"\n',
        "[profiles.work.options]\na = 1\n",
        "[profiles.work]\n[other]\n[profiles.home]\nmodel = 'x'\n",
        "[profiles.home]\nmodel = 'x'\n[other]\n[profiles.work]\nmodel = 'y'\n",
        '["profiles"."work"]\n"model" = "old"\n',
        "\ufeff[profiles.home]\n",
        "[profiles.home]\r\nmodel = 'x'\r\n",
        FULL,
    ],
)
def test_every_type_can_be_stored_in_every_layout(path: Path, text: str) -> None:
    path.write_bytes(text.encode())
    values = {
        "model": 'quo"te\\ü\n',
        "temperature": 1,
        "top_p": 0.25,
        "max_tokens": 100,
        "stream": False,
        "stop": ["a", "#b"],
        "options": {"deep": {"list": [1, {"x": True}], "key with space": "v"}},
    }
    set_values(path, "work", values, make_default=True)
    after = tomllib.loads(path.read_text())
    assert {name: after["profiles"]["work"][name] for name in values} == values
    assert after["default_profile"] == "work"
    before = tomllib.loads(text.removeprefix("\ufeff"))
    assert after["profiles"].get("home") == before.get("profiles", {}).get("home")


@pytest.mark.parametrize("text", ["", "[profiles]\n", "profiles = {}\n", FULL])
def test_a_profile_is_added_to_others(path: Path, text: str) -> None:
    path.write_text(text)
    set_values(path, "new one", {"model": "m"})
    before = tomllib.loads(text).get("profiles", {})
    assert read_config(path).profiles == before | {"new one": {"model": "m"}}


def test_the_default_profile_can_be_set_alone(path: Path) -> None:
    path.write_text(FULL)
    set_values(path, "home", {}, make_default=True)
    assert read_config(path).default_profile == "home"
    assert "# the usual one" in path.read_text()


def test_unset_removes_values_and_returns_their_names(path: Path) -> None:
    path.write_text(FULL)
    assert unset_values(path, "work", ["modle", "base_url", "model", "modle"]) == (
        "modle",
        "base_url",
    )
    assert read_config(path).profiles["work"] == {"api_key": KEY, "options": {"n": 1}}
    assert "# --- work ---" in path.read_text()


@pytest.mark.parametrize("profile", ["home", "missing"])
def test_unset_of_a_missing_value_does_not_write_the_file(path: Path, profile: str) -> None:
    path.write_text(FULL)
    before = path.stat()
    assert unset_values(path, profile, ["temperature"]) == ()
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_unset_in_a_missing_file_creates_nothing(path: Path) -> None:
    assert unset_values(path.parent / "new/config.toml", "work", KEY_NAMES) == ()
    assert list(path.parent.iterdir()) == []


def test_all_key_sources_of_one_profile_can_be_removed(path: Path) -> None:
    keys = f'api_key = "{KEY}"\napi_key_command = "c"\napi_key_file = "f"\n'
    path.write_text(f'[profiles.a]\nmodel = "m"\n{keys}[profiles.b]\n{keys}')
    assert unset_values(path, "a", KEY_NAMES) == ("api_key", "api_key_command", "api_key_file")
    profiles = read_config(path).profiles
    assert profiles["a"] == {"model": "m"}
    assert set(profiles["b"]) == {"api_key", "api_key_command", "api_key_file"}


def test_no_file_of_the_folder_contains_a_removed_key(path: Path) -> None:
    set_values(path, "work", {"api_key": KEY})
    unset_values(path, "work", KEY_NAMES)
    assert all(b"CANARY" not in file.read_bytes() for file in path.parent.iterdir())


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"temprature": 1}, 'unknown setting "temprature" (use "temperature")'),
        ({KEY: 1}, "not shown"),
        ({"temperature": 3}, "temperature must be a number from 0 to 2, not 3"),
        ({"temperature": math.nan}, "temperature must be a number"),
        ({"api_key": [KEY]}, "api_key must be a key as a string, not a list"),
        ({"base_url": f"ftp://{KEY}"}, "invalid base_url: "),
        ({"model": "m", "stream": KEY}, "stream must be true or false, not a string"),
    ],
)
def test_an_invalid_name_or_value_changes_nothing(
    path: Path, values: dict[str, object], expected: str
) -> None:
    path.write_text(FULL)
    with pytest.raises(UsageError) as caught:
        set_values(path, "work", values)
    error = caught.value
    assert expected in f"{error.message} ({error.hint})"
    assert "CANARY" not in f"{error!r} {error.why} {error.hint} {error.__cause__!r}"
    assert path.read_text() == FULL


@pytest.mark.parametrize("name", ["", KEY, "a\nb", "../x", "x" * 41, "\x1b[2J", "a" * 32])
def test_a_profile_name_that_may_be_a_key_is_rejected(path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="invalid profile name") as caught:
        set_values(path, name, {"model": "m"})
    assert "CANARY" not in f"{caught.value!r}"
    assert not path.exists()


def test_a_profile_with_an_unusual_name_can_be_changed(path: Path) -> None:
    path.write_text('[profiles."a/b"]\nmodel = "x"\n')
    set_values(path, "a/b", {"model": "y"})
    assert read_config(path).profiles == {"a/b": {"model": "y"}}


@pytest.mark.parametrize(
    "text",
    [
        f'[profiles.work]\napi_key = "{KEY}\n',
        f"api_key = {KEY}\n",
        f'profiles = "{KEY}"\n',
        f'profiles.work = "{KEY}"\n',
        f"x = {'[' * 5000}",
    ],
)
def test_an_unreadable_file_is_not_changed(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o644)
    with pytest.raises(ConfigError) as reading:
        read_config(path)
    for change in (
        lambda: set_values(path, "work", {"model": "m"}),
        lambda: unset_values(path, "work", ["model"]),
    ):
        with pytest.raises(ConfigError) as caught:
            change()
        assert (caught.value.message, caught.value.hint) == (
            reading.value.message,
            reading.value.hint,
        )
    assert (path.read_text(), path.stat().st_mode & 0o777) == (text, 0o644)


def test_a_missing_default_profile_can_be_created(path: Path) -> None:
    path.write_text('default_profile = "work"\n')
    set_values(path, "work", {"model": "m"})
    assert read_config(path).default_profile == "work"


@pytest.mark.parametrize(
    "text",
    [
        "x = [" + "[" * 150 + "]" * 150 + "]\n",
        "a" + ".a" * 300 + "=1",
        'profiles.home.model = "dotted"\n',
    ],
)
def test_an_unusual_file_is_changed_correctly_or_not_at_all(path: Path, text: str) -> None:
    path.write_text(text)
    try:
        set_values(path, "work", {"model": "m"})
    except ConfigError as error:
        assert "cannot change" in error.message
        assert path.read_text() == text
    else:
        before = tomllib.loads(text)
        profiles = before.get("profiles", {}) | {"work": {"model": "m"}}
        assert tomllib.loads(path.read_text()) == before | {"profiles": profiles}


@pytest.mark.parametrize("broken", ["", "[profiles.work]\nmodel = 'm'\n", "not toml"])
def test_lost_lines_are_noticed_before_the_file_is_replaced(
    path: Path, broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.write_text(FULL)
    monkeypatch.setattr(tomlkit, "dumps", lambda _: broken)
    with pytest.raises(ConfigError, match="cannot change") as caught:
        set_values(path, "work", {"model": "m"})
    assert caught.value.hint == "newapi config edit"
    assert path.read_text() == FULL


def test_the_target_of_a_symlink_is_changed(path: Path, tmp_path: Path) -> None:
    target = tmp_path / "dotfiles/c.toml"
    target.parent.mkdir()
    target.write_text(FULL)
    path.symlink_to(target)
    set_values(path, "work", {"seed": 7})
    assert path.is_symlink()
    assert tomllib.loads(target.read_text())["profiles"]["work"]["seed"] == 7


def test_concurrent_writers_lose_no_change(path: Path) -> None:
    program = (
        "import sys, pathlib\n"
        "from newapi_cli.config.edit import set_values\n"
        "path, name = pathlib.Path(sys.argv[1]), sys.argv[2]\n"
        "print('ready', flush=True)\n"
        "sys.stdin.readline()\n"
        "for number in range(50):\n"
        "    set_values(path, f'{name}{number}', {'seed': number})\n"
    )
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(path), name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            text=True,
        )
        for name in ("a", "b")
    ]
    for writer in writers:
        assert writer.stdout
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        assert writer.stdin
        writer.stdin.write("go\n")
        writer.stdin.flush()
    for writer in writers:
        writer.communicate(timeout=60)
        assert writer.returncode == 0
    assert read_config(path).profiles == {
        f"{name}{number}": {"seed": number} for name in "ab" for number in range(50)
    }


def test_a_lock_that_cannot_be_created_is_an_error(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: int) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr(edit, "_wait_for", refuse)
    with pytest.raises(ConfigError, match="cannot lock") as caught:
        set_values(path, "work", {"model": "m"})
    assert caught.value.why == "No locks available"
    assert not path.exists()


def test_the_error_names_what_is_in_place_of_the_lock(path: Path) -> None:
    lock = path.with_name(".config.toml.lock")
    lock.mkdir()
    with pytest.raises(ConfigError, match="cannot lock") as caught:
        set_values(path, "work", {"model": "m"})
    assert caught.value.hint == f"ls -ld {lock}"


def test_waiting_for_a_lock_has_a_timeout(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edit, "LOCK_S", 0.2)
    set_values(path, "work", {"model": "m"})
    lock = path.with_name(".config.toml.lock")
    with lock.open("r+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(ConfigError, match="another newapi process is changing") as caught:
            set_values(path, "work", {"model": "n"})
    assert (caught.value.exit_code, str(lock) in caught.value.why) == (3, True)
    set_values(path, "work", {"model": "n"})
    assert read_config(path).profiles == {"work": {"model": "n"}}
