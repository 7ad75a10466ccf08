"""The error object in the body of a response.

`wrappers` knows what servers wrap it in; it is loaded only at an error.
"""

from __future__ import annotations

from collections.abc import Mapping

from newapi_cli.api.errors.error_object import ErrorObject, is_html
from newapi_cli.api.json_values import decode_json

GATEWAY_HEADER = "x-oneapi-request-id"  # in every response of New API and its relatives

# Members of chunks, some of a single server. An object with no others holds no error, unless its
# `object` is one.
PLAIN = {
    "id",
    "object",
    "created",
    "model",
    "choices",
    "usage",
    "system_fingerprint",
    "service_tier",
    "provider",
    "prompt_filter_results",
    "obfuscation",
    "timings",
    "x_groq",
    "time_info",
    "citations",
    "search_results",
}


def readable_error(body: bytes, headers: Mapping[str, str]) -> bytes:
    """Return the body of an error as UTF-8, whatever its charset and its compression are."""
    encoding = headers.get("content-encoding", "").lower()
    if body.isascii() and not encoding:
        return body
    from newapi_cli.api.errors.charset import readable_body  # noqa: PLC0415  # rarely needed

    return readable_body(body, content_type=headers.get("content-type", ""), encoding=encoding)


def parse_error_body(body: bytes, headers: Mapping[str, str]) -> ErrorObject:
    """Return the error object of an HTTP error's body; short plain text becomes its message."""
    error = _error_in(body)
    return error._replace(is_direct=GATEWAY_HEADER not in headers and not error.request_id)


def _error_in(body: bytes) -> ErrorObject:
    if not body.strip() or is_html(body):
        return ErrorObject("")
    from newapi_cli.api.errors import wrappers  # noqa: PLC0415  # 3 ms, at an error only

    try:
        value = decode_json(body)
    except ValueError:
        return wrappers.read_text(body.decode("utf-8", "replace"))
    # "404 page not found" begins with a JSON number.
    if isinstance(value, dict | list | str):
        error = wrappers.read_error(value)
        if isinstance(value, dict) or not error.is_empty:
            return error
    return wrappers.read_text(body.decode("utf-8", "replace"))


def find_error(value: object) -> ErrorObject | None:
    """Return the error in a JSON value that is marked as one, None if there is none.

    Marked by `error` in any form, `success: false`, `"type": "error"`, the code of an error with a
    message, and so on. Gemini puts it into a list.
    """
    if isinstance(value, dict):
        if value.keys() <= PLAIN and value.get("object") != "error":
            return None
    elif not isinstance(value, list):
        return None
    from newapi_cli.api.errors import wrappers  # noqa: PLC0415  # 3 ms, rarely needed

    return wrappers.marked_error(value)
