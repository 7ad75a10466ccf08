"""Parsing of the config file. An error has file, line, column and reason, never the text.

The messages of tomllib can repeat names and characters of the file, and any line may contain a key.
So the reason is looked up by the start of tomllib's message (Python 3.11 to 3.14).
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from newapi_cli.errors import ConfigError
from newapi_cli.i18n import tr

Table = dict[str, object]

EDIT_HINT = tr("newapi config edit")
ESCAPE_HINT = tr("put text with backslashes in single quotes, such as 'C:\\folder'")
QUOTES_HINT = tr('put text in straight double quotes: "…"')
UTF_8_HINT = tr("save the file as UTF-8")
REASONS = (
    ("Invalid hex value", tr("an unknown escape sequence after a backslash"), ESCAPE_HINT),
    ("Unescaped '\\'", tr("an unknown escape sequence after a backslash"), ESCAPE_HINT),
    ("Escaped character", tr("an invalid character in an escape sequence"), ESCAPE_HINT),
    ("Illegal character '\\n'", tr("a string is not closed on its line"), QUOTES_HINT),
    ("Illegal character", tr("a control character in the text"), EDIT_HINT),
    ("Unterminated string", tr("a string is not closed"), QUOTES_HINT),
    ("Expected '\"", tr("a string is not closed"), QUOTES_HINT),
    ("Expected \"'", tr("a string is not closed"), QUOTES_HINT),
    ("Invalid value", tr("a missing value, or a string without quotes"), QUOTES_HINT),
    ("Invalid date", tr("an invalid date or time"), EDIT_HINT),
    ("Expected newline", tr("unexpected text after a value"), QUOTES_HINT),
    ("Cannot overwrite", tr("a name is set twice"), EDIT_HINT),
    ("Duplicate inline table key", tr("a name is set twice"), EDIT_HINT),
    ("Cannot declare", tr("a [table] is declared twice"), EDIT_HINT),
    ("Cannot mutate", tr("a table is defined in two places"), EDIT_HINT),
    ("Cannot redefine", tr("a table is defined in two places"), EDIT_HINT),
    ("Expected ']", tr("a [table] name is not closed"), EDIT_HINT),
    ("Expected '='", tr("a name without = and a value"), EDIT_HINT),
    ("Invalid initial character", tr("a name contains a character that needs quotes"), EDIT_HINT),
    ("Invalid statement", tr("a line is not NAME = VALUE"), EDIT_HINT),
    ("Unclosed array", tr("a list is not closed with ]"), EDIT_HINT),
    ("Unclosed inline table", tr("a table is not closed with }"), EDIT_HINT),
)
POSITION = re.compile(r"\(at line (\d+), column (\d+)\)$")
CURLY_QUOTES = "“”„‟‘’‚‛«»"


def text_from_bytes(data: bytes, path: Path) -> str:
    """Return the text of a config file without its byte order mark; line ends are kept.

    Raise `ConfigError` for another encoding than UTF-8.
    """
    if data.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in data[:4]:
        raise ConfigError(tr("{path} is not UTF-8 but UTF-16", path=path), hint=UTF_8_HINT)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        message = tr("{path}:{line}: the file is not UTF-8", path=path, line=line)
        # From None: the original error contains the bytes of the file.
        raise ConfigError(message, hint=UTF_8_HINT) from None


def table_from_text(text: str, path: Path) -> Table:
    """Return the table of a TOML text. Raise `ConfigError`, without any text of the file."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line, column = _position(str(error), text)
        reason, hint = _reason(str(error), _character_at(text, line, column))
        message = tr(
            "{path}:{line}:{column}: {reason}", path=path, line=line, column=column, reason=reason
        )
        # From None: the original message may repeat a name that is a key.
        raise ConfigError(message, hint=hint) from None
    except RecursionError:
        message = tr("{path}: lists or tables are nested too deeply", path=path)
        raise ConfigError(message, hint=EDIT_HINT) from None
    except ValueError:  # an integer of more than 4,300 digits
        message = tr("{path}: a number has too many digits", path=path)
        raise ConfigError(message, hint=EDIT_HINT) from None


def _position(message: str, text: str) -> tuple[int, int]:
    """Return line and column, from 1. For the end of the document tomllib gives no numbers."""
    if match := POSITION.search(message):
        return int(match[1]), int(match[2])
    lines = text.rstrip().split("\n")
    return len(lines), len(lines[-1].rstrip("\r")) + 1


def _character_at(text: str, line: int, column: int) -> str:
    lines = text.replace("\r\n", "\n").split("\n")
    return lines[line - 1][column - 1 : column] if line <= len(lines) else ""


def _reason(message: str, character: str) -> tuple[str, str]:
    if character and character in CURLY_QUOTES:
        return tr("a curly quote in place of a straight one"), QUOTES_HINT
    for start, reason, hint in REASONS:
        if message.startswith(start):
            return reason, hint
    return tr("invalid TOML"), EDIT_HINT
