"""A real server that is not a gateway: no prices, no cost, and `newapi doctor`."""

from __future__ import annotations

import json

from tests.support.home import Home
from tests.support.process import run_newapi


def test_models_are_listed_without_prices(live_home: Home) -> None:
    (model,) = json.loads(run_newapi("models", "--json", home=live_home).text)
    assert model["id"]
    assert model["price"] is None
    row = run_newapi("models", "--prices", home=live_home).text.split("\t")
    assert row[:2] == [model["id"], "unknown"]


def test_an_answer_has_no_cost(live_home: Home) -> None:
    result = run_newapi("chat", "-u", "--json", "--max-tokens", "8", "Say hello", home=live_home)
    value = json.loads(result.text)
    assert (value["cost_usd"], value["cost_kind"]) == (None, None)
    assert "cost" not in result.err
    assert value["usage"]["prompt_tokens"] > 0
    assert not list((live_home.newapi_home / "cache").glob("site-*"))  # no prices were requested


def test_usage_reports_tokens_without_a_cost(live_home: Home) -> None:
    run_newapi("chat", "--max-tokens", "8", "Say hello", home=live_home)
    (row,) = json.loads(run_newapi("usage", "--json", home=live_home).text)["rows"]
    assert (row["answers"], row["failures"], row["cost_kind"]) == (1, 0, None)
    assert row["prompt_tokens"] > 0
    assert row["first_token_s"] > 0


def test_a_missing_balance_is_an_error(live_home: Home) -> None:
    result = run_newapi("balance", home=live_home)
    assert (result.code, result.out) == (6, b"")
    assert "does not report a balance" in result.err


def test_doctor_finds_no_problem(live_home: Home) -> None:
    result = run_newapi("doctor", "--yes", "--json", home=live_home, timeout_s=60)
    value = json.loads(result.text)
    assert result.code == 0, result.text
    verdicts = {each["name"]: each["verdict"] for each in value["checks"]}
    assert "failed" not in verdicts.values()
    assert verdicts["answer"] == "ok"
