"""Error responses as `NewapiError`s, by the table of rules.

The exit code depends on who sent the error, not on the status alone: New API passes the 401, 403
and 429 of its upstreams on with their status.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from types import ModuleType
from typing import TYPE_CHECKING

from newapi_cli.api.errors.body import ErrorObject, is_html, page_title
from newapi_cli.errors import (
    AuthenticationError,
    GatewayError,
    LimitError,
    ModelNotFoundError,
    NewapiError,
    Reason,
)
from newapi_cli.i18n import tr

if TYPE_CHECKING:
    from newapi_cli.api.errors.rules import ErrorRule

# The date and the nanoseconds, then 8 or 16 random characters.
GATEWAY_REQUEST_ID = r"20\d\d[01]\d[0-3]\d[0-2]\d{6,14}[0-9A-Za-z]{8,16}"
INVALID_REQUEST_CODES = {  # sent with 500, and true for every model
    "invalid_request",
    "sensitive_words_detected",
    "convert_request_failed",
    "count_token_failed",
    "bad_request_body",
    "invalid_api_type",
    "json_marshal_failed",
    "gen_relay_info_failed",
}
MODEL_STATUSES = (402, 404, 408, 429)  # caused by the model or its provider
NO_PRICE = "model_price_error"
FEE = "violation_fee"  # the beginning of the codes of errors that cost money each time


def rules() -> ModuleType:
    """Return the module of the table."""
    from newapi_cli.api.errors import table  # noqa: PLC0415  # 2 ms, for the first error only

    return table


def find_rule(status: int, error: ErrorObject, *, is_page: bool = False) -> ErrorRule:
    """Return the first rule that matches an error. `status` is 0 inside a stream."""
    table: tuple[ErrorRule, ...] = rules().TABLE
    return next(rule for rule in table if rule.when.matches(status, error, is_page=is_page))


def error_from_response(
    status: int, error: ErrorObject, body: bytes, *, location: str = ""
) -> NewapiError:
    """Return the error for an HTTP status that is not a success."""
    is_page = is_html(body)
    why = _page_title(body) if is_page else error.message
    if 300 <= status < 400:
        if not location:  # 304, and an invalid redirect
            return unexpected_status(status, why, error.request_id)
        why = tr("to {url}", url=location)
    rule = find_rule(status, error, is_page=is_page)
    if rule.reason is Reason.UNEXPECTED_STATUS:
        return unexpected_status(status, why, error.request_id)
    ours = rule.to_error(status, why, error.request_id)
    ours.can_fall_back = _can_fall_back(ours, error)
    return ours


def unexpected_status(status: int, why: str, request_id: str) -> NewapiError:
    """Return the error for a status without an answer; HTTP's reason phrase is its `why`."""
    rule = rules().EMPTY_ANSWER if 200 <= status < 300 else rules().UNEXPECTED_STATUS
    phrases = {each.value: each.phrase for each in HTTPStatus}
    error: NewapiError = rule.to_error(status, why or phrases.get(status, ""), request_id)
    return error


def html_error(body: bytes, status: int, request_id: str = "") -> NewapiError:
    """Return the error for a web page in place of an answer."""
    error: NewapiError = rules().HTML_PAGE.to_error(status, _page_title(body), request_id)
    return error


def error_in_stream(error: ErrorObject, status: int = 0) -> NewapiError:
    """Return the error for one inside a response whose status was a success.

    The exit code is 6 whatever it says: neither the key nor the request as such was rejected.
    Another model may be tried, as the provider of this one has failed. `status` is reported if it
    is not 0.
    """
    rule, in_stream = find_rule(0, error), rules().ERROR_IN_STREAM
    if rule is rules().OTHER:
        rule = in_stream
    elif not issubclass(rule.error, GatewayError):
        rule = in_stream._replace(hint=rule.hint)
    why = error.message or error.code or error.type
    ours: NewapiError = rule.to_error(status, why, error.request_id)
    ours.can_fall_back = True
    return ours


def invalid_response(why: str, request_id: str = "", status: int = 0) -> NewapiError:
    """Return the error for an invalid response."""
    error: NewapiError = rules().INVALID_RESPONSE.to_error(status, why, request_id)
    return error


def may_have_key_record(error: NewapiError) -> bool:
    """Return whether a gateway rejected the key without a cause that its record may contain.

    A plain server has no such record: it sends no error type, and other request ids.
    """
    if not isinstance(error, AuthenticationError) or error.status != 401:
        return False
    if error.reason is Reason.KEY_REJECTED_BY_SERVER:
        return re.fullmatch(GATEWAY_REQUEST_ID, error.request_id) is not None
    return error.reason is Reason.KEY_REJECTED


def is_key_invalid(error: NewapiError) -> bool:
    """Return whether the key was rejected as such, and not as expired, disabled or forbidden."""
    return error.reason in (
        Reason.KEY_REJECTED,
        Reason.KEY_REJECTED_BY_SERVER,
        Reason.KEY_UNKNOWN,
    )


def is_about_model(error: NewapiError) -> bool:
    """Return whether the name of another model would have helped."""
    return isinstance(error, ModelNotFoundError) or error.reason is Reason.MODEL_FORBIDDEN


def _can_fall_back(ours: NewapiError, error: ErrorObject) -> bool:
    """Return whether another model may answer the same request; never if the key is rejected."""
    is_invalid = error.code in INVALID_REQUEST_CODES or error.code.startswith(FEE)
    return (
        isinstance(ours, LimitError)
        or ours.status in MODEL_STATUSES
        or (ours.status >= 500 and not is_invalid)
        or error.code == NO_PRICE
        or is_about_model(ours)
        or ours.reason is Reason.PROVIDER_REJECTED_GATEWAY
    )


def _page_title(page: bytes) -> str:
    title = page_title(page)
    return tr("the title of the page is “{title}”", title=title) if title else ""
