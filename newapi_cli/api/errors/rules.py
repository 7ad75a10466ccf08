"""A rule of the error table: which error responses it matches, and the error it makes of them."""

from __future__ import annotations

import re
from collections.abc import Container
from enum import Enum
from typing import NamedTuple

from newapi_cli.api.errors.context_length import is_too_long
from newapi_cli.api.errors.error_object import ErrorObject
from newapi_cli.errors import NewapiError, Reason
from newapi_cli.i18n import tr

GATEWAY_TYPES = re.compile(r"\w+_(api|hub)_error$")  # new_api_error, one_api_error, one_hub_error
MAX_TEXT = 4000  # characters of a message that are compared; the server chooses its length


class ErrorSource(Enum):
    """Who sent the error, by the type of the error object."""

    GATEWAY = "the gateway itself"  # new_api_error, or the type of a related gateway
    UNTYPED = "no error type"
    PROVIDER = "the provider"  # any other type: passed on by a gateway, or sent by a plain server


class BodyForm(Enum):
    """What the body looks like."""

    ANY = "any"
    HTML = "a web page"
    EMPTY = "an empty body"
    TOO_LONG = "any provider's message that the prompt is too long"  # see `context_length`


ANY_SOURCE = tuple(ErrorSource)
OWN = (ErrorSource.GATEWAY, ErrorSource.UNTYPED)
GATEWAY, UNTYPED, PROVIDER = ((source,) for source in ErrorSource)
ANY_STATUS = range(1000)


class When(NamedTuple):
    """Which error responses a rule matches: status, source and form must all match.

    If there are codes, types or texts, one of them must match too. A code that ends in `*` matches
    every code with that beginning; `…` in a text matches anything. `is_direct`: only responses that
    no gateway of New API's family has sent.
    """

    statuses: Container[int] = ANY_STATUS
    sources: tuple[ErrorSource, ...] = ANY_SOURCE
    codes: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    form: BodyForm = BodyForm.ANY
    is_direct: bool = False

    def matches(self, status: int, error: ErrorObject, *, is_page: bool) -> bool:
        """Return whether an error response is one of these."""
        return (
            status in self.statuses
            and (error.is_direct or not self.is_direct)
            and source_of(error) in self.sources
            and self._matches_words(error, is_page=is_page)
            and self._matches_form(error, is_page=is_page)
        )

    def _matches_words(self, error: ErrorObject, *, is_page: bool) -> bool:
        if not (self.codes or self.types or self.texts) or error.type in self.types:
            return True
        if any(_matches_code(error.code, code) for code in self.codes):
            return True
        if is_page and self.form is not BodyForm.HTML:
            return False  # a page may contain any words
        message = error.message[:MAX_TEXT].lower()
        return any(_contains(message, text) for text in self.texts)

    def _matches_form(self, error: ErrorObject, *, is_page: bool) -> bool:
        if self.form is BodyForm.HTML:
            return is_page
        if self.form is BodyForm.EMPTY:
            return not is_page and error.is_empty
        return self.form is BodyForm.ANY or is_too_long(error)


class ErrorRule(NamedTuple):
    """What newapi reports for an error response.

    `cause` is for the documentation. `is_final`: a retry would fail in the same way, or cost money.
    """

    error: type[NewapiError]
    reason: Reason
    message: str
    cause: str
    hint: str
    when: When
    is_final: bool = False

    def to_error(self, status: int, why: str, request_id: str) -> NewapiError:
        """Return the error to report; `status` is 0 if the status was a success."""
        message = self.message
        if status:
            message = tr("{error} (HTTP {status})", error=message, status=status)
        error = self.error(
            message, reason=self.reason, why=why, hint=self.hint, request_id=request_id
        )
        error.status = status
        return error


def source_of(error: ErrorObject) -> ErrorSource:
    """Return who sent an error."""
    if error.provider:  # OpenRouter names who failed behind it
        return ErrorSource.PROVIDER
    if not error.type:
        return ErrorSource.UNTYPED
    return ErrorSource.GATEWAY if GATEWAY_TYPES.match(error.type) else ErrorSource.PROVIDER


def _matches_code(code: str, pattern: str) -> bool:
    return code.startswith(pattern[:-1]) if pattern.endswith("*") else code == pattern


def _contains(message: str, text: str) -> bool:
    """Return whether a message in lower case contains the parts of a text in their order."""
    position = 0
    for part in text.lower().split("…"):
        start = message.find(part, position)
        if start < 0:
            return False
        position = start + len(part)
    return True
