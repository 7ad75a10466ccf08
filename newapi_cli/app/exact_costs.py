"""Costs as the gateway's log of the key has them, in place of the ones computed from prices."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from newapi_cli.app.context import Context
from newapi_cli.app.sessions.live_session import LiveSession
from newapi_cli.app.spending import exact_costs
from newapi_cli.domain.money import CostKind
from newapi_cli.domain.session import TurnRecord
from newapi_cli.errors import UsageError
from newapi_cli.i18n import tr

if TYPE_CHECKING:
    from newapi_cli.app.gateway.gateway import Gateway


class ExactCount(NamedTuple):
    """How many of the answers have an exact cost."""

    exact: int
    answers: int


def fetch_exact_costs(context: Context, gateway: Gateway, live: LiveSession) -> ExactCount:
    """Fetch the exact costs of a conversation from the gateway's log. Raises `NewapiError`."""
    host = str(context.base_url)
    turns = [turn for turn in live.path if turn.host == host]
    if not turns and live.session.host != host:
        raise UsageError(
            tr("this conversation was with {host}", host=live.session.host or "no gateway yet"),
            hint=tr("the log of {host} does not contain it; switch with /profile", host=host),
        )
    entries = gateway.key_record.log(max_age_s=_age_s(live.last))
    changed = exact_costs(turns, entries, gateway.prices.quota_per_unit())
    if live.is_saved and changed:
        context.sessions.spending.write_costs(changed)
    live.take_costs(changed)
    answered = [turn for turn in live.path if turn.answer]
    exact = sum(turn.cost_kind == CostKind.EXACT for turn in answered)
    return ExactCount(exact, len(answered))


def _age_s(turn: TurnRecord | None) -> float:
    """Return the seconds since an answer ended."""
    if turn is None:
        return 0.0
    return (datetime.now(UTC) - turn.created_at).total_seconds() - (turn.duration_s or 0.0)
