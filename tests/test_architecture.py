"""Who may import whom. The house has three storeys, and its rooms have no doors between them.

__main__  >  cli  >  repl  >  api, config, demo, flows, render, store  >  domain, streams, signals  >  errors
"""  # noqa: E501

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

PACKAGE = Path(__file__).parent.parent / "newapi_cli"
ROOMS = ("api", "config", "demo", "flows", "render", "store")
FLOOR = {
    "__init__": 0,
    "errors": 0,
    "domain": 1,
    "streams": 1,
    "signals": 1,
    **dict.fromkeys(ROOMS, 2),
    "repl": 3,
    "cli": 4,
    "__main__": 5,
}
# The rooms in which a library may be imported; of third parties what is not listed is nowhere.
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
WITH_INNER_IMPORTS = {"__main__.py", "cli/context.py", "api/refusals.py"}
WITH_IMPORTS_BY_NAME = {"cli/app.py"}  # its table says which command lives where
STANDARD = sys.stdlib_module_names


class Import(NamedTuple):
    """One imported name, in full; `is_inner` says that it stands inside a function."""

    name: str
    line: int
    level: int = 0
    is_inner: bool = False


def imports_in(tree: ast.AST, *, is_inner: bool = False) -> Iterator[Import]:
    """Give every import below a node, those for type checkers among them."""
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
    """Give the lines of calls that import what a text names."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func).rpartition(".")[2]
            if called in ("__import__", "import_module", "find_spec", "run_module", "exec", "eval"):
                yield node.lineno


def violations(path: str, source: str) -> list[str]:
    """Give what a file of the package, named by its path in it, does against the rules."""
    here = path.split("/")[0].removesuffix(".py")
    if here not in FLOOR:
        return [f"{here} is not a room of this house"]
    tree = ast.parse(source)
    found = [f"{path}:{line} imports by name" for line in imports_by_name(tree)]
    if path in WITH_IMPORTS_BY_NAME:
        found.clear()
    for each in imports_in(tree):
        reason = _against_the_rules(path, here, each)
        if reason:
            found.append(f"{path}:{each.line} {reason}: {each.name}")
    return found


def _against_the_rules(path: str, here: str, each: Import) -> str:
    top, _, rest = each.name.partition(".")
    if each.level:
        return "relative import"
    if each.is_inner and path not in WITH_INNER_IMPORTS:
        return "import inside a function"
    if each.name.startswith(PRIVATE):
        return "private to its library"
    if top == "newapi_cli":
        return _against_the_floors(here, rest.split(".")[0])
    if top in STANDARD and top not in LIBRARIES:
        return ""
    return "" if here in LIBRARIES.get(top, ()) else f"{here} may not import it"


def _against_the_floors(here: str, there: str) -> str:
    if there == here:
        return ""
    if here == "demo":
        return "the demo knows nothing of ours"
    if there == "__version__":
        return ""
    if there not in FLOOR:
        return "not a room of this house"
    return "" if FLOOR[there] < FLOOR[here] else f"{here} may not import {there}"


def files() -> list[str]:
    """Give the paths of all files of the package, in it."""
    return sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", files())
def test_imports_only_go_down(path: str) -> None:
    assert violations(path, (PACKAGE / path).read_text("utf-8")) == []


def test_the_whole_package_is_looked_at() -> None:
    seen = {path.split("/")[0].removesuffix(".py") for path in files()}
    assert seen == set(FLOOR)


def test_every_library_is_a_declared_dependency_or_comes_with_one() -> None:
    declared = (PACKAGE.parent / "pyproject.toml").read_text("utf-8")
    come_along = {"pygments", "sqlite3"}  # with rich, with Python
    for library in LIBRARIES.keys() - come_along:
        assert f'"{library.replace("_", "-")}' in declared.replace("markdown-it-py", "markdown-it")


PLANTED = [
    ("errors.py", "from newapi_cli.domain import message"),
    ("errors.py", "import newapi_cli.streams"),
    ("domain/x.py", "from newapi_cli.api.codec import decode_json"),
    ("domain/x.py", "from newapi_cli.streams import Streams"),
    ("streams.py", "from newapi_cli.signals import Interrupts"),
    ("streams.py", "from newapi_cli.render.plain import PlainRenderer"),
    ("signals.py", "import newapi_cli.flows.turn"),
    ("api/x.py", "from newapi_cli.config.settings import load_settings"),
    ("api/x.py", "from newapi_cli import config"),
    ("flows/x.py", "from newapi_cli.api.client import Client"),
    ("flows/x.py", "if TYPE_CHECKING:\n    from newapi_cli.api.client import Client"),
    ("render/x.py", "try:\n    import newapi_cli.flows.turn\nexcept ImportError:\n    pass"),
    ("config/x.py", "class A:\n    from newapi_cli.render import plain"),
    ("render/x.py", "from newapi_cli.repl.loop import Loop"),
    ("repl/x.py", "from newapi_cli.cli.context import Context"),
    ("cli/x.py", "from newapi_cli.__main__ import main"),
    ("demo/x.py", "from newapi_cli.domain.message import Message"),
    ("demo/x.py", "from newapi_cli import __version__"),
    ("demo/x.py", "from newapi_cli.errors import NewapiError"),
    ("demo/x.py", "import httpx"),
    ("domain/x.py", "import httpx"),
    ("cli/x.py", "import httpx"),
    ("cli/x.py", "from rich.console import Console"),
    ("repl/x.py", "from rich import print"),
    ("render/x.py", "import prompt_toolkit.formatted_text"),
    ("api/x.py", "import typer"),
    ("render/x.py", "import tomlkit"),
    ("cli/x.py", "import platformdirs"),
    ("cli/x.py", "import markdown_it"),
    ("cli/x.py", "import pygments"),
    ("cli/x.py", "import click"),
    ("cli/x.py", "from click import UsageError"),
    ("cli/x.py", "import typer._click"),
    ("cli/x.py", "from typer._click.exceptions import UsageError"),
    ("cli/x.py", "from typer import _click"),
    ("api/x.py", "import requests"),
    ("cli/x.py", "def f():\n    import json"),
    ("cli/chat.py", "def f():\n    from newapi_cli.api.client import Client"),
    ("api/x.py", "class A:\n    def f(self):\n        if 1:\n            import json"),
    ("api/x.py", "async def f():\n    import json"),
    ("api/x.py", "from . import codec"),
    ("api/x.py", "from .codec import decode_json"),
    ("api/x.py", "from ..domain import message"),
    ("cli/x.py", "import_module('newapi_cli.demo')"),
    ("flows/x.py", "importlib.import_module('newapi_cli.api')"),
    ("flows/x.py", "__import__('httpx')"),
    ("cli/x.py", "import sqlite3"),
    ("flows/x.py", "from newapi_cli.store.sessions import SessionStore"),
    ("attic/x.py", "import json"),
    ("utils.py", "import json"),
    ("api/x.py", "from newapi_cli.utils import x"),
]
ALLOWED = [
    ("domain/x.py", "from newapi_cli.errors import NewapiError"),
    ("domain/x.py", "from newapi_cli.domain.message import Message"),
    ("streams.py", "from newapi_cli.errors import LocalError"),
    ("api/x.py", "from newapi_cli import __version__\nimport httpx\nimport json"),
    ("api/x.py", "from newapi_cli.signals import Interrupts"),
    ("flows/x.py", "from newapi_cli.domain.completion import Chunk"),
    ("repl/x.py", "from newapi_cli.flows.turn import Turn\nimport prompt_toolkit"),
    ("cli/x.py", "from newapi_cli.repl.loop import Loop\nimport typer\nimport typer.completion"),
    ("cli/context.py", "def f():\n    from newapi_cli.api import transport"),
    ("__main__.py", "def main():\n    from newapi_cli.cli.main import run"),
    ("cli/app.py", "import_module(f'newapi_cli.cli.{x}')"),
    ("demo/x.py", "import http.server\nfrom newapi_cli.demo.wire import x"),
    ("config/x.py", "from __future__ import annotations"),
]


@pytest.mark.parametrize(("path", "source"), PLANTED)
def test_a_planted_violation_is_found(path: str, source: str) -> None:
    assert len(violations(path, source)) == 1


@pytest.mark.parametrize(("path", "source"), ALLOWED)
def test_what_is_allowed_is_no_violation(path: str, source: str) -> None:
    assert violations(path, source) == []
