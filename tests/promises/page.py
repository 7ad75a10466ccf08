"""`docs/promises.md`, generated from the files in this folder.

A file `test_NN_….py` is the promise with that number: the first line of its docstring is the
promise, and the names of its tests are what is tested. The suite fails if a test fails, or if one
that is expected to fail passes, so the marks of its tests show the state of a promise.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "promises.md"
NOT_BUILT = {47: "A batch stays within its limits, and resumes where it was interrupted"}
INTRODUCTION = """\
# What newapi promises

This is how newapi behaves when a server, terminal, disk or user does something unexpected. Each
promise is tested by a file in `tests/promises`. Most of these tests run the program as a process,
against a server that sends exactly the bytes of the test. Every run must also leave no traceback,
no key in its output or files, no process, and no file that other users can read. It must end with
one of the exit codes in the README.

*Kept* means that the tests pass in `.ci/run`. Tests that need root (for a full disk, another user
or a silent DNS server) are skipped for other users, with that reason.

This page is generated. To update it, run
`UPDATE_GOLDEN=1 pytest tests/promises/test_page.py`.
"""


class PromiseTest(NamedTuple):
    """A test: the behavior in its name, and what its marks state."""

    sentence: str
    needs_root: bool
    fails_because: str


class Promise(NamedTuple):
    """A promise and its tests."""

    number: int
    text: str
    file: str
    tests: tuple[PromiseTest, ...]

    @property
    def state(self) -> str:
        """Return whether it is kept, and how many of its tests need root."""
        failing = sorted({test.fails_because for test in self.tests} - {""})
        if failing:
            return "not kept: " + "; ".join(failing)
        root_count = sum(test.needs_root for test in self.tests)
        if root_count == len(self.tests):
            return "kept (tested as root)"
        if root_count:
            return f"kept ({root_count} {'test needs' if root_count == 1 else 'tests need'} root)"
        return "kept"


def promises() -> list[Promise]:
    """Return all promises in the order of their numbers."""
    return [_promise(path) for path in sorted(HERE.glob("test_[0-9][0-9]_*.py"))]


def promises_page() -> str:
    known = {promise.number: promise for promise in promises()}
    lines = [INTRODUCTION, "| | promise | state |", "|-:|---|---|"]
    for number in sorted({*known, *NOT_BUILT}):
        if number in known:
            lines.append(
                f"| [{number}](#{number}) | {known[number].text} | {known[number].state} |"
            )
        else:
            lines.append(f"| {number} | {NOT_BUILT[number]} | not built |")
    lines.append("")
    for promise in known.values():
        lines += [
            f"### {promise.number}",
            "",
            f"{promise.text}.",
            f"[Tests](../tests/promises/{promise.file}):",
            "",
        ]
        lines += [*(f"- {test.sentence}" for test in promise.tests), ""]
    return "\n".join(lines)


def _promise(path: Path) -> Promise:
    tree = ast.parse(path.read_text("utf-8"))
    text = (ast.get_docstring(tree) or "").partition("\n")[0].rstrip(".")
    number = int(path.name[len("test_") :][:2])
    return Promise(number, text, path.name, tuple(_promise_tests(tree)))


def _promise_tests(tree: ast.Module) -> Iterator[PromiseTest]:
    named_marks: dict[str, str] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign):
            named_marks |= {ast.unparse(name): ast.unparse(node.value) for name in node.targets}
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            sources = [ast.unparse(decorator) for decorator in node.decorator_list]
            marks = [named_marks.get(source, source) for source in sources]
            yield PromiseTest(
                sentence=node.name.removeprefix("test_").replace("_", " "),
                needs_root=any("needs_root" in mark for mark in marks),
                fails_because=next(filter(None, map(_xfail_reason, marks)), ""),
            )


def _xfail_reason(mark: str) -> str:
    match = re.search(r"xfail\(.*reason=(['\"])(.*?)\1", mark)
    return match.group(2) if match else ""
