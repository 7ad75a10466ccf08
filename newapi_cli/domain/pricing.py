"""Models and prices as a New API gateway publishes them, and arithmetic on them in `Decimal`.

A gateway counts in quota, whole units of which `quota_per_unit` are a dollar:

    quota = round((uncached prompt + cached * cache_ratio + writes * create_cache_ratio
                   + completion * completion_ratio) * model_ratio * group_ratio)

at least 1 where it is not free (QuantumNous/new-api service/text_quota.go).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import ROUND_HALF_UP, Decimal, localcontext
from enum import StrEnum
from typing import NamedTuple

from newapi_cli.domain.completion import Usage, UsageExtras
from newapi_cli.domain.money import Cost, CostKind, Currency
from newapi_cli.domain.session import TurnRecord

MILLION = Decimal(1_000_000)
UNCONFIGURED_RATIO = Decimal("37.5")  # means that no price is set
HOUR_WRITES = Decimal("1.6")  # relative to the price of a write that is cached for five minutes
ALL_GROUPS = "all"
DEFAULT_GROUP = "default"
DIGITS = 100  # of precision: numbers of a server have at most 36, and are multiplied
MIN_DOLLARS = Decimal("1E-18")
MAX_DOLLARS = Decimal(10**12)  # a price or a balance beyond this is invalid
DOLLAR = Currency("USD", "$", Decimal(1))


class PriceKind(StrEnum):
    """What a price is charged for."""

    TOKENS = "tokens"
    CALL = "call"
    TIERED = "tiered"
    UNKNOWN = "unknown"


class Price(NamedTuple):
    """The price of one model, before the ratio of a group.

    The defaults are the ratios that a server uses if it publishes none. `per_call` is in dollars.
    `groups` are the groups that may use the model, or "all".
    """

    model: str
    kind: PriceKind
    model_ratio: Decimal = Decimal(0)
    per_call: Decimal = Decimal(0)
    completion_ratio: Decimal = Decimal(1)
    cache_ratio: Decimal = Decimal(1)
    create_cache_ratio: Decimal = Decimal("1.25")
    image_ratio: Decimal = Decimal(1)
    audio_ratio: Decimal = Decimal(1)
    audio_completion_ratio: Decimal = Decimal(1)
    groups: tuple[str, ...] = ()
    endpoint_types: tuple[str, ...] = ()


class PriceView(NamedTuple):
    """A displayed price: dollars per million tokens, or per call, in one group.

    An amount that does not apply or is not published is None. If the group of the key is unknown
    and the ratios of the groups differ, the amounts are those of the default group.
    """

    kind: PriceKind
    group: str
    is_group_certain: bool
    prompt: Decimal | None = None
    completion: Decimal | None = None
    cached: Decimal | None = None
    per_call: Decimal | None = None


class ModelInfo(NamedTuple):
    """A model of `GET /v1/models`, and its price, None if it is not published.

    `endpoint_types` is empty if it is not reported (before July 2025, and by other servers).
    `groups` are the groups that may use the model, as far as they are published.
    """

    id: str
    owned_by: str = ""
    endpoint_types: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    price: PriceView | None = None

    def matches(self, words: tuple[str, ...]) -> bool:
        """Return whether id or owner contain every word, in any case.

        >>> ModelInfo("gpt-4o-mini", "openai").matches(("GPT", "mini"))
        True
        """
        text = f"{self.id} {self.owned_by}".lower()
        return all(word.lower() in text for word in words)


class PriceList(NamedTuple):
    """The published prices of a site. The ratio of a group is None if it is not a number."""

    prices: Mapping[str, Price]
    group_ratios: Mapping[str, Decimal | None]
    quota_per_unit: Decimal
    currency: Currency = DOLLAR

    def group_for(self, price: Price, key_group: str = "") -> tuple[str, Decimal | None, bool]:
        """Return the group that a key pays in, its ratio if known, and whether that is certain.

        `key_group` is empty if the group of the key is unknown.
        """
        if key_group in self.group_ratios:
            return key_group, self.group_ratios[key_group], True
        open_to = [
            name
            for name in self.group_ratios
            if ALL_GROUPS in price.groups or name in price.groups or not price.groups
        ]
        ratios = {self.group_ratios[name] for name in open_to}
        name = DEFAULT_GROUP if DEFAULT_GROUP in open_to or not open_to else open_to[0]
        is_certain = not key_group and len(ratios) <= 1
        return name, self.group_ratios.get(name, Decimal(1)), is_certain

    def view(self, model: str, key_group: str = "") -> PriceView | None:
        """Return the displayed price of a model, None if the site does not list it."""
        price = self.prices.get(model)
        if price is None:
            return None
        group, ratio, is_certain = self.group_for(price, key_group)
        if ratio is None:
            return PriceView(PriceKind.UNKNOWN, group, is_certain)
        view = PriceView(price.kind, group, is_certain)
        if price.kind is PriceKind.CALL:
            view = view._replace(per_call=price.per_call * ratio)
        elif price.kind is PriceKind.TOKENS:
            prompt = price.model_ratio * ratio * MILLION / self.quota_per_unit
            view = view._replace(
                prompt=prompt,
                completion=prompt * price.completion_ratio,
                cached=prompt * price.cache_ratio,
            )
        if any(amount is not None and amount > MAX_DOLLARS for amount in view[3:]):
            return PriceView(PriceKind.UNKNOWN, group, is_certain)  # implausible
        return view

    def cost(self, model: str, usage: Usage | None, key_group: str = "") -> Cost:
        """Return the cost of an answer by prices and token counts. No price raises an error."""
        try:
            with localcontext(prec=DIGITS):
                return self._cost(model, usage, key_group)
        except ArithmeticError:  # beyond the precision
            return Cost(CostKind.UNKNOWN, currency=self.currency)

    def _cost(self, model: str, usage: Usage | None, key_group: str) -> Cost:
        price = self.prices.get(model)
        if price is not None and price.kind is PriceKind.TIERED:
            return Cost(CostKind.TIERED, currency=self.currency)
        if price is None or price.kind is PriceKind.UNKNOWN:
            return Cost(CostKind.UNKNOWN, currency=self.currency)
        ratio, view = self.group_for(price, key_group)[1], self.view(model, key_group)
        if ratio is None or view is None or view.kind is PriceKind.UNKNOWN:
            return Cost(CostKind.UNKNOWN, currency=self.currency)
        if price.kind is PriceKind.CALL:
            quota: Decimal | None = _whole(price.per_call * self.quota_per_unit * ratio)
        else:
            quota = charged_quota(usage, price, ratio)
        usd = None if quota is None else plausible_dollars(quota, self.quota_per_unit)
        if usd is None:
            return Cost(CostKind.UNKNOWN, currency=self.currency)
        return Cost(CostKind.ABOUT, usd, self.currency)


def dollars_from_quota(quota: Decimal, quota_per_unit: Decimal) -> Decimal:
    """Return a quota in dollars, rounded to 18 places.

    >>> dollars_from_quota(Decimal(1), Decimal(300_000))
    Decimal('0.000003333333333333')
    """
    with localcontext(prec=DIGITS):
        return (quota / quota_per_unit).quantize(MIN_DOLLARS).normalize()


def plausible_dollars(quota: Decimal, quota_per_unit: Decimal) -> Decimal | None:
    """Return a quota in dollars, None for an implausible or negative amount.

    >>> [plausible_dollars(Decimal(quota), Decimal(1)) for quota in (5, -1, 10**13, "NaN")]
    [Decimal('5'), None, None, None]
    """
    try:
        usd = dollars_from_quota(quota, quota_per_unit)
        is_plausible = 0 <= usd <= MAX_DOLLARS
    except ArithmeticError:  # not a number, or beyond the precision
        return None
    return usd.copy_abs() if is_plausible else None  # a zero may have a sign


def charged_quota(usage: Usage | None, price: Price, group_ratio: Decimal) -> Decimal | None:
    """Return the quota that is charged for tokens, None if a count is missing.

    >>> price = Price("m", PriceKind.TOKENS, Decimal("0.075"), completion_ratio=Decimal(4))
    >>> charged_quota(Usage(1000, 250), price, Decimal(1))
    Decimal('150')
    """
    ratio = price.model_ratio * group_ratio
    if ratio == 0:
        return Decimal(0)
    if usage is None or usage.prompt_tokens is None or usage.completion_tokens is None:
        return None
    if usage.prompt_tokens + usage.completion_tokens == 0:
        return Decimal(0)
    weighted = _weighted_prompt(usage, price) + _weighted_completion(usage, price)
    return max(_whole(weighted * ratio), Decimal(1))


def _weighted_prompt(usage: Usage, price: Price) -> Decimal:
    """Return the tokens of the prompt, each kind weighted by its price."""
    extras = usage.extras or UsageExtras()
    cached = Decimal(usage.cached_tokens or 0)
    writes, hour_writes = Decimal(extras.cache_writes), Decimal(extras.cache_writes_1h)
    images, audio = Decimal(extras.images), Decimal(extras.audio_in)
    plain = Decimal(usage.prompt_tokens or 0) - images - audio
    if not extras.excludes_cached:
        plain -= cached + writes
    return (
        max(plain, Decimal(0))
        + cached * price.cache_ratio
        + (writes - hour_writes) * price.create_cache_ratio
        + hour_writes * price.create_cache_ratio * HOUR_WRITES
        + images * price.image_ratio
        + audio * price.audio_ratio
    )


def _weighted_completion(usage: Usage, price: Price) -> Decimal:
    """Return the weighted tokens of the completion; audio may have a ratio of its own."""
    audio = Decimal(usage.extras.audio_out) if usage.extras else Decimal(0)
    text = Decimal(usage.completion_tokens or 0) - audio
    if price.audio_ratio == 1 and price.audio_completion_ratio == 1:
        return (text + audio) * price.completion_ratio
    return text * price.completion_ratio + audio * price.audio_ratio * price.audio_completion_ratio


def _whole(quota: Decimal) -> Decimal:
    return quota.quantize(Decimal(1), ROUND_HALF_UP)


class TotalCost(NamedTuple):
    """The cost of several answers. `unknown` counts those that it does not include."""

    cost: Cost | None
    unknown: int = 0


def total_cost(turns: Iterable[TurnRecord], currency: Currency | None) -> TotalCost:
    """Return the total cost of turns, None if no server of them publishes prices."""
    answered = [turn for turn in turns if turn.answer or turn.cost_kind]
    costs = [cost_of_turn(turn, currency) for turn in answered]
    total = sum_costs(cost for cost in costs if cost is not None)
    if total is None or total.usd is None:
        return TotalCost(total)
    return TotalCost(total, sum(cost is None or cost.usd is None for cost in costs))


def cost_of_turn(turn: TurnRecord, currency: Currency | None = None) -> Cost | None:
    """Return the stored cost of a turn, None if the server publishes no prices."""
    try:
        kind = CostKind(turn.cost_kind)
        usd = None if turn.cost is None else Decimal(turn.cost)
    except (ValueError, ArithmeticError):  # edited by hand, or written by a later version
        return None
    return Cost(kind, usd if usd is None or usd.is_finite() else None, currency)


def sum_costs(costs: Iterable[Cost]) -> Cost | None:
    """Return the sum of the known costs, None if there are no costs at all.

    An unknown cost makes the sum approximate. If all are unknown, the kind of the sum says so.
    """
    all_costs = list(costs)
    known = [cost.usd for cost in all_costs if cost.usd is not None]
    if not all_costs:
        return None
    currency = all_costs[-1].currency
    if not known:
        kinds = {cost.kind for cost in all_costs}
        kind = CostKind.TIERED if kinds == {CostKind.TIERED} else CostKind.UNKNOWN
        return Cost(kind, currency=currency)
    is_exact = all(cost.kind is CostKind.EXACT for cost in all_costs)
    kind = CostKind.EXACT if is_exact else CostKind.ABOUT
    return Cost(kind, sum(known, Decimal(0)), currency)
