"""The error object in the body of a response, in all forms that servers send.

A member that is unknown, missing, null or of the wrong type is ignored, never an error.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from newapi_cli.api.json_values import decode_json, str_or_empty
from newapi_cli.text import shorten, well_formed

MAX_DEPTH = 3
MAX_TEXT = 300
MAX_TITLE = 200
# The server chooses what these are matched against: each reads a byte a bounded number of times.
REQUEST_ID_SUFFIX = re.compile(r"\(request id: ([^)\s]++)\)\s*+$")
HTML = re.compile(
    rb"\s*(?:<!--(?:(?!-->).)*+-->\s*+)*+<(!doctype html|html|head|body)", re.IGNORECASE | re.DOTALL
)
TITLE = re.compile(rb"<title[^<>]*+>([^<]*)", re.IGNORECASE)


class ErrorObject(NamedTuple):
    """An error object of a server; `code` as text, empty if there is none."""

    message: str
    type: str = ""
    code: str = ""
    request_id: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether it has neither a message nor a type nor a code."""
        return not (self.message or self.type or self.code)


def parse_error_body(body: bytes) -> ErrorObject:
    """Return the error object of an HTTP error's body; short plain text becomes its message."""
    try:
        value = decode_json(body)
    except ValueError:
        return ErrorObject(_plain_text(body))
    # "404 page not found" begins with a JSON number.
    if isinstance(value, dict) or find_error(value) is not None:
        return error_object_of(value)
    return ErrorObject(_plain_text(body))


def error_object_of(value: object) -> ErrorObject:
    """Return the error object of an HTTP error, whose body is one even without `error`."""
    error = find_error(value)
    if error is None and isinstance(value, dict):
        error = _error_object(value, _first_text(value))
    return error or ErrorObject("")


def find_error(value: object) -> ErrorObject | None:
    """Return the error in a JSON value, None if there is none.

    It is in `error`, in any form, or marked by `success: false`. Gemini puts it into a list.
    """
    if isinstance(value, list):
        errors = (find_error(each) for each in value if isinstance(each, dict))
        return next(filter(None, errors), None)
    if not isinstance(value, dict):
        return None
    error = value.get("error")
    if isinstance(error, dict) and error:
        return _error_object(error, _first_text(error, value))
    if isinstance(error, str) and error:
        return _error_object(value, error)
    if error:
        entries = error if isinstance(error, list) else []
        texts = (each for each in entries if isinstance(each, str))
        message = _first_text(*entries) or next(texts, "") or _first_text(value)
        return _error_object(value, message)
    if value.get("success") is False:
        return _error_object(value, _first_text(value))
    return None


def is_html(body: bytes) -> bool:
    """Return whether a body is a web page."""
    return HTML.match(body) is not None


def page_title(page: bytes) -> str:
    """Return the title of a web page in one line, shortened; empty if it has none."""
    match = TITLE.search(page)
    words = match.group(1).decode("utf-8", "replace").split() if match else []
    return shorten(" ".join(words), MAX_TITLE)


def _error_object(source: dict[str, Any], message: str) -> ErrorObject:
    request_id, message = "", well_formed(message)
    match = REQUEST_ID_SUFFIX.search(message)
    if match:  # chained gateways append one each; the last is of the gateway that we talk to
        request_id, message = match.group(1), message[: match.start()].rstrip()
    code = source.get("code")
    if isinstance(code, int) and not isinstance(code, bool):
        code = str(code)
    return ErrorObject(
        message=message,
        type=str_or_empty(source.get("type")),
        code=str_or_empty(code),
        request_id=request_id,
    )


def _first_text(*sources: object, depth: int = 0) -> str:
    for source in sources:
        if not isinstance(source, dict) or depth > MAX_DEPTH:
            continue
        for name in ("message", "msg", "err", "error_msg", "detail", "title", "error"):
            value = source.get(name)
            if isinstance(value, str) and value:
                return value
        for name in ("header", "response"):
            inner = source.get(name)
            if isinstance(inner, dict):
                text = _first_text(inner, inner.get("error"), depth=depth + 1)
                if text:
                    return text
    return ""


def _plain_text(body: bytes) -> str:
    """Return a body that is neither JSON nor a web page in one line, shortened."""
    text = " ".join(body.decode("utf-8", "replace").split())
    return "" if text.startswith("<") else shorten(text, MAX_TEXT)
