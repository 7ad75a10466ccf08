"""Costs of answers: examples computed by hand from the formula of New API.

quota = round((uncached + cached * cache_ratio + writes * create_cache_ratio
               + completion * completion_ratio) * model_ratio * group_ratio), at least 1 if not free
dollars = quota / quota_per_unit
"""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

import pytest

from newapi_cli.domain.completion import Usage, UsageExtras
from newapi_cli.domain.money import Cost, CostKind, Currency
from newapi_cli.domain.pricing import (
    DOLLAR,
    ModelInfo,
    Price,
    PriceKind,
    PriceList,
    TotalCost,
    cost_of_turn,
    sum_costs,
    total_cost,
)
from newapi_cli.domain.session import TurnRecord
from tests.support.cases import each

HALF_MILLION = Decimal(500_000)
GROUPS = {"default": Decimal(1), "vip": Decimal("0.5"), "free": Decimal(0)}


def D(text: str) -> Decimal:
    """Return a decimal; the name is short for the tables below."""
    return Decimal(text)


def tokens(model_ratio: str, **ratios: str) -> Price:
    """Return a price by tokens."""
    price = Price("m", PriceKind.TOKENS, Decimal(model_ratio))
    return price._replace(**{name: Decimal(ratio) for name, ratio in ratios.items()})  # type: ignore[arg-type]  # names of ratios


def per_call(dollars: str) -> Price:
    return Price("m", PriceKind.CALL, per_call=Decimal(dollars))


class Case(NamedTuple):
    """One example; its comment shows how the dollars were computed by hand."""

    price: Price | None
    usage: Usage | None
    dollars: str | None
    kind: CostKind = CostKind.ABOUT
    group: str = "default"
    quota_per_unit: str = "500000"


MINI = tokens("0.075", completion_ratio="4", cache_ratio="0.5")
CLAUDE = tokens("1.5", completion_ratio="5", cache_ratio="0.1", create_cache_ratio="1.25")
AUDIO = tokens("1.25", completion_ratio="4", audio_ratio="16", audio_completion_ratio="2")
CASES = {
    # (1000 + 0) * 0.075 = 75 quota
    "plain, nothing written": Case(MINI, Usage(1000, 0), "0.00015"),
    # (1234 + 567 * 4) * 0.075 = 3502 * 0.075 = 262.65 -> 263
    "completion ratio": Case(MINI, Usage(1234, 567), "0.000526"),
    # (1200 - 1000 + 1000 * 0.5 + 100 * 4) * 0.075 = 1100 * 0.075 = 82.5 -> 83, half away from 0
    "cached": Case(MINI, Usage(1200, 100, cached_tokens=1000), "0.000166"),
    # 3502 * 0.075 * 0.5 = 131.325 -> 131
    "group ratio": Case(MINI, Usage(1234, 567), "0.000262", group="vip"),
    # 0.01 * 500000 = 5000
    "per call": Case(per_call("0.01"), Usage(10, 10), "0.01"),
    # 0.01 * 500000 * 0.5 = 2500, whatever was counted
    "per call in a group": Case(per_call("0.01"), None, "0.005", group="vip"),
    "free model": Case(tokens("0"), Usage(1000, 1000), "0"),
    "free group": Case(MINI, Usage(1000, 1000), "0", group="free"),
    # (5 + 1 * 4) * 0.001 = 0.009 -> 0 -> 1
    "at least 1": Case(tokens("0.001", completion_ratio="4"), Usage(5, 1), "0.000002"),
    "nothing at all was counted": Case(MINI, Usage(0, 0), "0"),
    "a model that is not listed": Case(None, Usage(1, 1), None, CostKind.UNKNOWN),
    "no price was set": Case(Price("m", PriceKind.UNKNOWN), Usage(1, 1), None, CostKind.UNKNOWN),
    "tiered": Case(Price("m", PriceKind.TIERED), Usage(1, 1), None, CostKind.TIERED),
    "no usage came": Case(MINI, None, None, CostKind.UNKNOWN),
    "half of the usage came": Case(MINI, Usage(1000, None), None, CostKind.UNKNOWN),
    # 3502 * 0.075 = 262.65 -> 263; 263 / 1000000
    "another quota per unit": Case(MINI, Usage(1234, 567), "0.000263", quota_per_unit="1000000"),
    # (2000 - 1000 - 400 + 1000 * 0.1 + 400 * 1.25 + 200 * 5) * 1.5 = 2200 * 1.5 = 3300
    "written to the cache": Case(
        CLAUDE,
        Usage(2000, 200, cached_tokens=1000, extras=UsageExtras(cache_writes=400)),
        "0.0066",
    ),
    # (600 + 1000 * 0.1 + 300 * 1.25 + 100 * 1.25 * 1.6 + 200 * 5) * 1.5 = 2275 * 1.5
    # = 3412.5 -> 3413
    "an hour in the cache": Case(
        CLAUDE,
        Usage(
            2000,
            200,
            cached_tokens=1000,
            extras=UsageExtras(cache_writes=400, cache_writes_1h=100),
        ),
        "0.006826",
    ),
    # (600 + 1000 * 0.1 + 400 * 1.25 + 200 * 5) * 1.5 = 3300: the prompt's count is without them
    "a prompt without what was cached": Case(
        CLAUDE,
        Usage(
            600,
            200,
            cached_tokens=1000,
            extras=UsageExtras(cache_writes=400, excludes_cached=True),
        ),
        "0.0066",
    ),
    # (100 - 60 + 60 * 16 + (80 - 50) * 4 + 50 * 16 * 2) * 1.25 = 2720 * 1.25 = 3400
    "spoken": Case(AUDIO, Usage(100, 80, extras=UsageExtras(audio_in=60, audio_out=50)), "0.0068"),
    # (100 - 50 + 50 * 2) * 0.5 = 75, and 10 * 1 * 0.5 = 5
    "a picture": Case(
        tokens("0.5", image_ratio="2"), Usage(100, 10, extras=UsageExtras(images=50)), "0.00016"
    ),
    # cached and written overlap: 100 - 90 - 30 is taken as 0;
    # (90 * 0.5 + 30 * 1.25) * 0.075 = 6.1875 -> 6
    "more cached than asked": Case(
        MINI,
        Usage(100, 0, cached_tokens=90, extras=UsageExtras(cache_writes=30)),
        "0.000012",
    ),
}


@each("name", CASES)
def test_a_cost_is_exact_to_the_last_digit(name: str) -> None:
    case = CASES[name]
    prices = {"m": case.price} if case.price else {}
    listed = PriceList(prices, GROUPS, Decimal(case.quota_per_unit))
    expected = None if case.dollars is None else Decimal(case.dollars)
    assert listed.cost("m", case.usage, case.group) == Cost(case.kind, expected, DOLLAR)


@each(
    ("price", "ratio", "quota_per_unit"),
    [
        (tokens("999999999999999"), "1E+17", "0.001"),
        (tokens("1E+60"), "1", "1"),
        (tokens("1E+200"), "1", "1"),
        (tokens("9E+999999"), "9E+999999", "1"),
        (tokens("NaN"), "1", "1"),
        (tokens("1"), "Infinity", "1"),
        (tokens("1"), "1", "0"),
        (per_call("1000000000000.01"), "1", "500000"),
        (per_call("1E+200"), "1", "500000"),
        (per_call("1"), "-1", "500000"),
    ],
)
def test_an_implausible_cost_is_unknown(price: Price, ratio: str, quota_per_unit: str) -> None:
    listed = PriceList({"m": price}, {"default": D(ratio)}, D(quota_per_unit))
    assert listed.cost("m", Usage(10**15, 10**15)) == Cost(CostKind.UNKNOWN, None, DOLLAR)


@pytest.mark.parametrize("dollars", ["1000000000000", "999999999999.999998", "0.000002", "-0"])
def test_a_plausible_cost_has_all_digits_and_no_sign(dollars: str) -> None:
    listed = PriceList({"m": per_call(dollars)}, {"default": D("1")}, HALF_MILLION)
    cost = listed.cost("m", None, "default")
    assert cost == Cost(CostKind.ABOUT, abs(D(dollars)), DOLLAR)
    assert cost.usd is not None
    assert not cost.usd.is_signed()


@pytest.mark.parametrize(
    ("groups", "key_group", "expected"),
    [
        (("default", "vip"), "vip", ("vip", D("0.5"), True)),
        (("default", "vip"), "", ("default", D("1"), False)),
        (("vip",), "", ("vip", D("0.5"), False)),
        (("all",), "", ("default", D("1"), False)),
        (("default",), "a group that is not published", ("default", D("1"), False)),
        (("gone",), "", ("default", D("1"), False)),
        (("default", "vip"), "auto", ("default", D("1"), False)),
    ],
)
def test_the_group_of_a_key_is_certain_or_marked_as_a_guess(
    groups: tuple[str, ...], key_group: str, expected: tuple[str, Decimal, bool]
) -> None:
    ratios = {"default": D("1"), "vip": D("0.5")}
    listed = PriceList({}, ratios, HALF_MILLION)
    assert listed.group_for(Price("m", PriceKind.TOKENS, groups=groups), key_group) == expected


def test_a_price_is_displayed_per_million_tokens() -> None:
    view = PriceList({"m": MINI}, GROUPS, HALF_MILLION).view("m", "vip")
    assert view is not None
    assert (view.prompt, view.completion, view.cached) == (D("0.075"), D("0.3"), D("0.0375"))
    assert (view.per_call, view.group, view.is_group_certain) == (None, "vip", True)


def test_a_model_that_is_not_listed_has_no_price() -> None:
    assert PriceList({}, {}, HALF_MILLION).view("m") is None


YEN = Currency("CUSTOM", "¥", D("150"))


@pytest.mark.parametrize(
    ("costs", "expected"),
    [
        ([], None),
        ([Cost(CostKind.ABOUT, D("0.1")), Cost(CostKind.EXACT, D("0.2"))], ("about", "0.3")),
        ([Cost(CostKind.EXACT, D("0.1")), Cost(CostKind.EXACT, D("0.2"))], ("exact", "0.3")),
        ([Cost(CostKind.ABOUT, D("0.1")), Cost(CostKind.UNKNOWN)], ("about", "0.1")),
        ([Cost(CostKind.TIERED), Cost(CostKind.TIERED)], ("tiered", None)),
        ([Cost(CostKind.TIERED), Cost(CostKind.UNKNOWN)], ("unknown", None)),
    ],
)
def test_the_kind_of_a_sum_follows_from_its_parts(
    costs: list[Cost], expected: tuple[str, str | None] | None
) -> None:
    cost = sum_costs(costs)
    if expected is None:
        assert cost is None
        return
    kind, usd = expected
    assert cost == Cost(CostKind(kind), None if usd is None else D(usd))


def turn(cost: str | None, kind: str) -> TurnRecord:
    return TurnRecord("p", cost=cost, cost_kind=kind)


def test_turns_of_a_server_without_prices_have_no_cost() -> None:
    assert total_cost([turn(None, ""), turn(None, "")], YEN) == TotalCost(None)


def test_turns_of_unknown_cost_are_counted() -> None:
    turns = [turn("0.1", "about"), turn(None, "unknown"), turn(None, "tiered"), turn(None, "")]
    assert total_cost(turns, YEN) == TotalCost(Cost(CostKind.ABOUT, D("0.1"), YEN), 2)
    elsewhere = [*turns, turn(None, "")._replace(answer="of a server without prices")]
    assert total_cost(elsewhere, YEN).unknown == 3


@pytest.mark.parametrize(
    ("cost", "kind"), [("0.1", "of a later newapi"), ("a text", "about"), ("1,5", "exact")]
)
def test_an_invalid_stored_cost_is_none(cost: str, kind: str) -> None:
    assert cost_of_turn(turn(cost, kind)) is None


def test_a_stored_cost_that_is_not_a_number_is_unknown() -> None:
    assert cost_of_turn(turn("NaN", "about")) == Cost(CostKind.ABOUT, None)


@pytest.mark.parametrize(
    ("words", "matches"),
    [
        ((), True),
        (("gpt",), True),
        (("GPT", "MINI"), True),
        (("mini", "gpt"), True),
        (("openai",), True),
        (("gpt", "claude"), False),
        (("gpt mini",), False),
        (("",), True),
    ],
)
def test_a_model_matches_all_words(words: tuple[str, ...], matches: bool) -> None:
    assert ModelInfo("gpt-4o-mini", "OpenAI").matches(words) is matches
