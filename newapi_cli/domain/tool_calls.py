"""Streamed tool calls, assembled whatever a server does to their indexes and ids.

Servers number all calls 0, send the head of a call under one index and its tail under another,
leave out indexes or ids, send one id for all calls, or the name in pieces or in each piece. So
neither identifies a call: each call collects the ids and indexes under which its pieces arrive.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Protocol

from newapi_cli.text import well_formed

MAX_PIECES = 1024
_MARK = re.compile(r'["{}\[\]]')
_REST_OF_STRING = re.compile(r'(?:[^"\\]|\\.)*+"', re.DOTALL)


class Piece(Protocol):
    """A piece of a tool call: `completion.ToolCallDelta`."""

    @property
    def position(self) -> int | None: ...
    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def arguments(self) -> str: ...
    @property
    def begins(self) -> bool: ...


class ToolCallBuilder:
    """Folds pieces of tool calls into calls, in the order in which they begin.

    `offered` are the names of the tools in the request: a name that is one of them is whole.
    """

    def __init__(self, offered: Iterable[str] = ()) -> None:
        self._offered = frozenset(offered)
        self._calls: list[_Call] = []
        self._by_id: dict[str, _Call] = {}  # the newest call with an id
        self._by_index: dict[int | None, _Call] = {}  # the call last used under an index
        self._current: _Call | None = None  # that of the previous piece

    def add(self, piece: Piece) -> None:
        """Add the next piece."""
        call = None if piece.begins else self._call_of(piece)
        if call is None:
            call = _Call()
            self._calls.append(call)
        if piece.id:
            if not call.id and piece.id not in self._by_id:  # else it is the id of another call
                call.id = piece.id
            call.ids.add(piece.id)
            if call is self._calls[-1] or piece.id not in self._by_id:
                self._by_id[piece.id] = call
        if piece.position is not None:
            self._by_index[piece.position] = call
        call.add(piece, self._offered)
        self._current = call

    def calls(self) -> list[tuple[str, str, str]]:
        """Return id, name and arguments of the calls so far; empty calls are dropped.

        A call to which the server gave no id of its own has an empty one.
        """
        calls = (call for call in self._calls if call.name or call.has_arguments)
        return [(call.id, call.name, call.arguments()) for call in calls]

    def _call_of(self, piece: Piece) -> _Call | None:
        """Return the call that a piece continues, None if it begins another one."""
        at_index = self._by_index.get(piece.position)
        if at_index is not None and not (piece.id or piece.name):
            return at_index  # as most pieces do
        known = self._by_id.get(piece.id)
        if known is not None:
            if at_index is not None and piece.id in at_index.ids:
                known = at_index  # one id for all calls: the index decides
            return None if known.is_restarted_by(piece) else known
        place = self._current if piece.position is None else at_index
        if piece.id:
            return place if place is not None and place.may_have_id_of(piece) else None
        if place is None:
            return None if piece.name else self._current  # the tail has another index
        is_other = piece.position is None and self._is_other(place, piece)
        return None if is_other or place.is_restarted_by(piece) else place

    def _is_other(self, call: _Call, piece: Piece) -> bool:
        """Return whether a piece without index and id has the name of another call."""
        if not piece.name or not call.name or piece.name == call.name:
            return False
        return call.has_arguments or {call.name, piece.name} <= self._offered


class _Call:
    """One call. Short pieces are joined, because each of them takes fifty bytes."""

    def __init__(self) -> None:
        self.id = ""
        self.ids: set[str] = set()  # that the stream uses for it
        self.name = ""
        self._joined: list[str] = []
        self._pieces: list[str] = []
        self._last = ""
        self._scanner = _ObjectScanner()
        self._scanned = 0  # of the pieces

    @property
    def has_arguments(self) -> bool:
        """Whether any piece of its arguments arrived."""
        return bool(self._last)

    def add(self, piece: Piece, offered: frozenset[str]) -> None:
        """Add a piece. A name may come in pieces, or again with each piece."""
        if not self.name:
            self.name = piece.name
        elif piece.name != self.name and not self.has_arguments and self.name not in offered:
            self.name += piece.name
        if not piece.arguments:
            return
        self._last = piece.arguments
        self._pieces.append(piece.arguments)
        if len(self._pieces) > MAX_PIECES:
            self._scan()
            self._joined.append("".join(self._pieces))
            self._pieces.clear()
            self._scanned = 0

    def is_restarted_by(self, piece: Piece) -> bool:
        """Return whether a piece begins another call, because this one is complete."""
        return bool(piece.name) and piece.arguments.lstrip()[:1] == "{" and self._scan()

    def may_have_id_of(self, piece: Piece) -> bool:
        """Return whether a piece with an unknown id may belong to this call.

        The id may come late, or be another one for each piece.
        """
        if self.id:
            return bool(self.name and not piece.name) and not self._scan()
        names_fit = not piece.name or not self.name or piece.name == self.name
        return names_fit and not self._scan()

    def arguments(self) -> str:
        """Return the arguments: JSON text, if the model wrote JSON."""
        text = well_formed("".join((*self._joined, *self._pieces)))
        if not text.strip():
            return "{}"
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            last = well_formed(self._last)  # some servers send all of it again at the end
            return last if _is_object(last) else text
        return value if isinstance(value, str) and _is_object(value) else text

    def _scan(self) -> bool:
        """Return whether the arguments are complete."""
        for piece in self._pieces[self._scanned :]:
            self._scanner.feed(piece)
        self._scanned = len(self._pieces)
        return self._scanner.is_complete


class _ObjectScanner:
    """Finds the end of a JSON object in text that comes in pieces, in linear time.

    `is_complete`: the text so far is one closed object, with only white space around it.
    """

    def __init__(self) -> None:
        self.is_complete = False
        self._is_invalid = False
        self._depth = 0
        self._in_string = False
        self._held = ""  # a backslash at the end of a piece

    def feed(self, piece: str) -> None:
        """Read the next piece."""
        text, self._held = self._held + piece, ""
        at = 0
        while not self._is_invalid:
            if self._in_string:
                rest = _REST_OF_STRING.match(text, at)
                if rest is None:
                    has_half_escape = (len(text) - len(text.rstrip("\\"))) % 2
                    self._held = "\\" if has_half_escape else ""
                    return
                self._in_string, at = False, rest.end()
            mark = _MARK.search(text, at)
            if self._depth == 0 and text[at : mark.start() if mark else None].strip():
                self._is_invalid = True  # text before or after the object
            if mark is None:
                break
            at = mark.end()
            self._take(mark[0])
        self.is_complete = self.is_complete and not self._is_invalid

    def _take(self, mark: str) -> None:
        if self._depth == 0 and (mark != "{" or self.is_complete):
            self._is_invalid = True
        elif mark == '"':
            self._in_string = True
        else:
            self._depth += 1 if mark in "{[" else -1
            self.is_complete = self._depth == 0


def _is_object(text: str) -> bool:
    text = text.strip()
    if not (text.startswith("{") and text.endswith("}")):
        return False
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False
