"""K10: several lines that arrive in one read are a paste, which never sends.

google-gemini/gemini-cli#15849.
"""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest
from prompt_toolkit.input.vt100_parser import Vt100Parser
from prompt_toolkit.key_binding import KeyPress
from prompt_toolkit.keys import Keys

from newapi_cli.repl.pastes import REST_S, PasteDetector
from tests.repl.conversation import (
    ALT_ENTER,
    CTRL_C,
    ENTER,
    ConversationTerminal,
    conversation,
    last_prompt,
    wait_for_raw_keys,
)
from tests.support.cases import each
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.steps import sse
from tests.support.wire import answer_events

REPORTED = (Path(__file__).parent.parent / "data/cases/br30-three-lines.txt").read_text()
MAKEFILE = "all:\n\tcc -o a a.c\n\t@echo done # 完成\n"


@pytest.fixture
def server(fault_server: FaultServer, home: Home) -> FaultServer:
    """Return a configured server that answers."""
    fault_server.answer_with(lambda _: sse(*answer_events("Fine.")))
    home.configure(fault_server.url, save=False)
    return fault_server


def paste(repl: ConversationTerminal, text: str, line_end: str) -> None:
    """Paste as a terminal without bracketed paste: the text as it is typed."""
    repl.type(text.replace("\n", line_end))
    repl.terminal.wait_for(text.split()[-1])


@pytest.mark.parametrize("line_end", ["\r", "\n", "\r\n"], ids=["CR", "LF", "CRLF"])
@pytest.mark.parametrize("text", [REPORTED, REPORTED.rstrip(), MAKEFILE], ids=["end", "no", "tab"])
def test_a_paste_waits_for_enter(home: Home, server: FaultServer, text: str, line_end: str) -> None:
    with conversation(home) as repl:
        paste(repl, text, line_end)
        repl.type("!")
        repl.terminal.wait_for("!")
        assert server.connections == []
        repl.enter("")
        repl.leave()
    assert len(server.requests) == 1
    assert last_prompt(server) == f"{text}!"


def test_it_can_be_cleared_and_is_no_command(home: Home, server: FaultServer) -> None:
    with conversation(home) as repl:
        repl.type(f"/exit{ENTER}rm -rf{ENTER}")
        repl.terminal.wait_for("rm -rf")
        repl.type(CTRL_C)
        repl.enter("hello")
        repl.leave()
    assert [request.json["messages"][-1]["content"] for request in server.requests] == ["hello"]


def test_it_waits_on_a_dumb_terminal_too(home: Home, server: FaultServer) -> None:
    with conversation(home, env={"TERM": "dumb"}, is_ready=False) as repl:
        repl.terminal.wait_for(re.compile("^>", re.MULTILINE))
        wait_for_raw_keys(repl)
        repl.type("one\ntwo\nthree\n")
        repl.terminal.wait_for("three")
        assert server.connections == []
        repl.type("!")
        repl.terminal.wait_for("!")
        repl.type("\n")
        repl.terminal.wait_for(re.compile("Fine.*^>", re.MULTILINE | re.DOTALL))
        repl.type("exit" + ENTER)
        assert repl.terminal.wait_exit() == 0
    assert last_prompt(server) == "one\ntwo\nthree\n!"


def test_a_long_paste_that_arrives_in_blocks_waits(home: Home, server: FaultServer) -> None:
    text = "".join(f"line {number} of it, 一二三\n" for number in range(600)) + "the end\n"
    with conversation(home) as repl:
        paste(repl, text, "\r")
        repl.type("!")
        repl.terminal.wait_for("!")
        assert server.connections == []
        repl.enter("")
        repl.leave()
    assert last_prompt(server) == f"{text}!"


# -- the keys ---------------------------------------------------------------------------------


class Source:
    """Reads that a test gives, as keys; `now` moves on by hand."""

    def __init__(self, *reads: str) -> None:
        self.reads = list(reads)
        self.now = 100.0
        self._keys: list[KeyPress] = []
        self._parser = Vt100Parser(self._keys.append)
        self.detector = PasteDetector(self._read, lambda _: bool(self.reads), lambda: self.now)

    def _read(self) -> list[KeyPress]:
        self._parser.feed(self.reads.pop(0))
        keys = self._keys[:]
        self._keys.clear()
        return keys

    def keys(self, read: str = "") -> list[str]:
        """Give what the next read becomes: keys by name, and pastes as `PASTE text`."""
        if read:
            self.reads.append(read)
        names = []
        for key in self.detector.read_keys():
            is_paste = key.key is Keys.BracketedPaste
            names.append(
                f"PASTE {key.data}" if is_paste else str(getattr(key.key, "value", key.key))
            )
        return names


@each(
    ("read", "keys"),
    [
        ("\r", ["c-m"]),
        ("\n", ["c-j"]),
        ("a\r", ["a", "c-m"]),
        ("a\r\n", ["a", "c-m", "c-j"]),
        ("a\r\r", ["a", "c-m", "c-m"]),
        ("a\n", ["a", "c-j"]),
        ("a\rb", ["PASTE a\nb"]),
        ("a\rb\r", ["PASTE a\nb\n"]),
        ("a\nb\n", ["PASTE a\nb\n"]),
        ("a\r\nb\r\n", ["PASTE a\nb\n"]),
        ("\rb", ["PASTE \nb"]),
        ("a\r\r\rb", ["PASTE a\n\n\nb"]),
        ("\tx\r\ty", ["PASTE \tx\n\ty"]),
        ("a\x1b[31mb\rc", ["PASTE a\x1b[31mb\nc"]),
        (f"a{ALT_ENTER}b", ["a", "escape", "c-m", "b"]),
        (f"a{ALT_ENTER}b\r", ["a", "escape", "c-m", "b", "c-m"]),
        ("\x1b[3;1Ra\rb", ["<cursor-position-response>", "PASTE a\nb"]),
        ("a\r\x1b[3;1Rb\r", ["PASTE a\n", "<cursor-position-response>", "PASTE b\n"]),
        ("a\rb\x03", ["PASTE a\nb", "c-c"]),
        ("a\rb\x04", ["PASTE a\nb", "c-d"]),
        ("\x1b[200~a\rb\x1b[201~", ["PASTE a\rb"]),
        ("\x1b[200~a\rb\x1b[201~\r", ["PASTE a\rb", "c-m"]),
        ("你\r好", ["PASTE 你\n好"]),
    ],
)
def test_a_read_becomes_keys_or_a_paste(read: str, keys: list[str]) -> None:
    assert Source().keys(read) == keys


def test_blocks_that_wait_belong_to_the_paste() -> None:
    assert Source("aaaa\r", "bbbb", "\r").keys() == ["PASTE aaaa\nbbbb\n"]
    assert Source("aaaa\rb", "\r").keys() == ["PASTE aaaa\nb\n"]


def test_the_rest_of_a_slow_paste_is_not_sent() -> None:
    source = Source()
    assert source.keys("one\rtwo") == ["PASTE one\ntwo"]
    source.now += REST_S / 2
    assert source.keys(" and more\r") == ["PASTE  and more\n"]
    source.now += REST_S / 2
    assert source.keys("\rthe end\r") == ["PASTE \nthe end\n"]
    source.now += REST_S * 2
    assert source.keys("!\r") == ["!", "c-m"]


def test_after_ctrl_c_there_is_no_rest() -> None:
    source = Source()
    source.keys("one\rtwo")
    assert source.keys(CTRL_C) == ["c-c"]
    assert source.keys("hi\r") == ["h", "i", "c-m"]


def test_enter_alone_sends_even_at_once() -> None:
    source = Source()
    source.keys("one\rtwo")
    assert source.keys("\r") == ["c-m"]
    assert source.keys("next\r") == ["n", "e", "x", "t", "c-m"]


def test_no_paste_is_ever_sent_in_pieces() -> None:
    chance = random.Random(30)
    for _ in range(300):
        lines = ["".join(chance.choices("ab 你", k=chance.randrange(1, 9))) for _ in range(4)]
        text = chance.choice(["\r", "\n", "\r\n"]).join(lines)
        places = sorted(chance.sample(range(1, len(text)), 3))
        begin = 0
        blocks = []
        for place in (*places, len(text)):
            blocks.append(text[begin:place])
            begin = place
        source = Source(*blocks)
        typed = ""
        while source.reads:
            keys = source.keys()
            assert "c-m" not in keys and "c-j" not in keys, blocks
            typed += "".join(key.removeprefix("PASTE ") for key in keys)
        assert typed == text.replace("\r\n", "\n").replace("\r", "\n"), blocks
