"""Reading config.toml: errors say what is wrong without repeating its text."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from newapi_cli.config.file import MAX_BYTES, ConfigFile, read_config
from newapi_cli.errors import ConfigError

CANARY = "sk-CANARYcanary0123456789CANARYcanary0123456789abcd"
KEY_LINE = f'[profiles.work]\napi_key = "{CANARY}"\n'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the place of a config file that does not exist yet."""
    return tmp_path / "config.toml"


def read(path: Path, data: str | bytes) -> ConfigFile:
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    path.chmod(0o600)
    return read_config(path)


def refusal(path: Path, data: str | bytes) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        read(path, data)
    error = caught.value
    assert "CANARY" not in f"{error!r} {error.message} {error.why} {error.hint} {error.__cause__!r}"
    assert error.hint
    return error


def test_a_missing_file_is_an_empty_configuration(path: Path) -> None:
    config = read_config(path)
    assert (config.default_profile, dict(config.profiles), config.warnings) == (None, {}, ())


def test_profiles_and_default_profile_are_read(path: Path) -> None:
    config = read(path, 'default_profile = "work"\n[profiles.work]\nmodel = "m"\n[profiles.home]\n')
    assert config.default_profile == "work"
    assert config.profiles == {"work": {"model": "m"}, "home": {}}
    assert config.warnings == ()


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_byte_order_mark_and_windows_line_ends_are_accepted(path: Path, newline: str) -> None:
    text = f'default_profile = "w"{newline}[profiles.w]{newline}model = "m"{newline}'
    assert read(path, b"\xef\xbb\xbf" + text.encode()).profiles == {"w": {"model": "m"}}


@pytest.mark.parametrize(
    "data",
    [
        KEY_LINE.encode("utf-16"),
        KEY_LINE.encode("utf-16-le"),
        KEY_LINE.encode("utf-16-be"),
        f'{KEY_LINE}system = "caf\xe9"\n'.encode("latin-1"),
    ],
    ids=["utf-16", "utf-16-le", "utf-16-be", "latin-1"],
)
def test_another_encoding_than_utf_8_is_an_error(path: Path, data: bytes) -> None:
    error = refusal(path, data)
    assert error.hint == "save the file as UTF-8"
    assert "UTF-8" in error.message


@pytest.mark.parametrize(
    ("line", "column", "reason", "hint"),
    [
        (f'model = "{CANARY}\\Users"', 63, "backslash", "single quotes"),
        ('model = "C:\\Users"', 14, "backslash", "single quotes"),
        ('model = "C:\\quiet"', 14, "backslash", "single quotes"),
        ('model = "\\ud800"', 16, "escape", "single quotes"),
        (f"api_key = “{CANARY}”", 11, "curly quote", "straight"),
        (f"api_key = {CANARY}", 11, "without quotes", "straight"),
        ("base_url = https://gateway.example", 12, "without quotes", "straight"),
        ("base_url = 127.0.0.1", 17, "unexpected text after a value", "straight"),
        (f'api_key = "{CANARY}', 63, "not closed", "straight"),
        (f"api_key = '{CANARY}", 63, "not closed", "straight"),
        (f"api_key = '''{CANARY}", 65, "not closed", "straight"),
        (f'api_key = """{CANARY}', 65, "not closed", "straight"),
        (f'api_key = "{CANARY}\nmodel = 1', 63, "not closed", "straight"),
        (f'api_key = "{CANARY}\0"', 63, "control character", "config edit"),
        (f'api_key = "{CANARY}\x1b"', 63, "control character", "config edit"),
        ('model = "a"\rtop_p = 1', 12, "unexpected text after a value", "straight"),
        (f'model = "{CANARY}" extra', 63, "unexpected text after a value", "straight"),
        (f"{CANARY}", 52, "without =", "config edit"),
        (f"{CANARY} more", 53, "without =", "config edit"),
        (f'"{CANARY}" = 1\n["{CANARY}"]\n[{CANARY}]\n[{CANARY}]', None, "", "config edit"),
        (f"options = {{ {CANARY} = 1, {CANARY} = 2 }}", None, "set twice", "config edit"),
        (f"options.{CANARY} = 1\noptions.{CANARY}.x = 2", None, "set twice", "config edit"),
        ("[open", None, "not closed", "config edit"),
        ("= 1", 1, "not NAME = VALUE", "config edit"),
        ("stop = [1, 2", None, "list is not closed", "config edit"),
        ("options = { a = 1", None, "table is not closed", "config edit"),
        ("model =", 8, "a missing value", "straight"),
        ("seed = 2024-02-30", 8, "date", "config edit"),
        ("[x]\na = {x = 1}\n[x.a.b]", None, "declared twice", "config edit"),
        ("[[a]]\n[a]", None, "declared twice", "config edit"),
        ("[x]\na = []\n[[x.a]]", None, "two places", "config edit"),
    ],
)
def test_a_toml_error_has_position_and_reason_but_no_text(
    path: Path, line: str, column: int | None, reason: str, hint: str
) -> None:
    error = refusal(path, f"{KEY_LINE}{line}")
    assert error.message.startswith(f"{path}:{3 if column else ''}")
    if column:
        assert f"{path}:3:{column}: " in error.message
    assert reason in error.message
    assert hint in error.hint


def test_a_duplicate_name_is_an_error(path: Path) -> None:
    error = refusal(path, f'{KEY_LINE}api_key = "other"\n')
    assert "set twice" in error.message


@pytest.mark.parametrize("depth", [5_000, 50_000])
def test_deep_nesting_is_an_error(path: Path, depth: int) -> None:
    assert "too deep" in refusal(path, f"{KEY_LINE}a = {'[' * depth}").message


def test_a_number_with_thousands_of_digits_is_an_error(path: Path) -> None:
    assert "too many digits" in refusal(path, f"{KEY_LINE}seed = {'9' * 4_301}").message


def test_a_huge_file_is_not_parsed(path: Path) -> None:
    assert "larger" in refusal(path, b"#" * (MAX_BYTES + 1)).message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("profiles = 1", "profiles must be a table"),
        ("[[profiles]]", "profiles must be a table"),
        ('[profiles]\nwork = "CANARY"', 'profile "work" must be a table'),
        (f"[profiles]\n{CANARY} = 1", "not shown"),
        ("default_profile = 3\n[profiles.work]", "default_profile must be a string"),
        ('default_profile = "wrok"\n[profiles.work]', 'default_profile is "wrok"'),
        (f'default_profile = "{CANARY}"', "not shown"),
    ],
)
def test_a_wrong_structure_is_an_error(path: Path, text: str, expected: str) -> None:
    assert expected in refusal(path, text).message


def test_a_missing_default_profile_is_an_error_with_the_most_similar_name(path: Path) -> None:
    error = refusal(path, 'default_profile = "wrok"\n[profiles.work]\n[profiles.home]')
    assert error.why == 'the profiles are: "work", "home"'
    assert error.hint == 'use "work"'


def test_a_folder_in_place_of_the_file_is_an_error(path: Path) -> None:
    path.mkdir()
    with pytest.raises(ConfigError, match="cannot read") as caught:
        read_config(path)
    assert caught.value.why == "Is a directory"


def test_a_symlink_to_itself_is_an_error(path: Path) -> None:
    path.symlink_to(path)
    with pytest.raises(ConfigError, match="cannot read"):
        read_config(path)


def test_a_file_without_read_permission_is_an_error(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    path.touch()
    monkeypatch.setattr(Path, "open", refuse)  # root may read everything
    with pytest.raises(ConfigError, match="cannot read") as caught:
        read_config(path)
    assert caught.value.why == "Permission denied"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o777, 0o620])
def test_a_key_that_others_can_read_is_a_warning_with_a_command(path: Path, mode: int) -> None:
    read(path, KEY_LINE)
    path.chmod(mode)
    (warning,) = read_config(path).warnings
    assert warning.endswith(f"run: chmod 600 {path}")
    assert "CANARY" not in warning


def test_the_command_of_the_warning_is_quoted(tmp_path: Path) -> None:
    folder = tmp_path / "it's here"
    folder.mkdir()
    path = folder / "config.toml"
    read(path, KEY_LINE)
    path.chmod(0o644)
    (warning,) = read_config(path).warnings
    assert os.system(warning.partition("run: ")[2]) == 0
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_readable_file_without_a_key_is_no_warning(path: Path) -> None:
    read(path, '[profiles.work]\nmodel = "m"\n')
    path.chmod(0o644)
    assert read_config(path).warnings == ()


def test_a_file_of_another_user_is_a_warning(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    uid = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: uid + 1)
    (warning,) = read(path, KEY_LINE).warnings
    assert f"belongs to another user (uid {uid})" in warning


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "defualt_profile = 'work'",
            'unknown setting "defualt_profile"; did you mean "default_profi',
        ),
        ("model = 'm'", '"model" has no effect here; move it below [profiles.NAME]'),
        ("xyzzy = 1", 'unknown setting "xyzzy"'),
        ("[profiles.w]\nmax-tokens = 5", '"max-tokens" in profile "w"; did you mean "max_tokens"?'),
        ("[profiles.w]\ntemprature = 1", 'did you mean "temperature"?'),
        (f"[profiles.w]\n{CANARY} = 1", "not shown"),
        (f"[profiles.{CANARY}]\nmodle = 1", "not shown"),
        (f"{CANARY[3:]} = 1", "not shown"),
    ],
)
def test_an_unknown_name_is_a_warning_with_the_most_similar_name(
    path: Path, text: str, expected: str
) -> None:
    (warning,) = read(path, text).unknown_names
    assert expected in warning
    assert "CANARY" not in warning


def test_an_unknown_name_without_a_similar_one_has_no_suggestion(path: Path) -> None:
    (warning,) = read(path, "[profiles.w]\nxyzzy = 1").unknown_names
    assert "did you mean" not in warning


def test_the_repr_of_a_config_file_contains_no_key(path: Path) -> None:
    config = read(path, KEY_LINE)
    assert config.profiles["work"]["api_key"] == CANARY
    assert "CANARY" not in repr(config)
