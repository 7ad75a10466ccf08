"""What a key has left, if its dashboard and its record differ."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from newapi_cli.app.gateway.key_record import combined_balance
from newapi_cli.domain.money import Balance, KeyState, KeyUsage

NOW = datetime(2026, 8, 8, tzinfo=UTC)


def state(limit: int | None, used: int, record: KeyUsage | None) -> KeyState:
    """Return the state of a key from its dashboard and its record."""
    dashboard = Balance(None if limit is None else Decimal(limit), Decimal(used))
    found = combined_balance(dashboard, record, currency=None, quota_per_unit=None, now=NOW)
    assert found is not None
    return found.state


def record(*, is_unlimited: bool = False, available: int = 5) -> KeyUsage:
    return KeyUsage("n", Decimal(10), Decimal(5), Decimal(available), is_unlimited)


@pytest.mark.parametrize("message", [None, record()])
@pytest.mark.parametrize(
    ("used", "expected"),
    [(9, KeyState.ACTIVE), (10, KeyState.EXHAUSTED), (12, KeyState.EXHAUSTED)],
)
def test_a_key_with_nothing_left_is_exhausted(
    used: int, expected: KeyState, message: KeyUsage | None
) -> None:
    assert state(10, used, message) is expected


def test_a_key_without_a_limit_is_never_exhausted() -> None:
    assert state(None, 12, record(is_unlimited=True, available=-5)) is KeyState.ACTIVE
    assert state(10, 12, record(is_unlimited=True, available=-5)) is KeyState.ACTIVE
