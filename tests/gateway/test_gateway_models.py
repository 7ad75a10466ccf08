"""`newapi models` with prices, on gateways of every kind and on servers without prices."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from newapi_cli.demo.server import DemoGateway
from tests.gateway.cache_age import age_cache
from tests.support.gateway_variants import Currency, PricingAccess, Release, gateway_variant
from tests.support.home import CANARY, Home
from tests.support.path_server import Answer, serving
from tests.support.process import newapi_command, run_newapi
from tests.support.terminal import Terminal

NEW_API = (("X-Oneapi-Request-Id", "rid"),)
PLAIN = {"object": "list", "data": [{"id": "m1", "object": "model", "owned_by": "o"}, {"id": "m2"}]}
ONE_API = {
    "data": [
        {"id": "m1", "object": "model", "owned_by": "openai", "permission": [], "root": "m1"},
        {"id": "m2", "object": "model", "owned_by": "custom", "permission": [], "root": "m2"},
    ]
}
STATUS = {"success": True, "data": {"quota_per_unit": 500000, "display_in_currency": True}}
PRICING = {
    "success": True,
    "data": [
        {
            "model_name": "m1",
            "quota_type": 0,
            "model_ratio": 1.25,
            "completion_ratio": 4,
            "enable_groups": ["default"],
        },
        {"model_name": "m2", "quota_type": 1, "model_price": 0.02, "enable_groups": ["default"]},
    ],
    "group_ratio": {"default": 1},
}


def models(home: Home, *args: str) -> dict[str, dict[str, object]]:
    """Return the listed models by name."""
    result = run_newapi("models", "--json", *args, home=home)
    assert result.code == 0, result
    return {each["id"]: each for each in json.loads(result.text)}


@contextmanager
def configured(home: Home, gateway: DemoGateway | None = None) -> Iterator[DemoGateway]:
    """Run a gateway, by default the demo, and write its URL to the configuration."""
    with gateway or DemoGateway(pace_s=0) as running:
        home.configure(running.base_url)
        yield running


@pytest.mark.parametrize("release", ["2025-04", "2026-08"])
def test_a_gateway_of_each_release_has_prices(home: Home, release: Release) -> None:
    with configured(home, gateway_variant(release)):
        listed = models(home)
    price = listed["demo"]["price"]
    assert isinstance(price, dict)
    assert (price["kind"], price["in_usd_per_million"], price["out_usd_per_million"]) == (
        "tokens",
        "0.15",
        "0.6",
    )
    assert price["cached_usd_per_million"] == ("0.075" if release == "2026-08" else None)
    assert (price["group"], price["group_is_certain"]) == ("default", False)
    per_call = listed["demo-per-call"]["price"]
    assert isinstance(per_call, dict)
    assert (per_call["kind"], per_call["usd_per_call"]) == ("call", "0.01")
    assert listed["demo-think"]["price"] is None  # not in the price list
    no_finish = listed["demo-no-finish"]["price"]
    assert isinstance(no_finish, dict)
    assert no_finish["kind"] == "unknown"  # 37.5 is the placeholder for no price
    assert listed["demo"]["endpoint_types"] == (["openai"] if release == "2026-08" else [])
    assert listed["demo"]["groups"] == ["default", "vip"]


def test_a_tiered_price_is_labeled_tiered_and_that_of_its_lowest_tier(home: Home) -> None:
    with configured(home):
        price = models(home, "tiered")["demo-tiered"]["price"]
        rows = run_newapi("models", "tiered", "--prices", home=home)
        with Terminal(newapi_command("models", "tiered"), home=home, columns=100) as terminal:
            assert terminal.wait_exit() == 0
            screen = terminal.all_text()
    assert isinstance(price, dict)
    assert (price["kind"], price["in_usd_per_million"]) == ("tiered", None)
    assert rows.text.split("\t")[:4] == ["demo-tiered", "tiered", "default", ""]
    assert re.search(r"demo-tiered +from \$0\.20 +from \$0\.80", screen)


@pytest.mark.parametrize("pricing", ["login", "off"])
def test_models_are_listed_without_prices_if_those_are_not_public(
    home: Home, pricing: PricingAccess
) -> None:
    with configured(home, gateway_variant(pricing=pricing)):
        listed = models(home)
    assert listed["demo"]["price"] is None
    assert len(listed) > 10


@pytest.mark.parametrize(
    "body",
    [
        json.dumps(PLAIN).encode(),
        json.dumps(ONE_API).encode(),
        b"\n\n\n" + json.dumps(ONE_API).encode(),
        json.dumps(PLAIN["data"]).encode(),
    ],
    ids=["plain", "one-api", "one-hub after heartbeats", "only a list"],
)
def test_other_servers_list_their_models_without_prices(home: Home, body: bytes) -> None:
    with serving({"/v1/models": Answer(body)}) as server:
        home.configure(server.url)
        listed = models(home)
        assert server.paths == ["/v1/models"]  # no request for prices
    assert list(listed) == ["m1", "m2"]
    assert {each["price"] for each in listed.values()} == {None}


def test_the_prices_of_a_related_gateway_are_read(home: Home) -> None:
    answers = {
        "/v1/models": Answer(b"\n" + json.dumps(ONE_API).encode(), headers=NEW_API),
        "/api/status": Answer(b"\n" + json.dumps(STATUS).encode()),
        "/api/pricing": Answer(PRICING),
    }
    with serving(answers) as server:
        home.configure(server.url)
        result = run_newapi("models", "--prices", home=home)
        assert [(each.path, each.key) for each in server.requests] == [
            ("/v1/models", CANARY),
            ("/api/status", ""),
            ("/api/pricing", ""),
        ]
    assert result.text == ("m1\ttokens\tdefault\t2.5\t\t10\t\nm2\tcall\tdefault\t\t\t\t0.02\n")


def test_a_pipe_gets_only_names(home: Home) -> None:
    with configured(home):
        text = run_newapi("models", "echo", home=home).text
    assert text == "demo-echo\n"


def test_the_list_is_cached_for_an_hour(home: Home) -> None:
    with configured(home) as gateway:
        models(home)
        models(home, "demo")
        assert [each.path for each in gateway.requests].count("/v1/models") == 1
        age_cache(home, 3_601)
        models(home)
        assert [each.path for each in gateway.requests].count("/v1/models") == 2
        models(home, "--refresh")
        paths = [each.path for each in gateway.requests]
    assert (paths.count("/v1/models"), paths.count("/api/pricing")) == (3, 2)


def test_each_key_has_its_own_cached_list(home: Home) -> None:
    with configured(home):
        all_models = models(home)
        env = {"NEWAPI_API_KEY": "sk-limited"}
        result = run_newapi("models", home=home, env=env)
    assert result.text.split() == ["demo", "demo-echo"]
    assert len(all_models) > 10


@pytest.mark.parametrize(
    ("order", "first", "last"),
    [("name", "demo", "demo-tiered"), ("in", "demo-echo", "demo-think"),
     ("out", "demo-echo", "demo-think")],
)  # fmt: skip
def test_the_list_is_sorted(home: Home, order: str, first: str, last: str) -> None:
    with configured(home):
        names = run_newapi("models", "--sort", order, home=home).text.split()
    assert (names[0], names[-1]) == (first, last)


def test_an_invalid_order_is_a_usage_error_that_lists_the_valid_ones(home: Home) -> None:
    with configured(home):
        result = run_newapi("models", "--sort", "size", home=home)
    assert result.code == 2
    assert "one of name, in, out" in result.err


@pytest.mark.parametrize(
    ("currency", "amount"),
    [("USD", "$0.60"), ("CNY", "¥4.38"), ("CUSTOM", "¤1.20"), ("TOKENS", "300,000 quota")],
)
def test_a_terminal_shows_prices_in_the_currency_of_the_gateway(
    home: Home, currency: Currency, amount: str
) -> None:
    with (
        configured(home, gateway_variant(currency=currency)),
        Terminal(newapi_command("models"), home=home) as terminal,
    ):
        assert terminal.wait_exit() == 0
        screen = terminal.all_text()
    assert "in/M" in screen
    assert amount in screen


def test_the_group_setting_changes_the_price(home: Home) -> None:
    with DemoGateway(pace_s=0) as gateway:
        home.configure(gateway.base_url, group="vip")
        price = models(home, "demo-long")["demo-long"]["price"]
    assert isinstance(price, dict)
    assert (price["group"], price["in_usd_per_million"]) == ("vip", "0.075")
    assert price["group_is_certain"] is True


def test_no_prices_are_fetched_if_they_are_disabled(home: Home) -> None:
    with DemoGateway(pace_s=0) as gateway:
        home.configure(gateway.base_url, prices=False)
        result = run_newapi("models", "--prices", home=home)
        assert [each.path for each in gateway.requests] == ["/v1/models"]
    assert result.text.splitlines()[0].split("\t")[:2] == ["demo", "unknown"]


@pytest.mark.parametrize("args", [[], ["--prices"], ["--sort", "out"]], ids=" ".join)
def test_a_guessed_group_is_reported_only_where_prices_matter(home: Home, args: list[str]) -> None:
    pipeline = ["bash", "-c", '"$@" | cat', "bash", *newapi_command("models", *args)]
    with configured(home), Terminal(pipeline, home=home, columns=200) as terminal:
        assert terminal.wait_exit() == 0
        assert ("prices of group" in terminal.all_text()) is bool(args)
