"""`newapi usage` over a store: TSV, JSON and tables; spans, profiles; no store and a broken one."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from newapi_cli.demo.server import DemoGateway
from newapi_cli.domain.completion import Status
from newapi_cli.store.sessions import SessionStore
from tests.sessions.helpers import chat, sessions_file, stored_sessions, tree
from tests.store.stores import change_raw, new_session
from tests.support.home import CANARY, Home
from tests.support.process import run_command, run_newapi
from tests.usage.spent import DAY_S, Said, as_json, fill, names, screen, tsv, usage

FIELDS = ["answers", "failures", "prompt_tokens", "completion_tokens", "cost_usd", "cost_kind",
          "unpriced", "first_token_s"]  # fmt: skip
DEAR = Said("gpt", tokens=(1000, 200), cost="0.0100", kind="about", first_token_s=0.25)
MIXED = [
    DEAR,
    Said("gpt", tokens=(500, 50), kind="unknown", first_token_s=0.75),
    Said("gpt", tokens=None, status=Status.ERROR, first_token_s=None),
    Said("mini", days_ago=10, tokens=(7, 3), cost="0.000004", kind="exact", first_token_s=None),
    Said("big", days_ago=20, tokens=(1, 2), kind="tiered", status=Status.INTERRUPTED),
    Said("local", days_ago=40, tokens=(30, 40)),
]


@pytest.fixture
def filled(home: Home) -> Home:
    """Return a home whose store holds answers of forty days."""
    fill(home, *MIXED)
    return home


# -- the shapes -------------------------------------------------------------------------------


def test_a_pipe_gets_exact_dollars_and_plain_numbers(filled: Home) -> None:
    result = usage(filled)
    assert tsv(result) == [
        ["gpt", "2", "1", "1500", "250", "0.01", "about", "1", "0.500"],
        ["mini", "1", "0", "7", "3", "0.000004", "exact", "0", ""],
        ["big", "1", "0", "1", "2", "", "tiered", "1", "0.500"],
    ]
    assert result.err == ""


def test_json_has_one_shape(filled: Home) -> None:
    found = as_json(filled)
    assert list(found) == ["by", "since", "rows", "total"]
    assert (found["by"], len(found["rows"])) == ("model", 3)
    assert all(list(row) == ["name", "title", *FIELDS] for row in found["rows"])
    assert found["rows"][0] == {
        "name": "gpt",
        "title": None,
        "answers": 2,
        "failures": 1,
        "prompt_tokens": 1500,
        "completion_tokens": 250,
        "cost_usd": "0.01",
        "cost_kind": "about",
        "unpriced": 1,
        "first_token_s": 0.5,
    }
    assert list(found["total"]) == FIELDS
    assert (found["total"]["answers"], found["total"]["cost_usd"]) == (4, "0.010004")
    since = datetime.fromisoformat(found["since"])
    assert abs(time.time() - 30 * DAY_S - since.timestamp()) < 60
    assert as_json(filled, "--since", "all")["since"] is None


def test_a_terminal_gets_a_table_with_bars(filled: Home) -> None:
    rows = screen(filled, columns=100)
    assert rows[0].split() == [
        "model", "answers", "failed", "in", "out", "first", "token", "cost",
    ]  # fmt: skip
    assert rows[1].split()[:7] == ["gpt", "2", "1", "1,500", "250", "0.50", "s"]
    assert "~$0.01 + 1 unknown  ████████" in rows[1]
    assert "$0.000004" in rows[2]
    assert rows[3].split()[-1] == "tiered"
    assert rows[4].split()[0] == "total"
    assert "~$0.01 + 2 unknown" in rows[4]
    assert rows[5].startswith("from the sessions on this machine; since 20")


@pytest.mark.parametrize("columns", [40, 100])
@pytest.mark.parametrize("by", ["model", "day", "session"])
def test_a_table_fits_every_width(filled: Home, by: str, columns: int) -> None:
    rows = screen(filled, "--by", by, "--since", "all", columns=columns)
    count = {"model": 4, "day": 4, "session": 1}[by]
    assert rows[0].split()[0] == by
    assert rows[count + 1].split()[0] == "total"
    assert rows[count + 2].startswith("from the sessions on this machine")
    assert "cost" in rows[0]


@pytest.mark.parametrize("env", [{"TERM": "dumb"}, {"PYTHONIOENCODING": "ascii"}], ids=str)
def test_a_terminal_without_block_characters_gets_ascii(filled: Home, env: dict[str, str]) -> None:
    text = "\n".join(screen(filled, columns=100, env=env))
    assert "########" in text
    assert text.isascii()


def test_no_color_switches_bold_off(filled: Home) -> None:
    assert screen(filled, env={"NO_COLOR": "1"})[0].startswith("model")


def test_many_rows_are_limited_on_a_terminal_only(home: Home) -> None:
    fill(home, *(Said(f"model-{number:03}", tokens=(number + 1, 0)) for number in range(120)))
    rows = screen(home, rows=200)
    assert [row.split()[0] for row in rows[1:101]] == [f"model-{n:03}" for n in range(119, 19, -1)]
    assert rows[101].split()[:2] == ["total", "120"]
    assert rows[-1] == "100 of 120 rows; a pipe receives all"
    assert len(tsv(usage(home))) == 120


# -- by what ----------------------------------------------------------------------------------


def test_days_are_local_ones_newest_first(home: Home) -> None:
    fill(home, Said(cost="1", kind="exact"))
    at = datetime(2026, 10, 24, 22, 30, tzinfo=UTC).timestamp()  # 2026-10-25 in Berlin
    change_raw(sessions_file(home), "UPDATE turns SET created_at = ?", at)
    for zone, day in (("Europe/Berlin", "2026-10-25"), ("UTC", "2026-10-24"),
                      ("CET-1CEST,M3.5.0,M10.5.0/3", "2026-10-25")):  # fmt: skip
        found = usage(home, "--by", "day", "--since", "all", env={"TZ": zone})
        assert names(tsv(found)) == [day]
        since_day = usage(home, "--since", "2026-10-25", env={"TZ": zone})
        assert len(tsv(since_day)) == (day == "2026-10-25")


def test_days_of_several_answers(filled: Home) -> None:
    rows = tsv(usage(filled, "--by", "day", "--since", "all"))
    assert names(rows) == sorted(names(rows), reverse=True)
    assert [row[1] for row in rows] == ["2", "1", "1", "1"]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d", row[0]) for row in rows)


def test_sessions_have_their_titles(home: Home) -> None:
    dear = fill(home, DEAR, DEAR, session=new_session("taxes\t2026"))
    cheap = fill(home, Said(cost="0.001", kind="exact"), session=new_session("天空"))
    rows = tsv(usage(home, "--by", "session"))
    assert [[row[0], row[1], row[-1]] for row in rows] == [
        [dear.id, "2", r"taxes\t2026"],
        [cheap.id, "1", "天空"],
    ]
    found = as_json(home, "--by", "session")
    assert [(row["name"], row["title"]) for row in found["rows"]] == [
        (dear.id, "taxes\t2026"),
        (cheap.id, "天空"),
    ]
    lines = screen(home, "--by", "session")
    assert lines[1].startswith(f"{dear.short_id}  taxes 2026 ")
    assert lines[2].startswith(f"{cheap.short_id}  天空 ")


def test_every_grouping_has_the_same_total(filled: Home) -> None:
    totals = [as_json(filled, "--by", by)["total"] for by in ("model", "day", "session")]
    assert totals[0] == totals[1] == totals[2]


def test_a_copy_of_a_session_costs_nothing(filled: Home) -> None:
    before = usage(filled, "--since", "all").text
    exported = run_newapi("sessions", "export", "--json", home=filled).out
    assert run_newapi("sessions", "import", "-", home=filled, stdin=exported).code == 0
    assert len(stored_sessions(filled)) == 2
    assert usage(filled, "--since", "all").text == before


# -- since when -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("since", "models"),
    [
        ("12h", set()),
        ("2d", {"gpt"}),
        ("2w", {"gpt", "mini"}),
        ("30d", {"gpt", "mini", "big"}),
        ("1y", {"gpt", "mini", "big", "local"}),
        ("all", {"gpt", "mini", "big", "local"}),
        ("1970-01-01", {"gpt", "mini", "big", "local"}),
        ("0001-01-01", {"gpt", "mini", "big", "local"}),
        ("9999-12-31", set()),
    ],
)
def test_since_limits_the_report(filled: Home, since: str, models: set[str]) -> None:
    result = usage(filled, "--since", since)
    assert set(names(tsv(result))) == models
    assert ("no answers stored; since" in result.err) == (not models)


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (["--by", "week"], ["one of model, day, session"]),
        (["--since", "soon"], ['"soon"', "7d", "2026-11-01", "all"]),
        (["--since", "7m"], ['"7m"', "7d"]),
        (["--since", ""], ['""']),
        (["words"], ["words"]),
    ],
)
def test_an_invalid_value_is_a_usage_error_that_lists_the_valid_ones(
    filled: Home, args: list[str], expected: list[str]
) -> None:
    result = usage(filled, *args, code=2)
    assert result.out == b""
    assert [text for text in expected if text not in result.err] == []


# -- profiles ---------------------------------------------------------------------------------


@pytest.fixture
def two_profiles(home: Home) -> Home:
    """Return a home with answers of two profiles, of one of them on two hosts."""
    home.configure("https://a.example")
    for name, profile, host in (
        ("here", "test", "https://a.example"),
        ("moved", "test", "https://old.example"),
        ("other", "gone", "https://b.example"),
    ):
        fill(home, Said(name), session=new_session(name, profile=profile, host=host))
    return home


def test_all_profiles_are_reported_by_default(two_profiles: Home) -> None:
    assert set(names(tsv(usage(two_profiles)))) == {"here", "moved", "other"}


@pytest.mark.parametrize("flag", ["-P", "--profile"])
def test_a_profile_limits_the_report_to_itself_and_its_host(two_profiles: Home, flag: str) -> None:
    assert names(tsv(usage(two_profiles, flag, "test"))) == ["here"]


def test_a_profile_that_is_no_longer_in_the_config_is_reported(two_profiles: Home) -> None:
    assert names(tsv(usage(two_profiles, "-P", "gone"))) == ["other"]


def test_a_profile_without_answers_is_named(home: Home) -> None:
    home.configure("https://a.example")
    fill(home, Said("other"), session=new_session("other", profile="gone"))
    result = usage(home, "-P", "test")
    assert (result.out, 'profile "test"' in result.err) == (b"", True)


def test_a_profile_that_does_not_exist_is_an_error(two_profiles: Home) -> None:
    result = run_newapi("usage", "-P", "never", home=two_profiles)
    assert (result.code, result.out) == (3, b"")
    assert 'profile "never" not found' in result.err


# -- nothing, and damage ----------------------------------------------------------------------


@pytest.mark.parametrize("args", [[], ["--exact"], ["--by", "day"]], ids=str)
def test_without_a_store_a_message_is_printed_and_no_file_is_created(
    home: Home, args: list[str]
) -> None:
    before = tree(home.path)
    result = usage(home, *args)
    assert (result.out, "no answers yet" in result.err) == (b"", True)
    found = as_json(home, *args)
    assert (found["rows"], found["total"]["answers"], found["total"]["cost_usd"]) == ([], 0, None)
    assert tree(home.path) == before


@pytest.mark.parametrize("by", ["model", "session"])
def test_a_key_in_a_name_or_a_title_is_redacted(home: Home, by: str) -> None:
    fill(home, Said(f"gpt {CANARY}"), session=new_session(f"why {CANARY}"))  # of an older newapi
    output = usage(home, "--by", by).text + "\n".join(screen(home, "--by", by))
    assert "****" in output
    assert "****" in usage(home, "--by", by, "--json").text


def test_a_report_without_rows_prints_no_table(filled: Home) -> None:
    [line] = screen(filled, "--since", "12h")
    assert line.startswith("no answers stored; since 20")


def test_the_report_changes_no_file(filled: Home) -> None:
    before = tree(filled.path)
    usage(filled)
    usage(filled, "--by", "session", "--json")
    assert tree(filled.path) == before


def test_an_unfinished_answer_is_not_counted(home: Home) -> None:
    session = fill(home, DEAR)
    with SessionStore(sessions_file(home)) as store:
        stored = store.load(session.id)
        assert stored is not None
        store.begin_turn(session, stored.turns[0], at_leaf=True)
        assert [row[1:3] for row in tsv(usage(home))] == [["1", "0"]]


@pytest.mark.parametrize("args", [[], ["--json"], ["--by", "session"]], ids=str)
def test_an_invalid_store_is_a_local_error(filled: Home, args: list[str]) -> None:
    sessions_file(filled).write_bytes(b"no database " * 1000)
    result = usage(filled, *args, code=10)
    assert result.out == b""
    assert "damaged" in result.err


def test_a_damaged_turn_is_a_local_error_that_names_it(filled: Home) -> None:
    change_raw(sessions_file(filled), "UPDATE turns SET cost = 'much' WHERE id = 4")
    result = usage(filled, code=10)
    assert "turn 4 in the session store is damaged" in result.err


def test_an_invalid_config_file_does_not_matter(filled: Home) -> None:
    filled.config_file.write_text("not = [toml", "utf-8")
    assert names(tsv(usage(filled))) == ["gpt", "mini", "big"]
    assert "$0.000004" in "\n".join(screen(filled))


# -- what the program has stored itself -------------------------------------------------------


@pytest.fixture
def gateway(home: Home) -> Iterator[DemoGateway]:
    """Return a running demo gateway that the configuration names."""
    with DemoGateway(pace_s=0) as running:
        home.configure(running.base_url, model="demo", retries=0)
        yield running


def test_the_report_needs_no_network(home: Home, gateway: DemoGateway) -> None:
    answers = [json.loads(chat(home, "--json", "-m", model, "hi").text)
               for model in ("demo", "demo-reasoning", "demo-reasoning")]  # fmt: skip
    assert run_newapi("chat", "-m", "demo-401", "hi", home=home).code == 4
    asked_for = len(gateway.requests)
    gateway.stop()
    rows = {row[0]: row for row in tsv(usage(home))}
    assert set(rows) == {"demo", "demo-reasoning", "demo-401"}
    assert rows["demo-401"][1:3] == ["0", "1"]
    tokens_in = [answer["usage"]["prompt_tokens"] for answer in answers]
    tokens_out = [answer["usage"]["completion_tokens"] for answer in answers]
    assert rows["demo"][3:5] == [str(tokens_in[0]), str(tokens_out[0])]
    assert rows["demo-reasoning"][3:5] == [str(sum(tokens_in[1:])), str(sum(tokens_out[1:]))]
    assert rows["demo-reasoning"][6:8] == ["about", "0"]
    assert float(rows["demo-reasoning"][5]) > float(rows["demo"][5]) > 0
    assert 0 < float(rows["demo"][8]) < 10
    assert usage(home, "-P", "test").text == usage(home).text
    assert len(gateway.requests) == asked_for
    assert screen(home)[1].startswith("demo-reasoning ")


def test_a_session_with_two_profiles_is_counted_for_both(home: Home) -> None:
    with DemoGateway(pace_s=0) as one, DemoGateway(pace_s=0) as two:
        home.configure(one.base_url, model="demo", retries=0)
        with home.config_file.open("a", encoding="utf-8") as file:
            file.write(
                f'[profiles.cny]\nbase_url = "{two.base_url}"\n'
                f'api_key = "{CANARY}"\nmodel = "demo-reasoning"\nretries = 0\n'
            )
        chat(home, "hi")
        chat(home, "-S", stored_sessions(home)[0].session.id, "-P", "cny", "and")
        assert names(tsv(usage(home, "-P", "test"))) == ["demo"]
        assert names(tsv(usage(home, "-P", "cny"))) == ["demo-reasoning"]
        assert set(names(tsv(usage(home)))) == {"demo", "demo-reasoning"}
        for profile in ("test", "cny"):
            result = usage(home, "--exact", "-P", profile)
            assert (result.err, tsv(result)[0][6]) == ("exact for 1 of 1 answer\n", "exact")
        assert usage(home, "--exact").err == "exact for 2 of 2 answers\n"
        run_newapi("sessions", "import", "-", home=home,
                   stdin=run_newapi("sessions", "export", "--json", home=home).out)  # fmt: skip
        copy, original = stored_sessions(home)
        for stored in (copy, original):
            assert [turn.profile for turn in stored.path] == ["test", "cny"]
            assert [turn.host for turn in stored.path] == [one.base_url, two.base_url]


@pytest.mark.parametrize("args", [[], ["--json"], ["--by", "session"]], ids=str)
def test_in_a_pipe_neither_rich_nor_httpx_is_loaded(filled: Home, args: list[str]) -> None:
    filled.configure("https://a.example")
    command = [sys.executable, "-X", "importtime", "-m", "newapi_cli", "usage", *args]
    loaded = {
        line.split("|")[-1].strip() for line in run_command(command, home=filled).err.split("\n")
    }
    assert "sqlite3" in loaded
    assert loaded.isdisjoint({"httpx", "rich", "prompt_toolkit", "ssl"})
