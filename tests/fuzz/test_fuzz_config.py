"""Any bytes as a config or key file give settings or an error, and no error contains a key."""

from __future__ import annotations

import math
import tempfile
import tomllib
import traceback
from collections.abc import Callable
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from newapi_cli.config.edit import set_values, unset_values
from newapi_cli.config.fields import BY_NAME, FIELDS
from newapi_cli.config.file import read_config
from newapi_cli.config.keys import read_key
from newapi_cli.config.settings import load_settings
from newapi_cli.domain.settings import KeyKind, KeySource, Origin, Secret, Source
from newapi_cli.errors import ConfigError, NewapiError, UsageError
from tests.fuzz.fuzzing import fuzzed
from tests.support.home import CANARY

TRACE = CANARY[3:19]
NAMES = st.sampled_from([field.name for field in FIELDS])
BARE = st.one_of(
    NAMES, st.sampled_from(["x", "profiles", "default_profile", "timout", CANARY[:30]])
)
VALUES = st.one_of(
    st.sampled_from([
        f'"{CANARY}"', f"'{CANARY}'", f'"""{CANARY}\n"""', CANARY, f'"{CANARY}',
        "true", "false", "1",
        "0.5", "-1", "nan", "-inf", "1e400", "9" * 5000, "0xff", "[]", "{}", '{a = {b = 1}}', '""',
        "1979-05-27T07:32:00Z", "07:32:00", '["a", 1]', '"https://h/v1"', '"ftp://x"', '"\\ud800"',
        '"\\q"', "[" * 2000, "1_0", "+1", "[1, [2, []]]", '"http://[::1"', '"\\u0000"',
    ]),
    st.text(st.characters(codec="utf-8"), max_size=8).map(lambda text: f'"{text}"'),
)  # fmt: skip
LINES = st.one_of(
    st.tuples(BARE, VALUES).map(" = ".join),
    st.sampled_from([
        "[profiles.work]", "[profiles.home]", '[profiles."a b"]', "[profiles]", "[[profiles]]",
        'default_profile = "work"', "profiles.x.model = 'm'", f'[profiles.{CANARY}]', "# comment",
        "[other.thing]", "[[array]]", "", "[profiles.work.stop]", f"{CANARY}", f'"{CANARY}" = 1',
        "profiles = {work = {model = 'm'}}", "[", "=", "\x00", "\x1b[31m", "[profiles.work]  # x",
    ]),
)  # fmt: skip
FILES = st.one_of(
    st.binary(max_size=60),
    st.lists(LINES, max_size=9).map(lambda lines: "\n".join(lines).encode()),
    st.tuples(
        st.sampled_from([b"\xef\xbb\xbf", b"\xff\xfe", b"\0", b""]),
        st.lists(LINES, max_size=5).map(lambda lines: "\r\n".join(lines).encode()),
        st.binary(max_size=2),
    ).map(b"".join),
)


def at(data: bytes, use: Callable[[Path], None]) -> None:
    """Create a file with these bytes in a new folder."""
    with tempfile.TemporaryDirectory(prefix="newapi-config-") as folder:
        path = Path(folder, "config.toml")
        path.write_bytes(data)
        path.chmod(0o600)
        use(path)


def assert_secret(error: NewapiError) -> None:
    """Assert that no part of an error contains a key, nor its traceback with `--debug`."""
    assert TRACE not in "".join(traceback.format_exception(error))
    text = f"{error.message} {error.why} {error.hint}"
    assert TRACE not in text
    text.encode("utf-8")
    assert not any(character < " " for character in text.replace("\n", ""))


# -- reading ----------------------------------------------------------------------------------


@fuzzed(300)
@given(FILES)
def test_any_bytes_are_settings_or_a_config_error(data: bytes) -> None:
    def use(path: Path) -> None:
        try:
            config = read_config(path)
            assert all(TRACE not in warning for warning in config.warnings)
            settings = load_settings(config, {}, {})
        except ConfigError as error:
            assert_secret(error)
        else:
            assert TRACE not in repr(config)
            assert TRACE not in repr(settings.key)
            assert settings.profile in config.profiles or settings.profile == "default"

    at(data, use)


@fuzzed(150)
@given(st.one_of(st.binary(max_size=80), st.binary(max_size=8).map(lambda b: CANARY.encode() + b)))
def test_any_bytes_of_a_key_file_are_a_key_or_a_config_error(data: bytes) -> None:
    def use(path: Path) -> None:
        origin = Origin(Source.PROFILE, "work")
        source = KeySource(KeyKind.FILE, Secret(path.name), origin)
        try:
            key = read_key(source, path.parent).reveal()
        except ConfigError as error:
            assert_secret(error)
        else:
            assert key.isascii()
            assert key.isprintable()
            assert " " not in key
            assert key.encode() in data

    at(data, use)


# -- changing ---------------------------------------------------------------------------------

GOOD: dict[str, object] = {
    "model": "m", "temperature": 0.5, "max_tokens": 7, "stop": ["a", "b"], "timeout": 3.0,
    "base_url": "https://gateway.example", "allow_insecure": True, "system": "be\nbrief \u4f60",
    "api_key": CANARY,
}  # fmt: skip
PROFILES = st.sampled_from(["work", "home", "new", "a b"])


def plain(value: object) -> object:
    """Return a value in which equal numbers are equal: NaN as a word."""
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return list(map(plain, value))
    return "nan" if isinstance(value, float) and math.isnan(value) else value


def parsed(data: bytes) -> dict[str, object] | None:
    """Parse a file with the standard library only; None if it is not TOML."""
    try:
        return tomllib.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return None


@fuzzed(250)
@given(FILES, PROFILES, st.sampled_from(sorted(GOOD)), st.booleans())
def test_setting_a_value_changes_nothing_else(
    data: bytes, profile: str, name: str, make_default: bool
) -> None:
    def use(path: Path) -> None:
        before = parsed(data)
        try:
            set_values(path, profile, {name: GOOD[name]}, make_default=make_default)
        except (ConfigError, UsageError) as error:
            assert_secret(error)
            assert path.read_bytes() == data
            return
        after = parsed(path.read_bytes())
        assert before is not None
        assert after is not None
        wanted: dict[str, object] = before
        profiles = wanted.setdefault("profiles", {})
        assert isinstance(profiles, dict)
        profiles.setdefault(profile, {})[name] = GOOD[name]
        if make_default:
            wanted["default_profile"] = profile
        assert plain(after) == plain(wanted)
        comments = [line for line in data.splitlines() if line.startswith(b"#")]
        assert [line for line in comments if line not in path.read_bytes()] == []

    at(data, use)


@fuzzed(150)
@given(FILES, PROFILES, st.lists(NAMES, min_size=1, max_size=3))
def test_unsetting_a_value_changes_nothing_else(
    data: bytes, profile: str, names: list[str]
) -> None:
    def use(path: Path) -> None:
        wanted = parsed(data)
        try:
            removed = unset_values(path, profile, names)
        except (ConfigError, UsageError) as error:
            assert_secret(error)
            assert path.read_bytes() == data
            return
        assert wanted is not None
        profiles = wanted.get("profiles", {})
        assert isinstance(profiles, dict)
        there = profiles.get(profile, {})
        assert removed == tuple(name for name in dict.fromkeys(names) if name in there)
        for name in removed:
            del there[name]
        after = parsed(path.read_bytes())
        assert after is not None
        assert plain(after) == plain(wanted)
        assert removed or path.read_bytes() == data

    at(data, use)


@fuzzed(200)
@given(NAMES, st.one_of(st.text(st.characters(codec=None), max_size=12), VALUES, st.just(CANARY)))
def test_any_text_of_a_variable_is_a_value_or_an_error_with_the_expected_type(
    name: str, text: str
) -> None:
    field = BY_NAME[name]
    try:
        value = field.parse(text)
    except ValueError as problem:
        assert type(problem) is ValueError
        assert TRACE not in str(problem)
        str(problem).encode()
    else:
        assert field.check(value) == value or value != value
