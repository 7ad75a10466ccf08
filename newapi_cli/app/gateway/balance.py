"""One balance from what a gateway tells in two places: its dashboard, and the record of the key."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from newapi_cli.domain.billing import Balance, KeyState, KeyUsage
from newapi_cli.domain.money import Currency
from newapi_cli.domain.pricing import MAX_DOLLARS

USUAL_QUOTA = 500_000  # of a dollar, where a site does not tell it (contract, section 6.7)


def balance_of(
    dashboard: Balance | None,
    record: KeyUsage | None,
    *,
    currency: Currency | None,
    quota_per_unit: Decimal | None,
    now: datetime,
) -> Balance | None:
    """Give what is left in the site's money; the dashboard's figures rule, the record adds to them.

    `currency` and `quota_per_unit` are what the site tells of its money, None where it does not.
    What is more than there can be counts as not told; None where nothing is left.
    """
    if dashboard is not None and not _can_be(_in_site_money(dashboard, currency)):
        dashboard = None
    is_wrong = (  # where the site shows quota, a limit may be the figure that stands for none
        dashboard is not None
        and record is not None
        and (dashboard.limit is None) is not record.is_unlimited
    )
    if dashboard is not None and not is_wrong:
        found = _in_site_money(dashboard, currency)
    elif record is not None:
        found = _from_record(record, currency, quota_per_unit)
    else:
        return None
    if not _can_be(found):
        return None
    if record is not None:
        found = found._replace(
            name=record.name,
            models=record.models,
            expires_at=record.expires_at or found.expires_at,
            state=record.state(now),
        )
    is_unlimited = record is not None and record.is_unlimited
    if dashboard is not None and not is_unlimited and found.left is not None and found.left <= 0:
        return found._replace(state=KeyState.EXHAUSTED)  # the record may not know of a debt
    return found


def _in_site_money(balance: Balance, currency: Currency | None) -> Balance:
    """Name the money of the dashboard's figures: it counts a custom one in dollars."""
    if currency is None or currency.name != "CUSTOM":
        return balance._replace(currency=currency)
    limit = None if balance.limit is None else balance.limit * currency.per_usd
    return balance._replace(currency=currency, limit=limit, used=balance.used * currency.per_usd)


def _can_be(balance: Balance) -> bool:
    """Say whether there can be so much money. Below 0 there can be: keys and accounts have debts.

    Where the site does not tell its money, an amount may stand for quota, and be larger.
    """
    most = MAX_DOLLARS * (USUAL_QUOTA if balance.currency is None else balance.currency.per_usd)
    return abs(balance.used) <= most and (balance.limit is None or abs(balance.limit) <= most)


def _from_record(
    record: KeyUsage, currency: Currency | None, quota_per_unit: Decimal | None
) -> Balance:
    """Give the record's quota as money, or as it is where the site tells no rate."""
    factor = Decimal(1)
    if currency is None or quota_per_unit is None:
        currency = None
    else:
        factor = currency.per_usd / quota_per_unit
    limit = None if record.is_unlimited else record.granted * factor
    return Balance(limit, record.used * factor, record.expires_at, currency)
