"""Untrusted text that attacks a terminal, and what a terminal may show of it.

The attacks are those of CWE-150 and of the advisories on terminals and on chat clients, grouped by
what they do. The visible form is written out here, not taken from the program.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence

ESCAPES: Mapping[str, Sequence[str]] = {
    "OSC: title, link, clipboard, commands": (
        "\x1b]0;evil\x07",
        "\x1b]2;evil\x1b\\",
        "\x1b]8;;http://evil.example\x1b\\bank\x1b]8;;\x1b\\",
        "\x1b]52;c;ZXZpbA==\x07",
        "\x1b]9;7;cmd\x07",
        "\x1b]1337;File=:QUFB\x07",
        "\x1b]0;swallows what follows",
    ),
    "DCS, APC, PM, SOS": (
        "\x1bP$qm\x1b\\",
        "\x1bP1$r0m\x1b\\",
        "\x1b_Gi=1;QUFB\x1b\\",
        "\x1b^x\x1b\\",
        "\x1bXx\x1b\\",
    ),
    "CSI: requests, positions, colors, modes": (
        "\x1b[6n",
        "\x1b[5n",
        "\x1b[c",
        "\x1b[>c",
        "\x1b[2J",
        "\x1b[1;1H",
        "\x1b[9A\x1b[2KPS1",
        "\x1b[35;46m",
        "\x1b[8m",
        "\x1b[?1049h",
        "\x1b[2;5r",
        "\x1b[?2004h",
        "\x1b[4h",
        "\x1b[21t",
        "\x1b[",
    ),
    "single escapes": (
        "\x1bc",
        "\x1b#8",
        "\x1b(0",
        "\x1b7\x1b8",
        "\x1bM",
        "\x1bD",
        "\x1bZ",
        "\x1b",
    ),
    "C1": (
        "\x9b6n",
        "\x9bc",
        "\x9b2J",
        "\x9d0;evil\x9c",
        "\x90$qm\x9c",
        "\x9fGi=1\x9c",
        "\x98x\x9c",
        "\x9ex\x9c",
        "\x85",
        "\x8d",
        "\x80",
        "\x9a",
    ),
    "C0": (
        "\x07",
        "over\x08\x08\x08\x08",
        "\x00",
        "\x0e",
        "\x0f",
        "\x7f",
        "\x0b",
        "\x0c",
        "$10\r$9",
    ),
}
INVISIBLE: Mapping[str, Sequence[str]] = {
    "direction": ("\u202eevil\u202c", "\u202a", "\u2066x\u2069", "\u200e", "\u200f", "\u061c"),
    "no width": ("a\u200bb", "a\u2060b", "a\ufeffb", "a\u00adb"),
    "tags": ("\U000e0041\U000e0042", "\U000e0001", "\U000e007f"),
    "separators": ("a\u2028b", "a\u2029b"),
    "surrogates": ("\ud800", "\udfff", "\udc41\ud83d", "\ud83d\ude00"),
}
MARKUP: Sequence[str] = (
    "[red]x[/red]",
    "[/nope]",
    "[link=https://evil.example]x[/link]",
    ":smile:",
    "&#27;[35;46m",
    "&#x9b;2J",
    "&#x202e;",
    "<b>x</b>",
)
EVERYTHING = tuple(
    payload for group in (*ESCAPES.values(), *INVISIBLE.values()) for payload in group
)

# The sequences that the program writes itself.
OURS = re.compile(r"\x1b\[(?:[\d;]*m|\?25[lh]|\?2026[hl]|\?7[lh]|\d+A|J|K)")
REPLACEMENT = "\ufffd"
SPACES = dict.fromkeys((0x2028, 0x2029), " ")
WITHOUT_WIDTH = {0x200B, 0x2060, 0xAD}  # invisible, and harmless in prose
BIDI = {0x61C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)}
VISIBLE: Mapping[int, str | None] = {
    **{code: chr(0x2400 + code) for code in range(0x20) if code not in (0x09, 0x0A)},
    0x7F: "\u2421",
    **dict.fromkeys((*range(0x80, 0xA0), *BIDI, 0xFEFF), REPLACEMENT),
    **dict.fromkeys((*range(0xD800, 0xE000), *range(0xE0000, 0xE0080)), REPLACEMENT),
    **SPACES,
    **dict.fromkeys(WITHOUT_WIDTH),
}


def visible(text: str) -> str:
    """Return what a terminal must show of a text; surrogate pairs are joined."""
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
    return whole.translate(VISIBLE)


def visible_in_code(text: str) -> str:
    """Return what a terminal must show of code, in which nothing may be invisible."""
    return visible(text.translate(dict.fromkeys(WITHOUT_WIDTH, REPLACEMENT)))


def split_everywhere(payloads: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield the two parts of each payload, split at each position, the ends included."""
    for payload in payloads:
        for cut in range(len(payload) + 1):
            yield payload[:cut], payload[cut:]


def unexpected_controls(written: str) -> list[str]:
    """Return the control characters that must not reach a terminal, with their context."""
    text = OURS.sub("", written)
    found = []
    for index, character in enumerate(text):
        kind = unicodedata.category(character)
        code = ord(character)
        if (kind in ("Cc", "Cs", "Zl", "Zp") and character not in "\r\n") or (
            kind == "Cf" and code not in WITHOUT_WIDTH
        ):
            found.append(ascii(text[max(index - 12, 0) : index + 12]))
    return found


def echoed_sequences(payloads: Iterable[str], written: str) -> list[str]:
    """Return the payloads that were written unchanged and look like our own sequences."""
    return [ascii(each) for each in payloads if OURS.fullmatch(each) and each in written]


def escaped_event(value: object) -> bytes:
    """Return one server-sent event in ASCII, the only encoding of lone surrogates."""
    return b"data: %s\n\n" % json.dumps(value).encode("ascii")
