"""Untrusted text made safe for a terminal: control characters become visible symbols.

That is all text of models, servers and files. No character is dropped silently, so that spoofed
text is noticed. Pipes and files get the text unchanged.
"""

from __future__ import annotations

import re

BIDI = (*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C)
REPLACEMENT = "\ufffd"
# Tag characters are invisible text, except in the flags that use them (UTS 51, ED-14a).
FLAG = "\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{3,6}\U000e007f"
TAGS = re.compile(f"({FLAG})|[\U000e0000-\U000e007f]")
UNDECIDED = re.compile("(?:\r|\U0001f3f4[\U000e0030-\U000e007a]{0,6})\\Z")

_SYMBOLS: dict[int, str] = {
    **{code: chr(0x2400 + code) for code in range(0x20) if code not in (0x09, 0x0A)},
    0x7F: "\u2421",
    **dict.fromkeys(range(0x80, 0xA0), REPLACEMENT),
    **dict.fromkeys(BIDI, REPLACEMENT),
    0x2028: " ",
    0x2029: " ",
    0xFEFF: REPLACEMENT,
    **dict.fromkeys(range(0xD800, 0xE000), REPLACEMENT),
}
_HIDDEN_IN_CODE = dict.fromkeys((0x200B, 0x200C, 0x200D, 0x2060, 0x00AD), REPLACEMENT)


def safe_text(text: str) -> str:
    """Return text with control characters as symbols; tabs and LF are kept, CRLF becomes LF.

    >>> safe_text("a\\x1b[31mb\\r\\nc\\x9b")
    'a␛[31mb\\nc�'
    """
    if text.isascii():
        return text.replace("\r\n", "\n").translate(_SYMBOLS)
    return TAGS.sub(_flag_or_replacement, text.replace("\r\n", "\n")).translate(_SYMBOLS)


def _flag_or_replacement(match: re.Match[str]) -> str:
    return match.group(1) or REPLACEMENT


def safe_code(text: str) -> str:
    """Return safe text in which all invisible characters are visible, for code.

    >>> safe_code("a\u200bb")
    'a�b'
    """
    return safe_text(text).translate(_HIDDEN_IN_CODE)


def safe_line(text: str) -> str:
    """Return untrusted text as one safe line.

    >>> safe_line("two\\nlines\\there ")
    'two lines here'
    """
    return " ".join(safe_text(text).split())


class Sanitizer:
    """Makes a stream of text safe. What may become CRLF or a flag waits for the next part."""

    def __init__(self) -> None:
        self._held = ""

    def feed(self, text: str) -> str:
        """Add text, and return the safe form of what no later text can change."""
        text, self._held = self._held + text, ""
        undecided = UNDECIDED.search(text)
        if undecided:
            text, self._held = text[: undecided.start()], undecided.group()
        return safe_text(text)

    def end(self) -> str:
        """Return the safe form of what was held back."""
        held, self._held = self._held, ""
        return safe_text(held)
