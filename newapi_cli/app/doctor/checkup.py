"""What the checks of one check-up know of each other, and how they word what they find."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

from newapi_cli.api.chat.client import Client
from newapi_cli.api.codec import MODELS
from newapi_cli.api.gateway.connectivity import Probe
from newapi_cli.api.gateway.detection import Family
from newapi_cli.api.gateway.page import Page, fetch_page
from newapi_cli.api.gateway.responses import STATUS
from newapi_cli.api.http.endpoint import Endpoint
from newapi_cli.app.context import Context
from newapi_cli.app.doctor.runner import Blocked
from newapi_cli.app.gateway.gateway import Gateway
from newapi_cli.domain.base_url import BaseUrl
from newapi_cli.domain.models import ModelInfo
from newapi_cli.domain.profile import Settings
from newapi_cli.domain.report import CheckResult, Verdict
from newapi_cli.errors import ConfigError, ExitCode, Interrupted, NewapiError

LIMIT_S = 10.0  # for each step; a person waits, and every request has its own longer clocks
__all__ = ["MODELS", "STATUS", "Case", "failed", "ok", "quick", "skipped", "warning"]


class Case:
    """A set-up that is looked at. What a check finds out stands here for those after it."""

    def __init__(self, context: Context, *, may_spend: bool) -> None:
        self.context = context
        self.gateway = Gateway(context)
        self.may_spend = may_spend
        self.is_file_broken = False
        self.family: Family | None = None
        self.models: list[ModelInfo] = []
        self._pages: dict[str, Page | NewapiError] = {}

    @cached_property
    def settings(self) -> Settings:
        """The settings. Where there are none, the configuration comes first."""
        try:
            return self.context.settings
        except NewapiError:
            raise Blocked("configuration") from None

    @property
    def base_url(self) -> BaseUrl:
        """The server. Raises `ConfigError` where none is set."""
        _ = self.settings
        return self.context.base_url

    @property
    def limit_s(self) -> float:
        """How long a step of the road may take, in seconds."""
        return min(self.settings.timeouts.connect_s or LIMIT_S, LIMIT_S)

    @property
    def proxy(self) -> str:
        """The URL of the proxy that stands between, or nothing."""
        return self.context.endpoint(self.base_url).proxy_url()

    def probe(self, host: str, port: int) -> Probe:
        """Give what tries the road to a host."""
        return Probe(host, port, self.context.interrupts, self.limit_s)

    def page(self, path: str, base_url: BaseUrl | None = None) -> Page:
        """Give what a path answers to somebody without a key; asked once in a check-up."""
        endpoint = self.context.endpoint(base_url or self.base_url)
        url = str(endpoint.base_url) + path
        if url not in self._pages:
            self._pages[url] = self._fetched(endpoint, path)
        found = self._pages[url]
        if isinstance(found, NewapiError):
            raise found
        return found

    def shown(self, path: Path) -> str:
        """Give a path as people write it, from their home folder on."""
        home = self.context.streams.environ.get("HOME", "")
        is_below = len(home) > 1 and path.is_relative_to(home)
        return f"~/{path.relative_to(home).as_posix()}" if is_below else str(path)

    def known_pages(self) -> list[Page]:
        """Give the answers that have come so far."""
        return [page for page in self._pages.values() if isinstance(page, Page)]

    def client(self) -> Client:
        """Give a client with the key, that asks once and does not wait long."""
        timeouts = self.settings.timeouts
        silence_s = min(timeouts.first_byte_s or LIMIT_S, LIMIT_S)
        return self.context.client(
            timeouts=timeouts._replace(
                connect_s=self.limit_s,
                first_byte_s=silence_s,
                first_content_s=silence_s,
                idle_s=silence_s,
            ),
            retries=0,
        )

    def _fetched(self, endpoint: Endpoint, path: str) -> Page | NewapiError:
        silence_s = min(self.settings.timeouts.first_byte_s or LIMIT_S, LIMIT_S)
        if self.context.is_verbose:
            self.context.streams.print_err(f"GET {endpoint.base_url}{path}")
        try:
            return fetch_page(
                endpoint,
                path,
                limit_s=silence_s,
                interrupts=self.context.interrupts,
            )
        except (ConfigError, Interrupted):
            raise
        except NewapiError as error:
            return error


def quick(seconds: float) -> str:
    """Write a duration that is mostly far below a second.

    >>> quick(0.00042), quick(0.0313), quick(2.5)
    ('0.4 ms', '31 ms', '2.50 s')
    """
    if seconds < 0.01:
        return f"{seconds * 1000:.1f} ms"
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.2f} s"


def ok(text: str) -> CheckResult:
    """Give the result of a check that found nothing to mend."""
    return CheckResult("", Verdict.OK, text)


def warning(text: str, hint: str = "") -> CheckResult:
    """Give the result of a check that found something that works, and should be looked at."""
    return CheckResult("", Verdict.WARNING, text, hint)


def failed(text: str, hint: str, code: ExitCode) -> CheckResult:
    """Give the result of a check that found what must be mended."""
    return CheckResult("", Verdict.FAILED, text, hint, code)


def skipped(text: str) -> CheckResult:
    """Give the result of a check that could not be tried, for a reason."""
    return CheckResult("", Verdict.SKIPPED, text)
