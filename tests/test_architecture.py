"""Which module may import which: imports go down only, and there is no import cycle.

__main__  >  cli  >  repl  >  app  >  api, config, demo, render, store  >  domain  >  base modules
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import NamedTuple

import pytest

PACKAGE = Path(__file__).parent.parent / "newapi_cli"
BASE = ("__init__", "errors", "i18n", "signals", "streams", "terminal", "text")
LAYER = {
    **dict.fromkeys(BASE, 0),
    "domain": 1,
    **dict.fromkeys(("api", "config", "demo", "render", "store"), 2),
    "app": 3,
    "repl": 4,
    "cli": 5,
    "__main__": 6,
}
# The packages in which a library may be imported; other third-party libraries are not allowed.
LIBRARIES = {
    "httpx": {"api"},
    "rich": {"render"},
    "markdown_it": {"render"},
    "pygments": {"render"},
    "prompt_toolkit": {"repl"},
    "platformdirs": {"config"},
    "tomlkit": {"config"},
    "typer": {"cli"},
    "sqlite3": {"store"},
}
PRIVATE = ("typer._click",)
WITH_INNER_IMPORTS = (
    "__main__.py",
    "app/",
    "cli/",
    "api/chat/body_decoder.py",
    "api/chat/response_reader.py",
    "api/chat/folding.py",
    "api/chat/parts.py",
    "api/errors/body.py",
    "api/errors/explain.py",
    "api/http/endpoint.py",
    "api/http/exchange.py",
    "api/http/retry.py",
    "config/cache.py",
    "domain/completion.py",
    "render/rows.py",
    "text.py",
)
WITH_IMPORTS_BY_NAME = {"cli/main.py"}  # its table maps commands to modules


class Import(NamedTuple):
    """One imported name, in full; `is_inner` if the import is inside a function."""

    name: str
    line: int
    level: int = 0
    is_inner: bool = False


def imports_in(tree: ast.AST, *, is_inner: bool = False) -> Iterator[Import]:
    """Yield every import below a node, those under TYPE_CHECKING too."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                name = f"{node.module or ''}.{alias.name}"
                yield Import(name, node.lineno, node.level, is_inner)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, node.lineno, 0, is_inner)
        else:
            inside = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from imports_in(node, is_inner=is_inner or inside)


def imports_by_name(tree: ast.AST) -> Iterator[int]:
    """Yield the lines of calls that import a module by a string."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func).rpartition(".")[2]
            if called in ("__import__", "import_module", "find_spec", "run_module", "exec", "eval"):
                yield node.lineno


def violations(path: str, source: str) -> list[str]:
    """Return what a file, named by its path in the package, does against the rules."""
    here = path.split("/")[0].removesuffix(".py")
    if here not in LAYER:
        return [f"{here} is in no layer"]
    tree = ast.parse(source)
    found = [f"{path}:{line} imports by name" for line in imports_by_name(tree)]
    if path in WITH_IMPORTS_BY_NAME:
        found.clear()
    for each in imports_in(tree):
        reason = _violation(path, here, each)
        if reason:
            found.append(f"{path}:{each.line} {reason}: {each.name}")
    return found


def _violation(path: str, here: str, each: Import) -> str:
    top, _, rest = each.name.partition(".")
    if each.level:
        return "relative import"
    if each.is_inner and not path.startswith(WITH_INNER_IMPORTS):
        return "import inside a function"
    if each.name.startswith(PRIVATE):
        return "private to its library"
    if top == "newapi_cli":
        return _layer_violation(here, rest.split(".")[0])
    if top in sys.stdlib_module_names and top not in LIBRARIES:
        return ""
    return "" if here in LIBRARIES.get(top, ()) else f"{here} may not import it"


def _layer_violation(here: str, there: str) -> str:
    if there == here:
        return ""
    if here == "demo":
        return "the demo imports nothing of the package"
    if there == "__version__":
        return ""
    if there not in LAYER:
        return "not in any layer"
    is_below = LAYER[there] < LAYER[here] or (here in BASE and there in BASE)
    return "" if is_below else f"{here} may not import {there}"


def import_ring(sources: Mapping[str, str]) -> list[str]:
    """Return modules that import one another in a ring, the first again at the end, or none.

    `sources` has the text of each file by its path. Imports inside functions count too: they hide
    a ring from Python, not from a reader.
    """
    names = {path: _module_name(path) for path in sources}
    modules = set(names.values())
    graph = {
        names[path]: {
            each.name if each.name in modules else each.name.rpartition(".")[0]
            for each in imports_in(ast.parse(source))
        }
        & modules - {names[path]}
        for path, source in sources.items()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        ring: list[str] = error.args[1]
        return ring
    return []


def _module_name(path: str) -> str:
    return ".".join(["newapi_cli", *path.removesuffix(".py").split("/")]).removesuffix(".__init__")


def files() -> list[str]:
    """Return the paths of all files in the package."""
    return sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))


def test_imports_only_go_down() -> None:
    found = [line for path in files() for line in violations(path, (PACKAGE / path).read_text())]
    assert found == []


def test_no_modules_import_one_another() -> None:
    assert import_ring({path: (PACKAGE / path).read_text("utf-8") for path in files()}) == []


@pytest.mark.parametrize(
    "source",
    [
        "from newapi_cli.app.b import B",
        "from newapi_cli.app import b",
        "import newapi_cli.app.b",
        "class A:\n    def f(self):\n        from newapi_cli.app.b import B",
        "if TYPE_CHECKING:\n    from newapi_cli.app.b import B",
    ],
)
def test_a_planted_ring_is_found(source: str) -> None:
    other = "from newapi_cli.app.a import A"
    assert import_ring({"app/a.py": source, "app/b.py": other})
    assert import_ring({"app/a.py": source, "app/b.py": "import json"}) == []


def test_every_layer_has_files() -> None:
    assert {path.split("/")[0].removesuffix(".py") for path in files()} == set(LAYER)


def test_every_library_is_a_declared_dependency_or_comes_with_one() -> None:
    declared = (PACKAGE.parent / "pyproject.toml").read_text("utf-8")
    come_along = {"pygments", "sqlite3"}  # with rich, with Python
    for library in LIBRARIES.keys() - come_along:
        assert f'"{library.replace("_", "-")}' in declared.replace("markdown-it-py", "markdown-it")


PLANTED = [
    ("errors.py", "from newapi_cli.domain import messages"),
    ("errors.py", "import newapi_cli.store"),
    ("domain/x.py", "from newapi_cli.api.json_values import decode_json"),
    ("streams.py", "from newapi_cli.render.plain import PlainRenderer"),
    ("signals.py", "import newapi_cli.app.turn"),
    ("api/x.py", "from newapi_cli.config.settings import load_settings"),
    ("api/x.py", "from newapi_cli import config"),
    ("render/x.py", "try:\n    import newapi_cli.app.turn\nexcept ImportError:\n    pass"),
    ("config/x.py", "class A:\n    from newapi_cli.render import plain"),
    ("render/x.py", "from newapi_cli.repl.loop import Loop"),
    ("app/x.py", "from newapi_cli.repl import reader"),
    ("app/x.py", "if TYPE_CHECKING:\n    from newapi_cli.cli.chat import chat"),
    ("repl/x.py", "from newapi_cli.cli.chat import chat"),
    ("cli/x.py", "from newapi_cli.__main__ import main"),
    ("demo/x.py", "from newapi_cli import __version__"),
    ("demo/x.py", "from newapi_cli.errors import NewapiError"),
    ("demo/x.py", "import httpx"),
    ("domain/x.py", "import httpx"),
    ("cli/x.py", "from rich.console import Console"),
    ("repl/x.py", "from rich import print"),
    ("render/x.py", "import prompt_toolkit.formatted_text"),
    ("app/x.py", "import typer"),
    ("render/x.py", "import tomlkit"),
    ("cli/x.py", "import click"),
    ("cli/x.py", "from click import UsageError"),
    ("cli/x.py", "import typer._click"),
    ("cli/x.py", "from typer._click.exceptions import UsageError"),
    ("cli/x.py", "from typer import _click"),
    ("api/x.py", "import requests"),
    ("api/x.py", "class A:\n    def f(self):\n        if 1:\n            import json"),
    ("api/x.py", "async def f():\n    import json"),
    ("api/x.py", "from . import json_values"),
    ("api/x.py", "from ..domain import messages"),
    ("cli/x.py", "import_module('newapi_cli.demo')"),
    ("app/x.py", "importlib.import_module('newapi_cli.api')"),
    ("app/x.py", "__import__('httpx')"),
    ("app/x.py", "import sqlite3"),
    ("attic/x.py", "import json"),
    ("utils.py", "import json"),
    ("api/x.py", "from newapi_cli.utils import x"),
]
ALLOWED = [
    ("domain/x.py", "from newapi_cli.errors import NewapiError"),
    ("streams.py", "from newapi_cli.errors import LocalError"),
    ("api/x.py", "from newapi_cli import __version__\nimport httpx\nimport json"),
    ("app/x.py", "def f():\n    from newapi_cli.store.sessions import SessionStore"),
    ("repl/x.py", "from newapi_cli.app.turn import Turn\nimport prompt_toolkit"),
    ("cli/x.py", "from newapi_cli.repl.loop import Loop\nimport typer\nimport typer.completion"),
    ("__main__.py", "def main():\n    from newapi_cli.cli.main import run"),
    ("cli/main.py", "import_module(f'newapi_cli.cli.{x}')"),
    ("demo/x.py", "import http.server\nfrom newapi_cli.demo.wire import x"),
    ("config/x.py", "from __future__ import annotations"),
]


@pytest.mark.parametrize(("path", "source"), PLANTED)
def test_a_planted_violation_is_found(path: str, source: str) -> None:
    assert len(violations(path, source)) == 1


@pytest.mark.parametrize(("path", "source"), ALLOWED)
def test_an_allowed_import_is_no_violation(path: str, source: str) -> None:
    assert violations(path, source) == []
