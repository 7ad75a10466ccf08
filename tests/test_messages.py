"""Every message is a template: `tr("cannot read {path}", path=path)`, never an f-string.

Only templates can be extracted for translation, and only their values may vary. So no code edits or
compares a finished message either: values are replaced with `i18n.reword`.
"""

from __future__ import annotations

import ast
import re
import string
from collections.abc import Iterator
from functools import cache
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
# Attributes of errors and results. `why` may hold the server's words, which may be searched.
TEXTS = {"hint", "message", "summary"}
EDITS = {
    "replace", "sub", "subn", "removeprefix", "removesuffix", "partition", "rpartition",
    "translate", "startswith", "endswith", "find", "index", "search", "match", "fullmatch",
}  # fmt: skip
# There `error.message` is the server's, in its JSON.
WITH_SERVER_TEXTS = ("api/errors/", "app/parameter_hints.py")


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


def edits(path: str, source: str) -> Iterator[str]:
    """Yield the places of a file that edit the text of a message, or compare it with another."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            operands = [node.func.value, *node.args]
            if node.func.attr in EDITS and any(is_message(each, why=True) for each in operands):
                yield f"{path}:{node.lineno} {node.func.attr}"
        elif isinstance(node, ast.Compare):
            if any(is_message(each) for each in (node.left, *node.comparators)):
                yield f"{path}:{node.lineno} comparison"
        elif isinstance(node, ast.Subscript) and is_message(node.value, why=True):
            yield f"{path}:{node.lineno} part of it"


def is_message(node: ast.expr, *, why: bool = False) -> bool:
    """Return whether an expression is an attribute or a variable `hint` that holds a message."""
    while isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        node = node.func.value  # `error.hint.lower()`
    if isinstance(node, ast.Name):
        return node.id == "hint"
    return isinstance(node, ast.Attribute) and (node.attr in TEXTS or (why and node.attr == "why"))


def test_no_code_edits_or_compares_messages() -> None:
    found = [
        edit
        for path in sorted(PACKAGE.rglob("*.py"))
        if not (name := path.relative_to(PACKAGE).as_posix()).startswith(WITH_SERVER_TEXTS)
        for edit in edits(name, path.read_text("utf-8"))
    ]
    assert found == []


@pytest.mark.parametrize(
    "source",
    [
        "hint = error.hint.replace(HINT, other)",
        "error.message.lower().startswith('no')",
        "re.sub('newapi', 'nap', error.hint)",
        "COMMANDS.sub(with_profile, self.error.summary)",
        "if result.hint == HINT: pass",
        "if HINT in error.hint: pass",
        "found = 'timeout' in error.message",
        "error.why[:10]",
        "if HINT in hint: pass",
        "hint = hint.replace(HINT, other)",
    ],
)
def test_an_edit_of_a_message_is_found(source: str) -> None:
    assert len(list(edits("x.py", source))) == 1


@pytest.mark.parametrize(
    "source",
    [
        "error.with_hint(reword(error.hint, words))",
        "if error.reason is Reason.TIMEOUT and error.hint: pass",
        "named = [name for name in tried if name in error.why]",
        "text.replace('a', 'b')",
    ],
)
def test_other_uses_of_a_message_are_no_edit(source: str) -> None:
    assert list(edits("x.py", source)) == []


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


# -- the profile of the run in commands ------------------------------------------------------------

# Commands that act on a profile. `profile_command` adds the one that an option chose.
OF_A_PROFILE = re.compile(
    r"\bnewapi (chat(?! -S)|models|balance|usage|login|logout|doctor|config (list|get|set|unset)"
    r"|sessions (list|show))\b(?!.* (-P|--profile|--help)\b)"
)
WITHOUT_PROFILE = {
    "`newapi sessions list` lists those of all profiles",
    "choose one with `newapi sessions list`, then use -S NAME",  # of another profile
    # Of command lines without a profile, and of values: what is wrong, not a hint.
    "newapi chat reads from a pipe",
    'newapi chat "…" sends a prompt, {help} lists the commands',
    "it contains a user name or password; set a key with `newapi login`",
    "its query contains a key ({name}=); set a key with `newapi login`, or a header"
    " with the setting `headers`",
}


def calls_of(path: str, source: str) -> list[tuple[str, ast.Call]]:
    """Return the calls of a file, each with its place."""
    nodes = ast.walk(ast.parse(source))
    return [(f"{path}:{node.lineno}", node) for node in nodes if isinstance(node, ast.Call)]


@cache
def calls_of_the_package() -> list[tuple[str, ast.Call]]:
    """Return the calls of all files in which messages are templates."""
    return [
        call
        for path in sorted(PACKAGE.rglob("*.py"))
        if not (name := path.relative_to(PACKAGE).as_posix()).startswith(EXCLUDED)
        for call in calls_of(name, path.read_text("utf-8"))
    ]


def templates(call: ast.Call) -> Iterator[str]:
    """Yield the literal templates among the arguments of a call."""
    for text in call.args if called_name(call) in TEMPLATES else ():
        if isinstance(text, ast.Constant) and isinstance(text.value, str):
            yield text.value


def commands_without_profile(calls: list[tuple[str, ast.Call]]) -> Iterator[str]:
    """Yield the places of calls with a message or a hint that names a command as plain text."""
    for place, call in calls:
        hints = [keyword.value for keyword in call.keywords if keyword.arg == "hint"]
        bare = [h.value for h in hints if isinstance(h, ast.Constant) and isinstance(h.value, str)]
        for text in (*templates(call), *bare):
            if OF_A_PROFILE.search(text) and text not in WITHOUT_PROFILE:
                yield f"{place} {text}"


def test_every_command_in_a_message_names_the_profile_of_the_run() -> None:
    assert list(commands_without_profile(calls_of_the_package())) == []


@pytest.mark.parametrize(
    ("source", "count"),
    [
        ("tr('store another key: `newapi login`')", 1),
        ("UsageError(tr('no model'), hint='newapi config set model NAME')", 1),
        ("ntr('newapi models', 'newapi chat', n)", 2),
        ("tr('run `{login}`', login=profile_command('newapi login'))", 0),
        ("tr('newapi login --profile NAME')", 0),
        ("tr('newapi config edit')", 0),
    ],
)
def test_a_command_as_plain_text_is_found(source: str, count: int) -> None:
    assert len(list(commands_without_profile(calls_of("x.py", source)))) == count


OTHER_QUOTES = re.compile(r"[“”„‘’]|'\{")


def test_messages_quote_their_values_in_one_style() -> None:
    found = [
        f"{place} {text}"
        for place, call in calls_of_the_package()
        for text in templates(call)
        if OTHER_QUOTES.search(text)
    ]
    assert found == []
