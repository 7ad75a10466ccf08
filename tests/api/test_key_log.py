"""The log of a key of each age: the order of its rows, and the ratios that they show."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from newapi_cli.api.gateway.key_log import log_from_json, rates_from_log
from newapi_cli.domain.rates import NO_RATES, KeyRates, Rates, rates_from_json, rates_to_json
from tests.support.cases import each


def row(at: int, group: str = "vip", model: str = "m", **members: Any) -> dict[str, Any]:
    """Return a row; members that are not of the row itself are in `other`."""
    other: dict[str, Any] = {"group_ratio": 0.5, "model_ratio": 1, "completion_ratio": 2}
    own = {
        "type": 2, "created_at": at, "group": group, "model_name": model, "quota": 10,
        "prompt_tokens": 10, "completion_tokens": 5, "request_id": f"r-{at}",
    }  # fmt: skip
    own |= {name: members.pop(name) for name in list(members) if name in own}
    return own | {"other": json.dumps(other | members)}


def rates(*rows: dict[str, Any]) -> KeyRates:
    return rates_from_log({"data": list(rows)})


def test_rows_are_returned_newest_first_whatever_their_order() -> None:
    """Servers of 2025 have no order: the oldest row comes first, or any."""
    for times in ((1, 2, 3), (3, 2, 1), (2, 3, 1)):
        entries = log_from_json({"data": [row(at) for at in times]})
        assert entries is not None
        assert [entry.request_id for entry in entries] == ["r-3", "r-2", "r-1"]


@pytest.mark.parametrize(("times", "group"), [((5, 6, 6), "c"), ((6, 6, 5), "a")])
def test_of_rows_of_one_second_the_order_decides(times: tuple[int, int, int], group: str) -> None:
    rows = [row(at, name) for at, name in zip(times, "abc", strict=True)]
    assert rates(*rows).group == group


def test_the_newest_row_decides_the_group() -> None:
    assert rates(row(1, "old"), row(9, "new"), row(5, "old")).group == "new"
    assert rates(row(9, "new"), row(1, "old")).group == "new"
    assert rates() == rates(row(1, "")) == rates_from_log(None) == NO_RATES


def test_each_group_has_its_newest_ratio() -> None:
    found = rates(row(3, "b"), row(2, "a", group_ratio=2), row(1, "b", group_ratio=9))
    assert found.ratios == {"a": Decimal(2), "b": Decimal("0.5")}


def test_groups_that_come_again_alternate() -> None:
    assert rates(row(3, "a"), row(2, "b"), row(1, "a")).alternates
    assert not rates(row(3, "a"), row(2, "a"), row(1, "b")).alternates


def test_a_row_shows_the_ratios_of_its_model() -> None:
    found = rates(row(7, cache_ratio=0.25, cache_creation_ratio=1.25, quota=10)).models["m"]
    assert found == Rates("vip", 7.0, Decimal(1), Decimal(2), Decimal("0.25"), Decimal("1.25"))


def test_a_price_per_call_is_shown() -> None:
    found = rates(row(7, model_price=0.02, model_ratio=0, quota=5000)).models["m"]
    assert (found.per_call, found.model_ratio) == (Decimal("0.02"), None)
    assert rates(row(7, model_price=-1)).models["m"].per_call is None


def test_what_only_an_older_row_shows_is_kept() -> None:
    audio = row(9, audio=True, cache_ratio=0)
    found = rates(audio, row(1, cache_ratio=0.1, cache_creation_ratio=1.25)).models["m"]
    assert (found.cache_ratio, found.create_cache_ratio) == (Decimal("0.1"), Decimal("1.25"))


def test_a_tiered_row_shows_only_its_group() -> None:
    found = rates(row(1, billing_mode="tiered_expr", model_ratio=37.5))
    assert found.models["m"] == Rates("vip", 1.0)
    assert found.ratios == {"vip": Decimal("0.5")}


@each(
    ("members", "price"),
    [
        ({"tool_surcharges": [{"name": "web_search", "count": 2, "price": 10}]}, "10"),
        ({"web_search": True, "web_search_call_count": 1, "web_search_price": 25}, "25"),
        ({"model": "gpt-4o-search-preview"}, "0"),
        ({"model": "claude"}, None),
        ({"tool_surcharges": "much"}, None),
        ({"tool_surcharges": [None, 5, {}]}, None),
    ],
)
def test_the_price_of_searches_is_shown(members: dict[str, Any], price: str | None) -> None:
    model = members.get("model", "m")
    found = rates(row(1, **members)).models[model]
    assert found.search_price == (None if price is None else Decimal(price))


@each(
    ("quota", "members", "difference"),
    [
        (10, {}, 0),  # (10 + 5 * 2) * 1 * 0.5
        (11, {}, 0),  # a rounding
        (15, {}, 1),
        (5, {}, -1),
        (6, {"cache_tokens": 10, "cache_ratio": 0.2}, 0),  # (2 + 10) * 0.5
        (11, {"cache_tokens": 10, "cache_ratio": 0.2, "claude": True}, 0),  # (10 + 2 + 10) * 0.5
        (500, {"tool_surcharges": [{"count": 1, "price": 10}]}, 0),  # explained by the tool
        (500, {"image": True, "image_ratio": 3}, 0),  # not judged
        (500, {"audio": True}, 0),
        (500, {"model_price": 0.02}, 0),
    ],
)
def test_a_charge_that_its_ratios_do_not_explain_is_known(
    quota: int, members: dict[str, Any], difference: int
) -> None:
    assert rates(row(1, quota=quota, **members)).models["m"].difference == difference


@each("other", [None, "", "{", "[]", "5", 7, [], "x" * 100_000, '{"group_ratio": "1"}'])
def test_a_damaged_row_shows_only_its_group(other: object) -> None:
    found = rates(row(1) | {"other": other})
    assert (found.group, found.ratios) == ("vip", {})


def test_other_may_be_an_object() -> None:
    assert rates(row(1) | {"other": {"group_ratio": 3}}).ratios == {"vip": Decimal(3)}


def test_rates_are_the_same_after_the_cache() -> None:
    found = rates(row(3, "b", "n", cache_ratio=0.1), row(2, "a", model_price=0.5), row(1, "b"))
    assert rates_from_json(json.loads(json.dumps(rates_to_json(found)))) == found


@each(
    "damage",
    [
        None,
        [],
        5,
        {},
        {"group": "a"},
        {"models": [], "ratios": {}, "group": ""},
        {"models": {"m": {}}, "ratios": {}, "group": "", "alternates": False},
        {"models": {}, "ratios": {"a": "NaN"}, "group": "a", "alternates": 1},
        {"models": {}, "ratios": {"a": "-1"}, "group": "a", "alternates": False},
        {"models": {}, "ratios": {}, "group": "\ud800", "alternates": False},
        {"models": {}, "ratios": {"\ud800": "1"}, "group": "a", "alternates": False},
        {
            "models": {"m": {"group": "\ud800", "at": 0, "difference": 0}},
            "ratios": {},
            "group": "a",
            "alternates": False,
        },
    ],
)
def test_damaged_rates_are_none(damage: object) -> None:
    assert rates_from_json(damage) == NO_RATES
