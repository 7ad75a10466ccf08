"""The results of `newapi doctor`: lines on a terminal, TSV and JSON elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

from newapi_cli.domain.report import CheckResult, Verdict
from newapi_cli.errors import ExitCode
from newapi_cli.i18n import ntr, tr
from newapi_cli.render.rows import Form, write_json, write_tsv
from newapi_cli.render.status_lines import DIM, GREEN, RED, RESET, YELLOW
from newapi_cli.streams import Streams
from newapi_cli.text import wrap_line

MARKS = {
    Verdict.OK: (tr("ok"), GREEN),
    Verdict.WARNING: (tr("warn"), YELLOW),
    Verdict.FAILED: (tr("FAIL"), RED),
    Verdict.SKIPPED: (tr("skip"), DIM),
}
NAME_WIDTH = 13
MIN_WIDTH_OF_COLUMNS = 60  # on narrower terminals a column of names would take too much room
ERASE_LINE = "\r\x1b[K"


class DoctorReport:
    """Writes the result of each check as soon as it is known, JSON at the end.

    On a terminal a slow check is named while it runs, if `shows_progress`: nothing else is
    written meanwhile.
    """

    def __init__(self, streams: Streams, form: Form, *, shows_progress: bool) -> None:
        self._streams = streams
        self._stdout = streams.stdout
        self._form = form
        is_plain = form is not Form.TABLE or streams.terminal_is_dumb
        self._shows_progress = shows_progress and not is_plain
        self._has_progress = False

    def begin(self, name: str) -> None:
        """Show which check is running, until `show` or `finish`."""
        if self._shows_progress:
            self._stdout.write(self._colored("...", DIM) + f"   {name}")
            self._has_progress = True

    def show(self, result: CheckResult) -> None:
        """Write a result, whose text is a safe, redacted line."""
        if self._form is Form.TSV:
            write_tsv(self._stdout, [(result.name, result.verdict, _text(result), result.hint)])
        elif self._form is Form.TABLE:
            self._erase_progress()
            self._stdout.write(f"{self.text_of(result)}\n")

    def finish(self, results: Sequence[CheckResult], code: ExitCode) -> None:
        """Write the JSON value, or on a terminal the verdict on all results."""
        if self._form is Form.JSON:
            checks = [_as_json(result) for result in results]
            write_json(self._stdout, {"code": int(code), "checks": checks})
        elif self._form is Form.TABLE:
            self._erase_progress()
            self._stdout.write(f"\n{_verdict_on_all(results)}\n")

    def _erase_progress(self) -> None:
        if self._has_progress:
            self._stdout.write(ERASE_LINE)
            self._has_progress = False

    def text_of(self, result: CheckResult) -> str:
        """Return the one or two lines of a result, long ones wrapped between words."""
        mark, color = MARKS[result.verdict]
        width = self._stdout.width
        if width < MIN_WIDTH_OF_COLUMNS:
            start, indent = f"{mark:<4} {result.name}: ", " " * 5
        else:
            start, indent = f"{mark:<4}  {result.name:<{NAME_WIDTH}}  ", " " * (NAME_WIDTH + 8)
        text = wrap_line(f"{start}{_text(result)}", width, indent)
        text = self._colored(mark, color) + text.removeprefix(mark)
        if result.hint and result.verdict is not Verdict.SKIPPED:
            text += f"\n{_hint(result.hint, width)}"
        return text

    def _colored(self, text: str, color: str) -> str:
        return f"{color}{text}{RESET}" if self._streams.wants_color(self._stdout) else text


def _text(result: CheckResult) -> str:
    return "; ".join(result.parts)


def _verdict_on_all(results: Sequence[CheckResult]) -> str:
    failed = [result.name for result in results if result.verdict is Verdict.FAILED]
    if failed:
        return ntr(
            '{n} problem, start with "{name}"',
            '{n:,} problems, start with "{name}"',
            len(failed),
            name=failed[0],
        )
    warnings = sum(result.verdict is Verdict.WARNING for result in results)
    if warnings:
        return ntr("no problems, {n} warning", "no problems, {n:,} warnings", warnings)
    return tr("no problems")


def _hint(hint: str, width: int) -> str:
    """Wrap a hint between words, unless a word is too long: a command must be copied whole."""
    line, indent = f"  {tr('try:')} {hint}", " " * 7
    fits = all(len(word) <= width - len(indent) for word in hint.split())
    return wrap_line(line, width, indent) if fits else line


def _as_json(result: CheckResult) -> dict[str, object]:
    return {
        "name": result.name,
        "verdict": str(result.verdict),
        "text": _text(result),
        "hint": result.hint or None,
        "code": int(result.code),
    }
