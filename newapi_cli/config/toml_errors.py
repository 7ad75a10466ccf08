"""TOML bytes to a table; every complaint names file, line, column and reason, never the text.

tomllib's own messages can repeat names and characters of the file, and a key may stand on any line
of it. So the reason is looked up by how tomllib's message begins (Python 3.11 to 3.14).
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from newapi_cli.errors import ConfigError

Table = dict[str, object]

ANY_HINT = "newapi config edit"
ESCAPE_HINT = r"put text with backslashes in single quotes: 'C:\folder'"
QUOTES_HINT = 'put text in straight double quotes: "…"'
REASONS = (
    ("Invalid hex value", "a backslash begins an escape that TOML does not know", ESCAPE_HINT),
    ("Unescaped '\\'", "a backslash begins an escape that TOML does not know", ESCAPE_HINT),
    ("Escaped character", "a backslash escape names no character", ESCAPE_HINT),
    ("Illegal character '\\n'", "a text is not closed on its line", QUOTES_HINT),
    ("Illegal character", "a control character stands in the text", ANY_HINT),
    ("Unterminated string", "a text is not closed", QUOTES_HINT),
    ("Expected '\"", "a text is not closed", QUOTES_HINT),
    ("Expected \"'", "a text is not closed", QUOTES_HINT),
    ("Invalid value", "a value is missing, or a text stands without quotes", QUOTES_HINT),
    ("Invalid date", "a date or time does not exist", ANY_HINT),
    ("Expected newline", "something stands after the end of a value", QUOTES_HINT),
    ("Cannot overwrite", "a name is set twice", ANY_HINT),
    ("Duplicate inline table key", "a name is set twice", ANY_HINT),
    ("Cannot declare", "a [table] is declared twice", ANY_HINT),
    ("Cannot mutate", "a table is set in two places", ANY_HINT),
    ("Cannot redefine", "a table is set in two places", ANY_HINT),
    ("Expected ']", "a [table] name is not closed", ANY_HINT),
    ("Expected '='", "a name stands without = and a value", ANY_HINT),
    ("Invalid initial character", "a name holds a character that needs quotes", ANY_HINT),
    ("Invalid statement", "a line is no setting", ANY_HINT),
    ("Unclosed array", "a list is not closed with ]", ANY_HINT),
    ("Unclosed inline table", "a table is not closed with }", ANY_HINT),
)
PLACE = re.compile(r"\(at line (\d+), column (\d+)\)$")
CURLY_QUOTES = "“”„‟‘’‚‛«»"


def text_from_bytes(data: bytes, path: Path) -> str:
    """Decode a config file, without its byte order mark; line ends stay as they are.

    Raises `ConfigError` for UTF-16, Latin-1 and the like.
    """
    if data.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in data[:4]:
        raise ConfigError(f"{path} is not UTF-8 but UTF-16", hint="save it as UTF-8")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        # From nothing: the foreign error carries the bytes of the file.
        raise ConfigError(
            f"{path}:{line}: the file is not UTF-8", hint="save it as UTF-8"
        ) from None


def table_from_text(text: str, path: Path) -> Table:
    """Parse TOML. Raises `ConfigError`, whose text holds nothing of the file."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line, column = _place(str(error), text)
        reason, hint = _reason(str(error), _character_at(text, line, column))
        # From nothing: the foreign message may repeat a name that is a key.
        raise ConfigError(f"{path}:{line}:{column}: {reason}", hint=hint) from None
    except RecursionError:
        raise ConfigError(f"{path}: lists or tables are nested too deep", hint=ANY_HINT) from None
    except ValueError:  # an integer of more than 4,300 digits
        raise ConfigError(f"{path}: a number has too many digits", hint=ANY_HINT) from None


def _place(complaint: str, text: str) -> tuple[int, int]:
    """Give line and column, from 1; tomllib says `at end of document` without numbers."""
    if match := PLACE.search(complaint):
        return int(match[1]), int(match[2])
    lines = text.rstrip().split("\n")
    return len(lines), len(lines[-1].rstrip("\r")) + 1


def _character_at(text: str, line: int, column: int) -> str:
    lines = text.replace("\r\n", "\n").split("\n")
    return lines[line - 1][column - 1 : column] if line <= len(lines) else ""


def _reason(complaint: str, character: str) -> tuple[str, str]:
    if character and character in CURLY_QUOTES:
        return "a curly quote stands where TOML wants a straight one", QUOTES_HINT
    for beginning, reason, hint in REASONS:
        if complaint.startswith(beginning):
            return reason, hint
    return "this is not TOML", ANY_HINT
