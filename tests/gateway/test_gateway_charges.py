"""What is shown as the cost of an answer, against what gateways of four ages charge for it.

Each situation is a key of its own: `login`, one answer, and a second answer, whose cost is compared
with the charge. `pytest -s` prints the table.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.support.home import CANARY, Home
from tests.support.measured_gateway import Model, Site, measured_gateway
from tests.support.process import run_newapi

CHAT, LOG, MODELS = "/v1/chat/completions", "/api/log/token", "/v1/models"
MIN_EXACT = 34  # of 40 situations


def usage(prompt: int, completion: int, **members: Any) -> dict[str, Any]:
    return {"prompt_tokens": prompt, "completion_tokens": completion, **members}


def cached(count: int, **more: int) -> dict[str, Any]:
    """Return a usage with a cached part of the prompt."""
    return usage(1234, 567, prompt_tokens_details={"cached_tokens": count, **more})


def claude(prompt: int, completion: int, read: int, writes: int, hour: int = 0) -> dict[str, Any]:
    """Return a usage of Claude as 2608 passes it on: the prompt is without what is cached."""
    return usage(
        prompt,
        completion,
        usage_semantic="anthropic",
        claude_cache_creation_5_m_tokens=writes - hour,
        claude_cache_creation_1_h_tokens=hour,
        prompt_tokens_details={"cached_tokens": read, "cached_creation_tokens": writes},
        billing_usage={"claude_usage": {"input_tokens": prompt}},
    )


def searched(count: int) -> dict[str, Any]:
    """Return a usage of Claude with web searches."""
    counted = {"server_tool_use": {"web_search_requests": count}}
    return usage(1234, 567, billing_usage={"claude_usage": counted})


class Case(NamedTuple):
    """A situation. `kind` is the expected mark; `withheld` is the fact that makes it inexact."""

    name: str
    site: Site
    model: str = "m"
    options: tuple[str, ...] = ()
    kind: str | None = "about"
    withheld: str = ""


def one(name: str, model: Model | None = None, *, at: str = "m", **site: Any) -> Case:
    """Return a situation of a site with one model, which is exact."""
    return Case(name, Site({at: model or Model()}, **site), at)


HIDDEN: dict[str, Any] = {
    "key_group": "svip",
    "ratios": {"default": 1, "vip": 0.5, "svip": 1.7},
    "hidden_groups": ("svip",),
}
TIERS = 'len <= 200000 ? tier("standard", p * 3 + c * 15) : tier("long", p * 6 + c * 22.5)'
TIERS_CACHED = (
    'len <= 200000 ? tier("standard", p * 3 + c * 15 + cr * 0.3)'
    ' : tier("long", p * 6 + c * 22.5 + cr * 0.6)'
)
BY_CLOCK = 'tier("base", p * 3 + c * 15) * (hour("UTC") < 25 ? 1 : 2)'
SEARCH = ("-o", 'web_search_options={"search_context_size":"low"}')


def standard(tokens: Mapping[str, float]) -> float:
    """Return the value of `TIERS`."""
    is_long = tokens["len"] > 200_000
    return tokens["p"] * (6 if is_long else 3) + tokens["c"] * (22.5 if is_long else 15)


def standard_cached(tokens: Mapping[str, float]) -> float:
    """Return the value of `TIERS_CACHED` for a prompt of the first tier."""
    return tokens["p"] * 3 + tokens["c"] * 15 + tokens["cr"] * 0.3


def tiered(expression: str, value: Any, reported: Mapping[str, Any] | None = None) -> Model:
    reported = usage(1234, 567) if reported is None else reported
    return Model(reported, expression=expression, tokens_value=value)


AUDIO = usage(
    100,
    80,
    prompt_tokens_details={"audio_tokens": 60},
    completion_tokens_details={"audio_tokens": 50},
)
EXACT = [
    one("2608 plain"),
    one("2608 group vip", key_group="vip"),
    one("2608 group that the site hides", **HIDDEN),
    one("2608 special ratio of the user for the key's group", key_group="vip",
        special={"vip": 0.3}),
    one("2608 special ratio in group default", special={"default": 0.3}),
    one("2608 group auto, served by vip", key_group="auto", auto_groups={"m": "vip"}),
    one("2608 group auto, served by a hidden group",
        **HIDDEN | {"key_group": "auto", "auto_groups": {"m": "svip"}}),
    one("2608 group with ratio 0", key_group="free", ratios={"default": 1, "free": 0}),
    one("2608 per call", Model(model_price=0.02)),
    one("2608 per call in group vip", Model(model_price=0.02), key_group="vip"),
    one("2608 free model", Model(model_ratio=0)),
    one("2608 cached tokens", Model(cached(1000), cache_ratio=0.5)),
    one("2608 reasoning tokens",
        Model(usage(1234, 567, completion_tokens_details={"reasoning_tokens": 500}))),
    one("2608 audio in and out",
        Model(AUDIO, model_ratio=1.25, audio_ratio=16, audio_completion_ratio=2)),
    one("2608 image in the prompt",
        Model(usage(1234, 567, prompt_tokens_details={"image_tokens": 1000}), image_ratio=1.6)),
    one("2608 Claude, read from and written to the cache",
        Model(claude(234, 567, 5000, 400), model_ratio=1.5, completion_ratio=5, cache_ratio=0.1)),
    one("2608 Claude, cached for an hour",
        Model(claude(234, 567, 5000, 400, 300), model_ratio=1.5, completion_ratio=5,
              cache_ratio=0.1)),
    one("2608 more cached tokens than the prompt has",
        Model(usage(34, 567, prompt_tokens_details={"cached_tokens": 5000}), cache_ratio=0.1)),
    one("2608 search model", Model(usage(10, 860), model_ratio=0.075),
        at="gpt-4o-mini-search-preview"),
    one("2608 search model in group vip", Model(), at="gpt-4o-search-preview", key_group="vip"),
    one("2608 Claude, 3 web searches", Model(searched(3)), at="claude-sonnet-4-5"),
    one("2608 Claude, 2 web searches in a hidden group", Model(searched(2)),
        at="claude-sonnet-4-5", **HIDDEN),
    Case("2608 Claude, searches allowed and none made",
         Site({"claude": Model(searched(0))}), "claude", SEARCH),
    one("2608 tiers, short prompt", tiered(TIERS, standard)),
    one("2608 tiers, long prompt", tiered(TIERS, standard, usage(300_000, 567))),
    one("2608 tiers, cached tokens", tiered(TIERS_CACHED, standard_cached, cached(1000))),
    one("2608 tiers in a hidden group", tiered(TIERS, standard), **HIDDEN),
    one("2608 tiers, price of a call",
        tiered('tier("call", fixed(0.01))', lambda _: 10_000.0)),
    one("2608 placeholder price in self-use mode", Model(model_ratio=37.5), is_self_use=True),
    one("2608 model that is not in the price list", Model(is_listed=False)),
    one("2608 model that is not listed, in a hidden group", Model(is_listed=False), **HIDDEN),
    one("2608 amount below one unit of quota", Model(usage(2, 1), model_ratio=0.001)),
    one("2608 site in yuan", currency="CNY"),
    one("2608 a million quota per dollar", quota_per_unit=1_000_000),
    one("2608 site in its own currency", currency="CUSTOM"),
    one("2602 plain", age="2602"),
    one("2602 special ratio", age="2602", key_group="vip", special={"vip": 0.3}),
    one("2602 group vip", key_group="vip", age="2602"),
    one("2602 group that the site hides", age="2602", **HIDDEN),
    one("2602 cached tokens of gpt-4o", Model(cached(1100), cache_ratio=0.5), age="2602"),
    one("2602 cached tokens of gpt-5", Model(cached(1100), cache_ratio=0.1), age="2602"),
    one("2602 search model", Model(usage(10, 860), model_ratio=0.075), age="2602",
        at="gpt-4o-mini-search-preview"),
    one("2504 plain", age="2504"),
    one("2504 per call", Model(model_price=0.02), age="2504"),
    one("2504 group auto, served by a hidden group", age="2504",
        **HIDDEN | {"key_group": "auto", "auto_groups": {"m": "svip"}}),
    one("2504 group that the site hides", age="2504", **HIDDEN),
    one("2504 special ratio", age="2504", key_group="vip", special={"vip": 0.3}),
    one("2504 cached tokens of deepseek", Model(cached(1100), cache_ratio=0.25), age="2504"),
    one("2504 more cached tokens than the prompt has", age="2504",
        model=Model(usage(34, 567, prompt_tokens_details={"cached_tokens": 5000}),
                    cache_ratio=0.1)),
    one("2504 search model, not charged for searches", age="2504", at="gpt-4o-search-preview"),
]  # fmt: skip
MARKED = [
    Case("2608 price by the clock", Site({"m": tiered(BY_CLOCK, standard)}), kind="tiered",
         withheld="the expression needs the gateway's clock"),
    Case("2608 Claude behind a provider that counts no searches",
         Site({"claude": Model(tools=(("web_search", 2, 10.0),))}), "claude", SEARCH, "at_least",
         "how many searches the model made"),
    Case("2608 Gemini with Google Search",
         Site({"gemini": Model(tools=(("google_search", 1, 14.0),))}), "gemini",
         kind="at_least", withheld="whether the model searched"),
    Case("2608 log of charges switched off", Site({"m": Model()}, key_group="vip", logs=False),
         kind="group_unknown", withheld="the group of the key"),
    Case("2608 no token counts", Site({"m": Model(None)}), kind="unknown",
         withheld="the token counts"),
    Case("2608 price list switched off", Site({"m": Model()}, pricing="off"), kind=None,
         withheld="the prices"),
    Case("2504 written to the cache",
         Site({"m": Model(cached(0, cached_creation_tokens=400))}, age="2504"), kind="at_most",
         withheld="the price of cache writes"),
    Case("one-api", Site({"m": Model()}, age="one-api"), kind=None,
         withheld="the prices and the log"),
]  # fmt: skip


class Row(NamedTuple):
    """The outcome of a situation. Amounts are in dollars."""

    case: Case
    shown: str
    kind: str | None
    usd: Decimal | None
    charged: Decimal

    @property
    def is_exact(self) -> bool:
        return self.usd == self.charged

    @property
    def text(self) -> str:
        columns = (self.case.name, self.shown, str(self.kind), f"${self.charged.normalize():f}")
        text = "{:<55} {:<28} {:<14} {:<12}".format(*columns)
        return f"{text} {'exact' if self.is_exact else self.case.withheld}".rstrip()


def outcome(case: Case, home: Home) -> Row:
    """Log in, get one answer, and return what is shown for the second."""
    with measured_gateway(case.site) as gateway:
        stdin = f"{CANARY}\n".encode()
        login = run_newapi("login", gateway.base_url, "--stdin", home=home, stdin=stdin)
        assert login.code == 0, login
        result = login
        for _ in range(2):
            options = ("-m", case.model, *case.options)
            result = run_newapi("chat", "--json", "-u", *options, "hi", home=home)
            assert result.code == 0, result
    answer = json.loads(result.text)
    usd = None if answer["cost_usd"] is None else Decimal(answer["cost_usd"])
    shown = result.err.splitlines()[-1].rpartition(" · ")[2]
    return Row(case, shown, answer["cost_kind"], usd, case.site.dollars())


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> list[Row]:
    """Return the outcome of every situation, and print the table."""
    found = [
        outcome(case, home) for case, home in zip(cases(), homes(tmp_path_factory), strict=False)
    ]
    exact = sum(row.is_exact for row in found)
    lines = [f"{'situation':<55} {'shown':<28} {'kind':<14} charged", *(row.text for row in found)]
    print("", *lines, f"{exact} of {len(found)} exact", sep="\n")
    return found


def cases() -> list[Case]:
    return [*EXACT, *MARKED]


def homes(factory: pytest.TempPathFactory) -> Iterator[Home]:
    while True:
        path: Path = factory.mktemp("home")
        yield Home(path)


def test_after_login_and_one_answer_nearly_all_costs_are_exact_to_the_digit(
    rows: list[Row],
) -> None:
    wrong = [row.text for row in rows if row.case in EXACT and not row.is_exact]
    assert wrong == []
    assert len(rows) >= 40
    assert sum(row.is_exact for row in rows) * 40 >= MIN_EXACT * len(rows)


def test_each_cost_has_the_kind_that_it_is_known_by(rows: list[Row]) -> None:
    wrong = [f"{row.text} (expected {row.case.kind})" for row in rows if row.kind != row.case.kind]
    assert wrong == []


def test_a_marked_cost_keeps_its_promise(rows: list[Row]) -> None:
    for row in rows:
        if row.kind == "at_most":
            assert row.usd is not None
            assert row.usd >= row.charged, row.text
        if row.kind == "at_least":
            assert row.usd is not None
            assert row.usd <= row.charged, row.text
        assert row.is_exact or row.kind != "about", row.text
        assert row.is_exact or row.case.withheld, row.text
