"""The prices of the demo models, and the cost of a request in quota.

Ratios are multiples of $2 per million tokens. Source: New API service/text_quota.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from types import MappingProxyType
from typing import NamedTuple

from newapi_cli.demo.chat_request import ChatRequest
from newapi_cli.demo.replies import DEMO_MODELS, Reply, count_tokens

QUOTA_PER_DOLLAR = 500_000
GROUP_RATIOS: Mapping[str, float] = MappingProxyType({"default": 1, "vip": 0.5})

_TOKENS_PER_MESSAGE = 3  # for the role and the delimiters: an estimate, like every count here
_MAX_SHORT_PROMPT = 1000  # tokens
_SHORT = (Decimal("0.2"), Decimal("0.8"))  # dollars per million prompt and completion tokens
_LONG = (Decimal("0.4"), Decimal("1.2"))
TIERED_EXPRESSION = (
    f'p <= {_MAX_SHORT_PROMPT} ? tier("short", p * {_SHORT[0]} + c * {_SHORT[1]})'
    f' : tier("long", p * {_LONG[0]} + c * {_LONG[1]})'
)


class TokenCounts(NamedTuple):
    """The tokens of one request. `prompt` includes `cached`; `content` excludes `reasoning`."""

    prompt: int
    cached: int
    content: int
    reasoning: int

    @property
    def completion(self) -> int:
        return self.content + self.reasoning


@dataclass(frozen=True, slots=True)
class Price:
    """The price of a model: by ratios, per call (`model_price`, in dollars) or in tiers."""

    model_ratio: float = 0.075
    completion_ratio: float = 4
    cache_ratio: float | None = 0.5
    model_price: float | None = None
    is_tiered: bool = False
    groups: tuple[str, ...] = ("default", "vip")
    is_listed: bool = True

    def is_for(self, group: str) -> bool:
        """Return whether keys of a group may use the model."""
        return group in self.groups or "all" in self.groups


_DEFAULT_PRICE = Price()
_OTHER_PRICES = {
    "demo-reasoning": Price(model_ratio=0.55),
    "demo-think": Price(is_listed=False),
    "demo-slow": Price(groups=("all",)),
    "demo-long": Price(cache_ratio=None),
    "demo-echo": Price(model_ratio=0, completion_ratio=1, cache_ratio=None),
    "demo-per-call": Price(0, 0, None, model_price=0.01),
    # gateways that do not support tiers use the ratios
    "demo-tiered": Price(0.1, 4, None, is_tiered=True),
    "demo-vip": Price(groups=("vip",)),
    # 37.5 is the placeholder for a model without a configured price
    "demo-no-finish": Price(37.5, 1, None),
}
PRICES: Mapping[str, Price] = MappingProxyType(
    {model: _OTHER_PRICES.get(model, _DEFAULT_PRICE) for model in DEMO_MODELS}
)


def count_usage(request: ChatRequest, reply: Reply) -> TokenCounts:
    """Return the tokens of a request and its complete reply.

    Every message but the last was sent before, so it counts as cached.
    """
    prompts = [count_tokens(message.text) + _TOKENS_PER_MESSAGE for message in request.messages]
    return TokenCounts(
        prompt=sum(prompts),
        cached=sum(prompts[:-1]) if len(request.user_texts) > 1 else 0,
        content=count_tokens(reply.content),
        reasoning=count_tokens(reply.reasoning),
    )


def quota_for(counts: TokenCounts, price: Price, group: str) -> int:
    """Return the cost in quota, rounded half away from zero, and at least 1 unless it is free.

    >>> quota_for(TokenCounts(10, 0, 20, 0), Price(model_ratio=0.55), "default")
    50
    >>> quota_for(TokenCounts(100, 80, 10, 0), Price(1, 2, 0.25), "vip")
    30
    >>> quota_for(TokenCounts(0, 0, 0, 0), Price(0, 0, None, model_price=0.01), "vip")
    2500
    >>> quota_for(TokenCounts(1, 0, 0, 0), Price(), "default")
    1
    >>> quota_for(TokenCounts(9, 0, 9, 0), Price(0, 1, None), "default")
    0
    """
    group_ratio = _decimal(GROUP_RATIOS[group])
    if price.is_tiered:
        prompt_price, completion_price = _tier(counts)[1]
        dollars = (counts.prompt * prompt_price + counts.completion * completion_price) / 1_000_000
        return _rounded(dollars * QUOTA_PER_DOLLAR * group_ratio)
    if price.model_price is not None:
        return _rounded(_decimal(price.model_price) * QUOTA_PER_DOLLAR * group_ratio)
    cache_ratio = _decimal(1 if price.cache_ratio is None else price.cache_ratio)
    weighted_tokens = (
        counts.prompt
        - counts.cached
        + counts.cached * cache_ratio
        + counts.completion * _decimal(price.completion_ratio)
    )
    return _rounded(weighted_tokens * _decimal(price.model_ratio) * group_ratio)


def tier_name(counts: TokenCounts) -> str:
    """Return the name of the tier in `TIERED_EXPRESSION` that a request falls into."""
    return _tier(counts)[0]


def _tier(counts: TokenCounts) -> tuple[str, tuple[Decimal, Decimal]]:
    return ("short", _SHORT) if counts.prompt <= _MAX_SHORT_PROMPT else ("long", _LONG)


def _decimal(number: float) -> Decimal:
    return Decimal(str(number))


def _rounded(amount: Decimal) -> int:
    rounded = int(amount.quantize(Decimal(1), ROUND_HALF_UP))
    return max(1, rounded) if amount else 0
