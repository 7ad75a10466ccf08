"""The kind of a server, from its responses to requests without a key.

New API names its version in a header since 2026. Older ones differ from one-api in the members of
`/api/status`. The header of the request id is the same for all of them (contract, section 4.4).
"""

from __future__ import annotations

from typing import NamedTuple

from newapi_cli.api.gateway.connectivity import Page
from newapi_cli.api.http.headers import REQUEST_ID_HEADER, VERSION_HEADER
from newapi_cli.i18n import tr
from newapi_cli.text import well_formed

NEW_MEMBERS = ("quota_display_type", "usd_exchange_rate", "self_use_mode_enabled")
MAX_NAME = 60


class ServerKind(NamedTuple):
    """A kind of server. `is_gateway`: it has New API's endpoints in addition to OpenAI's."""

    name: str
    is_gateway: bool = False


def kind_from_status(page: Page) -> ServerKind | None:
    """Return the kind of a server from its `GET /api/status`, None if it is unknown."""
    value = page.json
    data = value.get("data") if isinstance(value, dict) else None
    if page.status != 200 or not isinstance(data, dict):
        return None
    is_new = VERSION_HEADER in page.headers or any(name in data for name in NEW_MEMBERS)
    if not is_new and REQUEST_ID_HEADER not in page.headers and "quota_per_unit" not in data:
        return None
    version = page.headers.get(VERSION_HEADER) or _text(data.get("version"))
    title = _text(data.get("system_name"))
    name = "New API" if is_new else tr("one-api or an early New API")
    name = f"{name} {version}" if version else name
    return ServerKind(f"{name}, “{title}”" if title else name, is_gateway=True)


def kind_from_models(page: Page) -> ServerKind | None:
    """Return the kind of a server from its `GET /v1/models`, None without OpenAI's API.

    A server has it if it lists models, or requires a key in JSON.
    """
    value = page.json
    if not isinstance(value, dict):
        return None
    models = value.get("data")
    if page.status == 200 and not isinstance(models, list):
        return None
    if page.status not in (200, 401, 403):
        return None
    if REQUEST_ID_HEADER in page.headers:
        return ServerKind(tr("a gateway related to New API, without /api/status"), is_gateway=True)
    software = _text(page.headers.get("server"))
    first = models[0] if isinstance(models, list) and models else None
    owner = first.get("owned_by") if isinstance(first, dict) else None
    if "llama.cpp" in software.lower() or owner == "llamacpp":
        return ServerKind("llama.cpp")
    if software:
        return ServerKind(
            tr("an OpenAI-compatible server ({software}), not a New API gateway", software=software)
        )
    return ServerKind(tr("an OpenAI-compatible server, not a New API gateway"))


def _text(value: object) -> str:
    return well_formed(value)[:MAX_NAME] if isinstance(value, str) else ""
