"""Pastes on terminals without bracketed paste: several lines that arrive in one read are a text.

Read as keys, the first Enter in them would send a part of the text.
"""

from __future__ import annotations

import select
import time
from collections.abc import Callable

from prompt_toolkit.input import Input
from prompt_toolkit.key_binding import KeyPress
from prompt_toolkit.keys import Keys

# Keys that are never part of a paste; the terminal reports the place of the cursor at any time.
OTHERS = (Keys.BracketedPaste, Keys.CPRResponse, Keys.ControlC, Keys.ControlD)
BREAKS = (Keys.ControlM, Keys.ControlJ)
BLOCK_S = 0.02  # between two blocks of a paste
REST_S = 0.1  # the time in which a slow connection brings the rest of a paste
MAX_KEYS = 1_000_000


class PasteDetector:
    """Reads keys, with a paste as one key, or as one for each character if `is_dumb`.

    A terminal without control sequences is shown each character as it is inserted. `has_more`
    returns whether more can be read within some seconds.
    """

    def __init__(
        self,
        read_keys: Callable[[], list[KeyPress]],
        has_more: Callable[[float], bool],
        now: Callable[[], float] = time.monotonic,
        *,
        is_dumb: bool = False,
    ) -> None:
        self._read_keys = read_keys
        self._has_more = has_more
        self._now = now
        self._is_dumb = is_dumb
        self._paste_ended_at = -REST_S

    def read_keys(self) -> list[KeyPress]:
        """Return the keys that have arrived."""
        keys = self._read_keys()
        has_break = _has_break(keys)
        if (has_break and len(keys) == 1) or any(key.key is Keys.ControlC for key in keys):
            self._paste_ended_at = -REST_S  # the paste was sent or cleared
        if not has_break:
            return keys
        is_paste = self._now() - self._paste_ended_at < REST_S
        while len(keys) < MAX_KEYS:
            is_paste = is_paste or _has_several_lines(keys)
            block = self._read_keys() if self._has_more(BLOCK_S if is_paste else 0) else []
            if not block:
                break
            keys += block  # the terminal sends a long paste in blocks
        if not is_paste:
            return keys
        self._paste_ended_at = self._now()
        return _with_pastes(keys, by_character=self._is_dumb)


def detect_pastes(source: Input, *, is_dumb: bool) -> None:
    """Make an input return a paste as one key. The console of Windows does so itself."""

    def has_more(limit_s: float) -> bool:
        return bool(select.select([source.fileno()], [], [], limit_s)[0])

    detector = PasteDetector(source.read_keys, has_more, is_dumb=is_dumb)
    source.read_keys = detector.read_keys  # type: ignore[method-assign]  # of this input only


def _has_break(keys: list[KeyPress]) -> bool:
    return any(key.key in BREAKS for key in keys)


def _has_several_lines(keys: list[KeyPress]) -> bool:
    """Return whether text follows an Enter, other than Alt+Enter, which arrives as two keys."""
    typed = [
        "" if key.key in OTHERS or _is_alt_enter(keys, place) else key.data
        for place, key in enumerate(keys)
    ]
    return "\n" in "".join(typed).replace("\r", "\n").rstrip("\n")


def _is_alt_enter(keys: list[KeyPress], place: int) -> bool:
    return keys[place].key in BREAKS and place > 0 and keys[place - 1].key is Keys.Escape


def _with_pastes(keys: list[KeyPress], *, by_character: bool) -> list[KeyPress]:
    """Return the keys with each part that contains an Enter as one pasted text."""
    parts: list[list[KeyPress]] = [[]]
    for key in keys:
        if key.key in OTHERS:
            parts += [[key], []]
        else:
            parts[-1].append(key)
    result: list[KeyPress] = []
    for part in parts:
        if _has_break(part):
            text = "".join(key.data for key in part).replace("\r\n", "\n").replace("\r", "\n")
            texts = list(text) if by_character else [text]
            part = [KeyPress(Keys.BracketedPaste, each) for each in texts]
        result += part
    return result
