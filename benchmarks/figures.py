"""Count what a reader of the package has to learn: files, lines, import rings, calls, wording.

    python benchmarks/figures.py [CHECKOUT] [--check] [--list]

CHECKOUT is the root of another checkout, such as an older commit; the default is this one. --check
exits with 1 if a target is missed; --list also names what is behind the counts that have a target.
Needs the dependencies of the package; the package itself need not be installed.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

PACKAGE = "newapi_cli"
TIMEOUT_S = 60.0
FORMER_OPENINGS = re.compile(r"(Give|Say whether|Tell|Let)\b")
FORMER_WORDS = re.compile(
    r"\b(told|tells?|gone on|go(es)? on with|anew|whoever|somebody|nobody|mend(s|ed)?|laid out)\b"
)
Definition = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef

# Runs the program as its console script does, and writes down the files of the package in which
# a function is called before the program first sends something to the port. Calls made while a
# module is being imported do not count: some frame below them is the module itself. Once a worker
# runs, the main thread waits until the request is sent: otherwise the count depends on which thread
# is faster (45 to 51 files in six runs of version 0.1.0).
DRIVER = """
import json, os, sys, threading

output, root, port = sys.argv.pop(1), sys.argv.pop(1), int(sys.argv.pop(1))
sys.path.insert(0, root)
package = os.path.join(root, "newapi_cli") + os.sep
files = set()
sent = threading.Event()
main_thread = threading.get_ident()
may_hold = True


def is_import(frame):
    while frame is not None:
        if frame.f_code.co_name == "<module>" and frame.f_code.co_filename != "<string>":
            return True
        frame = frame.f_back
    return False


def sends(function):
    if getattr(function, "__name__", "") not in ("send", "sendall"):
        return False
    try:
        return function.__self__.getpeername()[1] == port
    except (AttributeError, OSError, IndexError):
        return False


def hold_main_thread():
    global may_hold
    if may_hold and threading.get_ident() == main_thread and threading.active_count() > 1:
        may_hold = sent.wait(5)  # False: the worker is waiting for the main thread


def profile(frame, event, argument):
    if sent.is_set():
        return
    if event == "call" and frame.f_code.co_filename.startswith(package):
        hold_main_thread()
        if not sent.is_set() and not is_import(frame):
            files.add(frame.f_code.co_filename[len(package):])
    elif event == "c_call" and sends(argument):
        with open(output, "w", encoding="utf-8") as file:
            json.dump(sorted(files), file)
        sent.set()


from newapi_cli.__main__ import main

threading.setprofile(profile)
sys.setprofile(profile)
main()
"""

ANSWER = (
    b'data: {"choices":[{"index":0,"delta":{"content":"Hello"},"finish_reason":"stop"}]}\n\n'
    b"data: [DONE]\n\n"
)
RESPONSE = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
    b"Content-Length: %d\r\nConnection: close\r\n\r\n%s" % (len(ANSWER), ANSWER)
)


class Source(NamedTuple):
    """A file of the package: its path within it, its module's dotted name, text and tree."""

    path: str
    module: str
    text: str
    tree: ast.Module


class Figure(NamedTuple):
    """A row of the table; `items` are what was counted, `target` is the largest value allowed."""

    name: str
    value: int
    target: int | None = None
    note: str = ""
    items: Sequence[str] = ()

    @property
    def is_missed(self) -> bool:
        """Whether the value is above its target."""
        return self.target is not None and self.value > self.target

    def row(self) -> str:
        """Return the row as text."""
        target = "" if self.target is None else f"{self.target:,}"
        verdict = "missed" if self.is_missed else "ok" if target else ""
        return f"{self.name:<46}{self.value:>8,}{target:>9}  {verdict:<7} {self.note}".rstrip()


def sources_of(root: Path) -> list[Source]:
    """Return all files of the package in a checkout."""
    found = []
    for path in sorted((root / PACKAGE).rglob("*.py")):
        module = ".".join(path.relative_to(root).with_suffix("").parts)
        text = path.read_text("utf-8")
        name = path.relative_to(root / PACKAGE).as_posix()
        found.append(Source(name, module.removesuffix(".__init__"), text, ast.parse(text)))
    return found


def code_lines(source: Source) -> int:
    """Return the number of lines that are not blank, a comment, a docstring or a top-level import.

    Imports inside functions count as code: they are there for a reason.
    """
    lines = {
        number
        for number, line in enumerate(source.text.splitlines(), 1)
        if line.strip() and not line.lstrip().startswith("#")
    }
    for node in source.tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            lines.difference_update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    for definition, _ in docstrings(source):
        node = definition.body[0]
        lines.difference_update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return len(lines)


def docstrings(source: Source) -> Iterator[tuple[Definition, str]]:
    """Yield the module, classes and functions that have a docstring, with it."""
    for node in ast.walk(source.tree):
        if isinstance(node, Definition) and (docstring := ast.get_docstring(node)) is not None:
            yield node, docstring


def function_lines(source: Source) -> Iterator[tuple[int, str]]:
    """Yield the number of lines of each function, decorators and docstring included, and where."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
            size = (node.end_lineno or first) - first + 1
            yield size, f"{source.path}:{node.lineno} {node.name}"


def import_graph(sources: Sequence[Source]) -> dict[str, set[str]]:
    """Return the modules of the package that each one imports, anywhere in its file."""
    modules = {source.module for source in sources}
    graph = {}
    for source in sources:
        names = {name for node in ast.walk(source.tree) for name in imported(node, modules)}
        graph[source.module] = (names & modules) - {source.module}
    return graph


def imported(node: ast.AST, modules: set[str]) -> Iterator[str]:
    """Yield the modules that a statement imports: `from a import b` imports `a.b` or else `a`."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield alias.name
    elif isinstance(node, ast.ImportFrom) and node.module:
        for alias in node.names:
            full = f"{node.module}.{alias.name}"
            yield full if full in modules else node.module


def rings(graph: Mapping[str, set[str]]) -> list[list[str]]:
    """Return the groups of modules that import one another, directly or not, largest first."""
    reach = {module: reachable(module, graph) for module in graph}
    groups = {
        tuple(sorted(other for other in reach[module] if module in reach[other]))
        for module in graph
        if module in reach[module]
    }
    return sorted((list(group) for group in groups), key=len, reverse=True)


def reachable(module: str, graph: Mapping[str, set[str]]) -> set[str]:
    """Return the modules that are imported by a module or by one that it imports."""
    seen: set[str] = set()
    waiting = [module]
    while waiting:
        new = graph[waiting.pop()] - seen
        seen |= new
        waiting += new
    return seen


def files_called(root: Path, *arguments: str) -> list[str]:
    """Return the files in which a function is called before the request leaves.

    Runs `newapi` with a pipe for its output and answers its request on loopback.
    """
    with (
        tempfile.TemporaryDirectory(prefix="newapi-figures-") as folder,
        socket.create_server(("127.0.0.1", 0)) as listener,
    ):
        listener.settimeout(TIMEOUT_S)
        port = listener.getsockname()[1]
        output = Path(folder) / "files.json"
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": folder,
            "LANG": "C.UTF-8",
            "NEWAPI_HOME": str(Path(folder) / "newapi"),
            "NEWAPI_BASE_URL": f"http://127.0.0.1:{port}",
            "NEWAPI_API_KEY": "sk-demo",
            "NEWAPI_MODEL": "demo",
        }
        with subprocess.Popen(
            [sys.executable, "-c", DRIVER, str(output), str(root), str(port), *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            try:
                answer_one_request(listener)
                answer, errors = process.communicate(timeout=TIMEOUT_S)
            finally:
                process.kill()
        if process.returncode != 0 or answer != b"Hello\n":
            raise SystemExit(f"newapi {' '.join(arguments)} failed: {answer!r} {errors!r}")
        names: list[str] = json.loads(output.read_text("utf-8"))
        return names


def answer_one_request(listener: socket.socket) -> None:
    """Accept a connection, read a request with a JSON body, and send the answer."""
    connection, _ = listener.accept()
    with connection:
        connection.settimeout(TIMEOUT_S)
        request = b""
        while not request.endswith(b"}"):
            block = connection.recv(1 << 16)
            if not block:
                raise SystemExit("newapi closed the connection before its request was complete")
            request += block
        connection.sendall(RESPONSE)


def figures_of(root: Path) -> list[Figure]:
    """Return all rows of the table."""
    sources = sources_of(root)
    if not sources:
        raise SystemExit(f"no package {PACKAGE} in {root}")
    functions = sorted(size for source in sources for size in function_lines(source))
    largest, where = functions[-1]
    groups = rings(import_graph(sources))
    in_rings = [module for group in groups for module in group]
    sizes = ", ".join(str(len(group)) for group in groups)
    openings = [
        f"{source.path}:{node.body[0].lineno} {docstring.splitlines()[0]}"
        for source in sources
        for node, docstring in docstrings(source)
        if FORMER_OPENINGS.match(docstring)
    ]
    words = [
        f"{source.path}:{number} {match.group()}"
        for source in sources
        for number, line in enumerate(source.text.splitlines(), 1)
        for match in FORMER_WORDS.finditer(line)
    ]
    called = files_called(root, "chat", "Hello")
    called_unsaved = files_called(root, "chat", "-n", "Hello")
    return [
        Figure("files", len(sources), 140),
        Figure("code lines", sum(map(code_lines, sources)), 14_000),
        Figure("functions", len(functions)),
        Figure("median function, lines", round(median(size for size, _ in functions))),
        Figure("largest function, lines", largest, note=where),
        Figure("files in import rings", len(in_rings), 0, f"rings of {sizes}" * bool(in_rings),
               in_rings),
        Figure("files called before `chat Hello` is sent", len(called), 30, items=called),
        Figure("the same with `-n`", len(called_unsaved), 24, items=called_unsaved),
        Figure("docstrings: Give, Say whether, Tell, Let", len(openings), 5, items=openings),
        Figure("words: told, tell, anew, nobody, mend, ...", len(words), 20, items=words),
    ]  # fmt: skip


def main() -> int:
    """Print the table and return the exit code."""
    parser = argparse.ArgumentParser(description="size, structure and wording of the package")
    parser.add_argument(
        "checkout", nargs="?", type=Path, default=Path(__file__).parents[1],
        help="root of a checkout (default: this one)",
    )  # fmt: skip
    parser.add_argument("--check", action="store_true", help="exit with 1 if a target is missed")
    parser.add_argument("--list", action="store_true", help="name what was counted")
    options = parser.parse_args()
    figures = figures_of(options.checkout.resolve())
    print(f"{'':<46}{'value':>8}{'target':>9}")
    for figure in figures:
        print(figure.row())
    if options.list:
        for figure in figures:
            if figure.items:
                print(f"\n{figure.name}", *figure.items, sep="\n  ")
    return 1 if options.check and any(figure.is_missed for figure in figures) else 0


if __name__ == "__main__":
    raise SystemExit(main())
