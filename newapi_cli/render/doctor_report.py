"""The lines of a check-up on a terminal: a mark, a name, what was found, and what to type."""

from __future__ import annotations

from collections.abc import Sequence

from newapi_cli.domain.report import CheckResult, Verdict
from newapi_cli.render.error_lines import RED, RESET, YELLOW
from newapi_cli.streams import Streams
from newapi_cli.text import wrap_line

GREEN = "\x1b[32m"
DIM = "\x1b[2m"
MARKS = {
    Verdict.OK: ("ok", GREEN),
    Verdict.WARNING: ("warn", YELLOW),
    Verdict.FAILED: ("FAIL", RED),
    Verdict.SKIPPED: ("skip", DIM),
}
NAME_WIDTH = 13
WIDE = 60  # columns; below, a column of names would take the room of the words
BACK = "\r\x1b[K"


class CheckLines:
    """Writes results as they come; a check that takes a while is named before it ends."""

    def __init__(self, streams: Streams, *, with_begun: bool) -> None:
        """Take the terminal. `with_begun`: nothing else is written while a check runs."""
        self._streams = streams
        self._with_begun = with_begun and not streams.terminal_is_dumb
        self._has_begun = False

    def begin(self, name: str) -> None:
        """Say which check runs now, until something takes its place."""
        if self._with_begun:
            self._streams.stdout.write(self._colored("...", DIM) + f"   {name}")
            self._has_begun = True

    def clear(self) -> None:
        """Take away what stands there for a check that runs."""
        if self._has_begun:
            self._streams.stdout.write(BACK)
            self._has_begun = False

    def show(self, result: CheckResult) -> None:
        """Write a result, already fit to be shown."""
        self.clear()
        self._streams.stdout.write(self.text_of(result) + "\n")

    def conclude(self, results: Sequence[CheckResult]) -> None:
        """Write what it all comes to."""
        failed = [result.name for result in results if result.verdict is Verdict.FAILED]
        warned = sum(result.verdict is Verdict.WARNING for result in results)
        text = f"nothing fails, {warned} to look at" if warned else "all is well"
        if failed:
            text = f"{len(failed)} to mend, {failed[0]} first"
        self.clear()
        self._streams.stdout.write(f"\n{text}\n")

    def text_of(self, result: CheckResult) -> str:
        """Give the one or two lines of a result, broken between words where they are long."""
        mark, color = MARKS[result.verdict]
        width = self._streams.stdout.width
        if width < WIDE:
            begin, indent = f"{mark:<4} {result.name}: ", " " * 5
        else:
            begin, indent = f"{mark:<4}  {result.name:<{NAME_WIDTH}}  ", " " * (NAME_WIDTH + 8)
        text = wrap_line(f"{begin}{result.text}", width, indent)
        text = self._colored(mark, color) + text.removeprefix(mark)
        if result.hint and result.verdict is not Verdict.SKIPPED:
            text += f"\n{_hint(result.hint, width)}"
        return text

    def _colored(self, text: str, color: str) -> str:
        wants = self._streams.wants_color(self._streams.stdout)
        return f"{color}{text}{RESET}" if wants else text


def _hint(hint: str, width: int) -> str:
    """Break a hint between words, unless one does not fit: what is typed is copied whole then."""
    line, indent = f"  try: {hint}", " " * 7
    has_room = all(len(word) <= width - len(indent) for word in hint.split())
    return wrap_line(line, width, indent) if has_room else line
