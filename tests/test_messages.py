"""Every message is a template: `tr("cannot read {path}", path=path)`, never an f-string.

Only templates can be extracted for translation, and only their values may vary.
"""

from __future__ import annotations

import ast
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "newapi_cli"
ERRORS = {
    "UsageError", "ConfigError", "AuthenticationError", "NetworkError", "NotHttpError",
    "GatewayError", "ContextTooLongError", "ModelNotFoundError", "LimitError", "DeadlineError",
    "IncompleteCompletion", "LocalError", "FileError",
}  # fmt: skip
# Functions that display their first (or second, after the streams) argument.
PRINTERS = {"print_err", "print_dim", "print_warning", "Notice"}
TEMPLATES = {"tr", "ntr"}
# The demo speaks as a gateway, in the gateway's words; i18n defines the templates.
EXCLUDED = ("demo/", "i18n.py")


def called_name(node: ast.Call) -> str:
    return ast.unparse(node.func).rpartition(".")[2]


def is_bare_text(node: ast.expr) -> bool:
    """Return whether an expression is text with words in it that is not made by a template.

    A command or a request line alone is the same in every language.
    """
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        has_words = any(character.isalpha() for character in node.value)
        return has_words and not node.value.startswith(("newapi ", "/", "GET "))
    if isinstance(node, ast.JoinedStr):
        return any(is_bare_text(part) for part in node.values if isinstance(part, ast.Constant))
    if isinstance(node, ast.BinOp):
        return is_bare_text(node.left) or is_bare_text(node.right)
    if isinstance(node, ast.IfExp):
        return is_bare_text(node.body) or is_bare_text(node.orelse)
    return False


def violations(path: str, source: str) -> Iterator[str]:
    """Yield the places of a file in which a message is not a template."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = called_name(node)
        if name in ERRORS:
            arguments = [*node.args[:1], *(k.value for k in node.keywords if k.arg == "hint")]
        elif name in PRINTERS:
            arguments = node.args[:2]
        else:
            arguments = []
        if any(is_bare_text(argument) for argument in arguments):
            yield f"{path}:{node.lineno} {name}: bare text"
        if name in TEMPLATES:
            yield from template_violations(path, node)


def template_violations(path: str, node: ast.Call) -> Iterator[str]:
    texts = node.args[: 2 if called_name(node) == "ntr" else 1]
    values = {keyword.arg for keyword in node.keywords}
    if called_name(node) == "ntr":
        values.add("n")
    for text in texts:
        if not (isinstance(text, ast.Constant) and isinstance(text.value, str)):
            yield f"{path}:{node.lineno} the template is not a literal"
            continue
        if not values:
            continue  # the text is not filled in, so it may contain braces
        fields = {
            name for _, name, _, _ in string.Formatter().parse(text.value) if name is not None
        }
        if fields and not fields <= values:
            yield f"{path}:{node.lineno} no value for {sorted(fields - values)}"


def test_every_message_is_a_template() -> None:
    found = [
        violation
        for path in sorted(PACKAGE.rglob("*.py"))
        if not (name := path.relative_to(PACKAGE).as_posix()).startswith(EXCLUDED)
        for violation in violations(name, path.read_text("utf-8"))
    ]
    assert found == []


@pytest.mark.parametrize(
    "source",
    [
        "UsageError('no file')",
        "errors.UsageError(f'no file {name}')",
        "UsageError(tr('no file'), hint='try again')",
        "UsageError(tr('no file'), hint='a' if x else '')",
        "streams.print_err(f'wrote {path}')",
        "print_warning(streams, 'wrote ' + path)",
        "Notice(f'{count} models')",
        "tr(f'cannot read {path}')",
        "tr('cannot read {path}', name=path)",
        "ntr('{n} of {all} models', '{n} models', count)",
    ],
)
def test_a_message_that_is_no_template_is_found(source: str) -> None:
    assert len(list(violations("x.py", source))) == 1


@pytest.mark.parametrize(
    "source",
    [
        "UsageError(tr('cannot read {path}', path=path), why=str(error), hint=HINT)",
        "UsageError(error.message)",
        "streams.print_err('')",
        "streams.print_err(f'  {text}')",
        "ntr('{n} model', '{n:,} models', count)",
    ],
)
def test_a_template_is_no_violation(source: str) -> None:
    assert list(violations("x.py", source)) == []
