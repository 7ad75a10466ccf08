"""Checks of the connection and of the server: proxy, DNS, TCP, TLS, server, clock. No key is sent.

With a proxy, its own host and port are checked; the server is behind it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import urlsplit

from newapi_cli.api.gateway.connectivity import Page, ServerKind, kind_from_models, kind_from_status
from newapi_cli.api.gateway.health import NOTICE, announcements_from_json
from newapi_cli.api.gateway.responses import MODELS, STATUS
from newapi_cli.api.http.connection import WireRequest
from newapi_cli.api.http.endpoint import NO_PROXY_WORDS
from newapi_cli.api.http.exchange import REQUEST_ID_HEADER
from newapi_cli.app.doctor.context import (
    DoctorContext,
    failed,
    format_duration,
    ok,
    result_from_error,
    skipped,
    warning,
)
from newapi_cli.domain.base_url import DEFAULT_PORTS, BaseUrl
from newapi_cli.domain.proxy import proxy_url_from_text
from newapi_cli.domain.redaction import redact
from newapi_cli.domain.report import CheckResult
from newapi_cli.errors import (
    ExitCode,
    GatewayError,
    Interrupted,
    NewapiError,
    NextStep,
    profile_command,
)
from newapi_cli.i18n import ntr, tr
from newapi_cli.render.units import announcement_text, span

RENEWAL_DAYS = 14
SOCKS_PORT = 1080
SHOWN_ADDRESSES = 3
SHOWN_ANNOUNCEMENTS = 2
USUAL_PREFIXES = ("/api", "/openai", "/newapi")
MAX_OFFSET_S = 3_600.0  # beyond it certificates and dates of retries fail
MAX_OK_OFFSET_S = 120.0
DATE_STEP_S = 2.0  # servers report whole seconds, some of when they began to handle the request


def check_proxy(doctor: DoctorContext) -> CheckResult:
    """Report the proxy for the server, and check that it can be used."""
    base_url, proxy = doctor.base_url, doctor.proxy
    setting = doctor.settings.text("proxy")
    variables = _proxy_variables(doctor)
    if not proxy:
        return ok(*_reasons_for_none(doctor, setting, variables))
    from newapi_cli.api.http import proxies  # loads httpx, 35 to 60 ms

    urls = {name: proxy_url_from_text(value) for name, value in variables.items()}
    origin = next((name for name, url in urls.items() if url == proxy), "")
    if setting:
        origin = doctor.settings.origins["proxy"].readable
    text = tr("{proxy} from the system settings", proxy=redact(proxy, ()))
    if origin:
        text = tr("{proxy} from {origin}", proxy=redact(proxy, ()), origin=origin)
    request = WireRequest("GET", base_url, "/", {})
    try:
        proxies.open_transport(proxy, request).close()
    except proxies.TRANSPORT_ERRORS as error:
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


def _proxy_variables(doctor: DoctorContext) -> dict[str, str]:
    """Return the variables that set a proxy for the server."""
    names = (f"{doctor.base_url.scheme}_proxy", "all_proxy")
    environ = doctor.context.streams.environ
    return {name: environ[name] for name in environ if name.lower() in names and environ[name]}


def _reasons_for_none(doctor: DoctorContext, setting: str, variables: dict[str, str]) -> list[str]:
    parts: list[str] = [tr("none")]
    if doctor.base_url.is_loopback:
        parts.append(tr("local servers are connected to directly"))
    elif setting.lower() in NO_PROXY_WORDS:
        origin = doctor.settings.origins["proxy"]
        parts.append(tr("turned off by {origin}", origin=origin))
    elif variables:
        parts.append(tr("NO_PROXY covers {host}", host=doctor.base_url.host))
    if variables:
        parts.append(tr("{names} ignored", names=", ".join(variables)))
    return parts


def _first_host(doctor: DoctorContext) -> tuple[str, int]:
    """Return host and port of the first connection: of the proxy, or else of the server."""
    if not doctor.proxy:
        return doctor.base_url.host, doctor.base_url.port
    parts = urlsplit(doctor.proxy)
    return parts.hostname or "", parts.port or DEFAULT_PORTS.get(parts.scheme, SOCKS_PORT)


def check_dns(doctor: DoctorContext) -> CheckResult:
    """Resolve the host."""
    host, port = _first_host(doctor)
    resolved = doctor.probe(host, port).resolve()
    subject = [tr("the proxy")] if doctor.proxy else []
    if resolved.addresses == (host,):
        return ok(*subject, tr("{host} is an IP address", host=host))
    shown = ", ".join(resolved.addresses[:SHOWN_ADDRESSES])
    more = len(resolved.addresses) - SHOWN_ADDRESSES
    parts = [tr("{host} is {addresses}", host=host, addresses=shown)]
    if more > 0:
        parts.append(tr("{n} more", n=more))
    return ok(*subject, *parts, tr("in {time}", time=format_duration(resolved.seconds)))


def check_tcp(doctor: DoctorContext) -> CheckResult:
    """Connect to the host."""
    host, port = _first_host(doctor)
    probe = doctor.probe(host, port)
    connected = probe.connect()
    return ok(
        *([tr("the proxy")] if doctor.proxy else []),
        tr("{host} accepts connections", host=probe.place),
        tr("in {time}", time=format_duration(connected.seconds)),
    )


def check_tls(doctor: DoctorContext) -> CheckResult:
    """Negotiate TLS; for a plain HTTP URL, check whether the server expects https."""
    base_url = doctor.base_url
    if doctor.proxy:
        return skipped(tr('behind the proxy, see "server"'))
    probe = doctor.probe(base_url.host, base_url.port)
    if base_url.scheme == "http":
        if not _answers_http(doctor) and probe.speaks_tls():
            return failed(
                tr("{host} expects TLS, not plain HTTP", host=probe.place),
                hint=tr("use a base URL with https://: https://{host}", host=base_url.authority),
                code=ExitCode.NETWORK,
            )
        return skipped(tr("the base URL is plain HTTP"))
    context = doctor.context.endpoint(base_url).tls_context()
    assert context is not None  # as the scheme is https
    handshake = probe.handshake(context)
    days = (handshake.expires_at - datetime.now(UTC)).days
    certificate = tr(
        "certificate from {issuer}, valid until {day}",
        issuer=handshake.issuer,
        day=f"{handshake.expires_at:%Y-%m-%d}",
    )
    left = ntr("{n} day left", "{n:,} days left", days) if days else tr("hours left")
    if days < RENEWAL_DAYS:
        hint = tr("ask the server's operator to renew the certificate")
        return warning(handshake.version, certificate, left, hint=hint)
    time = format_duration(handshake.seconds)
    return ok(handshake.version, certificate, left, tr("in {time}", time=time))


def _answers_http(doctor: DoctorContext) -> bool:
    """Return whether the server answers plain HTTP; some TLS servers answer 400 in it."""
    try:
        return doctor.page(STATUS).status != 400
    except Interrupted:
        raise
    except NewapiError:
        return False


def check_server(doctor: DoctorContext) -> CheckResult:
    """Detect the kind of server; for a web page, find the base URL that is meant.

    `/api/status` alone proves nothing: some gateways hide it, and other servers have none.
    """
    kind = _detect(doctor)
    found = _api_elsewhere(doctor, kind) if kind is not None else None
    if kind is not None and found is None:
        doctor.server_kind = kind
        fastest_s = min(page.seconds for page in doctor.known_pages())
        time = tr("responded in {time}", time=format_duration(fastest_s))
        return ok(kind.name, time, *_announcements(doctor))
    result = result_from_error(_problem(doctor))
    if kind is not None:
        text = tr("the API of {name} is not at this URL", name=kind.name)
        result = failed(text, hint="", code=ExitCode.GATEWAY)
    forms = (each for each in _other_forms(doctor.base_url) if _is_api(doctor, each))
    if found := found or next(forms, None):
        hint = tr(
            "the API is at {url}: {command}",
            url=found,
            command=profile_command("newapi config set", f"base_url {found.quoted}"),
        )
        return result._replace(hint=hint)
    models = doctor.page(MODELS)
    if doctor.base_url.api != "/v1" and models.status in (404, 405) and not models.is_html:
        doctor.server_kind, doctor.lists_models = ServerKind(""), False  # the API was given
        text = tr("the server lists no models (HTTP {status})", status=models.status)
        return warning(
            text,
            hint=tr(
                "to try an answer: {command}", command=profile_command("newapi doctor", "--yes")
            ),
        )
    return result


def _announcements(doctor: DoctorContext) -> list[str]:
    """Return what the gateway's operator announces, the newest first."""
    if not doctor.is_gateway:
        return []
    notice = None
    if doctor.settings.flag("prices"):  # else only the checks send requests
        try:
            notice = doctor.page(NOTICE).json
        except Interrupted:
            raise
        except NewapiError:
            notice = None
    announced = announcements_from_json(doctor.page(STATUS).json, notice)
    return [announcement_text(each) for each in announced[:SHOWN_ANNOUNCEMENTS]]


def _detect(doctor: DoctorContext, base_url: BaseUrl | None = None) -> ServerKind | None:
    return kind_from_status(doctor.page(STATUS, base_url)) or kind_from_models(
        doctor.page(MODELS, base_url)
    )


def _api_elsewhere(doctor: DoctorContext, kind: ServerKind) -> BaseUrl | None:
    """Return the API of New API, which answers below /v1, if the base URL names another one."""
    if doctor.base_url.api == "/v1" or not kind.is_gateway:
        return None
    page = doctor.page(MODELS)
    if REQUEST_ID_HEADER not in page.headers and kind_from_models(page) is not None:
        return None
    others = doctor.base_url.alternatives()
    return next((each for each in others if _lists_models(doctor, each)), None)


def _lists_models(doctor: DoctorContext, base_url: BaseUrl) -> bool:
    try:
        return kind_from_models(doctor.page(MODELS, base_url)) is not None
    except Interrupted:
        raise
    except NewapiError:
        return False


def _is_api(doctor: DoctorContext, base_url: BaseUrl) -> bool:
    try:
        return _detect(doctor, base_url) is not None
    except Interrupted:
        raise
    except NewapiError:
        return False


def _other_forms(base_url: BaseUrl) -> list[BaseUrl]:
    """Return the base URL with shorter prefixes, or with the usual ones if it has none."""
    if base_url.api != "/v1":
        return base_url.alternatives()
    if base_url.prefix:
        parts = base_url.prefix.split("/")
        prefixes = ["/".join(parts[:count]) for count in range(len(parts) - 1, 0, -1)]
    else:
        prefixes = list(USUAL_PREFIXES)
    shorter = [base_url._replace(prefix=prefix) for prefix in prefixes]
    return [*base_url.alternatives(), *shorter]


def _problem(doctor: DoctorContext) -> NewapiError:
    """Return the error for a base URL without an API, from the most telling response."""
    pages = [doctor.page(MODELS), doctor.page(STATUS)]
    page = next((each for each in pages if 300 <= each.status < 400), pages[0])
    if page.status == 511 or _redirects_away(page, doctor.base_url):
        location = page.headers.get("location", "")
        return GatewayError(
            tr("the network's login page answers (HTTP {status})", status=page.status),
            why=tr("redirect to {url}", url=location) if location else "",
            hint=tr("open {url} in a browser and log in to the network", url=doctor.base_url),
        )
    if page.is_html and page.status < 400:
        message = tr("a web page instead of the API (HTTP {status})", status=page.status)
        if REQUEST_ID_HEADER in page.headers:
            message = tr(
                "the gateway's web pages instead of the API (HTTP {status})", status=page.status
            )
        title = tr('its title is "{title}"', title=page.title) if page.title else ""
        return GatewayError(message, why=title, hint=NextStep.CHECK_BASE_URL)
    if 200 <= page.status < 300:
        return GatewayError(
            tr("the server has no API that newapi supports"), hint=NextStep.CHECK_BASE_URL
        )
    return page.to_error()


def _redirects_away(page: Page, base_url: BaseUrl) -> bool:
    """Return whether a page redirects to another host, as login pages of networks do."""
    try:
        host = urlsplit(page.headers.get("location", "")).hostname
    except ValueError:
        return False
    return 300 <= page.status < 400 and host not in (None, base_url.host)


def check_clock(doctor: DoctorContext) -> CheckResult:
    """Compare the local clock with the server's."""
    offsets = [page.clock_offset_s for page in doctor.known_pages()]
    offset_s = next((each for each in offsets if each is not None), None)
    if offset_s is None:
        return skipped(tr("the server does not send its time"))
    if abs(offset_s) <= DATE_STEP_S:
        return ok(tr("same time as the server"))
    difference = span(abs(offset_s))
    text = tr("the local clock is {span} behind the server's", span=difference)
    if offset_s > 0:
        text = tr("the local clock is {span} ahead of the server's", span=difference)
    if abs(offset_s) <= MAX_OK_OFFSET_S:
        return ok(text)
    hint = tr("if the local clock is wrong: timedatectl set-ntp true")
    if abs(offset_s) <= MAX_OFFSET_S:
        return warning(text, hint=hint)
    problem = tr("certificates cannot be verified reliably")
    return failed(text, problem, hint=hint, code=ExitCode.CONFIG)
