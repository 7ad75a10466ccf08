"""How large a file and a function may grow."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "newapi_cli"
MAX_FILE_LINES = 600
MAX_FUNCTION_LINES = 60


def files() -> Iterator[tuple[str, str]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        yield path.relative_to(PACKAGE).as_posix(), path.read_text("utf-8")


def function_sizes(path: str, source: str) -> Iterator[tuple[int, str]]:
    """Return the lines of each function, decorators and docstring among them."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            name = f"{path}:{node.name}"
            begin = min([node.lineno, *(each.lineno for each in node.decorator_list)])
            yield (node.end_lineno or begin) - begin + 1, name


def largest(sizes: list[tuple[int, str]]) -> str:
    return "\n".join(f"{size:5} {name}" for size, name in sorted(sizes, reverse=True)[:10])


def test_no_file_is_longer_than_600_lines() -> None:
    sizes = [(len(source.splitlines()), path) for path, source in files()]
    assert len(sizes) > 50
    assert max(sizes)[0] <= MAX_FILE_LINES, largest(sizes)


def test_no_function_is_longer_than_60_lines() -> None:
    sizes = [found for path, source in files() for found in function_sizes(path, source)]
    assert len(sizes) > 300
    assert max(sizes)[0] <= MAX_FUNCTION_LINES, largest(sizes)


def test_a_function_is_measured_with_all_that_belongs_to_it() -> None:
    function = "@a\n@b(\n 1)\ndef f(\n x):\n  '''d'''\n\n  return x\n"
    method = "class A:\n  async def g(self): ...\n"
    sizes = sorted(function_sizes("x.py", function + method))
    assert sizes == [(1, "x.py:g"), (8, "x.py:f")]
