"""One GET as it comes, for looking at a server: status, headers and body, whatever they are.

By the same road as every request (proxies, TLS, no redirect followed), but without judgement, under
one clock for all of it, and asked once.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import NamedTuple

from newapi_cli.api.codec import decode_json, refusal_from_body, request_id_in
from newapi_cli.api.errors.rules import HTML, TITLE, error_from_answer
from newapi_cli.api.http.connection import WireRequest
from newapi_cli.api.http.endpoint import Endpoint
from newapi_cli.api.http.worker import Connected, Exchange, RequestFailed, ResponseEnd, ResponseHead
from newapi_cli.errors import DeadlineError, NewapiError
from newapi_cli.signals import Interrupts

MAX_BODY_BYTES = 1024 * 1024


class Page(NamedTuple):
    """An answer; names of headers in lower case. `received_at` is the time of this machine."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    received_at: datetime
    seconds: float

    @property
    def json(self) -> object:
        """Give the body as a JSON value, None where it is none."""
        try:
            return decode_json(self.body)
        except ValueError:
            return None

    @property
    def is_html(self) -> bool:
        """Say whether it is a web page."""
        kind = self.headers.get("content-type", "").lower()
        return kind.startswith("text/html") or bool(HTML.match(self.body))

    @property
    def title(self) -> str:
        """Give the title of a web page."""
        match = TITLE.search(self.body)
        words = match.group(1).decode("utf-8", "replace").split() if match else []
        return " ".join(words)[:100]

    @property
    def clock_offset_s(self) -> float | None:
        """Give by how many seconds this machine's clock is ahead of the server's, if it tells."""
        try:
            told = parsedate_to_datetime(self.headers["date"])
            age_s = float(self.headers.get("age", "0"))  # of what a cache kept (RFC 9111, 5.1)
            return (self.received_at - told).total_seconds() - age_s
        except (KeyError, ValueError, TypeError, OverflowError):
            return None

    def refusal(self) -> NewapiError:
        """Give the error that this answer would be to a request."""
        refused = refusal_from_body(self.json)
        request_id = refused.request_id or request_id_in(self.headers)
        refused = refused._replace(request_id=request_id)
        location = self.headers.get("location", "")
        return error_from_answer(self.status, refused, self.body, location=location)


def fetch_page(
    endpoint: Endpoint,
    path: str,
    *,
    limit_s: float,
    interrupts: Interrupts,
) -> Page:
    """Ask for a path below the base URL. Raises as `api.client.Client` does before an answer."""
    request = WireRequest(
        method="GET",
        base_url=endpoint.base_url,
        path=endpoint.base_url.path(path),
        headers=endpoint.headers(),
        tls=endpoint.tls_context(),
        connect_s=limit_s,
    )
    exchange = Exchange(endpoint, request)
    with interrupts:
        interrupts.wake = exchange.wake
        exchange.start()
        try:
            return _read(exchange, limit_s, interrupts)
        finally:
            exchange.close()


def _read(exchange: Exchange, limit_s: float, interrupts: Interrupts) -> Page:
    started = time.monotonic()
    head: ResponseHead | None = None
    has_connected = False
    body = b""
    while True:
        left_s = started + limit_s - time.monotonic()
        event = exchange.next(left_s)
        interrupts.check()
        if event is None and left_s <= 0:
            what = "no answer" if has_connected else "no connection"
            raise DeadlineError(
                f"{what} within {limit_s:g} s", hint="is it the right server, and is it well?"
            )
        if isinstance(event, RequestFailed) and head is None:
            raise event.error
        if isinstance(event, Connected):
            has_connected = True
        elif isinstance(event, ResponseHead):
            head = event
            received_at, seconds = datetime.now(UTC), time.monotonic() - started
        elif isinstance(event, bytes):
            body += event
        is_over = isinstance(event, ResponseEnd | RequestFailed) or len(body) > MAX_BODY_BYTES
        if head is not None and is_over:
            return Page(head.status, head.headers, body, received_at, seconds)
