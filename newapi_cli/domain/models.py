"""What a gateway offers."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from newapi_cli.domain.pricing import PriceView


class ModelInfo(NamedTuple):
    """One model of `GET /v1/models`.

    `endpoint_types` is empty if it is not reported (before July 2025, and by other servers).
    """

    id: str
    owned_by: str = ""
    endpoint_types: tuple[str, ...] = ()


class PricedModel(NamedTuple):
    """A model with its price, None if it is not published.

    `groups` are the groups that may use it, as far as they are published.
    """

    id: str
    owned_by: str = ""
    endpoint_types: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    price: PriceView | None = None

    def matches(self, words: tuple[str, ...]) -> bool:
        """Return whether id or owner contain every word, in any case.

        >>> PricedModel("gpt-4o-mini", "openai").matches(("GPT", "mini"))
        True
        """
        text = f"{self.id} {self.owned_by}".lower()
        return all(word.lower() in text for word in words)
