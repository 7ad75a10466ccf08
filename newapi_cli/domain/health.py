"""What a gateway publishes about itself: the performance of its models, and announcements."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple


class GroupHealth(NamedTuple):
    """The performance of a model in one group in the last 24 hours; None is not reported."""

    group: str
    success_rate: float
    first_token_s: float | None = None
    tokens_per_s: float | None = None


class ModelHealth(NamedTuple):
    """The performance of a model in the last 24 hours, for all users of the gateway.

    `success_rate` is in percent, `latest_rate` that of the latest period with requests, None if it
    is not reported, as are the others. `groups` is empty unless it was requested.
    """

    model: str
    success_rate: float
    latest_rate: float | None = None
    tokens_per_s: float | None = None
    latency_s: float | None = None
    groups: tuple[GroupHealth, ...] = ()

    @property
    def current_rate(self) -> float:
        """The success rate of the latest period, or that of 24 hours if it is lower."""
        latest = self.success_rate if self.latest_rate is None else self.latest_rate
        return min(latest, self.success_rate)


class Announcement(NamedTuple):
    """A text of the gateway's operator, without markup; `published_at` is None if unknown."""

    text: str
    published_at: datetime | None = None
