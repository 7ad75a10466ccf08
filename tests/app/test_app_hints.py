"""Hints name the profile of the run, and the place of the base URL."""

from __future__ import annotations

import pytest

from newapi_cli.app.context import Context
from newapi_cli.app.hints import words_of_run
from newapi_cli.errors import NextStep, profile_command
from newapi_cli.i18n import reword, tr
from newapi_cli.streams import Input, Output, Streams
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.process import run_newapi
from tests.support.steps import Send
from tests.support.wire import response

UNREACHABLE = "http://127.0.0.1:1"
LOGIN = profile_command("newapi login")
SET_MODEL = profile_command("newapi config set", "model NAME")


def context(profile: str | None) -> Context:
    streams = Streams(Input(None), Output(None), Output(None), {})
    return Context(streams, {"profile": profile})


@pytest.mark.parametrize(
    ("profile", "text", "expected"),
    [
        (None, LOGIN, "newapi login"),
        (None, tr("run `{login}`", login=LOGIN), "run `newapi login`"),
        ("work", LOGIN, "newapi login -P work"),
        ("work", tr("run `{login}`", login=LOGIN), "run `newapi login -P work`"),
        ("my work", profile_command("newapi models", "gpt"), "newapi models -P 'my work' gpt"),
        ("work", SET_MODEL, "newapi config set -P work model NAME"),
        (
            "work",
            tr("{one}; {other}", one=tr("run `{login}`", login=LOGIN), other=SET_MODEL),
            "run `newapi login -P work`; newapi config set -P work model NAME",
        ),
        ("work", NextStep.LIST_SESSIONS, "newapi sessions list -P work"),
        (
            "work",
            NextStep.PIPE_FILE,
            "pipe it in instead: `… | newapi chat -P work -f -`",
        ),
        (
            "work",
            NextStep.CHECK_BASE_URL,
            "check the base URL with `newapi config get -P work base_url`,"
            " or store another: `newapi login -P work URL`",
        ),
        (None, NextStep.CHECK_BASE_URL, NextStep.CHECK_BASE_URL.value),
        ("work", tr("newapi config edit"), "newapi config edit"),
        ("work", tr("{nothing}retry later", nothing=""), "retry later"),
        ("work", "retry later", "retry later"),
    ],
)
def test_commands_name_the_profile_that_an_option_chose(
    profile: str | None, text: str, expected: str
) -> None:
    assert reword(text, words_of_run(context(profile))) == expected


@pytest.mark.parametrize("by", ["flag", "environment"])
def test_the_hints_of_a_run_name_the_profile_of_the_option(home: Home, by: str) -> None:
    home.configure(UNREACHABLE)
    with home.config_file.open("a", encoding="utf-8") as file:
        file.write(f'\n[profiles.work]\nbase_url = "{UNREACHABLE}"\n')
    args = ["-P", "work"] if by == "flag" else []
    env = {} if by == "flag" else {"NEWAPI_PROFILE": "work"}
    flag = " -P work" if by == "flag" else ""
    result = run_newapi("chat", *args, "hi", home=home, env=env)
    assert f"try: run `newapi login{flag}`" in result.err
    result = run_newapi("chat", *args, "hi", home=home, env=env | {"NEWAPI_API_KEY": "sk-any"})
    assert f"try: `newapi models{flag}` lists them" in result.err
    assert f"`newapi config set{flag} model NAME`" in result.err


def test_an_unreachable_url_is_to_be_checked_where_it_comes_from(home: Home) -> None:
    home.configure(UNREACHABLE, retries=0)
    env = {"NEWAPI_API_KEY": "sk-any"}
    flag, variable = "http://127.0.0.1:2", "http://127.0.0.1:3"
    result = run_newapi("chat", "hi", home=home)
    assert "try: check the base URL with `newapi config get base_url`" in result.err
    result = run_newapi("chat", "--base-url", flag, "hi", home=home, env=env)
    hint = f"try: check the URL after --base-url, or run `newapi doctor --base-url {flag}`\n"
    assert hint in result.err
    result = run_newapi("chat", "hi", home=home, env=env | {"NEWAPI_BASE_URL": variable})
    assert "try: check the variable NEWAPI_BASE_URL, or run `newapi doctor`\n" in result.err


def test_a_hint_that_contains_the_one_about_the_url_is_replaced_too(home: Home) -> None:
    home.configure(UNREACHABLE, retries=0)
    assert run_newapi("chat", "hi", home=home).code == 5  # stores a session
    env = {"NEWAPI_API_KEY": "sk-any", "NEWAPI_BASE_URL": UNREACHABLE}
    result = run_newapi("usage", "--exact", home=home, env=env)
    assert "try: check the variable NEWAPI_BASE_URL, or run `newapi doctor`; " in result.err


def test_the_doctor_names_the_place_of_the_url_and_the_profile(
    home: Home, fault_server: FaultServer
) -> None:
    fault_server.answer_with(lambda _: [Send(response(200, b"<html><title>Hi</title></html>"))])
    home.configure(fault_server.url)
    env = {"NEWAPI_API_KEY": "sk-any", "NEWAPI_BASE_URL": fault_server.url}
    result = run_newapi("doctor", home=home, env=env)
    assert "check the variable NEWAPI_BASE_URL" in result.text
    assert "newapi config get base_url" not in result.text
    result = run_newapi("doctor", "-P", "test", home=home)
    assert "`newapi config get -P test base_url`" in result.text


@pytest.mark.parametrize(
    ("args", "flag"), [([], ""), (["-P", "test"], " -P test"), (["-P", "new"], "")]
)
def test_a_failed_login_names_its_url_and_no_profile_that_does_not_exist(
    home: Home, args: list[str], flag: str
) -> None:
    home.configure(UNREACHABLE)
    url = "http://localhost:1"
    key = b"sk-0123456789abcdefghij"
    result = run_newapi("login", url, "--retries", "0", "--stdin", *args, home=home, stdin=key)
    assert result.code == 5
    assert f"try: check the URL, or run `newapi doctor{flag} --base-url {url}`\n" in result.err
