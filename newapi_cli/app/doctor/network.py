"""The road to the server: which way requests go, and how far they come on it.

Where a proxy stands between, its own name and port are tried; the rest is behind it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import urlsplit

from newapi_cli.api.http.connection import WireRequest
from newapi_cli.api.http.endpoint import NO_PROXY_WORDS
from newapi_cli.app.doctor.checkup import STATUS, Case, failed, ok, quick, skipped, warning
from newapi_cli.config.redact import redact
from newapi_cli.domain.report import CheckResult
from newapi_cli.errors import ExitCode, Interrupted, NewapiError

RENEWAL_DAYS = 14
PROXY_PORTS = {"http": 80, "https": 443}
SOCKS_PORT = 1080
MOST_ADDRESSES = 3


def proxy(case: Case) -> CheckResult:
    """Say by which road requests go, and whether it can be used at all."""
    base_url, between = case.base_url, case.proxy
    setting = case.settings.text("proxy")
    variables = _proxy_variables(case)
    if not between:
        return ok(f"none: {_why_direct(case, setting, variables)}")
    from newapi_cli.api.http import proxies  # loads httpx, 35 to 60 ms

    where = next((name for name, value in variables.items() if value == between), "the system")
    if setting:
        where = str(case.settings.origins["proxy"])
    text = f"{redact(between, ())}, from {where}"
    request = WireRequest("GET", base_url, "/", {})
    try:
        proxies.open_transport(between, request).close()
    except proxies.FOREIGN as error:
        told = proxies.error_from_exception(error, base_url, set_by=where)
        if isinstance(error, ImportError):
            return failed(
                f"{text}: SOCKS support is not installed",
                f"pip install 'newapi-cli[socks]'; or --proxy none, or unset {where}",
                ExitCode.NETWORK,
            )
        if isinstance(told, NewapiError):
            return failed(f"{text}: {told.message}", told.hint, told.exit_code)
        raise
    return ok(text)


def _proxy_variables(case: Case) -> dict[str, str]:
    """Give the variables that name a proxy for this address."""
    wanted = (f"{case.base_url.scheme}_proxy", "all_proxy")
    environ = case.context.streams.environ
    return {name: environ[name] for name in environ if name.lower() in wanted and environ[name]}


def _why_direct(case: Case, setting: str, variables: dict[str, str]) -> str:
    passed_over = f" ({', '.join(variables)} is set)" if variables else ""
    if case.base_url.is_loopback:
        return f"this machine is asked directly{passed_over}"
    if setting.lower() in NO_PROXY_WORDS:
        return f"switched off by {case.settings.origins['proxy']}{passed_over}"
    if variables:
        return f"NO_PROXY names {case.base_url.host}{passed_over}"
    return "the server is asked directly"


def _first_stop(case: Case) -> tuple[str, int, str]:
    """Give host and port that are connected to first, and what to call them if not the server."""
    if not case.proxy:
        return case.base_url.host, case.base_url.port, ""
    parts = urlsplit(case.proxy)
    port = parts.port or PROXY_PORTS.get(parts.scheme, SOCKS_PORT)
    return parts.hostname or "", port, "the proxy "


def name(case: Case) -> CheckResult:
    """Look the host up."""
    host, port, what = _first_stop(case)
    found = case.probe(host, port).resolve()
    if found.addresses == (host,):
        return ok(f"{what}{host} is an address already")
    first = ", ".join(found.addresses[:MOST_ADDRESSES])
    more = len(found.addresses) - MOST_ADDRESSES
    rest = f" and {more} more" if more > 0 else ""
    return ok(f"{what}{host} is {first}{rest}, in {quick(found.seconds)}")


def connection(case: Case) -> CheckResult:
    """Connect."""
    host, port, what = _first_stop(case)
    probe = case.probe(host, port)
    found = probe.connect()
    return ok(f"{what}{probe.place} takes connections, in {quick(found.seconds)}")


def tls(case: Case) -> CheckResult:
    """Agree on TLS; of a server without it, find out whether it should be spoken after all."""
    base_url = case.base_url
    if case.proxy:
        return skipped("behind the proxy; the server shows whether it works")
    probe = case.probe(base_url.host, base_url.port)
    if base_url.scheme == "http":
        if not _answers_http(case) and probe.speaks_tls():
            return failed(
                f"{probe.place} speaks TLS, not plain http",
                f"the base URL should begin with https://, as in https://{base_url.authority}",
                ExitCode.NETWORK,
            )
        return skipped("plain http, as the base URL says")
    context = case.context.endpoint(case.base_url).tls_context()
    assert context is not None  # as the scheme is https
    found = probe.shake_hands(context)
    days = (found.expires_at - datetime.now(UTC)).days
    text = f"{found.version}, certificate by {found.issuer} until {found.expires_at:%Y-%m-%d}"
    if days < RENEWAL_DAYS:
        left = "a day" if days == 1 else f"{days} days" if days else "hours"
        return warning(f"{text}: {left} left", "ask who runs the server to renew it")
    return ok(f"{text} ({days} days), in {quick(found.seconds)}")


def _answers_http(case: Case) -> bool:
    """Say whether the server answers in plain http; some TLS servers answer 400 in it."""
    try:
        return case.page(STATUS).status != 400
    except Interrupted:
        raise
    except NewapiError:
        return False
