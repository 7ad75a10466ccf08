"""`newapi config`: settings and their origins, on terminals and in pipes."""

from __future__ import annotations

import json
import stat
import tomllib

import pytest

from newapi_cli.app.config_edit import Setting
from tests.support.home import CANARY, Home
from tests.support.process import Environment, Result, newapi_command, run_newapi
from tests.support.terminal import Terminal
from tests.support.wire import MODEL

URL = "https://gateway.invalid"
MASKED = f"sk-****{CANARY[-4:]}"
BROKEN = {
    "not TOML": ("default_profile = \n", ":1:"),
    "a name twice": ('[profiles.a]\nmodel = "x"\nmodel = "y"\n', ":3:"),
    "not UTF-8": ('[profiles.a]\nmodel = "caf\udce9"\n', ":2:"),
}


@pytest.fixture(autouse=True)
def _configured(home: Home) -> None:
    home.configure(URL, temperature=0.5)


def config(home: Home, *args: str, env: Environment | None = None) -> Result:
    """Run the command in order."""
    result = run_newapi("config", *args, home=home, env=env)
    assert result.code == 0, result
    return result


def refused(home: Home, *args: str, code: int = 2) -> str:
    """Run a command that must fail, and return stderr."""
    result = run_newapi("config", *args, home=home)
    assert (result.code, result.out) == (code, b""), result
    return result.err


def rows(result: Result) -> dict[str, tuple[str, str]]:
    """Return value and origin of each setting of a list in a pipe."""
    lines = [line.split("\t") for line in result.text.splitlines()]
    assert {len(line) for line in lines} == {3}
    return {name: (value, origin) for name, value, origin in lines}


def stored(home: Home, profile: str = "test") -> dict[str, object]:
    """Return the values of a profile in the config file."""
    values: dict[str, object] = tomllib.loads(home.config_file.read_text("utf-8"))["profiles"][
        profile
    ]
    return values


# -- list -------------------------------------------------------------------------------------


def test_each_setting_is_listed_with_its_origin(home: Home) -> None:
    env = {"NEWAPI_MODEL": "from-env", "NEWAPI_SEED": "7"}
    listed = rows(config(home, "list", env=env | {"NEWAPI_TIMEOUT": "9"}))
    assert listed["profile"] == ("test", "profile default_profile")
    assert listed["base_url"] == (URL, "profile test")
    assert listed["temperature"] == ("0.5", "profile test")
    assert listed["model"] == ("from-env", "environment NEWAPI_MODEL")
    assert listed["seed"] == ("7", "environment NEWAPI_SEED")
    assert listed["timeout"] == ("9.0", "environment NEWAPI_TIMEOUT")
    assert listed["retries"] == ("2", "default")
    assert "top_p" not in listed


def test_the_key_is_listed_masked(home: Home) -> None:
    assert rows(config(home, "list"))["api_key"] == (MASKED, "profile test")
    env = {"NEWAPI_API_KEY": "sk-environment-key-9876"}
    listed = rows(config(home, "list", env=env))
    assert listed["api_key"] == ("sk-****9876", "environment NEWAPI_API_KEY")


def test_a_key_that_must_not_be_sent_to_the_host_is_explained(home: Home) -> None:
    result = config(home, "list", env={"NEWAPI_BASE_URL": "https://other.invalid"})
    assert "api_key" not in rows(result)
    assert "other.invalid" in result.err


def test_all_includes_settings_that_are_not_set(home: Home) -> None:
    listed = rows(config(home, "list", "--all"))
    assert listed["top_p"][0] == ""
    assert set(rows(config(home, "list"))) < set(listed)


def test_json_lists_value_and_origin(home: Home) -> None:
    value = json.loads(config(home, "list", "--json").text)
    assert value["base_url"] == {"value": URL, "origin": "profile test"}
    assert value["api_key"]["value"] == MASKED
    assert value["model"] == {"value": MODEL, "origin": "profile test"}


def test_a_terminal_gets_a_table(home: Home) -> None:
    with Terminal(newapi_command("config", "list"), home=home, columns=120, rows=50) as terminal:
        assert terminal.wait_exit() == 0
        lines = terminal.all_text().splitlines()
    assert lines[0].split() == ["setting", "value", "origin", "description"]
    row = {line.split()[0]: line for line in lines if line.strip()}
    assert row["base_url"].split()[:5] == ["base_url", URL, "profile", "test", "base"]
    assert row["base_url"].index(URL) == lines[0].index("value")
    assert row["theme"].endswith("  colors: the terminal's own (ansi), dark or light")
    assert row["profile"].split()[1:4] == ["test", "config", "file"]


@pytest.mark.parametrize(("columns", "is_described"), [(79, False), (80, True)])
def test_a_narrow_terminal_gets_no_descriptions(
    home: Home, columns: int, *, is_described: bool
) -> None:
    with Terminal(newapi_command("config", "list"), home=home, columns=columns) as terminal:
        assert terminal.wait_exit() == 0
        assert ("description" in terminal.all_text()) is is_described


def test_a_narrow_terminal_truncates_no_value(home: Home) -> None:
    with Terminal(newapi_command("config", "list"), home=home, columns=40, rows=90) as terminal:
        assert terminal.wait_exit() == 0
        lines = [line for line in terminal.all_text().splitlines() if line]
    assert max(map(len, lines)) <= 40
    assert "temperature" in " ".join(lines)


def test_values_with_line_breaks_are_one_line_in_a_pipe(home: Home) -> None:
    home.configure(URL, system="two\nlines\tand a tab")
    assert rows(config(home, "list"))["system"][0] == "two\\nlines\\tand a tab"


# -- get, set, unset --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "shown"),
    [("model", MODEL), ("temperature", "0.5"), ("stream", "true"), ("api_key", MASKED)],
)
def test_get_prints_one_value(home: Home, name: str, shown: str) -> None:
    result = config(home, "get", name)
    assert (result.text, result.err) == (f"{shown}\n", "")


def test_get_fails_for_a_setting_that_is_not_set(home: Home) -> None:
    assert "newapi config set top_p" in refused(home, "get", "top_p", code=3)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("model", "gpt-4o", "gpt-4o"),
        ("temperature", "1", 1.0),
        ("max_tokens", "100", 100),
        ("stream", "off", False),
        ("stop", '["A", "B"]', ["A", "B"]),
        ("stop", "END", ["END"]),
        ("options", '{"top_k": 40, "x": {"y": [1]}}', {"top_k": 40, "x": {"y": [1]}}),
        ("base_url", "gateway.invalid/ai/v1/", "https://gateway.invalid/ai"),
        ("system", "many “words”\nin lines", "many “words”\nin lines"),
        ("editing_mode", "VI", "vi"),
    ],
)
def test_set_stores_a_typed_value_that_get_shows(
    home: Home, name: str, text: str, value: object
) -> None:
    result = config(home, "set", name, text)
    assert result.out == b""
    assert stored(home)[name] == value
    assert stored(home)["api_key"] == CANARY
    assert config(home, "get", name).code == 0
    assert stat.S_IMODE(home.config_file.stat().st_mode) == 0o600


@pytest.mark.parametrize("name", ["api_key_command", "api_key_file"])
def test_another_key_setting_works_or_is_reported_as_overridden(home: Home, name: str) -> None:
    err = config(home, "set", name, "pass show 'x y'").err
    listed = rows(config(home, "list"))
    assert name in listed or "no effect" in err, err


def test_a_negative_value_can_be_set(home: Home) -> None:
    config(home, "set", "--", "presence_penalty", "-1")
    assert stored(home)["presence_penalty"] == -1.0


def test_unset_removes_one_value(home: Home) -> None:
    config(home, "unset", "temperature")
    assert "temperature" not in stored(home)
    assert stored(home)["model"] == MODEL


def test_unset_reports_a_setting_that_is_not_set(home: Home) -> None:
    before = home.config_file.read_bytes()
    assert "is not set" in config(home, "unset", "top_p").err
    assert home.config_file.read_bytes() == before


def test_set_and_unset_change_only_the_named_profile(home: Home) -> None:
    with home.config_file.open("a", encoding="utf-8") as file:
        file.write('[profiles.work]\nmodel = "old"\n')
    config(home, "set", "model", "new", "-P", "work")
    assert (stored(home)["model"], stored(home, "work")["model"]) == (MODEL, "new")
    config(home, "unset", "model", "-P", "work")
    assert (stored(home)["model"], stored(home, "work")) == (MODEL, {})


def test_set_creates_the_config_file(home: Home) -> None:
    home.config_file.unlink()
    config(home, "set", "model", "m")
    assert stored(home, "default") == {"model": "m"}
    assert stat.S_IMODE(home.config_file.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("temperature", "3", "from 0 to 2"),
        ("max_tokens", "0", "of at least 1"),
        ("stream", "maybe", "true or false"),
        ("reasoning", "loud", "one of show, hide"),
        ("options", "[1]", "a table"),
        ("base_url", "ftp://x", "https://"),
        ("retries", "11", "from 0 to 10"),
        ("api_key", "sk-0123456789abcdef", "newapi login"),
        ("fallback", "", "newapi config unset fallback"),
        ("fallback", '["a", " "]', "newapi config unset fallback"),
        ("stop", "", "newapi config unset stop"),
        ("model", " ", "newapi config unset model"),
        ("code_style", "no-such-style", "newapi config set code_style monokai"),
    ],
)
def test_an_invalid_value_is_rejected_and_changes_nothing(
    home: Home, name: str, value: str, expected: str
) -> None:
    before = home.config_file.read_bytes()
    err = refused(home, "set", name, value)
    assert expected in err
    assert "0123456789abcdef" not in err
    assert home.config_file.read_bytes() == before


def test_a_style_that_exists_and_a_stop_of_white_space_are_stored(home: Home) -> None:
    config(home, "set", "code_style", "monokai")
    config(home, "set", "stop", "\n")
    assert (stored(home)["code_style"], stored(home)["stop"]) == ("monokai", ["\n"])


@pytest.mark.parametrize("args", [["get", "modle"], ["set", "modle", "x"], ["unset", "modle"]])
def test_an_unknown_setting_is_rejected_with_a_suggestion(home: Home, args: list[str]) -> None:
    err = refused(home, *args)
    assert "did you mean model?" in err
    assert "try: `newapi config list --all` lists all settings" in err


def test_the_profile_is_printed_but_not_stored_as_a_setting(home: Home) -> None:
    assert config(home, "get", "profile").text == "test\n"
    for args in (["set", "profile", "x"], ["unset", "profile"]):
        assert "default_profile: newapi config edit" in refused(home, *args)


def test_the_help_names_where_settings_are_listed(home: Home) -> None:
    for name in ("get", "set", "unset"):
        assert "config list --all" in " ".join(config(home, name, "--help").text.split())


@pytest.mark.parametrize("text", ["a,b", " a , b ,", '["a", "b"]'])
def test_a_list_of_names_is_split_at_commas(home: Home, text: str) -> None:
    config(home, "set", "fallback", text)
    assert stored(home)["fallback"] == ["a", "b"]
    assert config(home, "get", "fallback").text == '["a", "b"]\n'
    home.configure(URL)
    listed = rows(config(home, "list", env={"NEWAPI_FALLBACK": text}))
    assert listed["fallback"] == ('["a", "b"]', "environment NEWAPI_FALLBACK")


@pytest.mark.parametrize(
    ("value", "shown"),
    [('["a", "b"]', "a, b"), ('["a,b", "c"]', '["a,b", "c"]'), ('["a"]', "a"), ("", "")],
)
def test_a_list_of_names_is_displayed_as_it_is_typed(value: str, shown: str) -> None:
    assert Setting("fallback", value, "").readable_value == shown
    assert Setting("stop", value, "").readable_value == value


def test_a_text_that_ends_answers_may_contain_commas(home: Home) -> None:
    config(home, "set", "stop", "a,b")
    assert stored(home)["stop"] == ["a,b"]


@pytest.mark.parametrize("more", [[], ["-P", "test"]])
def test_a_negative_number_is_a_value(home: Home, more: list[str]) -> None:
    config(home, "set", "frequency_penalty", "-1", *more)
    config(home, "set", *more, "presence_penalty", "-.5")
    assert (stored(home)["frequency_penalty"], stored(home)["presence_penalty"]) == (-1.0, -0.5)
    assert "timeout must be a number of seconds from 0 to 1,000,000, not -3" in refused(
        home, "set", "timeout", "-3"
    )


def test_an_unknown_option_is_not_a_value(home: Home) -> None:
    assert "no such option: --bogus" in refused(home, "set", "model", "--bogus")


def test_an_editor_that_does_not_exist_is_reported_without_a_number(home: Home) -> None:
    result = run_newapi("config", "edit", home=home, env={"EDITOR": "nope"})
    assert result.code == 2
    assert "why: No such file or directory\n" in result.err


def test_an_unknown_name_in_the_file_can_be_unset(home: Home) -> None:
    with home.config_file.open("a", encoding="utf-8") as file:
        file.write('modle = "x"\n')
    assert "modle" in config(home, "unset", "modle").err
    assert "modle" not in stored(home)


def test_an_unknown_name_in_the_file_is_a_warning(home: Home) -> None:
    with home.config_file.open("a", encoding="utf-8") as file:
        file.write('modle = "x"\n')
    result = config(home, "list")
    assert result.err.count("warning:") == 1
    assert '"modle"' in result.err
    assert 'did you mean "model"?' in result.err


# -- path and edit ----------------------------------------------------------------------------


def editor(home: Home, script: str) -> dict[str, str | None]:
    """Return an environment whose editor is a shell script; `$1` is the file."""
    path = home.path / "editor"
    path.write_text(f"#!/bin/sh\n{script}\n", "utf-8")
    path.chmod(0o700)
    return {"EDITOR": str(path)}


def test_path_is_printed(home: Home) -> None:
    assert config(home, "path").text == f"{home.config_file}\n"


def test_edit_opens_the_file(home: Home) -> None:
    config(home, "edit", env=editor(home, "echo 'seed = 3' >> \"$1\""))
    assert stored(home)["seed"] == 3


def test_edit_creates_the_config_file(home: Home) -> None:
    home.config_file.unlink()
    config(home, "edit", env=editor(home, 'cp "$1" seen'))
    assert (home.path / "seen").read_text().startswith("#")
    assert stat.S_IMODE(home.config_file.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "line", ["temperature = 9", 'base_url = "x y"', "model = ", "[profiles.test]"]
)
def test_edit_reports_what_is_invalid_afterwards(home: Home, line: str) -> None:
    home.configure(URL)
    home.config_file.write_text(home.config_file.read_text().replace(f'base_url = "{URL}"\n', ""))
    env = editor(home, f"printf '%s\\n' '{line}' >> \"$1\"")
    result = run_newapi("config", "edit", home=home, env=env)
    assert result.code == 3
    assert "error:" in result.err


def test_a_blank_editor_variable_counts_as_unset(home: Home) -> None:
    env = editor(home, "echo 'seed = 3' >> \"$1\"")
    config(home, "edit", env=env | {"VISUAL": "   "})
    assert stored(home)["seed"] == 3


@pytest.mark.parametrize("env", [{}, {"VISUAL": " ", "EDITOR": "\t"}], ids=["unset", "blank"])
def test_without_an_editor_and_a_terminal_no_file_is_created(home: Home, env: Environment) -> None:
    home.config_file.unlink()
    result = run_newapi("config", "edit", home=home, env=env)
    assert (result.code, "needs a terminal" in result.err, "EDITOR" in result.err) == (
        2,
        True,
        True,
    )
    assert not home.config_file.exists()


def test_a_failing_editor_is_an_error(home: Home) -> None:
    result = run_newapi("config", "edit", home=home, env=editor(home, "exit 7"))
    assert result.code == 2
    assert "7" in result.err


@pytest.mark.parametrize(("text", "place"), BROKEN.values(), ids=list(BROKEN))
def test_a_broken_file_can_be_located_and_fixed(home: Home, text: str, place: str) -> None:
    home.config_file.write_text(text, "utf-8", "surrogateescape")
    assert config(home, "path").text == f"{home.config_file}\n"
    mend = editor(home, "echo '[profiles.mended]' > \"$1\"")
    config(home, "edit", env=mend)
    assert stored(home, "mended") == {}


@pytest.mark.parametrize(
    ("args", "kind"),
    [
        *((["config", "list"], kind) for kind in BROKEN),
        (["config", "get", "model"], "not TOML"),
        (["config", "set", "model", "x"], "a name twice"),
        (["config", "unset", "model"], "not UTF-8"),
        (["chat", "hi"], "a name twice"),
        (["models"], "not TOML"),
        (["logout"], "not UTF-8"),
        (["login", URL, "--stdin", "--no-check"], "a name twice"),
    ],
    ids=lambda value: " ".join(value[:2]) if isinstance(value, list) else value,
)
def test_a_broken_file_is_reported_with_its_line(home: Home, args: list[str], kind: str) -> None:
    text, place = BROKEN[kind]
    home.config_file.write_text(text, "utf-8", "surrogateescape")
    before = home.config_file.read_bytes()
    result = run_newapi(*args, home=home, stdin=b"sk-0123456789abcdef" if "login" in args else b"")
    assert (result.code, result.out) == (3, b"")
    assert f"{home.config_file}{place}" in result.err
    assert home.config_file.read_bytes() == before


def test_the_demo_works_with_an_invalid_config_file(home: Home) -> None:
    home.config_file.write_text("broken = \n")
    result = run_newapi("demo", "hello", home=home)
    assert (result.code, result.err) == (0, "")


def test_config_alone_prints_its_help(home: Home) -> None:
    result = run_newapi("config", home=home)
    assert result.code == 2
    assert "Usage: newapi config" in result.text + result.err
    assert "error:" not in result.err
