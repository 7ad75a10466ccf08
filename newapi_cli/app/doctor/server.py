"""What answers at the base URL, and what time it has. No key is sent."""

from __future__ import annotations

from urllib.parse import urlsplit

from newapi_cli.api.codec import REQUEST_ID_HEADER
from newapi_cli.api.errors.hints import URL_HINT
from newapi_cli.api.gateway.detection import Family, family_from_models, family_from_status
from newapi_cli.api.gateway.page import Page
from newapi_cli.app.doctor.checkup import MODELS, STATUS, Case, failed, ok, quick, skipped, warning
from newapi_cli.app.doctor.runner import failure
from newapi_cli.domain.base_url import BaseUrl
from newapi_cli.domain.report import CheckResult
from newapi_cli.errors import ExitCode, GatewayError, Interrupted, NewapiError
from newapi_cli.render.units import span

USUAL_PREFIXES = ("/api", "/openai", "/newapi")
LARGEST_OFFSET_S = 3_600.0  # beyond, certificates and dates of retries go wrong
SMALL_OFFSET_S = 120.0
DATE_STEP_S = 2.0  # servers tell whole seconds, and some of when they began to think


def server(case: Case) -> CheckResult:
    """Find out what answers; of a web page, whether another form of the base URL is the right one.

    `/api/status` alone proves nothing: some gateways hide it, and other servers have none.
    """
    family = _family(case)
    if family is not None:
        case.family = family
        quickest_s = min(page.seconds for page in case.known_pages())
        return ok(f"{family.name}, answers in {quick(quickest_s)}")
    found = _problem(case)
    for other in _other_forms(case.base_url):
        if _is_served_at(case, other):
            better = f"the API is at {other}: newapi config set base_url {other}"
            return failure(found)._replace(hint=better)
    return failure(found)


def _family(case: Case, base_url: BaseUrl | None = None) -> Family | None:
    return family_from_status(case.page(STATUS, base_url)) or family_from_models(
        case.page(MODELS, base_url)
    )


def _is_served_at(case: Case, base_url: BaseUrl) -> bool:
    try:
        return _family(case, base_url) is not None
    except Interrupted:
        raise
    except NewapiError:
        return False


def _other_forms(base_url: BaseUrl) -> list[BaseUrl]:
    """Give the base URL without its prefix, or with those that are usual."""
    if base_url.prefix:
        parts = base_url.prefix.split("/")
        prefixes = ["/".join(parts[:count]) for count in range(len(parts) - 1, 0, -1)]
    else:
        prefixes = list(USUAL_PREFIXES)
    return [base_url._replace(prefix=prefix) for prefix in prefixes]


def _problem(case: Case) -> NewapiError:
    """Name what answers where no API does, by the page that says most."""
    pages = [case.page(MODELS), case.page(STATUS)]
    page = next((each for each in pages if 300 <= each.status < 400), pages[0])
    if page.status == 511 or _leads_away(page, case.base_url):
        return GatewayError(
            f"a login page of the network stands in front of the server (HTTP {page.status})",
            why=f"it leads to {page.headers['location']}" if "location" in page.headers else "",
            hint=f"open {case.base_url} in a browser and log in to the network; or {URL_HINT}",
        )
    if page.is_html and page.status < 400:
        title = f"it is called “{page.title}”" if page.title else ""
        whose = "the gateway's web pages" if REQUEST_ID_HEADER in page.headers else "a web page"
        return GatewayError(
            f"{whose} instead of the API (HTTP {page.status})", why=title, hint=URL_HINT
        )
    if 200 <= page.status < 300:
        return GatewayError("what answers speaks no API that newapi knows", hint=URL_HINT)
    return page.refusal()


def _leads_away(page: Page, base_url: BaseUrl) -> bool:
    """Say whether it redirects to another host, as the login pages of networks do."""
    try:
        host = urlsplit(page.headers.get("location", "")).hostname
    except ValueError:
        return False
    return 300 <= page.status < 400 and host not in (None, base_url.host)


def clock(case: Case) -> CheckResult:
    """Hold this machine's clock against the server's."""
    offsets = [page.clock_offset_s for page in case.known_pages()]
    offset_s = next((each for each in offsets if each is not None), None)
    if offset_s is None:
        return skipped("the server does not tell its time")
    if abs(offset_s) <= DATE_STEP_S:
        return ok("the same as the server's")
    side = "ahead of" if offset_s > 0 else "behind"
    text = f"the clock here is {span(abs(offset_s))} {side} the server's"
    if abs(offset_s) <= SMALL_OFFSET_S:
        return ok(text)
    hint = "if it is this clock that is wrong: timedatectl set-ntp true"
    if abs(offset_s) <= LARGEST_OFFSET_S:
        return warning(text, hint)
    return failed(f"{text}; certificates and dates are judged by it", hint, ExitCode.CONFIG)
