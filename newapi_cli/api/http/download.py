"""Downloads of a URL for a prompt: without the key, within limits, with redirects checked.

    URL ── exchange ── 200 ────────── the data, at most 20 MB
     ▲         └────── 301, 302, … ── a public host, and not from https to http
     └─────────────────────────────── at most five times

The user's own URL may be on a private network; a redirect may not lead to one. Its host is checked
by name, and then each of its addresses before the connection to it. Behind a proxy only the name is
checked, because the proxy resolves it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from newapi_cli import __version__
from newapi_cli.api.http.connection import WireRequest
from newapi_cli.api.http.endpoint import Endpoint
from newapi_cli.api.http.exchange import RequestFailed, ResponseHead
from newapi_cli.api.http.reader import Deadlines, ExchangeReader, open_exchange, run_to_end
from newapi_cli.api.http.safe_url import DownloadUrl, is_public, parse_url, redirect_target
from newapi_cli.domain.base_url import BaseUrl
from newapi_cli.domain.settings import Timeouts
from newapi_cli.errors import DeadlineError, NetworkError, NewapiError, Reason, UsageError
from newapi_cli.i18n import ntr, tr
from newapi_cli.signals import Interrupts

REDIRECTS = (301, 302, 303, 307, 308)
HEADERS = {
    "Accept": "*/*",
    "Accept-Encoding": "identity",
    "User-Agent": f"newapi/{__version__}",
}
USE_FILE = tr("download it in another way, and attach the file")
CHECK_URL = tr("check the URL, or download it in another way and attach the file")
OWN_HINT_REASONS = (Reason.CERTIFICATE_NOT_TRUSTED, Reason.PROXY_FAILED)


class Limits(NamedTuple):
    """Limits of one download: its size, and its times in seconds, over all redirects."""

    size_bytes: int = 20 * 1024 * 1024
    connect_s: float = 10.0
    silence_s: float = 30.0
    total_s: float = 120.0
    redirects: int = 5


class Download(NamedTuple):
    """Downloaded data; `name` is the file name in the last URL."""

    data: bytes
    name: str


class Downloader:
    """Downloads from any server, with the network settings of `endpoint_for`.

    `is_allowed` returns whether a redirect may lead to a host, given by name or address.
    """

    def __init__(
        self,
        endpoint_for: Callable[[BaseUrl], Endpoint],
        interrupts: Interrupts,
        *,
        limits: Limits = Limits(),  # noqa: B008  # a value, never changed
        is_allowed: Callable[[str], bool] = is_public,
    ) -> None:
        self._endpoint_for = endpoint_for
        self._interrupts = interrupts
        self._limits = limits
        self._is_allowed = is_allowed

    def fetch(self, text: str) -> Download:
        """Download the URL that the user gave.

        Raises `UsageError` for an invalid URL or redirect, a status that is not a success and data
        over the limit; `NetworkError`, `DeadlineError` and `Interrupted`.
        """
        url = parse_url(text)
        visited = [url]
        started = time.monotonic()
        while True:
            result = self._request(url, started, is_redirect=len(visited) > 1)
            if isinstance(result, bytes):
                return Download(result, url.name)
            url = self.next_url(url, result)
            if url in visited:
                raise _redirect_error(url, tr("the URL is in a redirect loop"))
            if len(visited) > self._limits.redirects:
                raise _redirect_error(
                    url,
                    ntr(
                        "the URL redirects more than once",
                        "the URL redirects more than {n:,} times",
                        len(visited) - 1,
                    ),
                )
            visited.append(url)

    def next_url(self, url: DownloadUrl, head: ResponseHead) -> DownloadUrl:
        """Return the URL that a response redirects to.

        Raises `UsageError` if it is forbidden.
        """
        location = head.headers.get("location", "")
        if not location:
            message = tr("the URL redirects without a target (HTTP {status})", status=head.status)
            raise _redirect_error(url, message)
        target = redirect_target(url, location)
        if url.server.scheme == "https" and target.server.scheme == "http":
            message = tr("the URL redirects from https to http, which is not followed")
            raise _redirect_error(target, message)
        self._check_host(target, target.server.host)
        return target

    def _check_host(self, url: DownloadUrl, host: str) -> None:
        if not self._is_allowed(host):
            message = tr("the URL redirects to a private or local address, which is not followed")
            raise _redirect_error(url, message)

    def _request(
        self, url: DownloadUrl, started: float, *, is_redirect: bool
    ) -> bytes | ResponseHead:
        """Return the data, or the head of a redirect."""
        endpoint = self._endpoint_for(url.server)
        request = WireRequest(
            "GET",
            url.server,
            url.path,
            HEADERS,
            tls=endpoint.tls_context(),
            connect_s=self._limits.connect_s,
            check_address=(lambda host: self._check_host(url, host)) if is_redirect else None,
        )
        timeouts = Timeouts(
            connect_s=self._limits.connect_s,
            first_byte_s=self._limits.silence_s,
            first_content_s=0,
            idle_s=self._limits.silence_s,
            content_idle_s=0,
            total_s=self._limits.total_s,
        )
        deadlines = Deadlines(timeouts, stream=True, now=time.monotonic(), started=started)
        try:
            with open_exchange(endpoint, request, deadlines, self._interrupts) as reader:
                return self._read(reader, url)
        except (NetworkError, DeadlineError) as error:
            raise _download_error(error, url) from error

    def _read(self, reader: ExchangeReader, url: DownloadUrl) -> bytes | ResponseHead:
        head = run_to_end(reader.head())
        if isinstance(head, RequestFailed):
            raise head.error
        if head.status in REDIRECTS:
            return head
        _check_head(head, url)
        length = head.headers.get("content-length", "")
        if length.isdecimal() and int(length[:20]) > self._limits.size_bytes:
            raise self._too_large(url)
        data = bytearray()
        for block in reader.blocks():
            if isinstance(block, bytes):
                data += block
            if len(data) > self._limits.size_bytes:
                raise self._too_large(url)
        return bytes(data)

    def _too_large(self, url: DownloadUrl) -> NewapiError:
        megabytes = f"{self._limits.size_bytes / 1024 / 1024:.3g}"
        return UsageError(
            tr("{url} is larger than {megabytes} MB", url=url.shown, megabytes=megabytes),
            hint=tr("download it, and attach the relevant part"),
        )


def _check_head(head: ResponseHead, url: DownloadUrl) -> None:
    if not 200 <= head.status < 300:
        needs_login = head.status in (401, 403)
        raise UsageError(
            tr("cannot fetch {url}: HTTP {status}", url=url.shown, status=head.status),
            hint=tr("log in and download it, and attach the file") if needs_login else CHECK_URL,
        )
    encoding = head.headers.get("content-encoding", "identity")
    if encoding.lower() != "identity":
        raise UsageError(
            tr("cannot fetch {url}", url=url.shown),
            why=tr('the content encoding "{encoding}" was not requested', encoding=encoding),
            hint=USE_FILE,
        )


def _redirect_error(target: DownloadUrl, message: str) -> UsageError:
    return UsageError(
        message,
        why=tr("to {url}", url=target.shown),
        hint=tr("if you trust the target, use its URL, or download it and attach the file"),
    )


def _download_error(error: NetworkError | DeadlineError, url: DownloadUrl) -> NewapiError:
    """Return an error of the network with a hint about the URL instead of the base URL."""
    message = error.message
    if isinstance(error, DeadlineError):
        message = tr("cannot fetch {url}: {problem}", url=url.shown, problem=message)
    return type(error)(
        message,
        reason=error.reason,
        why=error.why,
        hint=error.hint if error.reason in OWN_HINT_REASONS else CHECK_URL,
    )
