"""What the checks share: settings, responses of the server, short timeouts, kinds of results."""

from __future__ import annotations

from pathlib import Path

from newapi_cli.api.chat.client import Client
from newapi_cli.api.gateway.connectivity import Page, Probe, ServerKind, fetch_page
from newapi_cli.api.http.endpoint import Endpoint
from newapi_cli.app.context import Context
from newapi_cli.app.gateway.gateway import Gateway
from newapi_cli.domain.base_url import BaseUrl
from newapi_cli.domain.pricing import ModelInfo
from newapi_cli.domain.report import CheckResult, Verdict
from newapi_cli.domain.settings import Settings
from newapi_cli.errors import ConfigError, ExitCode, Interrupted, NewapiError
from newapi_cli.i18n import tr

LIMIT_S = 10.0  # for each step, as the user waits; requests of the program have longer timeouts


class CheckBlocked(Exception):
    """Raised by a check that another one, `name`, must pass first."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class DoctorContext:
    """The state of one run of the checks: results of a check serve the later ones."""

    def __init__(self, context: Context, *, may_spend: bool) -> None:
        self.context = context
        self.gateway = Gateway(context)
        self.may_spend = may_spend
        self.is_file_invalid = False
        self.server_kind: ServerKind | None = None
        self.lists_models = True
        self.models: list[ModelInfo] = []
        self._pages: dict[str, Page | NewapiError] = {}

    @property
    def settings(self) -> Settings:
        """The settings.

        Raises `CheckBlocked` if they cannot be loaded.
        """
        try:
            return self.context.settings
        except NewapiError:
            raise CheckBlocked("configuration") from None

    def ensure_file_is_valid(self) -> None:
        """Raise `CheckBlocked` if what is missing may be set in an invalid config file."""
        if self.is_file_invalid:
            raise CheckBlocked("configuration")

    @property
    def base_url(self) -> BaseUrl:
        """The server.

        Raises `ConfigError` if none is set.
        """
        return self.settings.base_url or self.context.base_url

    @property
    def is_gateway(self) -> bool:
        """Whether the server is known to be of New API's family."""
        return self.server_kind is not None and self.server_kind.is_gateway

    @property
    def limit_s(self) -> float:
        """How long a step of the connection may take, in seconds."""
        return min(self.settings.timeouts.connect_s or LIMIT_S, LIMIT_S)

    @property
    def proxy(self) -> str:
        """The URL of the proxy for the server, empty if there is none."""
        return self.context.endpoint(self.base_url).proxy_url()

    def probe(self, host: str, port: int) -> Probe:
        """Return what tests the connection to a host."""
        return Probe(host, port, self.context.interrupts, self.limit_s)

    def page(self, path: str, base_url: BaseUrl | None = None) -> Page:
        """Return the response for a path, requested once and without a key."""
        endpoint = self.context.endpoint(base_url or self.base_url)
        url = str(endpoint.base_url) + path
        if url not in self._pages:
            self._pages[url] = self._fetch(endpoint, path)
        page = self._pages[url]
        if isinstance(page, NewapiError):
            raise page
        return page

    def known_pages(self) -> list[Page]:
        """Return the responses so far."""
        return [page for page in self._pages.values() if isinstance(page, Page)]

    def short_path(self, path: Path) -> str:
        """Return a path with `~` for the home folder."""
        home = self.context.streams.environ.get("HOME", "")
        is_below = len(home) > 1 and path.is_relative_to(home)
        return f"~/{path.relative_to(home).as_posix()}" if is_below else str(path)

    def client(self) -> Client:
        """Return a client with the key and short timeouts, without retries."""
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

    def _fetch(self, endpoint: Endpoint, path: str) -> Page | NewapiError:
        limit_s = min(self.settings.timeouts.first_byte_s or LIMIT_S, LIMIT_S)
        if self.context.is_verbose:
            self.context.streams.print_err(f"GET {endpoint.base_url}{path}")
        try:
            return fetch_page(endpoint, path, limit_s=limit_s, interrupts=self.context.interrupts)
        except (ConfigError, Interrupted):
            raise
        except NewapiError as error:
            return error


def ok(*parts: str) -> CheckResult:
    """Return the result of a check that found no problem."""
    return CheckResult("", Verdict.OK, parts)


def warning(*parts: str, hint: str = "") -> CheckResult:
    """Return the result of a check that found something that works, but should be looked at."""
    return CheckResult("", Verdict.WARNING, parts, hint)


def failed(*parts: str, hint: str, code: ExitCode) -> CheckResult:
    """Return the result of a check that found a problem to fix."""
    return CheckResult("", Verdict.FAILED, parts, hint, code)


def skipped(*parts: str) -> CheckResult:
    """Return the result of a check that could not run; the parts say why."""
    return CheckResult("", Verdict.SKIPPED, parts)


def result_from_error(error: NewapiError) -> CheckResult:
    """Return the result of a check that ended with an error."""
    parts = [error.summary]
    if error.request_id:
        parts.append(tr("id {request_id}", request_id=error.request_id))
    return failed(*parts, hint=error.hint, code=error.exit_code)


def format_duration(seconds: float) -> str:
    """Return a duration that is mostly far below a second as text.

    >>> format_duration(0.00042), format_duration(0.0313), format_duration(2.5)
    ('0.4 ms', '31 ms', '2.50 s')
    """
    if seconds < 0.01:
        return f"{seconds * 1000:.1f} ms"
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.2f} s"
