"""`newapi demo`, `newapi models`, and `newapi` alone."""

from __future__ import annotations

import json
import re
import signal
import socket
import stat
import subprocess
import urllib.request
from collections.abc import Iterator

import pytest

from newapi_cli.demo.server import DemoGateway
from tests.support.home import Home
from tests.support.process import newapi_command, run_newapi
from tests.support.terminal import Terminal


@pytest.fixture
def gateway(home: Home) -> Iterator[DemoGateway]:
    """Return a running demo gateway that the configuration names."""
    with DemoGateway(pace_s=0) as running:
        home.configure(running.base_url)
        yield running


# -- demo -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "code", "out"),
    [
        (["hello"], 0, "I am the demo gateway"),
        (["-m", "demo-echo", "a  b", "c"], 0, "a  b c\n"),
        (["-m", "demo-reasoning", "--no-stream", "why"], 0, "reasoning comes first"),
        (["-x", "--no-stream", "some", "code"], 0, "from collections import Counter"),
        (["-r", "-m", "demo-echo", "a"], 0, "a\n"),
        (["--no-stream", "hello"], 0, "I am the demo gateway"),
        (["-m", "demo-cut", "x"], 9, "This answer begins"),
        (["-m", "demo-no-finish", "x"], 9, "This answer begins"),
        (["-m", "demo-length", "x"], 0, "This answer begins"),
        (["-m", "demo-filter", "x"], 6, "This answer begins"),
        (["-m", "demo-error-in-stream", "x"], 6, "This answer begins"),
        (["-m", "demo-401", "x"], 4, ""),
        (["-m", "demo-quota", "x"], 7, ""),
        (["-m", "demo-429-once", "--no-stream", "hello"], 0, "I am the demo gateway"),
        (["-m", "no-such-model", "x"], 6, ""),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_the_demo_answers_without_key_and_network(
    home: Home, args: list[str], code: int, out: str
) -> None:
    result = run_newapi("demo", *args, home=home, stdin=None)
    assert result.code == code, result
    assert out in result.text
    assert bool(out) == bool(result.out)
    is_told = code != 0 or "demo-length" in args or "demo-429-once" in args
    assert (result.err != "") == is_told


@pytest.mark.parametrize("model", ["demo-cut", "demo-no-finish"])
def test_the_demo_does_not_offer_to_resume_what_is_not_saved(home: Home, model: str) -> None:
    result = run_newapi("demo", "-m", model, "x", home=home, stdin=None)
    assert "try: send the prompt again" in result.err
    assert "newapi chat" not in result.err


def test_the_demo_names_its_models_if_one_is_not_found(home: Home) -> None:
    result = run_newapi("demo", "-m", "demo-ecko", "x", home=home, stdin=None)
    assert "the models of the demo: demo, demo-reasoning, " in result.err
    assert "newapi models" not in result.err


def test_the_demo_without_a_prompt_prints_the_tour(home: Home) -> None:
    result = run_newapi("demo", "--no-stream", home=home, stdin=None)
    assert result.code == 0
    assert result.text.startswith("# A short tour of newapi")


def test_the_demo_prints_json(home: Home) -> None:
    value = json.loads(run_newapi("demo", "--json", "--no-stream", "hello", home=home).text)
    assert (value["model"], value["status"]) == ("demo", "complete")


def test_the_demo_reads_stdin(home: Home) -> None:
    assert run_newapi("demo", "-m", "demo-echo", "q", home=home, stdin=b"x").text == "q\n\nx\n"


def test_the_demo_ignores_the_settings_of_the_user(home: Home) -> None:
    home.configure("https://gateway.invalid", model="mine", system="be rude", temperature=2)
    env = {"NEWAPI_MODEL": "other", "NEWAPI_BASE_URL": "https://x.invalid", "NEWAPI_STREAM": "x"}
    result = run_newapi("demo", "--no-stream", "what is the system prompt?", home=home, env=env)
    assert result.code == 0, result
    assert "No system prompt was sent" in result.text


def test_the_demo_writes_no_file(home: Home) -> None:
    assert run_newapi("demo", "-m", "demo-echo", "hello", home=home).code == 0
    assert list(home.path.rglob("*")) == []


def test_the_demo_names_its_model_after_the_answer(home: Home) -> None:
    with Terminal(newapi_command("demo", "--no-stream", "hello"), home=home) as terminal:
        assert terminal.wait_exit() == 0
        assert re.search(r"^demo · \d+ tokens in", terminal.all_text(), re.MULTILINE)


@pytest.mark.parametrize("model", ["demo-401", "demo-quota", "no-such-model"])
def test_the_demo_redacts_nothing_in_its_own_texts(home: Home, model: str) -> None:
    result = run_newapi("demo", "-v", "-m", model, "x", home=home)
    assert result.code != 0
    assert "****" not in result.err


def test_ctrl_c_ends_the_demo_like_a_chat(home: Home) -> None:
    with Terminal(newapi_command("demo", "-m", "demo-long", "-r"), home=home) as terminal:
        terminal.wait_for("Paragraph 1.")
        terminal.press_ctrl_c()
        assert terminal.wait_exit() == 130


# -- demo --serve -----------------------------------------------------------------------------


def free_port() -> int:
    """Return a port without a listener."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


@pytest.mark.parametrize("picks_port", [False, True], ids=["any port", "--port"])
def test_the_served_demo_answers_until_ctrl_c(home: Home, picks_port: bool) -> None:
    port = free_port()
    args = ["--port", str(port)] if picks_port else []
    process = subprocess.Popen(
        newapi_command("demo", "--serve", *args),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=home.environment(),
        cwd=home.path,
        start_new_session=True,
    )
    with process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().decode().strip()
            assert not picks_port or url == f"http://127.0.0.1:{port}"
            env = {"NEWAPI_BASE_URL": url, "NEWAPI_API_KEY": "demo"}
            result = run_newapi("chat", "-m", "demo-echo", "hello", home=home, env=env)
            assert result.text == "hello\n"
            request = urllib.request.Request(
                f"{url}/v1/models", headers={"Authorization": "Bearer x"}
            )
            with urllib.request.urlopen(request, timeout=10) as answer:
                assert "demo-echo" in answer.read().decode()
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=10)
        finally:
            process.kill()
    assert (process.returncode, out) == (0, b"")
    assert b"Traceback" not in err
    assert url.encode() in err


def test_the_served_demo_ends_with_the_code_of_sigterm(home: Home) -> None:
    process = subprocess.Popen(
        newapi_command("demo", "--serve"),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=home.environment(),
        cwd=home.path,
        start_new_session=True,
    )
    with process:
        try:
            assert process.stdout is not None
            process.stdout.readline()
            process.terminate()
            code = process.wait(10)
        finally:
            process.kill()
    assert code in (0, 143, -signal.SIGTERM)


@pytest.mark.parametrize("args", [["--serve"], ["hello"]], ids=["serve", "ask"])
def test_a_port_in_use_is_an_error(home: Home, args: list[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        result = run_newapi("demo", "--port", str(port), *args, home=home)
    assert (result.code, result.out) == (10, b"")
    assert str(port) in result.err
    assert "in use" in result.err


@pytest.mark.parametrize("port", ["-1", "65536", "http"])
def test_an_invalid_port_is_a_usage_error(home: Home, port: str) -> None:
    assert run_newapi("demo", "--serve", "--port", port, home=home).code == 2


def test_serve_with_a_prompt_is_a_usage_error(home: Home) -> None:
    result = run_newapi("demo", "--serve", "hi", home=home)
    assert (result.code, result.out) == (2, b"")
    assert "--serve" in result.err


@pytest.mark.parametrize("option", ["--age", "--pricing", "--currency"])
def test_the_kind_of_gateway_is_not_an_option(home: Home, option: str) -> None:
    result = run_newapi("demo", option, "x", home=home)
    assert (result.code, result.out) == (2, b"")


# -- models -----------------------------------------------------------------------------------


@pytest.mark.usefixtures("gateway")
def test_a_pipe_gets_one_name_per_line(home: Home) -> None:
    result = run_newapi("models", home=home)
    assert (result.code, result.err) == (0, "")
    assert {"demo", "demo-echo", "demo-cut"} <= set(result.text.splitlines())


@pytest.mark.usefixtures("gateway")
@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["echo"], ["demo-echo"]),
        (["DEMO", "Cut"], ["demo-cut"]),
        (["429"], ["demo-429", "demo-429-once"]),
    ],
)
def test_a_model_must_contain_all_words(home: Home, words: list[str], wanted: list[str]) -> None:
    assert run_newapi("models", *words, home=home).text.splitlines() == wanted


@pytest.mark.usefixtures("gateway")
def test_words_that_match_no_model_are_reported(home: Home) -> None:
    result = run_newapi("models", "nothing-like-it", home=home)
    assert (result.code, result.out) == (0, b"")
    assert 'no model matches "nothing-like-it"' in result.err


@pytest.mark.usefixtures("gateway")
def test_json_contains_everything_known_about_each_model(home: Home) -> None:
    result = run_newapi("models", "--json", "echo", home=home)
    assert result.err == ""
    (model,) = json.loads(result.text)
    assert model["id"] == "demo-echo"
    assert set(model) == {"id", "owned_by", "endpoint_types", "groups", "price"}


@pytest.mark.usefixtures("gateway")
def test_json_without_models_is_an_empty_list(home: Home) -> None:
    assert json.loads(run_newapi("models", "--json", "zzz", home=home).text) == []


@pytest.mark.usefixtures("gateway")
@pytest.mark.parametrize(
    ("columns", "about"), [(80, ["groups", "endpoints"]), (60, ["groups"]), (40, [])]
)
def test_a_terminal_gets_a_table(home: Home, columns: int, about: list[str]) -> None:
    command = newapi_command("models", "echo")
    with Terminal(command, home=home, columns=columns) as terminal:
        assert terminal.wait_exit() == 0
        first, second = terminal.all_text().splitlines()[:2]
    assert first.split() == ["model", "in/M", "out/M", *about]
    assert second.split()[:3] == ["demo-echo", "free", "free"]


@pytest.mark.usefixtures("gateway")
def test_the_names_are_cached_for_completion_in_a_private_file(home: Home) -> None:
    assert run_newapi("models", "echo", home=home).code == 0
    file = home.newapi_home / "cache" / "models.txt"
    names = file.read_text().splitlines()
    assert "demo" in names
    assert names == sorted(names)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.usefixtures("gateway")
def test_an_unwritable_cache_is_ignored(home: Home) -> None:
    (home.newapi_home / "cache").write_text("a file is here")
    result = run_newapi("models", "echo", home=home)
    assert (result.code, result.text) == (0, "demo-echo\n")


def test_a_rejected_key_keeps_the_cached_names(home: Home, gateway: DemoGateway) -> None:
    assert run_newapi("models", home=home).code == 0
    before = (home.newapi_home / "cache" / "models.txt").read_bytes()
    result = run_newapi("models", home=home, env={"NEWAPI_API_KEY": "sk-wrong"})
    assert (result.code, result.out) == (4, b"")
    assert (home.newapi_home / "cache" / "models.txt").read_bytes() == before


# -- newapi alone -----------------------------------------------------------------------------


def test_without_a_terminal_newapi_prints_its_help_on_stderr(home: Home) -> None:
    result = run_newapi(home=home)
    assert (result.code, result.out) == (2, b"")
    for command in ("chat", "models", "login", "logout", "config", "demo", "completion"):
        assert command in result.err


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_requested_help_is_printed_on_stdout(home: Home, flag: str) -> None:
    result = run_newapi(flag, home=home)
    assert (result.code, result.err) == (0, "")
    assert "newapi demo" in result.text


@pytest.mark.parametrize("command", ["chat", "models", "login", "logout", "config", "demo"])
def test_the_help_of_a_command_is_on_stdout_and_has_no_color(home: Home, command: str) -> None:
    result = run_newapi(command, "--help", home=home)
    assert (result.code, result.err) == (0, "")
    assert f"newapi {command}" in result.text
    assert b"\x1b" not in result.out


@pytest.mark.parametrize("flag", ["-V", "--version"])
def test_the_version_is_one_line(home: Home, flag: str) -> None:
    assert re.fullmatch(r"newapi \d+\.\d+\S*\n", run_newapi(flag, home=home).text)


@pytest.mark.parametrize(
    "args", [["chta"], ["modles"], ["--no-such-option"], ["chat", "--raww", "x"]]
)
def test_an_unknown_command_or_option_is_a_usage_error(home: Home, args: list[str]) -> None:
    result = run_newapi(*args, home=home)
    assert (result.code, result.out) == (2, b"")
    assert args[-2 if len(args) > 2 else -1] in result.err


@pytest.mark.parametrize("command", ["chat", "models", "login"])
def test_every_command_prints_the_version(home: Home, command: str) -> None:
    result = run_newapi(command, "--version", home=home)
    assert (result.code, result.err) == (0, "")
    assert result.text.startswith("newapi ")
