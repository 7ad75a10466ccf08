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
from newapi_cli.domain.price_expression import UnsupportedExpression, parse_expression
from newapi_cli.domain.rates import AUTO_GROUP, NO_RATES, KeyRates, Rates
from newapi_cli.domain.session import TurnRecord

MILLION = Decimal(1_000_000)
UNCONFIGURED_RATIO = Decimal("37.5")  # means that no price is set
USUAL_WRITE_RATIO = Decimal("1.25")
HOUR_WRITES = Decimal("1.6")  # relative to the price of a write that is cached for five minutes
ALL_GROUPS = "all"
DEFAULT_GROUP = "default"
# Dollars per 1,000 searches (New API setting/operation_setting/tools.go).
SEARCH_MODEL = "search-preview"
SEARCH_PRICE, SEARCH_MODEL_PRICE = Decimal(10), Decimal(25)
REASONING_MODELS = ("o1", "o3", "o4", "gpt-5")  # their searches cost `SEARCH_PRICE`
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

    The defaults are the ratios that a server uses if it publishes none; None is a ratio that it
    uses but does not publish. `per_call` is in dollars. `groups` are the groups that may use the
    model, or "all". `expression` is that of a tiered price.
    """

    model: str
    kind: PriceKind
    model_ratio: Decimal = Decimal(0)
    per_call: Decimal = Decimal(0)
    completion_ratio: Decimal = Decimal(1)
    cache_ratio: Decimal | None = Decimal(1)
    create_cache_ratio: Decimal | None = USUAL_WRITE_RATIO
    image_ratio: Decimal = Decimal(1)
    audio_ratio: Decimal = Decimal(1)
    audio_completion_ratio: Decimal = Decimal(1)
    groups: tuple[str, ...] = ()
    endpoint_types: tuple[str, ...] = ()
    expression: str = ""


class PriceView(NamedTuple):
    """A displayed price: dollars per million tokens, or per call, in one group.

    An amount that does not apply or is not published is None. If the group of the key is unknown,
    the amounts are those of the default group. `is_lowest`: longer prompts cost more.
    """

    kind: PriceKind
    group: str
    is_group_certain: bool
    prompt: Decimal | None = None
    completion: Decimal | None = None
    cached: Decimal | None = None
    per_call: Decimal | None = None
    is_lowest: bool = False


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


class PaidGroup(NamedTuple):
    """The group that a key pays in. Its ratio is None if it is unknown."""

    name: str
    ratio: Decimal | None
    is_certain: bool


class Surcharge(NamedTuple):
    """Dollars that are charged in addition to the tokens, before the ratio of the group.

    `is_least`: perhaps more.
    """

    usd: Decimal = Decimal(0)
    is_least: bool = False


class PriceList(NamedTuple):
    """The published prices of a site. The ratio of a group is None if it is not a number.

    `fetched_at` is in Unix seconds. `charges_searches`: the server is known to charge for the
    searches of search models, as New API does since 2026.
    """

    prices: Mapping[str, Price]
    group_ratios: Mapping[str, Decimal | None]
    quota_per_unit: Decimal
    currency: Currency = DOLLAR
    fetched_at: float = 0.0
    charges_searches: bool = False

    def price_of(self, model: str, rates: KeyRates = NO_RATES) -> Price | None:
        """Return the price of a model, completed by what the key was charged; None if unknown."""
        published, charged = self.prices.get(model), rates.models.get(model)
        if charged is None or (published is not None and published.kind is PriceKind.TIERED):
            return published
        if published is None or published.kind is PriceKind.UNKNOWN:
            return _price_from_rates(model, charged)
        if charged.at > self.fetched_at:  # newer than the published price
            newer = _price_from_rates(model, charged)
            if newer is not None:
                published = published._replace(
                    kind=newer.kind,
                    model_ratio=newer.model_ratio,
                    completion_ratio=newer.completion_ratio,
                    per_call=newer.per_call,
                )
        if published.cache_ratio is None:
            published = published._replace(cache_ratio=charged.cache_ratio)
        if published.create_cache_ratio is None:
            published = published._replace(create_cache_ratio=charged.create_cache_ratio)
        return published

    def group_for(self, price: Price, key_group: str = "", rates: KeyRates = NO_RATES) -> PaidGroup:
        """Return the group that a key pays in. `key_group` is the configured one, or empty.

        The ratio that the key was charged overrides the published one, as the owner of the key may
        have a special ratio. Without either, the group is a guess.
        """
        group = key_group if key_group not in ("", AUTO_GROUP) else rates.group_for(price.model)
        is_possible = bool(key_group) or _is_open_to(price, group) or price.model in rates.models
        if group in rates.ratios and is_possible:
            return PaidGroup(group, rates.ratios[group], is_certain=True)
        if group in self.group_ratios and is_possible:
            return PaidGroup(group, self.group_ratios[group], is_certain=True)
        open_to = [name for name in self.group_ratios if _is_open_to(price, name)]
        name = DEFAULT_GROUP if DEFAULT_GROUP in open_to or not open_to else open_to[0]
        return PaidGroup(name, self.group_ratios.get(name, Decimal(1)), is_certain=False)

    def view(self, model: str, key_group: str = "", rates: KeyRates = NO_RATES) -> PriceView | None:
        """Return the displayed price of a model, None if it is unknown."""
        price = self.price_of(model, rates)
        if price is None:
            return None
        group = self.group_for(price, key_group, rates)
        view = PriceView(price.kind, group.name, group.is_certain)
        if group.ratio is None:
            return view._replace(kind=PriceKind.UNKNOWN)
        if price.kind is PriceKind.CALL:
            view = view._replace(per_call=price.per_call * group.ratio)
        elif price.kind is PriceKind.TIERED:
            view = _tiered_view(view, price.expression, group.ratio)
        elif price.kind is PriceKind.TOKENS:
            prompt = price.model_ratio * group.ratio * MILLION / self.quota_per_unit
            view = view._replace(
                prompt=prompt,
                completion=prompt * price.completion_ratio,
                cached=None if price.cache_ratio is None else prompt * price.cache_ratio,
            )
        amounts = (view.prompt, view.completion, view.cached, view.per_call)
        if any(amount is not None and amount > MAX_DOLLARS for amount in amounts):
            return PriceView(PriceKind.UNKNOWN, group.name, group.is_certain)  # implausible
        return view

    def cost(
        self,
        model: str,
        usage: Usage | None,
        key_group: str = "",
        rates: KeyRates = NO_RATES,
        *,
        searches: bool = False,
    ) -> Cost:
        """Return the cost of an answer by prices and token counts. No price raises an error.

        `searches`: the request allowed the model to search the web.
        """
        try:
            with localcontext(prec=DIGITS):
                return self._cost(model, usage, key_group, rates, searches=searches)
        except ArithmeticError:  # beyond the precision
            return Cost(CostKind.UNKNOWN, currency=self.currency)

    def _cost(
        self, model: str, usage: Usage | None, key_group: str, rates: KeyRates, *, searches: bool
    ) -> Cost:
        price = self.price_of(model, rates)
        view = self.view(model, key_group, rates)
        unknown = Cost(CostKind.UNKNOWN, currency=self.currency)
        if price is None or view is None or view.kind is PriceKind.UNKNOWN:
            return unknown
        group = self.group_for(price, key_group, rates)
        charged, ratio = rates.models.get(model), group.ratio or Decimal(0)
        surcharge = self._surcharge(model, usage, charged, searches=searches)
        extra = surcharge.usd * ratio * self.quota_per_unit
        if price.kind is PriceKind.TIERED:
            before_group = tiered_quota(price.expression, usage, self.quota_per_unit)
            if before_group is None:
                return Cost(CostKind.TIERED, currency=self.currency)
            quota: Decimal | None = whole_quota(before_group * ratio + extra)
        elif price.kind is PriceKind.CALL:
            quota = whole_quota(price.per_call * self.quota_per_unit * ratio + extra)
        else:
            quota = charged_quota(usage, price, ratio, extra)
        usd = None if quota is None else plausible_dollars(quota, self.quota_per_unit)
        if usd is None:
            return unknown
        is_most = price.kind is PriceKind.TOKENS and lacks_ratio(usage, price)
        difference = 0 if charged is None else charged.difference
        kind = _kind_of(
            is_free=not usd
            and price.kind is not PriceKind.TIERED
            and not price.model_ratio
            and not price.per_call,
            is_group_certain=group.is_certain,
            is_most=is_most or difference < 0,
            is_least=surcharge.is_least or difference > 0,
        )
        return unknown if kind is CostKind.UNKNOWN else Cost(kind, usd, self.currency)

    def _surcharge(
        self, model: str, usage: Usage | None, charged: Rates | None, *, searches: bool
    ) -> Surcharge:
        """Return what is charged for searches of the web."""
        price = charged.search_price if charged is not None else None
        if model.endswith(SEARCH_MODEL):  # each of its answers is one search
            if price is None and not self.charges_searches:
                return Surcharge(is_least=True)
            if price is None:
                is_cheap = model.startswith(REASONING_MODELS)
                price = SEARCH_PRICE if is_cheap else SEARCH_MODEL_PRICE
            return Surcharge(price / 1000)
        count = usage.extras.searches if usage is not None and usage.extras is not None else None
        if count is None:
            return Surcharge(is_least=searches or bool(price))
        return Surcharge((price or SEARCH_PRICE) * count / 1000)


def _is_open_to(price: Price, group: str) -> bool:
    return not price.groups or ALL_GROUPS in price.groups or group in price.groups


def _price_from_rates(model: str, rates: Rates) -> Price | None:
    """Return the price that a key was charged, None if its log does not show it."""
    if rates.per_call is not None:
        return Price(model, PriceKind.CALL, per_call=rates.per_call)
    if rates.model_ratio is None or rates.completion_ratio is None:
        return None
    return Price(
        model,
        PriceKind.TOKENS,
        rates.model_ratio,
        completion_ratio=rates.completion_ratio,
        cache_ratio=rates.cache_ratio,
        create_cache_ratio=rates.create_cache_ratio,
    )


def _kind_of(*, is_free: bool, is_group_certain: bool, is_most: bool, is_least: bool) -> CostKind:
    if is_free:
        return CostKind.AT_LEAST if is_least else CostKind.ABOUT
    if not is_group_certain:
        return CostKind.GROUP_UNKNOWN
    if is_most and is_least:
        return CostKind.UNKNOWN
    if is_most:
        return CostKind.AT_MOST
    return CostKind.AT_LEAST if is_least else CostKind.ABOUT


def _tiered_view(view: PriceView, text: str, ratio: Decimal) -> PriceView:
    """Return a view with the prices of the lowest tier, if they are prices of tokens."""
    try:
        expression = parse_expression(text)
        if expression.value({}):  # a part is charged by the call
            return view
        amounts = [
            Decimal(repr(expression.value({name: 1.0, "len": 1.0}))) * ratio
            for name in ("p", "c", "cr")
        ]
    except (UnsupportedExpression, ArithmeticError):
        return view
    cached = amounts[2] if "cr" in expression.variables else amounts[0]
    return view._replace(
        prompt=amounts[0],
        completion=amounts[1],
        cached=cached,
        is_lowest=expression.has_conditions,
    )


def tiered_quota(text: str, usage: Usage | None, quota_per_unit: Decimal) -> Decimal | None:
    """Return the quota of a tiered price before the ratio of a group, None if it is unknown.

    >>> tiered_quota('tier("a", p * 3 + c * 15)', Usage(1234, 567), Decimal(500_000))
    Decimal('6103.5')
    """
    if usage is None or usage.prompt_tokens is None or usage.completion_tokens is None:
        return None
    try:
        expression = parse_expression(text)
        value = expression.value(_expression_tokens(usage, expression.variables))
    except UnsupportedExpression:
        return None
    return Decimal(repr(value / 1_000_000 * float(quota_per_unit)))


def _expression_tokens(usage: Usage, variables: frozenset[str]) -> dict[str, float]:
    """Return the token counts for an expression (New API service/tiered_settle.go).

    `p` and `c` are what has no price of its own; `len` is all of the prompt. Claude's own counts
    of the prompt are without what is cached.
    """
    extras = usage.extras or UsageExtras()
    tokens = {
        "cr": usage.cached_tokens or 0,
        "cc": extras.cache_writes,
        "cc1h": 0,
        "img": extras.images,
        "img_o": extras.images_out,
        "ai": extras.audio_in,
        "ao": extras.audio_out,
    }
    prompt, completion = usage.prompt_tokens or 0, usage.completion_tokens or 0
    length = prompt
    if extras.excludes_cached:
        tokens |= {"cc": extras.cache_writes - extras.cache_writes_1h}
        tokens |= {"cc1h": extras.cache_writes_1h}
        length += tokens["cr"] + tokens["cc"] + tokens["cc1h"]
    else:
        prompt -= sum(tokens[name] for name in ("cr", "cc", "img", "ai") if name in variables)
        completion -= sum(tokens[name] for name in ("img_o", "ao") if name in variables)
    tokens |= {"p": max(prompt, 0), "c": max(completion, 0), "len": length}
    return {name: float(count) for name, count in tokens.items()}


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


def charged_quota(
    usage: Usage | None, price: Price, group_ratio: Decimal, extra: Decimal = Decimal(0)
) -> Decimal | None:
    """Return the quota that is charged for tokens, None if a count is missing.

    `extra` is the quota of a surcharge. A ratio that is not published counts as its largest value.

    >>> price = Price("m", PriceKind.TOKENS, Decimal("0.075"), completion_ratio=Decimal(4))
    >>> charged_quota(Usage(1000, 250), price, Decimal(1))
    Decimal('150')
    """
    ratio = price.model_ratio * group_ratio
    if ratio == 0:
        return whole_quota(extra)
    if usage is None or usage.prompt_tokens is None or usage.completion_tokens is None:
        return None
    if usage.prompt_tokens + usage.completion_tokens == 0 and not extra:
        return Decimal(0)
    weighted = _weighted_prompt(usage, price) + _weighted_completion(usage, price)
    return max(whole_quota(weighted * ratio + extra), Decimal(1))


def lacks_ratio(usage: Usage | None, price: Price) -> bool:
    """Return whether tokens were counted whose ratio is not published."""
    if usage is None:
        return False
    writes = usage.extras.cache_writes if usage.extras is not None else 0
    return bool(usage.cached_tokens and price.cache_ratio is None) or bool(
        writes and price.create_cache_ratio is None
    )


def _weighted_prompt(usage: Usage, price: Price) -> Decimal:
    """Return the tokens of the prompt, each kind weighted by its price."""
    extras = usage.extras or UsageExtras()
    cache_ratio = Decimal(1) if price.cache_ratio is None else price.cache_ratio
    write_ratio = price.create_cache_ratio
    write_ratio = USUAL_WRITE_RATIO if write_ratio is None else write_ratio
    cached = Decimal(usage.cached_tokens or 0)
    writes, hour_writes = Decimal(extras.cache_writes), Decimal(extras.cache_writes_1h)
    images, audio = Decimal(extras.images), Decimal(extras.audio_in)
    plain = Decimal(usage.prompt_tokens or 0) - images - audio
    if not extras.excludes_cached:
        plain -= cached + writes
    return (
        max(plain, Decimal(0))
        + cached * cache_ratio
        + (writes - hour_writes) * write_ratio
        + hour_writes * write_ratio * HOUR_WRITES
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


def whole_quota(quota: Decimal) -> Decimal:
    """Return a quota as a whole number, rounded half away from zero as by the gateway."""
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

    The kind of the sum is that of its least certain part.
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
    return Cost(_sum_kind({cost.kind for cost in all_costs}), sum(known, Decimal(0)), currency)


def _sum_kind(kinds: set[CostKind]) -> CostKind:
    """Return the kind of a sum. Parts above and below their amounts make it approximate."""
    if kinds == {CostKind.EXACT}:
        return CostKind.EXACT
    if CostKind.GROUP_UNKNOWN in kinds:
        return CostKind.GROUP_UNKNOWN
    has_most, has_least = CostKind.AT_MOST in kinds, CostKind.AT_LEAST in kinds
    if has_most is has_least:
        return CostKind.ABOUT
    return CostKind.AT_MOST if has_most else CostKind.AT_LEAST
