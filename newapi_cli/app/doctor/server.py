"""Checks of the server at the base URL and of the clock. No key is sent."""

from __future__ import annotations

from urllib.parse import urlsplit

from newapi_cli.api.errors.failures import BASE_URL_HINT
from newapi_cli.api.gateway.connectivity import Page, ServerKind, kind_from_models, kind_from_status
from newapi_cli.api.gateway.responses import MODELS, STATUS
from newapi_cli.api.http.worker import REQUEST_ID_HEADER
from newapi_cli.app.doctor.checkup import Checkup, format_duration
from newapi_cli.app.doctor.runner import failed, ok, result_from_error, skipped, warning
from newapi_cli.domain.base_url import BaseUrl
from newapi_cli.domain.report import CheckResult
from newapi_cli.errors import ExitCode, GatewayError, Interrupted, NewapiError
from newapi_cli.i18n import tr
from newapi_cli.render.units import span

USUAL_PREFIXES = ("/api", "/openai", "/newapi")
MAX_OFFSET_S = 3_600.0  # beyond it certificates and dates of retries fail
MAX_OK_OFFSET_S = 120.0
DATE_STEP_S = 2.0  # servers report whole seconds, some of when they began to handle the request


def check_server(checkup: Checkup) -> CheckResult:
    """Detect the kind of server; for a web page, find the base URL that is meant.

    `/api/status` alone proves nothing: some gateways hide it, and other servers have none.
    """
    family = _detect(checkup)
    if family is not None:
        checkup.family = family
        fastest_s = min(page.seconds for page in checkup.known_pages())
        return ok(family.name, tr("answers in {time}", time=format_duration(fastest_s)))
    result = result_from_error(_problem(checkup))
    for other in _other_forms(checkup.base_url):
        if _is_api(checkup, other):
            hint = tr("the API is at {url}: newapi config set base_url {url}", url=other)
            return result._replace(hint=hint)
    return result


def _detect(checkup: Checkup, base_url: BaseUrl | None = None) -> ServerKind | None:
    return kind_from_status(checkup.page(STATUS, base_url)) or kind_from_models(
        checkup.page(MODELS, base_url)
    )


def _is_api(checkup: Checkup, base_url: BaseUrl) -> bool:
    try:
        return _detect(checkup, base_url) is not None
    except Interrupted:
        raise
    except NewapiError:
        return False


def _other_forms(base_url: BaseUrl) -> list[BaseUrl]:
    """Return the base URL with shorter prefixes, or with the usual ones if it has none."""
    if base_url.prefix:
        parts = base_url.prefix.split("/")
        prefixes = ["/".join(parts[:count]) for count in range(len(parts) - 1, 0, -1)]
    else:
        prefixes = list(USUAL_PREFIXES)
    return [base_url._replace(prefix=prefix) for prefix in prefixes]


def _problem(checkup: Checkup) -> NewapiError:
    """Return the error for a base URL without an API, from the most telling response."""
    pages = [checkup.page(MODELS), checkup.page(STATUS)]
    page = next((each for each in pages if 300 <= each.status < 400), pages[0])
    if page.status == 511 or _redirects_away(page, checkup.base_url):
        location = page.headers.get("location", "")
        return GatewayError(
            tr("the network's login page answers (HTTP {status})", status=page.status),
            why=tr("redirect to {url}", url=location) if location else "",
            hint=tr("open {url} in a browser and log in to the network", url=checkup.base_url),
        )
    if page.is_html and page.status < 400:
        message = tr("a web page instead of the API (HTTP {status})", status=page.status)
        if REQUEST_ID_HEADER in page.headers:
            message = tr(
                "the gateway's web pages instead of the API (HTTP {status})", status=page.status
            )
        title = tr("its title is “{title}”", title=page.title) if page.title else ""
        return GatewayError(message, why=title, hint=BASE_URL_HINT)
    if 200 <= page.status < 300:
        return GatewayError(tr("the server has no API that newapi supports"), hint=BASE_URL_HINT)
    return page.to_error()


def _redirects_away(page: Page, base_url: BaseUrl) -> bool:
    """Return whether a page redirects to another host, as login pages of networks do."""
    try:
        host = urlsplit(page.headers.get("location", "")).hostname
    except ValueError:
        return False
    return 300 <= page.status < 400 and host not in (None, base_url.host)


def check_clock(checkup: Checkup) -> CheckResult:
    """Compare the local clock with the server's."""
    offsets = [page.clock_offset_s for page in checkup.known_pages()]
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
