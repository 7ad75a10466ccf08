"""A real model on a real terminal: markdown, a conversation that remembers, Ctrl-C."""

from __future__ import annotations

import json
import re

from tests.support.home import Home
from tests.support.process import newapi_command, run_newapi
from tests.support.terminal import Terminal

MODEL = "smollm2"
USAGE = re.compile(rf"^{MODEL} · ([\d,]+) tokens in(?: \([\d,]+ cached\))?, ([\d,]+) out", re.M)
TIMEOUT_S = 60.0
# The model can't end its answer by itself: the stream is under way when Ctrl-C is pressed.
ENDLESS = ("-o", "ignore_eos=true", "--max-tokens", "2000")


def words_of(text: str) -> list[str]:
    """Give the words of a text, however it was laid out."""
    return re.findall(r"\w+", text)


def usages(terminal: Terminal) -> list[tuple[int, int]]:
    """Give the tokens in and out of each answer so far."""
    found = USAGE.findall(terminal.all_text())
    return [(int(a.replace(",", "")), int(b.replace(",", ""))) for a, b in found]


def wait_for_usages(terminal: Terminal, count: int) -> None:
    """Wait until so many answers have come to their end."""
    terminal.wait_until(lambda: len(usages(terminal)) == count, TIMEOUT_S, f"{count} usage lines")


def answer_above_usage(terminal: Terminal) -> str:
    """Give what stands above the first usage line."""
    return USAGE.split(terminal.all_text())[0]


def test_markdown_on_a_terminal_shows_the_answer(live_home: Home) -> None:
    question = ("chat", "Say hello")
    piped = run_newapi(*question, "-q", home=live_home, stdin=None)
    with Terminal(newapi_command(*question), home=live_home) as terminal:
        assert terminal.wait_exit(TIMEOUT_S) == 0
        terminal.wait_for(USAGE)
        assert words_of(answer_above_usage(terminal))[: len(words_of(piped.text))] == words_of(
            piped.text
        )


def test_three_turns_of_a_conversation_hold_what_was_said_before(live_home: Home) -> None:
    with Terminal(newapi_command(), home=live_home, rows=60) as terminal:
        for count, message in enumerate(("Say hello", "Say it louder", "Say goodbye"), start=1):
            turns = "1 turn" if count == 2 else f"{count - 1} turns"
            terminal.wait_for(f"· {turns} ·", TIMEOUT_S)  # the bar: the line is ready
            terminal.send(f"{message}\r".encode())
            wait_for_usages(terminal, count)
        terminal.wait_for("3 turns", TIMEOUT_S)
        terminal.send(b"/model\r")
        terminal.wait_for(f"model: {MODEL}", TIMEOUT_S)
        terminal.send(b"/exit\r")
        assert terminal.wait_exit(TIMEOUT_S) == 0
        (in_1, out_1), (in_2, out_2), (in_3, out_3) = usages(terminal)
    assert min(out_1, out_2, out_3) > 0
    # Each request holds the former one and its answer (whose end mark may not be counted twice).
    assert in_2 >= in_1 + out_1
    assert in_3 >= in_2 + out_2


def test_ctrl_c_in_a_long_answer_leaves_with_130_and_the_part(live_home: Home) -> None:
    with Terminal(newapi_command("chat", *ENDLESS, "Tell a story"), home=live_home) as terminal:
        terminal.wait_until(lambda: len(words_of(terminal.all_text())) > 20, TIMEOUT_S)
        seen = words_of(terminal.all_text())[:10]
        terminal.press_ctrl_c()
        assert terminal.wait_exit(TIMEOUT_S) == 130
        assert words_of(terminal.all_text())[:10] == seen
        assert "stopped" in terminal.all_text()


def test_ctrl_c_in_a_conversation_comes_back_to_the_prompt(live_home: Home) -> None:
    with Terminal(newapi_command("chat", *ENDLESS), home=live_home, rows=60) as terminal:
        terminal.wait_for("0 turns", TIMEOUT_S)
        terminal.send(b"Tell a story\r")
        terminal.wait_until(lambda: len(words_of(terminal.all_text())) > 60, TIMEOUT_S)
        terminal.press_ctrl_c()
        terminal.wait_for("stopped; the part is kept", TIMEOUT_S)
        terminal.wait_for("1 turn ", TIMEOUT_S)
        assert len(words_of(terminal.all_text().partition("stopped;")[0])) > 40  # the part
        terminal.send(b"/exit\r")
        assert terminal.wait_exit(TIMEOUT_S) == 0


def test_the_model_still_answers_after_somebody_has_left(live_home: Home) -> None:
    with Terminal(newapi_command("chat", *ENDLESS, "Tell a story"), home=live_home) as terminal:
        terminal.wait_until(lambda: len(words_of(terminal.all_text())) > 10, TIMEOUT_S)
        terminal.press_ctrl_c()
        assert terminal.wait_exit(TIMEOUT_S) == 130
    result = run_newapi("chat", "-q", "--json", "Say hello", home=live_home, stdin=None)
    assert (result.code, json.loads(result.text)["status"]) == (0, "complete")
