"""A row of the table of refusals: which of them it fits, and what it makes of one."""

from __future__ import annotations

import re
from collections.abc import Container
from enum import Enum
from typing import NamedTuple

from newapi_cli.api.codec import Refusal
from newapi_cli.api.errors.context_length import is_too_long
from newapi_cli.errors import NewapiError

GATEWAY_TYPES = re.compile(r"\w+_(api|hub)_error$")  # new_api_error, one_api_error, one_hub_error
MAX_TEXT = 4000  # characters that are looked at; servers choose the text


class Speaker(Enum):
    """Who refuses, by the type of the error object."""

    GATEWAY = "the gateway"  # new_api_error, and the types of its relatives
    UNNAMED = "no type"  # who gives none speaks for himself
    PROVIDER = "another type"  # passed on by a gateway, or a plain server's own


class Shape(Enum):
    """What an answer looks like."""

    ANY = "any"
    PAGE = "a web page"
    EMPTY = "no words"
    TOO_LONG = "words of any provider about a length"  # as `context_length` knows them


ANYBODY = tuple(Speaker)
OWN = (Speaker.GATEWAY, Speaker.UNNAMED)
GATEWAY, UNNAMED, PROVIDER = ((speaker,) for speaker in Speaker)
ANY_STATUS = range(1000)


class When(NamedTuple):
    """Which refusals a row explains: all of statuses, speakers and shape must fit.

    Of codes, types and texts, where there are any, one is enough. A code that ends in `*` stands
    for all that begin so; `…` in a text stands for anything.
    """

    statuses: Container[int] = ANY_STATUS
    speakers: tuple[Speaker, ...] = ANYBODY
    codes: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    shape: Shape = Shape.ANY

    def fits(self, status: int, refusal: Refusal, *, is_page: bool) -> bool:
        """Say whether a refusal is one of these."""
        return (
            status in self.statuses
            and speaker_of(refusal) in self.speakers
            and self._fits_words(refusal)
            and self._fits_shape(refusal, is_page=is_page)
        )

    def _fits_words(self, refusal: Refusal) -> bool:
        if not (self.codes or self.types or self.texts) or refusal.type in self.types:
            return True
        if any(_is_code(refusal.code, code) for code in self.codes):
            return True
        said = refusal.message[:MAX_TEXT].lower()
        return any(_says(said, text) for text in self.texts)

    def _fits_shape(self, refusal: Refusal, *, is_page: bool) -> bool:
        if self.shape is Shape.PAGE:
            return is_page
        if self.shape is Shape.EMPTY:
            return not is_page and not any(refusal[:3])
        return self.shape is Shape.ANY or is_too_long(refusal)


class Explanation(NamedTuple):
    """What newapi says to a refusal, and, for the documentation, what the cause usually is.

    `comes_again`: to ask the same once more is pointless, or costs money once more.
    """

    error: type[NewapiError]
    message: str
    cause: str
    hint: str
    when: When
    comes_again: bool = False

    def told(self, status: int) -> str:
        """Give the message with the HTTP status, which is 0 where the status refused nothing."""
        return f"{self.message} (HTTP {status})" if status else self.message

    def made(self, status: int, why: str, request_id: str) -> NewapiError:
        """Give the error that the person is told."""
        return self.error(self.told(status), why=why, hint=self.hint, request_id=request_id)


def speaker_of(refusal: Refusal) -> Speaker:
    """Say whether the gateway refused or somebody behind it."""
    if not refusal.type:
        return Speaker.UNNAMED
    return Speaker.GATEWAY if GATEWAY_TYPES.match(refusal.type) else Speaker.PROVIDER


def _is_code(code: str, wanted: str) -> bool:
    return code.startswith(wanted[:-1]) if wanted.endswith("*") else code == wanted


def _says(said: str, text: str) -> bool:
    """Say whether the parts of a text stand in what was said, in lower case, in their order."""
    place = 0
    for part in text.lower().split("…"):
        found = said.find(part, place)
        if found < 0:
            return False
        place = found + len(part)
    return True
