"""Which keys there are. Any text is a good key; a few have a story.

The stories are told by the key itself, so that a test or a person gets one by writing it down:

    sk-wrong       unknown          sk-unlimited   no limit
    sk-expired     yesterday        sk-vip         group vip, at half the price
    sk-exhausted   all spent        sk-limited     demo and demo-echo only, for thirty days
    sk-disabled    switched off
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

DOLLARS_EACH = 5  # the limit of every key that has one
DAY_S = 86_400


class Standing(Enum):
    """Whether a key may be used, and why not."""

    LIVE = "live"
    MISSING = "missing"
    UNKNOWN = "unknown"
    EXPIRED = "expired"
    EXHAUSTED = "exhausted"
    DISABLED = "disabled"

    @property
    def is_readable(self) -> bool:
        """Whether the key may still look at its own balance and log (since 2026-02-06)."""
        return self in (Standing.LIVE, Standing.EXPIRED, Standing.EXHAUSTED)


@dataclass(frozen=True, slots=True)
class Terms:
    """What a key was made with.

    `models` empty means no limit to certain models; `days` until it expires, 0 for never,
    negative for the past.
    """

    standing: Standing = Standing.LIVE
    group: str = "default"
    is_unlimited: bool = False
    models: tuple[str, ...] = ()
    days: int = 0

    def allows(self, model: str) -> bool:
        """Tell whether the key's list of models, if it has one, holds this one."""
        return not self.models or model in self.models


_USUAL = Terms()
_TERMS: Mapping[str, Terms] = MappingProxyType(
    {
        "": Terms(Standing.MISSING),
        "wrong": Terms(Standing.UNKNOWN),
        "expired": Terms(Standing.EXPIRED, days=-1),
        "exhausted": Terms(Standing.EXHAUSTED),
        "disabled": Terms(Standing.DISABLED),
        "unlimited": Terms(is_unlimited=True),
        "vip": Terms(group="vip"),
        "limited": Terms(models=("demo", "demo-echo"), days=30),
    }
)


def key_in(authorization: str) -> str:
    """Give the key of an Authorization header, without `Bearer` and `sk-`: both may be absent.

    >>> [key_in(value) for value in ("Bearer sk-a", " a ", "bearer a", "Bearer", "")]
    ['a', 'a', 'a', '', '']
    """
    value = authorization.strip()
    key = value[6:].strip() if value[:6].lower() == "bearer" else value
    return key.removeprefix("sk-")


def terms_of(key: str) -> Terms:
    """Give the terms of a key as `key_in` gives it."""
    return _TERMS.get(key, _USUAL)
