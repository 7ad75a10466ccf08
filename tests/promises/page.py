"""`docs/promises.md`, made from the files of this folder.

A file `test_NN_….py` is the promise of a number; the first line of its docstring is the promise,
its tests' names say what is shown. Since the suite fails where a test does, and where one that is
expected to fail passes, the state of a promise follows from its tests' marks.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "promises.md"
NOT_BUILT = {47: "A batch stays within its limits, and goes on where it was broken off"}
INTRODUCTION = """\
# What newapi promises

Whatever server, terminal, disk and person do to it. Each promise is a file of tests, in
`tests/promises`, that runs the installed program as a process against a server that misbehaves byte
by byte. Of every run of them it is required, beside what the promise says: no traceback, no key in
any output or file, no process left behind, nothing readable by others, an exit code of the table in
the README.

*Kept* means that its tests pass in `.ci/run`. What only root can bring about (a full disk of its
own, another user, a name server that is silent) is tried where the tests run as root, and skipped
with this reason elsewhere.

This page is made from the tests: `UPDATE_GOLDEN=1 pytest tests/promises/test_page.py` writes it.
"""


class Trial(NamedTuple):
    """One test: what it shows, and what its marks say of it."""

    sentence: str
    needs_root: bool
    fails_because: str


class Promise(NamedTuple):
    """One promise with its tests."""

    number: int
    text: str
    file: str
    trials: tuple[Trial, ...]

    @property
    def state(self) -> str:
        """Say whether it is kept."""
        failing = sorted({trial.fails_because for trial in self.trials} - {""})
        if failing:
            return "not kept: " + "; ".join(failing)
        rooted = sum(trial.needs_root for trial in self.trials)
        if rooted == len(self.trials):
            return "kept (shown as root)"
        return f"kept ({rooted} of its tests as root)" if rooted else "kept"


def promises() -> list[Promise]:
    """Read all promises, by their numbers."""
    return [_promise(path) for path in sorted(HERE.glob("test_[0-9][0-9]_*.py"))]


def promises_page() -> str:
    """Give the whole page."""
    known = {promise.number: promise for promise in promises()}
    lines = [INTRODUCTION, "| | promise | state |", "|-:|---|---|"]
    for number in sorted({*known, *NOT_BUILT}):
        if number in known:
            lines.append(
                f"| [{number}](#{number}) | {known[number].text} | {known[number].state} |"
            )
        else:
            lines.append(f"| {number} | {NOT_BUILT[number]} | not built yet |")
    lines.append("")
    for promise in known.values():
        lines += [
            f"### {promise.number}",
            "",
            f"{promise.text}. [Tests](../tests/promises/{promise.file}):",
        ]
        lines += ["", *(f"- {trial.sentence}" for trial in promise.trials), ""]
    return "\n".join(lines)


def _promise(path: Path) -> Promise:
    tree = ast.parse(path.read_text("utf-8"))
    text = (ast.get_docstring(tree) or "").partition("\n")[0].rstrip(".")
    number = int(path.name[len("test_") :][:2])
    return Promise(number, text, path.name, tuple(_trials(tree)))


def _trials(tree: ast.Module) -> Iterator[Trial]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            marks = [ast.unparse(each) for each in node.decorator_list]
            yield Trial(
                sentence=node.name.removeprefix("test_").replace("_", " "),
                needs_root=any("needs_root" in mark for mark in marks),
                fails_because=next(filter(None, map(_reason, marks)), ""),
            )


def _reason(mark: str) -> str:
    found = re.search(r"xfail\(.*reason=(['\"])(.*?)\1", mark)
    return found.group(2) if found else ""
