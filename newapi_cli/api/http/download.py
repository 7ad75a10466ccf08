"""Fetching what a URL names, for a prompt: without the key, within limits, never into the inside.

    place ── exchange ── 200 ────────── its bytes, at most 20 MB
      ▲          └────── 301, 302, … ── where to ── a public host, and no step from https to http
      └──────────────────────────────── five times at most

Each exchange runs on a thread of its own as all others do, so Ctrl-C and the clocks are answered at
once. The address that a redirect's host is checked by is the one connected to.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from newapi_cli import __version__
from newapi_cli.api.http.connection import WireRequest
from newapi_cli.api.http.endpoint import Endpoint
from newapi_cli.api.http.safe_url import WebPlace, is_public, place_from_url, redirected
from newapi_cli.api.http.worker import (
    Exchange,
    ExchangeEvent,
    RequestFailed,
    ResponseEnd,
    ResponseHead,
)
from newapi_cli.domain.base_url import BaseUrl
from newapi_cli.errors import DeadlineError, NewapiError, UsageError
from newapi_cli.signals import Interrupts

REDIRECTS = (301, 302, 303, 307, 308)
HEADERS = {
    "Accept": "*/*",
    "Accept-Encoding": "identity",
    "User-Agent": f"newapi/{__version__}",
}
BY_HAND = "download it in another way, and give the file"


class Limits(NamedTuple):
    """How much is taken, and how long is waited, in seconds, redirects and all."""

    size_bytes: int = 20 * 1024 * 1024
    connect_s: float = 10.0
    silence_s: float = 30.0
    total_s: float = 120.0
    redirects: int = 5


class Download(NamedTuple):
    """What was fetched; `name` is that of the place where it was found in the end."""

    data: bytes
    name: str


class Downloader:
    """Fetches from any server, with the proxy and certificates of the settings.

    `endpoint_for` returns the endpoint of a server. `leads_out` returns whether a redirect may lead
    to a host, given by name or address.
    """

    def __init__(
        self,
        endpoint_for: Callable[[BaseUrl], Endpoint],
        interrupts: Interrupts,
        *,
        limits: Limits = Limits(),  # noqa: B008  # a value, never changed
        leads_out: Callable[[str], bool] = is_public,
    ) -> None:
        self._endpoint_for = endpoint_for
        self._interrupts = interrupts
        self._limits = limits
        self._leads_out = leads_out

    def fetch(self, url: str) -> Download:
        """Give what stands at a URL that a person named.

        Raises `UsageError` for a URL that is none or leads nowhere, for a status that is no
        success and for too much; `NetworkError`, `DeadlineError` and `Interrupted` as they say.
        """
        place = place_from_url(url)
        seen = [place]
        end = time.monotonic() + self._limits.total_s
        while True:
            found = self._ask(place, end, was_typed=len(seen) == 1)
            if isinstance(found, bytes):
                return Download(found, place.name)
            place = self.next_place(place, found)
            if place in seen:
                raise _refused_redirect(place, "redirects in a circle")
            if len(seen) > self._limits.redirects:
                raise _refused_redirect(place, f"redirects more than {len(seen) - 1} times")
            seen.append(place)

    def next_place(self, place: WebPlace, head: ResponseHead) -> WebPlace:
        """Give where the answer of a place leads to. Raises `UsageError` where it may not."""
        location = head.headers.get("location", "")
        if not location:
            raise _refused_redirect(place, f"redirects to nowhere (HTTP {head.status})")
        there = redirected(place, location)
        if place.server.scheme == "https" and there.server.scheme == "http":
            raise _refused_redirect(there, "redirects from https to http, never followed")
        self._check_host(there, there.server.host)
        return there

    def _check_host(self, place: WebPlace, host: str) -> None:
        if not self._leads_out(host):
            raise _refused_redirect(
                place, "redirects to a private or local address, never followed"
            )

    def _ask(self, place: WebPlace, end: float, *, was_typed: bool) -> bytes | ResponseHead:
        """Give what is there, or the head that redirects elsewhere."""
        endpoint = self._endpoint_for(place.server)
        wire = WireRequest(
            "GET",
            place.server,
            place.path,
            HEADERS,
            tls=endpoint.tls_context(),
            connect_s=self._limits.connect_s,
            check_address=None if was_typed else lambda host: self._check_host(place, host),
        )
        exchange = Exchange(endpoint, wire)
        watch = _Watch(exchange, place, self._interrupts, self._limits, end)
        self._interrupts.wake = exchange.wake
        exchange.start()
        try:
            head = watch.head(self._limits.connect_s)
            if head.status in REDIRECTS:
                return head
            _check(head, place)
            return watch.body(head)
        finally:
            self._interrupts.wake = None
            exchange.close()


class _Watch:
    """Reads one exchange within the limits."""

    def __init__(
        self,
        exchange: Exchange,
        place: WebPlace,
        interrupts: Interrupts,
        limits: Limits,
        end: float,
    ) -> None:
        self._exchange = exchange
        self._place = place
        self._interrupts = interrupts
        self._limits = limits
        self._end = end
        self._last = time.monotonic()
        self._silence_s = limits.silence_s

    def head(self, connect_s: float) -> ResponseHead:
        """Give the status and the header, where a connection stands in time."""
        self._silence_s = connect_s
        while not isinstance(event := self._next(), ResponseHead):
            pass
        return event

    def body(self, head: ResponseHead) -> bytes:
        """Give the whole body."""
        promised = head.headers.get("content-length", "")
        if promised.isdecimal() and int(promised[:20]) > self._limits.size_bytes:
            raise self._too_large()
        data = bytearray()
        while not isinstance(event := self._next(), ResponseEnd):
            if isinstance(event, bytes):
                data += event
            if len(data) > self._limits.size_bytes:
                raise self._too_large()
        return bytes(data)

    def _next(self) -> ExchangeEvent:
        """Wait for what happens next. Raises what the exchange failed by, and for its silence."""
        while True:
            now = time.monotonic()
            silence_end = self._last + self._silence_s
            if now >= min(silence_end, self._end):
                raise self._too_slow(is_silent=silence_end <= self._end)
            event = self._exchange.next(min(silence_end, self._end) - now)
            self._interrupts.check()
            if isinstance(event, RequestFailed):
                raise _in_other_words(event.error)
            if event is not None:
                self._last = time.monotonic()
                self._silence_s = self._limits.silence_s
                return event

    def _too_slow(self, *, is_silent: bool) -> NewapiError:
        host = self._place.server.authority
        words = f"{host} takes longer than {self._limits.total_s:g} s to send it all"
        if is_silent:
            words = f"nothing came from {host} for {self._silence_s:g} s"
        return DeadlineError(words, why=self._place.shown, hint=BY_HAND)

    def _too_large(self) -> NewapiError:
        megabytes = self._limits.size_bytes / 1024 / 1024
        return UsageError(
            f"what {self._place.shown} names is larger than {megabytes:.3g} MB",
            hint="download it, and send the part that matters",
        )


def _check(head: ResponseHead, place: WebPlace) -> None:
    if not 200 <= head.status < 300:
        hint = f"check the URL, or {BY_HAND}"
        if head.status in (401, 403):
            hint = f"it may want a login: {BY_HAND}"
        raise UsageError(f"cannot fetch {place.shown}: HTTP {head.status}", hint=hint)
    encoding = head.headers.get("content-encoding", "identity")
    if encoding.lower() != "identity":
        raise UsageError(
            f"cannot fetch {place.shown}: its encoding “{encoding}” was not asked for", hint=BY_HAND
        )


def _refused_redirect(place: WebPlace, words: str) -> UsageError:
    return UsageError(
        f"the URL {words}",
        why=f"it leads to {place.shown}",
        hint=f"if you meant that place, give its own URL, or {BY_HAND}",
    )


def _in_other_words(error: Exception) -> Exception:
    """Give an error of the network without advice about the base URL, of which this is none."""
    if isinstance(error, NewapiError) and ("base URL" in error.hint or "gateway" in error.hint):
        return type(error)(error.message, why=error.why, hint=f"check the URL, or {BY_HAND}")
    return error
