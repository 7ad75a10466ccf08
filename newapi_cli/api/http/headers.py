"""Response headers that the client reads. Names are in lower case."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

REQUEST_ID_HEADER = "x-oneapi-request-id"
VERSION_HEADER = "x-new-api-version"  # since 2026-01-30
OTHER_REQUEST_ID_HEADERS = ("x-request-id", "request-id", "cf-ray")


def request_id_in(headers: Mapping[str, str]) -> str:
    """Return the id by which the gateway's operator finds the request, empty if there is none.

    The gateway's own (contract, section 4.4) comes before those of proxies and providers.
    """
    names = (REQUEST_ID_HEADER, *OTHER_REQUEST_ID_HEADERS)
    return next((headers[name] for name in names if headers.get(name)), "")


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Return the seconds of Retry-After (RFC 9110) or retry-after-ms, None if invalid or missing.

    A date is compared with the server's own Date, if it sent one: clocks differ.

    >>> retry_after_s({"retry-after": "3"}), retry_after_s({"retry-after": "-1"})
    (3.0, None)
    """
    for name, unit_s in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(headers[name]) * unit_s
        except (KeyError, ValueError):
            continue
        return seconds if 0 <= seconds < 1e9 else None
    try:
        until = parsedate_to_datetime(headers["retry-after"])
        now = _date(headers.get("date")) or datetime.now(UTC)
        seconds = (until - now).total_seconds()
    except (KeyError, ValueError, TypeError, OverflowError):
        return None
    return seconds if seconds >= 0 else None


def _date(text: str | None) -> datetime | None:
    try:
        return parsedate_to_datetime(text) if text else None
    except ValueError:
        return None
