"""Checks of the connection to the server: proxy, DNS, TCP, TLS. No request.

With a proxy, its own host and port are checked; the server is behind it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import urlsplit

from newapi_cli.api.gateway.responses import STATUS
from newapi_cli.api.http.connection import WireRequest
from newapi_cli.api.http.endpoint import NO_PROXY_WORDS
from newapi_cli.app.doctor.checkup import Checkup, format_duration
from newapi_cli.app.doctor.runner import failed, ok, skipped, warning
from newapi_cli.config.keys import redact
from newapi_cli.domain.report import CheckResult
from newapi_cli.errors import ExitCode, Interrupted, NewapiError
from newapi_cli.i18n import ntr, tr

RENEWAL_DAYS = 14
PROXY_PORTS = {"http": 80, "https": 443}
SOCKS_PORT = 1080
SHOWN_ADDRESSES = 3


def check_proxy(checkup: Checkup) -> CheckResult:
    """Report the proxy for the server, and check that it can be used."""
    base_url, proxy = checkup.base_url, checkup.proxy
    setting = checkup.settings.text("proxy")
    variables = _proxy_variables(checkup)
    if not proxy:
        return ok(*_reasons_for_none(checkup, setting, variables))
    from newapi_cli.api.http import proxies  # loads httpx, 35 to 60 ms

    origin = next((name for name, value in variables.items() if value == proxy), "")
    if setting:
        origin = str(checkup.settings.origins["proxy"])
    text = tr("{proxy} from the system settings", proxy=redact(proxy, ()))
    if origin:
        text = tr("{proxy} from {origin}", proxy=redact(proxy, ()), origin=origin)
    request = WireRequest("GET", base_url, "/", {})
    try:
        proxies.open_transport(proxy, request).close()
    except proxies.FOREIGN as error:
        if isinstance(error, ImportError):
            hint = tr("pip install 'newapi-cli[socks]', or --proxy none, or unset {origin}",
                      origin=origin or "the system proxy")  # fmt: skip
            problem = tr("SOCKS support is not installed")
            return failed(text, problem, hint=hint, code=ExitCode.NETWORK)
        explained = proxies.error_from_exception(error, base_url, set_by=origin or "the system")
        if isinstance(explained, NewapiError):
            return failed(text, explained.message, hint=explained.hint, code=explained.exit_code)
        raise
    return ok(text)


def _proxy_variables(checkup: Checkup) -> dict[str, str]:
    """Return the variables that set a proxy for the server."""
    names = (f"{checkup.base_url.scheme}_proxy", "all_proxy")
    environ = checkup.context.streams.environ
    return {name: environ[name] for name in environ if name.lower() in names and environ[name]}


def _reasons_for_none(checkup: Checkup, setting: str, variables: dict[str, str]) -> list[str]:
    parts: list[str] = [tr("none")]
    if checkup.base_url.is_loopback:
        parts.append(tr("local servers are connected to directly"))
    elif setting.lower() in NO_PROXY_WORDS:
        origin = checkup.settings.origins["proxy"]
        parts.append(tr("switched off by {origin}", origin=origin))
    elif variables:
        parts.append(tr("NO_PROXY contains {host}", host=checkup.base_url.host))
    if variables:
        parts.append(tr("{names} ignored", names=", ".join(variables)))
    return parts


def _first_host(checkup: Checkup) -> tuple[str, int]:
    """Return host and port of the first connection: of the proxy, or else of the server."""
    if not checkup.proxy:
        return checkup.base_url.host, checkup.base_url.port
    parts = urlsplit(checkup.proxy)
    return parts.hostname or "", parts.port or PROXY_PORTS.get(parts.scheme, SOCKS_PORT)


def check_dns(checkup: Checkup) -> CheckResult:
    """Resolve the host."""
    host, port = _first_host(checkup)
    resolved = checkup.probe(host, port).resolve()
    subject = [tr("the proxy")] if checkup.proxy else []
    if resolved.addresses == (host,):
        return ok(*subject, tr("{host} is an IP address", host=host))
    shown = ", ".join(resolved.addresses[:SHOWN_ADDRESSES])
    more = len(resolved.addresses) - SHOWN_ADDRESSES
    parts = [tr("{host} is {addresses}", host=host, addresses=shown)]
    if more > 0:
        parts.append(tr("{n} more", n=more))
    return ok(*subject, *parts, tr("in {time}", time=format_duration(resolved.seconds)))


def check_tcp(checkup: Checkup) -> CheckResult:
    """Connect to the host."""
    host, port = _first_host(checkup)
    probe = checkup.probe(host, port)
    connected = probe.connect()
    return ok(
        *([tr("the proxy")] if checkup.proxy else []),
        tr("{host} accepts connections", host=probe.place),
        tr("in {time}", time=format_duration(connected.seconds)),
    )


def check_tls(checkup: Checkup) -> CheckResult:
    """Negotiate TLS; of a plain http server, check whether https is meant."""
    base_url = checkup.base_url
    if checkup.proxy:
        return skipped(tr('behind the proxy, see "server"'))
    probe = checkup.probe(base_url.host, base_url.port)
    if base_url.scheme == "http":
        if not _answers_http(checkup) and probe.speaks_tls():
            return failed(
                tr("{host} expects TLS, not plain http", host=probe.place),
                hint=tr("use a base URL with https://: https://{host}", host=base_url.authority),
                code=ExitCode.NETWORK,
            )
        return skipped(tr("the base URL is plain http"))
    context = checkup.context.endpoint(base_url).tls_context()
    assert context is not None  # as the scheme is https
    handshake = probe.handshake(context)
    days = (handshake.expires_at - datetime.now(UTC)).days
    certificate = tr(
        "certificate by {issuer} until {day}",
        issuer=handshake.issuer,
        day=f"{handshake.expires_at:%Y-%m-%d}",
    )
    left = ntr("{n} day left", "{n:,} days left", days) if days else tr("hours left")
    if days < RENEWAL_DAYS:
        hint = tr("the server's operator has to renew the certificate")
        return warning(handshake.version, certificate, left, hint=hint)
    time = format_duration(handshake.seconds)
    return ok(handshake.version, certificate, left, tr("in {time}", time=time))


def _answers_http(checkup: Checkup) -> bool:
    """Return whether the server answers plain http; some TLS servers answer 400 in it."""
    try:
        return checkup.page(STATUS).status != 400
    except Interrupted:
        raise
    except NewapiError:
        return False
