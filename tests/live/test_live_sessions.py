"""Sessions with a real model: continued, retried and undone, and stored completely."""

from __future__ import annotations

import json
import re
from typing import Any

from tests.support.home import Home
from tests.support.process import newapi_command, run_newapi
from tests.support.terminal import Terminal

TIMEOUT_S = 60.0
PROMPTS = ("Say hello", "Say it louder", "Name a color", "Name an animal", "Say goodbye")


def exported(home: Home) -> dict[str, Any]:
    """Return the last used session as `export` writes it."""
    result = run_newapi("sessions", "export", "--json", home=home)
    assert result.code == 0, result
    value: dict[str, Any] = json.loads(result.text)
    return value


def path_of(session: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the turns of the current path."""
    by_id = {turn["id"]: turn for turn in session["turns"]}
    path: list[dict[str, Any]] = []
    leaf = session["leaf"]
    while leaf is not None:
        path.insert(0, by_id[leaf])
        leaf = path[0]["parent_id"]
    return path


def say(terminal: Terminal, message: str, bar: str) -> None:
    """Type a line and wait until the status bar of the next line contains `bar`."""
    terminal.send(f"{message}\r".encode())
    wait_for_bar(terminal, bar)


def wait_for_bar(terminal: Terminal, text: str) -> None:
    """Wait for the status bar, the last row of the screen."""

    def holds() -> bool:
        return text in terminal.screen_text().rpartition("\n")[2]

    terminal.wait_until(holds, TIMEOUT_S, text)


def words_of(text: str) -> list[str]:
    """Return the words of a text, without its formatting."""
    return re.findall(r"\w+", text)


def is_within(part: list[str], whole: list[str]) -> bool:
    """Return whether words occur in other words as one sequence."""
    size = len(part)
    return any(whole[i : i + size] == part for i in range(len(whole) - size + 1))


def test_a_conversation_is_resumed_retried_and_undone(live_home: Home) -> None:
    command = newapi_command("--")[:-1]
    with Terminal(command, home=live_home, rows=60) as terminal:
        wait_for_bar(terminal, "· 0 turns")
        for count, prompt in enumerate(PROMPTS, start=1):
            say(terminal, prompt, f"· {count} turn{'s' * (count != 1)} ·")
        terminal.send(b"\x04")
        assert terminal.wait_exit(TIMEOUT_S) == 0
        shown = words_of(terminal.all_text())
    first = exported(live_home)
    assert [turn["prompt"] for turn in path_of(first)] == list(PROMPTS)
    for turn in first["turns"]:
        assert turn["status"] == "complete"
        assert turn["usage"]["completion_tokens"] > 0
        assert is_within(words_of(turn["answer"]), shown), turn["answer"]

    with Terminal(newapi_command("chat", "-c"), home=live_home, rows=60) as terminal:
        wait_for_bar(terminal, "· 5 turns ·")
        say(terminal, "Now name a fruit", "· 6 turns ·")
        terminal.send(b"/retry\r")
        terminal.wait_until(
            lambda: terminal.all_text().count("tokens in") == 2, TIMEOUT_S, "a second answer"
        )
        wait_for_bar(terminal, "· 6 turns ·")
        say(terminal, "/undo", "· 5 turns ·")
        say(terminal, "/undo", "· 4 turns ·")
        say(terminal, "Name a city", "· 5 turns ·")
        terminal.send(b"\x04")
        assert terminal.wait_exit(TIMEOUT_S) == 0
    second = exported(live_home)
    assert second["id"] == first["id"]
    assert [turn["prompt"] for turn in path_of(second)] == [*PROMPTS[:4], "Name a city"]
    # Nothing is deleted: both answers of the retried turn are on branches of their own.
    assert [turn["prompt"] for turn in second["turns"]] == [
        *PROMPTS,
        *("Now name a fruit", "Now name a fruit", "Name a city"),
    ]
    assert second["turns"][:5] == first["turns"]
    fruits = [turn for turn in second["turns"] if turn["prompt"] == "Now name a fruit"]
    assert fruits[0]["parent_id"] == fruits[1]["parent_id"] == first["leaf"]
    # The first request of the second process held all turns of the first one.
    prompt_tokens = fruits[0]["usage"]["prompt_tokens"]
    assert prompt_tokens > first["turns"][-1]["usage"]["prompt_tokens"]


def test_a_one_shot_run_continues_the_last_session(live_home: Home) -> None:
    run_newapi("chat", "-q", "Say hello", home=live_home)
    result = run_newapi("chat", "--json", "-c", "Say it again", home=live_home)
    value = json.loads(result.text)
    session = exported(live_home)
    assert value["session"] == session["id"]
    assert [turn["prompt"] for turn in path_of(session)] == ["Say hello", "Say it again"]
    assert path_of(session)[1]["answer"] == value["content"]
    assert "session: Say hello" in result.err


def test_an_interrupted_answer_is_kept_and_continued(live_home: Home) -> None:
    endless = ("-o", "ignore_eos=true", "--max-tokens", "2000")
    with Terminal(newapi_command("chat", *endless, "Tell a story"), home=live_home) as terminal:
        terminal.wait_until(lambda: len(words_of(terminal.all_text())) > 30, TIMEOUT_S)
        terminal.press_ctrl_c()
        assert terminal.wait_exit(TIMEOUT_S) == 130
        shown = words_of(terminal.all_text())
    (turn,) = exported(live_home)["turns"]
    assert turn["status"] == "interrupted"
    assert is_within(words_of(turn["answer"])[:20], shown)
    with Terminal(newapi_command("chat", "-c"), home=live_home, rows=60) as terminal:
        terminal.wait_for("the last answer was interrupted", TIMEOUT_S)
        wait_for_bar(terminal, "· 1 turn ·")
        say(terminal, "/continue", "· 2 turns ·")
        terminal.send(b"\x04")
        assert terminal.wait_exit(TIMEOUT_S) == 0
    path = path_of(exported(live_home))
    assert [turn["status"] for turn in path] == ["interrupted", "complete"]
    assert path[1]["usage"]["prompt_tokens"] > 30
