"""What the log of a key shows about its prices, when it is requested, and whose rates are used."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from newapi_cli.demo.server import DemoGateway
from newapi_cli.domain.money import Cost, CostKind
from newapi_cli.domain.pricing import DOLLAR
from newapi_cli.render.units import cost_text
from tests.gateway.cache_age import age_cache
from tests.support.cases import each
from tests.support.home import CANARY, Home
from tests.support.measured_gateway import PLAIN, Model, Site, measured_gateway
from tests.support.path_server import Answer, serving
from tests.support.process import Result, newapi_command, run_newapi
from tests.support.terminal import Terminal

CHAT, STATUS, PRICING = "/v1/chat/completions", "/api/status", "/api/pricing"
MODELS, LOG, RECORD = "/v1/models", "/api/log/token", "/api/usage/token/"
DAY_S, MONTH_S = 86_400, 30 * 86_400
BESIDE = (STATUS, PRICING, LOG)
SVIP = {"default": 1, "vip": 0.5, "svip": 1.7}
PLAIN_COST, VIP_COST, SVIP_COST = "0.005254", "0.002626", "0.00893"


def site(**members: Any) -> Site:
    """Return a site with three models, of which the group `svip` is hidden."""
    models = {"m": Model(), "n": Model(), "cached": Model(
        {**PLAIN, "prompt_tokens_details": {"cached_tokens": 1000}}, cache_ratio=0.25)}  # fmt: skip
    return Site(models, **{"ratios": SVIP, "hidden_groups": ("svip",), **members})


def ask(home: Home, *args: str, key: str = "", model: str = "m") -> tuple[str | None, str | None]:
    """Send a prompt; return the dollars and the kind of the cost."""
    env = {"NEWAPI_API_KEY": key} if key else {}
    result = run_newapi("chat", "--json", "-m", model, *args, "hi", home=home, env=env)
    assert result.code == 0, result
    answer = json.loads(result.text)
    return answer["cost_usd"], answer["cost_kind"]


def login(home: Home, gateway: DemoGateway, key: str = CANARY) -> Result:
    result = run_newapi("login", gateway.base_url, "--stdin", home=home, stdin=f"{key}\n".encode())
    assert result.code == 0, result
    return result


def paths(gateway: DemoGateway) -> list[str]:
    return [each.path for each in gateway.requests]


# -- when it is requested ----------------------------------------------------------------------


def test_the_log_is_requested_at_login_and_after_the_first_answer(home: Home) -> None:
    with measured_gateway(site(key_group="vip")) as gateway:
        login(home, gateway)
        assert paths(gateway) == [MODELS, LOG]
        costs = [ask(home) for _ in range(3)]
        assert paths(gateway)[2] == CHAT
        assert Counter(paths(gateway)[3:6]) == Counter(BESIDE)  # at the same time, in any order
        assert paths(gateway)[6:] == [CHAT, CHAT]
        assert [each.key for each in gateway.requests if each.path == LOG] == [CANARY[3:]] * 2
        age_cache(home, DAY_S + 1)
        costs.append(ask(home))
        assert Counter(paths(gateway)[8:]) == Counter([CHAT, *BESIDE])
    assert costs == [(VIP_COST, "about")] * 4


def test_before_the_log_is_read_the_group_is_marked_as_unknown(home: Home) -> None:
    with measured_gateway(site(key_group="vip", logs=False)) as gateway:
        home.configure(gateway.base_url)
        assert [ask(home) for _ in range(3)] == [(PLAIN_COST, "group_unknown")] * 3
        assert paths(gateway).count(LOG) == 1  # an empty log is not requested each time


def test_nothing_is_requested_before_the_answer_begins(home: Home) -> None:
    with measured_gateway(site()) as gateway:
        home.configure(gateway.base_url)
        ask(home)
        assert paths(gateway)[0] == CHAT


def test_without_prices_nothing_but_the_prompt_is_sent(home: Home) -> None:
    with measured_gateway(site()) as gateway:
        login(home, gateway)
        run_newapi("config", "set", "prices", "false", home=home)
        before = len(gateway.requests)
        assert [ask(home) for _ in range(2)] == [(None, None)] * 2
        assert paths(gateway)[before:] == [CHAT, CHAT]
        assert run_newapi("chat", "-m", "gone", "hi", home=home).code != 0
        login(home, gateway)
        assert set(paths(gateway)[before:]) == {CHAT, MODELS}


@each("args", [(), ("--json",), ("-q",), ("--raw",), ("--no-stream",)])
def test_no_way_of_answering_sends_more(args: tuple[str, ...], home: Home) -> None:
    with measured_gateway(site()) as gateway:
        home.configure(gateway.base_url)
        assert run_newapi("chat", "-m", "m", *args, "hi", home=home).code == 0
        assert Counter(paths(gateway)) == Counter([CHAT, *BESIDE])


def test_a_run_that_saves_nothing_requests_no_log(home: Home) -> None:
    with measured_gateway(site()) as gateway:
        home.configure(gateway.base_url)
        assert ask(home, "-n")[1] == "unknown"
        assert paths(gateway) == [CHAT]


def test_a_server_of_another_kind_gets_no_request_beside_the_prompt(home: Home) -> None:
    completion = {
        "choices": [{"message": {"content": "Paris"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 5},
    }
    models = {"data": [{"id": "m"}]}
    with serving({CHAT: Answer(completion), MODELS: Answer(models)}) as server:
        stdin = f"{CANARY}\n".encode()
        assert run_newapi("login", server.url, "--stdin", home=home, stdin=stdin).code == 0
        assert ask(home) == (None, None)
        assert server.paths == [MODELS, CHAT]


def test_one_api_has_no_log_and_gets_the_key_in_no_url(home: Home) -> None:
    with measured_gateway(site(age="one-api")) as gateway:
        login(home, gateway)
        assert [ask(home) for _ in range(2)] == [(None, None)] * 2
        assert Counter(paths(gateway)) == Counter([MODELS, LOG, CHAT, STATUS, PRICING, LOG, CHAT])


def test_a_gateway_of_2025_gets_the_key_in_the_url_of_its_own_log(home: Home) -> None:
    with measured_gateway(site(age="2504", key_group="svip")) as gateway:
        login(home, gateway)
        assert [ask(home) for _ in range(2)] == [(SVIP_COST, "about")] * 2
        assert f"{LOG}?key={CANARY}" in paths(gateway)
        assert home.files_holding() == []


def test_a_log_that_does_not_arrive_delays_the_answer_by_a_second_at_most(home: Home) -> None:
    completion = {
        "choices": [{"message": {"content": "Paris"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 5},
    }
    answers = {
        CHAT: Answer(completion, headers=(("X-Oneapi-Request-Id", "r"),)),
        STATUS: Answer({"data": {"quota_per_unit": 500000}}),
        PRICING: Answer({"data": [{"model_name": "m", "model_ratio": 1}]}),
    }
    with serving(answers) as server:
        server.blocked.add(LOG)
        home.configure(server.url)
        first = run_newapi("chat", "--json", "-m", "m", "hi", home=home)
        second = run_newapi("chat", "--json", "-m", "m", "hi", home=home)
        assert server.paths.count(LOG) == 1  # again in an hour
    kinds = [json.loads(each.text)["cost_kind"] for each in (first, second)]
    assert kinds == ["group_unknown"] * 2
    assert first.seconds < second.seconds + 2.5


# -- whose rates are used ----------------------------------------------------------------------


def test_rates_of_one_key_are_not_used_for_another(home: Home) -> None:
    gateway_site = site(key_group="svip")
    with measured_gateway(gateway_site) as gateway:
        home.configure(gateway.base_url)
        ask(home)
        gateway_site.logs = False
        assert ask(home) == (SVIP_COST, "about")
        assert ask(home, key="sk-another") == (PLAIN_COST, "group_unknown")
        assert ask(home) == (SVIP_COST, "about")


def test_rates_of_one_site_are_not_used_for_another_with_the_same_key(home: Home) -> None:
    with (
        measured_gateway(site(key_group="svip")) as one,
        measured_gateway(site(key_group="svip", logs=False)) as other,
    ):
        home.configure(one.base_url)
        ask(home)
        assert ask(home) == (SVIP_COST, "about")
        home.configure(other.base_url)
        assert ask(home) == (PLAIN_COST, "group_unknown")


def test_the_ratio_of_one_group_is_not_used_for_another(home: Home) -> None:
    with measured_gateway(site(key_group="svip")) as gateway:
        home.configure(gateway.base_url)
        ask(home)
        for group, expected in (
            ("svip", (SVIP_COST, "about")),
            ("vip", (VIP_COST, "about")),  # the published ratio
            ("gone", (PLAIN_COST, "group_unknown")),
            ("", (SVIP_COST, "about")),
        ):
            home.configure(gateway.base_url, group=group)
            assert ask(home) == expected, group


def test_a_special_ratio_counts_for_its_group_only(home: Home) -> None:
    gateway_site = site(key_group="vip", special={"vip": 0.3})
    with measured_gateway(gateway_site) as gateway:
        home.configure(gateway.base_url)
        ask(home)
        assert ask(home) == ("0.001576", "about")
        home.configure(gateway.base_url, group="default")
        assert ask(home) == (PLAIN_COST, "about")


def test_a_key_that_is_moved_to_another_group_pays_by_the_newest_row(home: Home) -> None:
    gateway_site = site(key_group="svip")
    with measured_gateway(gateway_site) as gateway:
        home.configure(gateway.base_url)
        ask(home)
        assert ask(home) == (SVIP_COST, "about")
        gateway_site.key_group = "vip"
        ask(home)
        age_cache(home, DAY_S + 1)
        ask(home)  # the log is read beside it
        assert ask(home) == (VIP_COST, "about")


@pytest.mark.parametrize("age", ["2608", "2504"])
def test_a_model_last_used_in_another_group_has_an_unknown_group(home: Home, age: Any) -> None:
    """The key may have been moved, or be in the group `auto`."""
    groups = {"m": "svip", "n": "vip", "cached": "vip"}
    with measured_gateway(site(age=age, key_group="auto", auto_groups=groups)) as gateway:
        home.configure(gateway.base_url)
        ask(home, model="m")
        ask(home, model="n")
        age_cache(home, DAY_S + 1)
        ask(home, model="m")
        age_cache(home, DAY_S + 1)
        ask(home, model="m")
        # svip, vip, svip, svip: the groups alternate, so each model has its own.
        assert [ask(home, model=name) for name in ("m", "n")] == [
            (SVIP_COST, "about"),
            (VIP_COST, "about"),
        ]
        assert ask(home, model="cached")[1] == "group_unknown"


def test_cached_tokens_cost_at_most_the_price_of_others_until_the_log_is_read(home: Home) -> None:
    gateway_site = site(age="2602", logs=False)
    with measured_gateway(gateway_site) as gateway:
        home.configure(gateway.base_url, group="default")
        assert ask(home, model="cached") == (PLAIN_COST, "at_most")
        gateway_site.logs = True
        ask(home, model="cached")
        age_cache(home, DAY_S + 1)
        ask(home, model="cached")
        usd, kind = ask(home, model="cached")
    assert (usd, kind) == (f"{gateway_site.dollars().normalize():f}", "about")
    assert usd is not None
    assert usd < PLAIN_COST


def test_rates_are_forgotten_after_a_month_without_a_newer_log(home: Home) -> None:
    with measured_gateway(site(key_group="svip")) as gateway:
        home.configure(gateway.base_url)
        ask(home)
        run_newapi("config", "set", "prices", "false", home=home)
        age_cache(home, MONTH_S - DAY_S)
        assert ask_offline(home) == "svip"
        age_cache(home, DAY_S + 1)
        assert ask_offline(home) == "default"


def listed_price(home: Home, env: dict[str, str] | None = None) -> dict[str, Any]:
    """Return the price of the model `m` in the list of models."""
    listed = json.loads(run_newapi("models", "--json", home=home, env=env or {}).text)
    [price] = [model["price"] for model in listed if model["id"] == "m"]
    assert isinstance(price, dict)
    return price


def ask_offline(home: Home) -> str:
    """Return the group whose prices are listed for the model that is sent."""
    group = listed_price(home, {"NEWAPI_PRICES": "true"})["group"]
    assert isinstance(group, str)
    return group


# -- what is shown ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "model", "shown"),
    [
        (lambda _: None, "m", "~$0.0053"),
        (lambda it: setattr(it, "logs", False), "m", "~$0.0053 (group unknown)"),
        (lambda it: setattr(it, "key_group", "svip"), "m", "~$0.0089"),
        (lambda it: setattr(it, "age", "2504"), "cached", "~$0.0041"),
    ],
)
def test_the_cost_line_says_how_the_cost_is_known(
    home: Home, change: Callable[[Site], None], model: str, shown: str
) -> None:
    gateway_site = site()
    change(gateway_site)
    with measured_gateway(gateway_site) as gateway:
        home.configure(gateway.base_url)
        err = run_newapi("chat", "-u", "-m", model, "hi", home=home).err
    assert err.splitlines()[-1].rpartition(" · ")[2] == shown


@each(
    ("kind", "usd", "text"),
    [
        ("exact", "0.0026", "$0.0026"),
        ("about", "0.0026", "~$0.0026"),
        ("about", "0", "free"),
        ("group_unknown", "0.0052", "~$0.0052 (group unknown)"),
        ("group_unknown", "0", "~$0.00 (group unknown)"),
        ("at_most", "0.0052", "at most $0.0052"),
        ("at_least", "0.0005", "at least $0.0005"),
        ("at_least", "0", "at least $0.00"),
        ("tiered", None, "tiered price"),
        ("unknown", None, "cost unknown"),
    ],
)
def test_each_kind_of_cost_has_its_words(kind: str, usd: str | None, text: str) -> None:
    amount = None if usd is None else Decimal(usd)
    assert cost_text(Cost(CostKind(kind), amount, DOLLAR)) == text


def test_the_learned_group_and_its_prices_are_listed(home: Home) -> None:
    with measured_gateway(site(key_group="svip")) as gateway:
        home.configure(gateway.base_url)
        ask(home)
        price = listed_price(home)
        assert json.loads(run_newapi("balance", "--json", home=home).text)["group"] == "svip"
    assert (price["group"], price["group_is_certain"]) == ("svip", True)
    assert price["in_usd_per_million"] == "2.55"  # 0.75 * 2 * 1.7


def test_uncertain_costs_are_stored_and_added_up_as_such(home: Home) -> None:
    with measured_gateway(site(key_group="vip", logs=False)) as gateway:
        home.configure(gateway.base_url)
        for _ in range(2):
            ask(home)
    total = json.loads(run_newapi("usage", "--json", home=home).text)["total"]
    assert (total["cost_usd"], total["cost_kind"]) == ("0.010508", "group_unknown")


def test_the_record_of_a_key_is_not_requested_beside_an_answer(home: Home) -> None:
    with measured_gateway(site()) as gateway:
        login(home, gateway)
        ask(home)
        assert RECORD not in paths(gateway)


# -- the group in the settings -----------------------------------------------------------------


def set_group(home: Home, name: str) -> Result:
    return run_newapi("config", "set", "group", name, home=home)


def test_the_name_of_a_group_is_checked(home: Home) -> None:
    with measured_gateway(site(key_group="svip")) as gateway:
        home.configure(gateway.base_url)
        result = set_group(home, "vipp")
        assert (result.code, "cannot check vipp" in result.err) == (0, True)  # nothing is known yet
        assert gateway.requests == []
        run_newapi("config", "unset", "group", home=home)
        ask(home)
        before = len(gateway.requests)
        for name in ("vip", "default", "auto", "svip"):  # svip is in the log of the key only
            assert set_group(home, name).code == 0, name
        result = set_group(home, "vipp")
        assert len(gateway.requests) == before
    assert (result.code, '"svip"' in home.config_file.read_text()) == (2, True)
    assert 'the gateway has no group "vipp"' in result.err
    assert "why: it publishes default, vip\n" in result.err
    assert "try: use vip" in result.err


def test_a_group_without_a_published_ratio_is_reported_as_such(home: Home) -> None:
    with measured_gateway(site(logs=False)) as gateway:
        home.configure(gateway.base_url, group="svip")
        with Terminal(newapi_command("models"), home=home, columns=160) as terminal:
            assert terminal.wait_exit() == 0
            screen = terminal.all_text()
    assert "the site does not publish the ratio of the key's group svip" in screen
    assert "newapi balance" not in screen


# -- answers that were stopped, or are empty -----------------------------------------------------


@pytest.mark.parametrize("age", ["2608", "2602", "2504", "one-api"])
def test_an_empty_answer_is_charged_and_reported(home: Home, age: Any) -> None:
    gateway_site = Site(
        {"m": Model(usage={"prompt_tokens": 1234, "completion_tokens": 0}, text="")}
    )
    gateway_site.age = age
    with measured_gateway(gateway_site) as gateway:
        home.configure(gateway.base_url, retries=0, group="default")
        results = [run_newapi("chat", "-u", "-m", "m", "hi", home=home) for _ in range(2)]
    assert [each.code for each in results] == [6, 6]
    [row] = json.loads(run_newapi("usage", "--json", home=home).text)["rows"]
    assert (row["failures"], row["prompt_tokens"]) == (2, 2468)
    if age == "one-api":
        return  # it publishes no prices
    assert "~$0.0019" in results[-1].err
    assert row["cost_usd"] == "0.003704"


def stop(home: Home, gateway: DemoGateway, *args: str) -> str:
    """Stop an answer with Ctrl-C after its first text, and return what is shown."""
    command = newapi_command("chat", "--raw", "-m", "m", *args, "hi")
    with Terminal(command, home=home.configure(gateway.base_url), columns=120) as terminal:
        terminal.wait_for("An")
        terminal.send(b"\x03")
        assert terminal.wait_exit() == 130
        return terminal.all_text()


CHARGED = "the gateway may charge for the whole answer"
LONG = Model(text="An answer of many words " * 200)


@pytest.mark.parametrize(
    ("age", "is_warned"), [("2608", False), ("2602", True), ("2504", True), ("one-api", True)]
)
def test_after_ctrl_c_the_user_learns_that_all_may_be_charged(
    home: Home, age: Any, is_warned: bool
) -> None:
    gateway_site = Site({"m": LONG}, age=age)
    with measured_gateway(gateway_site, pace_s=0.05) as gateway:
        screen = stop(home, gateway)
        assert gateway.wait_for_disconnect(10)
    assert (CHARGED in screen) is is_warned


@each("age", ["2608", "2504"])
def test_a_timeout_of_ours_may_be_charged_too(age: Any, home: Home) -> None:
    with measured_gateway(Site({"m": LONG}, age=age), pace_s=0.05) as gateway:
        home.configure(gateway.base_url, total_timeout=0.3)
        run = run_newapi("chat", "-m", "m", "hi", home=home)
        quiet = run_newapi("chat", "-q", "-m", "m", "hi", home=home)
    assert (run.code, quiet.code) == (9, 9)
    assert (CHARGED in run.err) is (age == "2504"), run.err
    assert CHARGED not in quiet.err


@each("age", ["2608", "2504"])
def test_a_timeout_before_the_answer_may_be_charged_too(age: Any, home: Home) -> None:
    """The kind of server was seen before. All versions charge an answer that is not streamed."""
    models = {"m": Model(), "slow": Model(first_pause_s=60)}
    with measured_gateway(Site(models, age=age)) as gateway:
        home.configure(gateway.base_url, total_timeout=0.3, retries=0)
        ask(home)
        streamed = run_newapi("chat", "-m", "slow", "hi", home=home)
        whole = run_newapi("chat", "-m", "slow", "--no-stream", "hi", home=home)
    assert (streamed.code, whole.code) == (8, 8)
    assert (CHARGED in streamed.err) is (age == "2504")
    assert CHARGED in whole.err


def test_a_server_of_another_kind_is_not_said_to_charge(home: Home) -> None:
    with serving({}) as server:
        server.blocked.add(CHAT)
        home.configure(server.url, total_timeout=0.3, retries=0)
        run = run_newapi("chat", "hi", home=home)
    assert (run.code, CHARGED in run.err) == (8, False)


# -- login -------------------------------------------------------------------------------------


def refused_login(home: Home, gateway: DemoGateway, key: str) -> Result:
    stdin = f"{key}\n".encode()
    result = run_newapi("login", gateway.base_url, "--stdin", home=home, stdin=stdin)
    assert not home.config_file.exists()
    return result


@each(
    ("key", "code", "shown"),
    [
        ("sk-expired", 4, "error: the key expired on "),
        ("sk-exhausted", 7, "error: the key's quota is used up"),
        ("sk-wrong", 4, "error: the gateway rejected the key"),
    ],
)
def test_the_record_of_a_key_explains_a_refused_login(
    key: str, code: int, shown: str, home: Home
) -> None:
    with DemoGateway(pace_s=0) as gateway:
        results = [refused_login(home, gateway, key) for _ in range(2)]
        requested = paths(gateway)
    assert [each.code for each in results] == [code, code], results
    assert all(shown in each.err for each in results), results
    assert requested == [MODELS, RECORD, MODELS]  # once a day


def test_a_refused_login_at_another_server_requests_no_record(home: Home) -> None:
    refusal = Answer({"error": {"message": "Incorrect API key", "type": "x"}}, 401)
    with serving({MODELS: refusal}) as server:
        stdin = f"{CANARY}\n".encode()
        result = run_newapi("login", server.url, "--stdin", home=home, stdin=stdin)
        assert server.paths == [MODELS]
    assert "config list" not in result.err


def test_login_warns_if_the_key_has_no_models(home: Home) -> None:
    with measured_gateway(Site({})) as gateway:
        err = login(home, gateway).err
    assert "warning: this key has no models; in the gateway's console, choose another group" in err
    with measured_gateway(site()) as gateway:
        assert "warning" not in login(home, gateway).err


def test_login_with_a_variable_that_overrides_the_key_requests_no_log(home: Home) -> None:
    with measured_gateway(site()) as gateway:
        env = {"NEWAPI_API_KEY": "sk-of-the-environment"}
        stdin = f"{CANARY}\n".encode()
        args = ("login", gateway.base_url, "--stdin")
        assert run_newapi(*args, home=home, stdin=stdin, env=env).code == 0
        assert paths(gateway) == [MODELS]
