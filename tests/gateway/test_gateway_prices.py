"""Prices never delay an answer: they are fetched while it streams, once a day, and cached."""

from __future__ import annotations

import json
from decimal import Decimal
from itertools import groupby

import pytest

from newapi_cli.demo.server import DemoGateway
from tests.gateway.cache_age import age_cache
from tests.support.gateway_variants import PricingAccess, Release, gateway_variant
from tests.support.home import CANARY, Home
from tests.support.path_server import Answer, serving
from tests.support.process import newapi_command, run_newapi
from tests.support.terminal import Terminal
from tests.support.wire import MODEL

CHAT, STATUS, PRICING = "/v1/chat/completions", "/api/status", "/api/pricing"
LOG = "/api/log/token"
BESIDE = (LOG, PRICING, STATUS)
DAY_S = 86_400
PRICES = {"data": [{"model_name": MODEL, "model_ratio": 1}]}
NEW_API = (("X-Oneapi-Request-Id", "rid"),)
COMPLETION = {
    "id": "c",
    "choices": [{"index": 0, "message": {"content": "Paris"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 10, "completion_tokens": 5},
}


def answer_of(home: Home, *args: str, key: str | None = None) -> dict[str, object]:
    """Send a prompt and return the JSON output."""
    env = None if key is None else {"NEWAPI_API_KEY": key}
    result = run_newapi("chat", "--json", *args, home=home, env=env)
    assert result.code == 0, result
    value = json.loads(result.text)
    assert isinstance(value, dict)
    return value


def paths(gateway: DemoGateway) -> list[str]:
    return [each.path for each in gateway.requests]


def by_answer(gateway: DemoGateway) -> list[str]:
    """Return the paths, those of one answer sorted: they are requested at the same time."""
    groups = groupby(paths(gateway), key=lambda path: path == CHAT)
    return [path for _, group in groups for path in sorted(group)]


def test_prices_are_fetched_after_the_request_without_the_key_and_once_a_day(
    home: Home,
) -> None:
    with DemoGateway(pace_s=0.001) as gateway:
        home.configure(gateway.base_url, model="demo")
        costs = [answer_of(home, "hello")["cost_usd"] for _ in range(3)]
        assert by_answer(gateway) == [CHAT, *BESIDE, CHAT, CHAT]
        keys = {each.path: each.headers.get("authorization") for each in gateway.requests[1:4]}
        assert keys == {STATUS: None, PRICING: None, LOG: f"Bearer {CANARY}"}  # the log of the key
        age_cache(home, DAY_S + 1)
        costs.append(answer_of(home, "hello")["cost_usd"])
        assert by_answer(gateway)[6:] == [CHAT, *BESIDE]
    assert costs == ["0.000026"] * 4  # (5 + 43 * 4) * 0.075 = 13.275 -> 13


def test_the_first_text_is_shown_before_prices_are_fetched(home: Home) -> None:
    with (
        DemoGateway(pace_s=0.05) as gateway,
        Terminal(
            newapi_command("chat", "--raw", "hello"),
            home=home.configure(gateway.base_url, model="demo"),
            columns=120,
        ) as terminal,
    ):
        terminal.wait_for("Hello!")
        assert terminal.wait_exit() == 0
        assert "~$0.000026" in terminal.all_text()
        assert by_answer(gateway) == [CHAT, *BESIDE]


def test_slow_prices_delay_the_exit_by_a_second_at_most(home: Home) -> None:
    with serving({CHAT: Answer(COMPLETION, headers=NEW_API)}) as server:
        server.blocked.add(STATUS)
        home.configure(server.url)
        first = run_newapi("chat", "--json", "hi", home=home)
        second = run_newapi("chat", "--json", "hi", home=home)
        assert sorted(server.paths[:-1]) == sorted([CHAT, LOG, STATUS])
        assert server.paths[-1] == CHAT  # and no second request on the same day
    assert [json.loads(each.text)["cost_kind"] for each in (first, second)] == ["unknown"] * 2
    assert second.seconds < first.seconds < second.seconds + 2.5


def test_failed_prices_are_fetched_again_after_an_hour(home: Home) -> None:
    answers = {
        CHAT: Answer(COMPLETION, headers=NEW_API),
        STATUS: Answer(b"", 502),
        PRICING: Answer(PRICES),
    }
    with serving(answers) as server:
        home.configure(server.url)
        assert answer_of(home, "hi")["cost_kind"] == "unknown"
        server.answers[STATUS] = Answer({"data": {"quota_per_unit": 500000}})
        assert answer_of(home, "hi")["cost_kind"] == "unknown"
        age_cache(home, 3_601)
        assert answer_of(home, "hi")["cost_usd"] == "0.00003"  # (10 + 5) * 1
        age_cache(home, DAY_S + 1)
        server.answers[PRICING] = Answer(b"", 429)
        assert answer_of(home, "hi")["cost_usd"] == "0.00003"  # of yesterday
        assert server.paths.count(STATUS) == 3


def test_prices_are_not_fetched_if_they_cannot_be_cached(home: Home) -> None:
    with DemoGateway(pace_s=0) as gateway:
        home.configure(gateway.base_url, model="demo")
        (home.newapi_home / "cache").write_text("a file where a folder should be")
        assert [answer_of(home, "hello")["cost_kind"] for _ in range(2)] == ["unknown"] * 2
        assert paths(gateway) == [CHAT, CHAT]
        listed = json.loads(run_newapi("models", "--json", "demo", home=home).text)
    assert listed[0]["price"]["in_usd_per_million"] == "0.15"  # on request they are fetched


def test_prices_are_not_fetched_if_they_are_disabled(home: Home) -> None:
    with DemoGateway(pace_s=0) as gateway:
        home.configure(gateway.base_url, model="demo", prices=False)
        answer = answer_of(home, "hello")
        assert paths(gateway) == [CHAT]
    assert (answer["cost_usd"], answer["cost_kind"]) == (None, None)


def test_a_run_without_saving_fetches_no_prices_but_uses_cached_ones(home: Home) -> None:
    with DemoGateway(pace_s=0) as gateway:
        home.configure(gateway.base_url, model="demo")
        assert answer_of(home, "-n", "hello")["cost_kind"] == "unknown"
        assert paths(gateway) == [CHAT]
        assert not (home.newapi_home / "cache").exists()
        answer_of(home, "hello")
        assert answer_of(home, "-n", "hello")["cost_usd"] == "0.000026"
        assert by_answer(gateway) == [CHAT, CHAT, *BESIDE, CHAT]


def test_the_demo_shows_the_cost_and_caches_nothing(home: Home) -> None:
    answer = json.loads(run_newapi("demo", "--json", "hello", home=home).text)
    assert answer["cost_usd"] == "0.000026"
    assert not (home.newapi_home / "cache").exists()


def test_a_server_that_is_not_known_as_new_api_gets_no_request_for_prices(home: Home) -> None:
    with serving({CHAT: Answer(COMPLETION)}) as server:
        home.configure(server.url)
        answer = answer_of(home, "hi")
        assert server.paths == [CHAT]
    assert answer["cost_kind"] is None


@pytest.mark.parametrize("pricing", ["login", "off"])
def test_restricted_prices_are_requested_once_a_day_too(home: Home, pricing: PricingAccess) -> None:
    with gateway_variant(pricing=pricing) as gateway:
        home.configure(gateway.base_url, model="demo")
        kinds = {answer_of(home, "hello")["cost_kind"] for _ in range(2)}
        assert sorted(paths(gateway)) == [LOG, PRICING, STATUS, CHAT, CHAT]
    assert kinds == {None}


@pytest.mark.parametrize(
    ("model", "kind", "usd"),
    [
        ("demo", "about", "0.000026"),
        ("demo-echo", "about", "0"),
        ("demo-per-call", "about", "0.01"),
        ("demo-tiered", "about", "0.000036"),
        ("demo-think", "about", "0.000054"),  # not in the price list, but in the log
        ("demo-no-finish", "about", "0.003376"),
    ],
)
def test_each_kind_of_cost_is_reported_and_stored(
    home: Home, model: str, kind: str, usd: str | None
) -> None:
    with DemoGateway(pace_s=0) as gateway:
        home.configure(gateway.base_url, model=model, require_finish_reason=False)
        answer = answer_of(home, "hello")
    exported = json.loads(
        run_newapi("sessions", "export", "--json", str(answer["session"]), home=home).text
    )
    turn = exported["turns"][-1]
    assert (answer["cost_kind"], answer["cost_usd"]) == (kind, usd)
    assert (turn["cost_kind"], turn["cost"]) == (kind, usd)


@pytest.mark.parametrize(
    ("model", "cost"),
    [
        ("demo", "~$0.000026"),
        ("demo-echo", "free"),
        ("demo-tiered", "~$0.000036"),
    ],
)
def test_the_usage_line_shows_the_cost_if_it_is_known(home: Home, model: str, cost: str) -> None:
    with DemoGateway(pace_s=0) as gateway:
        home.configure(gateway.base_url, model=model)
        line = run_newapi("chat", "-u", "hello", home=home).err.splitlines()[-1]
    assert line.endswith(f" · {cost}")
    assert "$0.00 " not in f"{line} "


@pytest.mark.parametrize("release", ["2025-04", "2026-08"])
def test_the_reported_cost_is_what_the_gateway_charges(home: Home, release: Release) -> None:
    """Three turns of a conversation, in which earlier turns are cached.

    Gateways of 2025 publish the price of cached tokens in the log of the key only.
    """
    with gateway_variant(release) as gateway:
        home.configure(gateway.base_url, model="demo-reasoning")
        first = answer_of(home, "What is a gateway?")
        charged = [used_dollars(home)]
        answers = [first, *(answer_of(home, "-c", f"and {n}?") for n in range(2))]
        charged.append(used_dollars(home))
    costs = [Decimal(str(each["cost_usd"])) for each in answers]
    assert charged[0] == costs[0] > 0
    assert charged[1] == sum(costs)


def used_dollars(home: Home) -> Decimal:
    """Return the dollars that the key has used according to the gateway."""
    return Decimal(json.loads(run_newapi("balance", "--json", home=home).text)["used"])


def test_no_cached_price_contains_the_key(home: Home) -> None:
    status = {"success": True, "data": {"quota_per_unit": 1, "system_name": CANARY}}
    answers = {
        CHAT: Answer(COMPLETION, headers=NEW_API),
        STATUS: Answer(status),
        PRICING: Answer({"data": [{"model_name": CANARY, "model_ratio": 1}], "group_ratio": {}}),
    }
    with serving(answers) as server:
        home.configure(server.url)
        answer_of(home, "hi")
        assert {CHAT, STATUS, PRICING} <= set(server.paths)
    assert home.files_holding() == []


INVALID: list[object] = [
    None, [], "text", 5, {"data": None}, {"data": {"quota_per_unit": "x"}}, b"", b"<html>", b"{",
    {"data": {"quota_per_unit": -1}}, {"data": {"quota_per_unit": 1e300}},
    {"data": {"quota_per_unit": float("nan")}}, {"data": {"quota_per_unit": 1e-300}},
    {"data": [{"model_name": MODEL, "model_ratio": float("nan")}]},
]  # fmt: skip


@pytest.mark.parametrize("invalid", INVALID, ids=repr)
def test_invalid_prices_are_ignored(home: Home, invalid: object) -> None:
    valid_status = {"data": {"quota_per_unit": 500000}}
    for status, pricing in ((invalid, PRICES), (valid_status, invalid)):
        answers = {
            CHAT: Answer(COMPLETION, headers=NEW_API),
            STATUS: Answer(status),
            PRICING: Answer(pricing),
        }
        with serving(answers) as server:
            home.configure(server.url)
            result = run_newapi("chat", "--json", "hi", home=home)
        assert (result.code, result.err) == (0, ""), result
        assert json.loads(result.text)["cost_usd"] is None
