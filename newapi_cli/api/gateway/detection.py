"""Which kind of server answers, told from what it says to somebody without a key.

New API names its version in a header since 2026; before, its `/api/status` tells it apart from
one-api's by newer members. The request id in the header is the family's own (contract, 4.4).
"""

from __future__ import annotations

from typing import NamedTuple

from newapi_cli.api.codec import REQUEST_ID_HEADER
from newapi_cli.api.gateway.page import Page
from newapi_cli.text import well_formed

VERSION_HEADER = "x-new-api-version"
NEW_MEMBERS = ("quota_display_type", "usd_exchange_rate", "self_use_mode_enabled")
MAX_NAME = 60


class Family(NamedTuple):
    """What a server is, for people. `is_gateway`: it has New API's endpoints beside OpenAI's."""

    name: str
    is_gateway: bool = False


def family_from_status(page: Page) -> Family | None:
    """Read an answer to `GET /api/status`; None where it does not tell."""
    value = page.json
    data = value.get("data") if isinstance(value, dict) else None
    if page.status != 200 or not isinstance(data, dict):
        return None
    is_new = VERSION_HEADER in page.headers or any(name in data for name in NEW_MEMBERS)
    if not is_new and REQUEST_ID_HEADER not in page.headers and "quota_per_unit" not in data:
        return None
    version = page.headers.get(VERSION_HEADER) or _text(data.get("version"))
    title = _text(data.get("system_name"))
    name = f"New API {version}" if is_new else f"one-api or an early New API {version}"
    return Family(f"{name.strip()}, “{title}”" if title else name.strip(), is_gateway=True)


def family_from_models(page: Page) -> Family | None:
    """Read an answer to `GET /v1/models` without a key; None where it is none of OpenAI's API.

    Who lists models, or wants a key in JSON, speaks it. llama.cpp names itself twice.
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
        return Family("a gateway of New API's family that shows no /api", is_gateway=True)
    software = _text(page.headers.get("server"))
    first = models[0] if isinstance(models, list) and models else None
    owner = first.get("owned_by") if isinstance(first, dict) else None
    if "llama.cpp" in software.lower() or owner == "llamacpp":
        return Family("llama.cpp")
    known = f", Server: {software}" if software else ""
    return Family(f"a server with OpenAI's API{known}; no New API gateway")


def _text(value: object) -> str:
    return well_formed(value)[:MAX_NAME] if isinstance(value, str) else ""
