"""What a gateway says with a status, turned into our errors by the table of explanations.

The exit codes are those of the product's table: who refused decides, not the status alone, because
New API passes the 401, 403 and 429 of its upstreams on with their status (contract, section 4.2).
"""

from __future__ import annotations

import re
from http import HTTPStatus
from types import ModuleType
from typing import TYPE_CHECKING

from newapi_cli.api.codec import Refusal
from newapi_cli.errors import AuthenticationError, GatewayError, ModelNotFoundError, NewapiError
from newapi_cli.text import shorten

if TYPE_CHECKING:
    from newapi_cli.api.errors.rows import Explanation

# Servers choose what these are matched against: each reads a byte a bounded number of times.
HTML = re.compile(
    rb"\s*(?:<!--(?:(?!-->).)*+-->\s*+)*+<(!doctype html|html|head|body)", re.IGNORECASE | re.DOTALL
)
TITLE = re.compile(rb"<title[^<>]*+>([^<]*)", re.IGNORECASE)
# The date and the nanoseconds, then 8 or 16 characters by chance (contract, section 4.4).
FAMILY_ID = r"20\d\d[01]\d[0-3]\d[0-2]\d{6,14}[0-9A-Za-z]{8,16}"


def rows() -> ModuleType:
    """Give the table, loaded with the first refusal: no answer waits 2 ms for it."""
    from newapi_cli.api.errors import table as explanations

    return explanations


def row_named(name: str) -> Explanation:
    """Give a row of the table by its name there."""
    row: Explanation = getattr(rows(), name)
    return row


def explanation_of(status: int, refusal: Refusal, *, is_page: bool = False) -> Explanation:
    """Find the row of the table that a refusal belongs to. `status` is 0 inside a stream."""
    table: tuple[Explanation, ...] = rows().TABLE
    fitting = (row for row in table if row.when.fits(status, refusal, is_page=is_page))
    return next(fitting, row_named("OTHERWISE"))


def error_from_answer(
    status: int, refusal: Refusal, body: bytes, *, location: str = ""
) -> NewapiError:
    """Translate an HTTP status that is no success, with the words that came with it."""
    is_page = HTML.match(body) is not None
    why = _title(body) if is_page else refusal.message
    if 300 <= status < 400:
        if not location:  # 304, and what leads nowhere
            return no_answer(status, why, refusal.request_id)
        why = f"to {location}"
    found = explanation_of(status, refusal, is_page=is_page)
    if found is row_named("NO_ANSWER"):
        return no_answer(status, why, refusal.request_id)
    return found.made(status, why, refusal.request_id)


def no_answer(status: int, why: str, request_id: str) -> NewapiError:
    """Name a status that answers nothing, in words of HTTP where the server gave none."""
    row = row_named("NO_ANSWER")
    if 200 <= status < 300:
        row = row._replace(message="the server sent an empty answer")
    known = {each.value: each.phrase for each in HTTPStatus}
    return row.made(status, why or known.get(status, ""), request_id)


def html_error(body: bytes, status: int, request_id: str = "") -> NewapiError:
    """Name a web page that stands where an answer should."""
    return row_named("PAGE").made(status, _title(body), request_id)


def _title(page: bytes) -> str:
    """Give the title of a page: all that anybody wants to see of one."""
    match = TITLE.search(page)
    words = match.group(1).decode("utf-8", "replace").split() if match else []
    title = shorten(" ".join(words), 200)
    return f"the page is called “{title}”" if title else ""


def error_in_stream(refusal: Refusal) -> NewapiError:
    """Translate an error that came inside a stream whose status was a success.

    It is the gateway's (6) whatever it says: nobody refused the key or the request as such.
    """
    found = explanation_of(0, refusal)
    if found is row_named("OTHERWISE"):
        found = row_named("IN_STREAM")
    elif not issubclass(found.error, GatewayError):
        found = row_named("IN_STREAM")._replace(hint=found.hint)
    why = refusal.message or refusal.code or refusal.type
    return found.made(0, why, refusal.request_id)


def not_understood(why: str, request_id: str = "") -> NewapiError:
    """Name an answer that is none of the protocol's."""
    return row_named("NOT_UNDERSTOOD").made(0, why, request_id)


def leaves_the_key_open(error: NewapiError) -> bool:
    """Say whether a gateway of the family refused the key and told nothing of the reason.

    A plain server is none of the family: it names no type, and counts its requests otherwise.
    """
    if not isinstance(error, AuthenticationError) or error.status != 401:
        return False
    if error.message == row_named("KEY_REFUSED").told(401):
        return True
    is_familys = re.fullmatch(FAMILY_ID, error.request_id) is not None
    return is_familys and error.message == row_named("KEY_REFUSED_PLAINLY").told(401)


def is_of_the_model(error: NewapiError) -> bool:
    """Say whether another name of a model would have helped."""
    is_forbidden = error.message == row_named("MODEL_FORBIDDEN").told(error.status)
    return isinstance(error, ModelNotFoundError) or is_forbidden


def is_of_the_models_provider(error: NewapiError) -> bool:
    """Say whether a provider refused the key of the gateway, or what it may do."""
    return error.message == row_named("GATEWAY_REFUSED").told(error.status)


def says_only_that_the_key_is_bad(error: NewapiError) -> bool:
    """Say whether a refusal of the key tells of no cause: not expired, disabled, out of place."""
    names = ("KEY_REFUSED", "KEY_REFUSED_PLAINLY", "KEY_UNKNOWN")
    return error.message in [row_named(name).told(error.status) for name in names]
