"""A terminal with earlier output, checked for what untrusted text does to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pyte import modes

from tests.support.home import Home
from tests.support.payloads import echoed_sequences, unexpected_controls
from tests.support.process import newapi_command
from tests.support.terminal import Terminal

EARLIER, AFTER = [f"earlier {number}" for number in range(3)], "the shell again after"
SHELL = "printf '%s\\n' " + " ".join(map(repr, EARLIER)) + f'; "$@"; printf "{AFTER} %s" $?'


class WatchedTerminal(Terminal):
    """A terminal that records its responses to requests: a shell would read them as typed."""

    def __init__(self, *args: str, home: Home, env: Mapping[str, str] | None = None) -> None:
        self.answers: list[bytes] = []
        shell = ["sh", "-c", SHELL, "sh", *newapi_command(*args)]
        super().__init__(shell, home=home, env=env, columns=160, rows=50)

    def __enter__(self) -> WatchedTerminal:
        return self

    def _reply(self, data: bytes) -> None:
        self.answers.append(data)
        super()._reply(data)

    def assert_untouched(self, payloads: Iterable[str], code: int = 0) -> None:
        """Fail if the payloads changed the terminal or its earlier output.

        `code` is the expected exit code of the command.
        """
        written = self.raw.decode("utf-8")
        assert unexpected_controls(written) == []
        assert echoed_sequences(payloads, written) == []
        assert self.answers == []
        assert (self.emulator.title, self.emulator.icon_name) == ("", "")
        assert self.emulator.margins is None
        assert modes.DECTCEM in self.emulator.mode
        assert self.all_text().split("\n")[: len(EARLIER)] == EARLIER
        *_, last = self.emulator.screen_lines()[: self.emulator.cursor.y + 1]
        assert last == f"{AFTER} {code}", self.screen_text()
        cells = [self.emulator.buffer[self.emulator.cursor.y][x] for x in range(len(AFTER))]
        assert {(c.fg, c.bg, c.bold, c.reverse) for c in cells} == {
            ("default", "default", False, False)
        }
