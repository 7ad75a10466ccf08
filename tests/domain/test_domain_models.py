"""Searching models."""

from __future__ import annotations

import pytest

from newapi_cli.domain.models import PricedModel


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
    assert PricedModel("gpt-4o-mini", "OpenAI").matches(words) is matches
