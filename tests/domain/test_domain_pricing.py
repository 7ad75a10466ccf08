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
from newapi_cli.domain.rates import KeyRates, Rates
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
LONG_TIERS = (
    'len <= 200000 ? tier("standard", p * 3 + c * 15 + cr * 0.3)'
    ' : tier("long", p * 6 + c * 22.5 + cr * 0.6)'
)


def tiers(expression: str) -> Price:
    return Price("m", PriceKind.TIERED, expression=expression)


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
    # 3 * 1234 + 15 * 567 = 12207 dollars per million -> 6103.5 quota -> 6104
    "tiers": Case(tiers('tier("a", p * 3 + c * 15)'), Usage(1234, 567), "0.012208"),
    # 6103.5 * 0.5 = 3051.75 -> 3052
    "tiers in a group": Case(
        tiers('tier("a", p * 3 + c * 15)'), Usage(1234, 567), "0.006104", group="vip"
    ),
    # (1234 - 1000) * 3 + 567 * 15 + 1000 * 0.3 = 9507 -> 4753.5 -> 4754
    "tiers, cached": Case(tiers(LONG_TIERS), Usage(1234, 567, cached_tokens=1000), "0.009508"),
    # the tier is that of 200001 tokens, of which 1 is not cached: 6 + 0.6 * 200000 = 120006
    "tiers, long by its cached tokens": Case(
        tiers(LONG_TIERS), Usage(200_001, 0, cached_tokens=200_000), "0.120006"
    ),
    # Claude: 100 * 3 + 900 * 0.3 + 100 * 3.75 + 50 * 6 = 1245 -> 622.5 -> 623
    "tiers, Claude": Case(
        tiers('tier("a", p * 3 + c * 15 + cr * 0.3 + cc * 3.75 + cc1h * 6)'),
        Usage(100, 0, cached_tokens=900, extras=UsageExtras(150, 50, excludes_cached=True)),
        "0.001246",
    ),
    # (1000 - 60 - 40) * 1 + 60 * 2 + 40 * 3 + (100 - 30 - 20) * 4 + 30 * 5 + 20 * 6 = 1610
    "tiers, media": Case(
        tiers('tier("a", p + c * 4 + img * 2 + ai * 3 + img_o * 5 + ao * 6)'),
        Usage(1000, 100, extras=UsageExtras(images=60, audio_in=40, images_out=30, audio_out=20)),
        "0.00161",
    ),
    "tiers that are not supported": Case(
        tiers('hour("UTC") > 8 ? p : c'), Usage(1, 1), None, CostKind.TIERED
    ),
    "tiers without usage": Case(tiers("p"), None, None, CostKind.TIERED),
    # (1000 - 400) + 400 * 1 at most = 1000 * 0.075 = 75
    "cached at an unpublished price": Case(
        MINI._replace(cache_ratio=None),
        Usage(1000, 0, cached_tokens=400),
        "0.00015",
        CostKind.AT_MOST,
    ),
    # (1000 - 400) + 400 * 1.25 = 1100 * 0.075 = 82.5 -> 83
    "written at an unpublished price": Case(
        MINI._replace(create_cache_ratio=None),
        Usage(1000, 0, extras=UsageExtras(cache_writes=400)),
        "0.000166",
        CostKind.AT_MOST,
    ),
    "nothing cached at an unpublished price": Case(
        MINI._replace(cache_ratio=None), Usage(1000, 0, cached_tokens=0), "0.00015"
    ),
    # 3502 * 0.075 = 262.65, and 3 searches of $0.01 = 15000 -> 15263
    "searches of Claude": Case(MINI, Usage(1234, 567, extras=UsageExtras(searches=3)), "0.030526"),
    # 3502 * 0.075 * 0.5 = 131.325, and 15000 * 0.5 -> 7631
    "searches in a group": Case(
        MINI, Usage(1234, 567, extras=UsageExtras(searches=3)), "0.015262", group="vip"
    ),
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
        ([Cost(CostKind.AT_MOST, D("1")), Cost(CostKind.ABOUT, D("1"))], ("at_most", "2")),
        ([Cost(CostKind.AT_LEAST, D("1")), Cost(CostKind.EXACT, D("1"))], ("at_least", "2")),
        ([Cost(CostKind.AT_LEAST, D("1")), Cost(CostKind.AT_MOST, D("1"))], ("about", "2")),
        (
            [Cost(CostKind.GROUP_UNKNOWN, D("1")), Cost(CostKind.AT_MOST, D("1"))],
            ("group_unknown", "2"),
        ),
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


# -- searches, and what a key was charged ------------------------------------------------------


def listed_model(name: str, price: Price = MINI, **members: object) -> PriceList:
    """Return a list with one model."""
    prices = PriceList({name: price._replace(model=name)}, GROUPS, HALF_MILLION)
    return prices._replace(**members)  # type: ignore[arg-type]  # names of members


@each(
    ("model", "is_known", "dollars", "kind"),
    [
        ("gpt-4o-search-preview", True, "0.025526", "about"),  # 262.65 + 12500 -> 12763
        ("gpt-4o-search-preview", False, "0.000526", "at_least"),
        ("o4-mini-search-preview", True, "0.010526", "about"),
        ("gpt-5-search-preview-2026", True, "0.000526", "about"),  # only at the end
    ],
)
def test_search_models_cost_a_search_on_servers_that_charge_for_it(
    model: str, is_known: bool, dollars: str, kind: str
) -> None:
    prices = listed_model(model, charges_searches=is_known)
    cost = prices.cost(model, Usage(1234, 567), "default")
    assert (cost.usd, str(cost.kind)) == (D(dollars), kind)


def test_searches_that_are_not_counted_cost_at_least_nothing() -> None:
    cost = listed_model("claude").cost("claude", Usage(1234, 567), "default", searches=True)
    assert (cost.usd, cost.kind) == (D("0.000526"), CostKind.AT_LEAST)
    counted = Usage(1234, 567, extras=UsageExtras(searches=0))
    cost = listed_model("claude").cost("claude", counted, "default", searches=True)
    assert (cost.usd, cost.kind) == (D("0.000526"), CostKind.ABOUT)


def test_a_cost_with_parts_below_and_above_is_unknown() -> None:
    price = MINI._replace(cache_ratio=None)
    usage = Usage(1234, 567, cached_tokens=1000)
    cost = listed_model("m", price).cost("m", usage, "default", searches=True)
    assert cost == Cost(CostKind.UNKNOWN, None, DOLLAR)


def charged(**members: object) -> KeyRates:
    """Return the rates of a key in group vip with a ratio of its own."""
    rates = Rates("vip", 100.0)._replace(**members)  # type: ignore[arg-type]  # names of members
    return KeyRates("vip", {"vip": D("0.4")}, {"m": rates})


@each(
    ("members", "fetched_at", "dollars", "kind"),
    [
        ({}, 0.0, "0.00021", "about"),  # 3502 * 0.075 * 0.4 = 105.06
        ({"search_price": D("10")}, 0.0, "0.00021", "at_least"),
        ({"difference": 1}, 0.0, "0.00021", "at_least"),
        ({"difference": -1}, 0.0, "0.00021", "at_most"),
        # Ratios in a row count if it is newer than the published price: 3502 * 1 * 0.4 = 1400.8
        ({"model_ratio": D("1"), "completion_ratio": D("4")}, 0.0, "0.002802", "about"),
        ({"model_ratio": D("1"), "completion_ratio": D("4")}, 200.0, "0.00021", "about"),
        ({"per_call": D("0.02")}, 0.0, "0.008", "about"),
        ({"per_call": D("0.02")}, 200.0, "0.00021", "about"),
    ],
)
def test_what_a_key_was_charged_completes_the_published_price(
    members: dict[str, object], fetched_at: float, dollars: str, kind: str
) -> None:
    prices = listed_model("m", fetched_at=fetched_at)
    cost = prices.cost("m", Usage(1234, 567), "", charged(**members))
    assert (cost.usd, str(cost.kind)) == (D(dollars), kind)


def test_an_unpublished_cache_ratio_is_that_of_the_charge() -> None:
    price = MINI._replace(cache_ratio=None, create_cache_ratio=None)
    usage = Usage(1200, 100, cached_tokens=1000)
    rates = charged(cache_ratio=D("0.5"))
    cost = listed_model("m", price).cost("m", usage, "", rates)
    assert (cost.usd, cost.kind) == (D("0.000066"), CostKind.ABOUT)  # 1100 * 0.075 * 0.4 = 33
    published = listed_model("m", MINI).cost("m", usage, "", charged(cache_ratio=D("9")))
    assert published.usd == D("0.000066")


@each(
    ("price", "group", "rates", "expected"),
    [
        (("default", "vip"), "", charged(), ("vip", "0.4", True)),
        (("default", "vip"), "default", charged(), ("default", "1", True)),
        (("default", "vip"), "auto", charged(), ("vip", "0.4", True)),
        (("default",), "", charged()._replace(models={}), ("default", "1", False)),
        (("vip",), "", charged()._replace(models={}), ("vip", "0.4", True)),
        (("all",), "", charged()._replace(models={}), ("vip", "0.4", True)),
        (("default", "vip"), "", charged()._replace(group="x"), ("default", "1", False)),
        (("default", "vip"), "", charged()._replace(group="x", alternates=True),
         ("vip", "0.4", True)),
        (("default", "vip"), "", charged()._replace(ratios={}), ("vip", "0.5", True)),
    ],
)  # fmt: skip
def test_the_group_is_that_of_the_charge(
    price: tuple[str, ...], group: str, rates: KeyRates, expected: tuple[str, str, bool]
) -> None:
    prices = PriceList({}, GROUPS, HALF_MILLION)
    found = prices.group_for(Price("m", PriceKind.TOKENS, groups=price), group, rates)
    assert (found.name, str(found.ratio), found.is_certain) == expected


@each(
    ("expression", "amounts"),
    [
        (LONG_TIERS, ("3", "15", "0.3", True)),
        ('tier("a", p * 2.5 + c * 15)', ("2.5", "15", "2.5", False)),
        ('tier("call", fixed(0.01))', (None, None, None, False)),
        ('hour("UTC") > 8 ? p : c', (None, None, None, False)),
        ("", (None, None, None, False)),
    ],
)
def test_a_tiered_price_is_shown_as_that_of_its_lowest_tier(
    expression: str, amounts: tuple[str | None, str | None, str | None, bool]
) -> None:
    view = listed_model("m", tiers(expression)).view("m", "default")
    assert view is not None
    shown = [None if each is None else f"{each.normalize():f}" for each in view[3:6]]
    assert (view.kind, *shown, view.is_lowest) == (PriceKind.TIERED, *amounts)


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
