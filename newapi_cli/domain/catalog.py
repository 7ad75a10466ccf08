"""What a gateway offers."""

from __future__ import annotations

from typing import NamedTuple


class ModelInfo(NamedTuple):
    """One model of `GET /v1/models`.

    `endpoint_types` is empty where the server does not tell (before July 2025, and relatives).
    """

    id: str
    owned_by: str = ""
    endpoint_types: tuple[str, ...] = ()

    def matches(self, words: tuple[str, ...]) -> bool:
        """Say whether every word stands somewhere in the id or the owner, in any case.

        >>> ModelInfo("gpt-4o-mini", "openai").matches(("GPT", "mini"))
        True
        """
        text = f"{self.id} {self.owned_by}".lower()
        return all(word.lower() in text for word in words)
