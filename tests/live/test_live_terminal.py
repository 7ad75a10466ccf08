"""A real model on a terminal: Markdown, a conversation with its history, Ctrl-C."""

from __future__ import annotations

import json
import re

from tests.support.home import Home
from tests.support.process import newapi_command, run_newapi
from tests.support.terminal import Terminal

MODEL = "smollm2"
USAGE = re.compile(rf"^{MODEL} · ([\d,]+) tokens in(?: \([\d,]+ cached\))?, ([\d,]+) out", re.M)
TIMEOUT_S = 60.0
# The model cannot end its answer, so it still streams when Ctrl-C is pressed.
ENDLESS = ("-o", "ignore_eos=true", "--max-tokens", "2000")


def words_of(text: str) -> list[str]:
    """Return the words of a text, without its formatting."""
    return re.findall(r"\w+", text)


def usages(terminal: Terminal) -> list[tuple[int, int]]:
    """Return the tokens in and out of each answer so far."""
    matches = USAGE.findall(terminal.all_text())
    return [(int(a.replace(",", "")), int(b.replace(",", ""))) for a, b in matches]


def wait_for_usages(terminal: Terminal, count: int) -> None:
    """Wait until that many answers are complete."""
    terminal.wait_until(lambda: len(usages(terminal)) == count, TIMEOUT_S, f"{count} usage lines")


def answer_above_usage(terminal: Terminal) -> str:
    """Return the text above the first usage line."""
    return USAGE.split(terminal.all_text())[0]


def test_markdown_on_a_terminal_shows_the_answer(live_home: Home) -> None:
    command = ("chat", "Say hello")
    piped = run_newapi(*command, "-q", home=live_home, stdin=None)
    with Terminal(newapi_command(*command), home=live_home) as terminal:
        assert terminal.wait_exit(TIMEOUT_S) == 0
        terminal.wait_for(USAGE)
        assert words_of(answer_above_usage(terminal))[: len(words_of(piped.text))] == words_of(
            piped.text
        )


def test_each_turn_of_a_conversation_holds_the_earlier_ones(live_home: Home) -> None:
    with Terminal(newapi_command(), home=live_home, rows=60) as terminal:
        for count, message in enumerate(("Say hello", "Say it louder", "Say goodbye"), start=1):
            turns = "1 turn" if count == 2 else f"{count - 1} turns"
            terminal.wait_for(f"· {turns} ·", TIMEOUT_S)  # the status bar: the input line is ready
            terminal.send(f"{message}\r".encode())
            wait_for_usages(terminal, count)
        terminal.wait_for("3 turns", TIMEOUT_S)
        terminal.send(b"/model\r")
        # The status bar below the next input line, which reads what is typed from now on.
        terminal.wait_for(re.compile(rf"^model: {MODEL}\n(.*\n)*.*· 3 turns ·", re.M), TIMEOUT_S)
        terminal.send(b"/exit\r")
        assert terminal.wait_exit(TIMEOUT_S) == 0
        (in_1, out_1), (in_2, out_2), (in_3, out_3) = usages(terminal)
    assert min(out_1, out_2, out_3) > 0
    # Each request holds the previous one and its answer, whose end token may count once.
    assert in_2 >= in_1 + out_1
    assert in_3 >= in_2 + out_2


def test_ctrl_c_during_an_answer_exits_with_130_and_keeps_the_part(live_home: Home) -> None:
    with Terminal(newapi_command("chat", *ENDLESS, "Tell a story"), home=live_home) as terminal:
        terminal.wait_until(lambda: len(words_of(terminal.all_text())) > 20, TIMEOUT_S)
        words = words_of(terminal.all_text())[:10]
        terminal.press_ctrl_c()
        assert terminal.wait_exit(TIMEOUT_S) == 130
        assert words_of(terminal.all_text())[:10] == words
        assert "stopped" in terminal.all_text()


def test_ctrl_c_in_a_conversation_returns_to_the_input_line(live_home: Home) -> None:
    with Terminal(newapi_command("chat", *ENDLESS), home=live_home, rows=60) as terminal:
        terminal.wait_for("0 turns", TIMEOUT_S)
        terminal.send(b"Tell a story\r")
        terminal.wait_until(lambda: len(words_of(terminal.all_text())) > 60, TIMEOUT_S)
        terminal.press_ctrl_c()
        terminal.wait_for("stopped; the partial answer is saved", TIMEOUT_S)
        terminal.wait_for("1 turn ", TIMEOUT_S)
        assert len(words_of(terminal.all_text().partition("stopped;")[0])) > 40  # the part
        terminal.send(b"/exit\r")
        assert terminal.wait_exit(TIMEOUT_S) == 0


def test_the_server_still_responds_after_an_interrupted_run(live_home: Home) -> None:
    with Terminal(newapi_command("chat", *ENDLESS, "Tell a story"), home=live_home) as terminal:
        terminal.wait_until(lambda: len(words_of(terminal.all_text())) > 10, TIMEOUT_S)
        terminal.press_ctrl_c()
        assert terminal.wait_exit(TIMEOUT_S) == 130
    result = run_newapi("chat", "-q", "--json", "Say hello", home=live_home, stdin=None)
    assert (result.code, json.loads(result.text)["status"]) == (0, "complete")
