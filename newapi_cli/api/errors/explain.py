"""Error responses as `NewapiError`s, by the table of rules.

The exit code depends on who sent the error, not on the status alone: New API passes the 401, 403
and 429 of its upstreams on with their status.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from types import ModuleType
from typing import TYPE_CHECKING

from newapi_cli.api.errors.body import readable_error
from newapi_cli.api.errors.error_object import ErrorObject, is_html, page_text, page_title
from newapi_cli.errors import (
    AuthenticationError,
    GatewayError,
    LimitError,
    ModelNotFoundError,
    NewapiError,
    Reason,
)
from newapi_cli.i18n import tr
from newapi_cli.text import shorten

if TYPE_CHECKING:
    from newapi_cli.api.errors.rules import ErrorRule

MAX_WORDS = 2_000  # characters in which a group is looked for
# The group of the key, as the gateway names it in a refusal.
OWN_GROUP = r"under group (\S{1,60})|分组 ?(\S{1,60}?) ?下|分組 ?(\S{1,60}?) ?下"
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
# Another model may have a larger context, or see images.
FITS_ANOTHER_MODEL = {Reason.CONTEXT_TOO_LONG, Reason.IMAGE_NOT_SUPPORTED}
NO_PRICE = "model_price_error"
MAX_WHY = 1_000  # characters of a server's words that are displayed
GENERAL = {  # less specific than that the error was inside an answer
    Reason.GATEWAY_REFUSED,
    Reason.GATEWAY_FAILED,
    Reason.GATEWAY_DOWN,
    Reason.PROVIDER_FAILED,
    Reason.PROVIDER_REFUSED,
    Reason.PATH_NOT_FOUND,
    Reason.PROXY_TIMEOUT,
    Reason.NOT_IMPLEMENTED,
}
# In a stream, New API sends these with an empty code, and other servers with none.
LIMIT_WORDS = (
    r"(?i)\btoo many requests\b|\brate limit (?:reached|exceeded)|load is saturated"
    r"|上游负载已饱和|上游負載已飽和|请求(?:过于|太)频繁|請求(?:過於|太)頻繁|请求数限制"
)
NO_TITLE = re.compile(r"(?:error|http|[0-9 ])*", re.IGNORECASE)  # says less than the page
FEE = "violation_fee"  # the beginning of the codes of errors that cost money each time


def rules() -> ModuleType:
    """Return the module of the table."""
    from newapi_cli.api.errors import table  # noqa: PLC0415  # 2 ms, for the first error only

    return table


def find_rule(
    status: int, error: ErrorObject, *, is_page: bool = False, names_model: bool = True
) -> ErrorRule:
    """Return the first rule that matches an error. `status` is 0 inside a stream.

    Rules about a model are left out if the request did not name one.
    """
    table: tuple[ErrorRule, ...] = rules().TABLE
    return next(
        rule
        for rule in table
        if (names_model or not issubclass(rule.error, ModelNotFoundError))
        and rule.when.matches(status, error, is_page=is_page)
    )


def error_from_response(
    status: int,
    error: ErrorObject,
    body: bytes,
    *,
    location: str = "",
    names_model: bool = True,
) -> NewapiError:
    """Return the error for an HTTP status that is not a success.

    `names_model`: the request named a model, which may be what was not found.
    """
    is_page = is_html(body)
    why = _page_words(body) if is_page else _words(error)
    if 300 <= status < 400:
        if not location:  # 304, and an invalid redirect
            return unexpected_status(status, why, error.request_id)
        why = tr("to {url}", url=location)
    if is_page:
        error = error._replace(message=f"{page_title(body)} {page_text(body)}")
    rule = find_rule(status, error, is_page=is_page, names_model=names_model)
    if rule.reason is Reason.UNEXPECTED_STATUS:
        return unexpected_status(status, why, error.request_id)
    if rule is rules().OTHER and status < 300:
        rule = rules().ERROR_IN_STREAM
    if not names_model:
        rule = rule._replace(hint=rules().WITHOUT_MODEL.get(rule.hint, rule.hint))
    ours = rule.to_error(status, why, error.request_id)
    ours.can_fall_back = _can_fall_back(ours, error)
    ours.refused_fields = error.fields
    return ours


def unexpected_status(status: int, why: str, request_id: str) -> NewapiError:
    """Return the error for a status without an answer; HTTP's reason phrase is its `why`."""
    rule = rules().EMPTY_ANSWER if 200 <= status < 300 else rules().UNEXPECTED_STATUS
    phrases = {each.value: each.phrase for each in HTTPStatus}
    error: NewapiError = rule.to_error(status, why or phrases.get(status, ""), request_id)
    error.can_fall_back = error.reason is Reason.EMPTY_ANSWER
    return error


def html_error(body: bytes, status: int, request_id: str = "") -> NewapiError:
    """Return the error for a web page in place of an answer."""
    error: NewapiError = rules().HTML_PAGE.to_error(status, _page_words(body), request_id)
    return error


def error_in_stream(error: ErrorObject, status: int = 0, *, has_text: bool = False) -> NewapiError:
    """Return the error for one inside a response whose status was a success.

    Before any text its own status counts: New API reports the 429 of a provider in a stream that it
    has begun with comments. After some text the exit code is 6 even for a rejected key, since the
    request was accepted. Another model may be tried, as the provider of this one has failed.
    `status` is reported if it is not 0.
    """
    named = 0 if has_text else named_status(error)
    rule, in_stream = find_rule(named, error), rules().ERROR_IN_STREAM
    is_limit = not has_text and issubclass(rule.error, LimitError)
    if rule is rules().OTHER:
        rule = in_stream
    elif rule.reason in GENERAL or not (is_limit or issubclass(rule.error, GatewayError)):
        rule = in_stream._replace(hint=rule.hint)
    why = _words(error) or error.code
    ours: NewapiError = rule.to_error(status, why, error.request_id)
    ours.can_fall_back = not error.code.startswith(FEE)
    ours.refused_fields = error.fields
    ours.retry_after_s = error.wait_s
    return ours


def named_status(error: ErrorObject) -> int:
    """Return the HTTP status that an error names in its code, its type or its words; else 0."""
    for text in (error.code, error.type):
        if re.fullmatch("[45][0-9]{2}", text):
            return int(text)
    match = re.search(r"\bstatus[ _]code[ =:]{1,2}([45][0-9]{2})\b", error.message[:1000])
    if match:
        return int(match.group(1))
    named: dict[str, int] = rules().NAMED_STATUSES
    names = (re.sub("[^a-z]", "", text[:100].lower()) for text in (error.code, error.type))
    status = next((named[name] for name in names if name in named), 0)
    return status or (429 if re.search(LIMIT_WORDS, error.message[:1000]) else 0)


def outside_protocol(api: str, words: str, request_id: str, status: int) -> NewapiError:
    """Return the error for a body in the form of another API, or of none: with its first words."""
    rule = rules().OTHER_API if api else rules().OUTSIDE_PROTOCOL
    why = tr("it looks like {api}", api=api) if api else words
    error: NewapiError = rule.to_error(status, why, request_id)
    return error


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
        return is_from_gateway(error)
    return error.reason is Reason.KEY_REJECTED


def named_group(error: NewapiError) -> str:
    """Return the group of the key that the gateway's words name, else an empty text."""
    match = re.search(OWN_GROUP, error.why[:MAX_WORDS])
    return match.group(match.lastindex or 0) if match else ""


def is_from_gateway(error: NewapiError) -> bool:
    """Return whether the request id of an error shows a server of New API's family."""
    return re.fullmatch(GATEWAY_REQUEST_ID, error.request_id) is not None


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
        or ours.reason in FITS_ANOTHER_MODEL
        or ours.reason is Reason.PROVIDER_REJECTED_GATEWAY
    )


def _words(error: ErrorObject) -> str:
    """Return the message of an error, or else its code or its type if that is a word."""
    code = "" if error.code.isdecimal() else error.code
    return shorten(error.message or code or error.type, MAX_WHY)


def _page_words(page: bytes) -> str:
    """Return the title of a web page, or else its first words."""
    page = readable_error(page, {})
    title = page_title(page)
    text = "" if title and not NO_TITLE.fullmatch(title) else page_text(page)
    if text:
        return tr('the page begins with "{text}"', text=text)
    return tr('the title of the page is "{title}"', title=title) if title else ""
