"""What a gateway says with a status, turned into our errors.

The exit codes are those of the product's table: who refused decides, not the status alone, because
New API passes the 401, 403 and 429 of its upstreams on with their status (contract, section 4.2).
"""

from __future__ import annotations

import re

from newapi_cli.api.codec import Refusal, shortened
from newapi_cli.api.context_length import is_too_long
from newapi_cli.errors import (
    AuthenticationError,
    ContextTooLong,
    GatewayError,
    LimitError,
    NewapiError,
)

QUOTA_CODES = {"insufficient_user_quota", "pre_consume_token_quota_failed", "insufficient_quota"}
KEY_HINT = "check the key with `newapi config list`, or store another with `newapi login`"
TOO_LONG = "the conversation is too long for the model"
LEAVING_OUT = "; `newapi chat -c` on a terminal can leave turns out"
SHORTER_HINT = (
    "send a shorter prompt or fewer files, or ask a model with a larger context: -m NAME"
    f"{LEAVING_OUT}"
)
URL_HINT = "check the base URL: `newapi config get base_url`, `newapi login URL` to store another"
GATEWAY_TYPES = re.compile(r"\w+_(api|hub)_error$")  # new_api_error, one_api_error, one_hub_error
# Servers choose what these are matched against: each reads a byte a bounded number of times.
HTML = re.compile(
    rb"\s*(?:<!--(?:(?!-->).)*+-->\s*+)*+<(!doctype html|html|head|body)", re.IGNORECASE | re.DOTALL
)
TITLE = re.compile(rb"<title[^<>]*+>([^<]*)", re.IGNORECASE)


def error_from_answer(
    status: int, refusal: Refusal, body: bytes, *, location: str = ""
) -> NewapiError:
    """Translate an HTTP status that is no success, with the words that came with it."""
    words = {"why": refusal.message, "request_id": refusal.request_id}
    if 300 <= status < 400:
        return GatewayError(
            f"the server redirects elsewhere (HTTP {status}), and a redirect is never followed",
            why=f"to {location}" if location else "",
            hint=f"if that place is right, make it the base URL; {URL_HINT}",
            request_id=refusal.request_id,
        )
    if refusal.code in QUOTA_CODES:
        return LimitError(
            _quota_message(refusal.code),
            **words,
            hint="top up the account or raise the key's limit in the gateway's console",
        )
    if status == 429:
        return LimitError(
            "the gateway's rate limit is reached (HTTP 429)", **words, hint="try again in a while"
        )
    if HTML.match(body):
        return html_error(body, status, refusal.request_id)
    if status in (401, 403) and _is_gateways_own(refusal):
        return _key_error(status, words)
    if is_too_long(refusal):
        return ContextTooLong(f"{TOO_LONG} (HTTP {status})", **words, hint=SHORTER_HINT)
    return GatewayError(_refusal_message(status, refusal), **words, hint=_status_hint(status))


def _is_gateways_own(refusal: Refusal) -> bool:
    """Say whether the gateway refused, not an upstream; who gives no type speaks for itself."""
    return not refusal.type or bool(GATEWAY_TYPES.match(refusal.type))


def _key_error(status: int, words: dict[str, str]) -> NewapiError:
    if status == 401:
        return AuthenticationError("the gateway refused the key (HTTP 401)", **words, hint=KEY_HINT)
    return AuthenticationError(
        "the key is not permitted to do this (HTTP 403)",
        **words,
        hint="`newapi models` lists what this key may use",
    )


def _quota_message(code: str) -> str:
    if code == "pre_consume_token_quota_failed":
        return "the key's quota does not cover this request (a smaller --max-tokens reserves less)"
    return "the quota is used up"


def _refusal_message(status: int, refusal: Refusal) -> str:
    if status in (401, 403):
        return f"the model's provider refused the gateway's request (HTTP {status})"
    if refusal.code == "model_not_found":
        return f"the gateway has no such model for this key (HTTP {status})"
    if status == 413:
        return "the request is too large for the server (HTTP 413)"
    if status in (504, 524):
        return f"the server in front of the model gave up waiting (HTTP {status})"
    return f"the gateway refused the request (HTTP {status})"


def _status_hint(status: int) -> str:
    if status == 404:
        return URL_HINT
    if status in (503, 400):
        return "`newapi models` lists what this key may use"
    if status >= 500:
        return "ask again in a while, or try another model"
    return ""


def html_error(body: bytes, status: int, request_id: str = "") -> NewapiError:
    """Name a web page that stands where an answer should."""
    match = TITLE.search(body)
    words = match.group(1).decode("utf-8", "replace").split() if match else []
    title = shortened(" ".join(words), 200)
    why = f"the page is called “{title}”" if title else ""
    if status >= 500 or status == 413:  # a proxy speaks: the address is right
        message = _refusal_message(status, Refusal(""))
        return GatewayError(message, why=why, request_id=request_id)
    return GatewayError(
        f"the server answered with a web page, not with an API answer (HTTP {status})",
        why=why,
        hint=URL_HINT,
        request_id=request_id,
    )


def error_in_stream(refusal: Refusal) -> NewapiError:
    """Translate an error that came inside a stream whose status was a success."""
    words = {
        "why": refusal.message or refusal.code or refusal.type,
        "request_id": refusal.request_id,
    }
    if is_too_long(refusal):
        return ContextTooLong(TOO_LONG, **words, hint=SHORTER_HINT)
    return GatewayError(
        "the gateway reported an error inside its answer",
        **words,
        hint="ask again, or try another model",
    )


def not_understood(why: str, request_id: str = "") -> NewapiError:
    """Name an answer that is none of the protocol's."""
    return GatewayError(
        "the server answered outside the protocol", why=why, hint=URL_HINT, request_id=request_id
    )
