"""`newapi usage --exact`: costs from the gateway's log, of current and old servers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from newapi_cli.app.exact_costs import exact_costs, exactness
from newapi_cli.app.sessions.archive import session_from_json, session_to_json
from newapi_cli.app.spending import TurnFigures
from newapi_cli.domain.money import LogEntry
from newapi_cli.domain.report import Exactness, NotExact
from newapi_cli.domain.session import Session, StoredSession, TurnRecord
from tests.gateway.cache_age import age_cache
from tests.repl.conversation import conversation
from tests.sessions.helpers import chat, last_turn, sessions_file, stored_sessions, tree
from tests.store.stores import change_raw, new_session
from tests.support.cases import each
from tests.support.connection import Request
from tests.support.fault_server import FaultServer
from tests.support.home import CANARY, Home
from tests.support.process import Result, run_newapi
from tests.support.steps import Send, Step, sse
from tests.support.wire import MODEL, answer_events, response
from tests.usage.spent import HOST, NOON, Said, as_json, fill, screen, spent, tsv, usage

UNIT = 500_000
NOW = datetime.fromtimestamp(NOON, UTC)
LOG, PRICING, STATUS = "/api/log/token", "/api/pricing", "/api/status"


class Gateway(FaultServer):
    """A gateway that answers, charges 12 quota and more for each answer, and keeps a log.

    `age` is that of the server; `refusals` are answers to paths of `/api/` in place of the usual.
    """

    def __init__(self, age: str) -> None:
        super().__init__(answer=self._chat)
        self.age = age
        self.refusals: dict[str, bytes] = {}
        self.rows: list[dict[str, Any]] = []

    def paths(self) -> list[str]:
        """Return the requested paths below `/api/`."""
        return [each.path for each in self.api_requests]

    def _chat(self, _: Request) -> Sequence[Step]:
        number = len(self.requests)
        self.rows.insert(0, self.row(f"r-{number}", 11 + number))
        headers = [("X-Oneapi-Request-Id", f"r-{number}")]
        return sse(*answer_events("Answer."), headers=headers)

    def row(self, request_id: str, quota: int, **more: object) -> dict[str, Any]:
        """Return a row of the log; rows of old servers have no request id."""
        row: dict[str, Any] = {
            "id": len(self.rows), "user_id": 1, "created_at": int(datetime.now(UTC).timestamp()),
            "type": 2, "content": "", "token_name": "t", "model_name": MODEL, "quota": quota,
            "prompt_tokens": 9, "completion_tokens": 3, "group": "vip", "other": "{}",
        }  # fmt: skip
        named = {} if self.age == "2025-04" else {"request_id": request_id}
        return row | named | more

    def _script_for(self, request: Request) -> Sequence[Step]:
        if not request.path.startswith("/api/"):
            return super()._script_for(request)
        self.api_requests.append(request)
        path, _, query = request.path.partition("?")
        return [Send(self.refusals.get(path) or self._told(path, query, request))]

    def _told(self, path: str, query: str, request: Request) -> bytes:
        if path == LOG:
            is_old = self.age == "2025-04"
            has_key = query == f"key={CANARY}" if is_old else bool(request.header("Authorization"))
            if not has_key:
                return response(401, {"success": False, "message": "无权进行此操作，未登录"})
            return response(200, {"success": True, "message": "", "data": self.rows})
        assert request.header("Authorization") is None  # these are public
        data: object = {"quota_per_unit": UNIT, "quota_display_type": "USD", "version": "v"}
        if path == PRICING:
            data = [{"model_name": MODEL, "quota_type": 0, "model_ratio": 1, "completion_ratio": 1}]
        return response(200, {"success": True, "data": data, "group_ratio": {"default": 1}})


@pytest.fixture
def gateway(request: pytest.FixtureRequest, home: Home) -> Iterator[Gateway]:
    """Return a configured gateway, of the current version unless the test names another."""
    server = Gateway(getattr(request, "param", "2026-08"))
    with server:
        home.configure(server.url, retries=0)
        yield server


def exact(home: Home, *args: str, code: int = 0) -> Result:
    """Ask for exact costs; the key is nowhere but in the configuration."""
    result = usage(home, "--exact", *args, code=code)
    assert home.files_holding() == []
    return result


# -- the command ------------------------------------------------------------------------------


def test_exact_costs_come_from_the_log(home: Home, gateway: Gateway) -> None:
    for _ in range(2):
        chat(home, "hi")
    assert [row[5:7] for row in tsv(usage(home))] == [["0.000048", "group_unknown"]]
    result = exact(home)
    assert result.err == "exact for 2 of 2 answers\n"
    assert tsv(result)[0][:8] == [MODEL, "2", "0", "18", "6", "0.00005", "exact", "0"]
    costs = [(each.path[0].cost, each.path[0].cost_kind) for each in stored_sessions(home)]
    assert sorted(costs) == [("0.000024", "exact"), ("0.000026", "exact")]
    assert gateway.paths().count(LOG) == 2  # after the first answer, and as the second is newer


def test_exact_costs_are_stored_and_reported_without_the_gateway(
    home: Home, gateway: Gateway
) -> None:
    chat(home, "hi")
    exact(home)
    gateway.stop()
    assert tsv(usage(home))[0][5:7] == ["0.000024", "exact"]
    assert last_turn(home).answer == "Answer."


def test_a_second_run_sends_and_writes_nothing(home: Home, gateway: Gateway) -> None:
    chat(home, "hi")
    first = exact(home)
    before = (tree(sessions_file(home)), len(gateway.api_requests))
    second = exact(home)
    assert (second.out, second.err) == (first.out, first.err)
    assert (tree(sessions_file(home)), len(gateway.api_requests)) == before


def log_requests(gateway: Gateway) -> list[str]:
    """Return the requests for the log; those for prices are sent at the same time."""
    return [path for path in gateway.paths() if path.startswith(LOG)]


@pytest.mark.parametrize("gateway", ["2025-04"], indirect=True)
def test_an_old_server_gets_the_key_in_the_query_and_has_no_request_ids(
    home: Home, gateway: Gateway
) -> None:
    chat(home, "hi")
    assert log_requests(gateway) == [LOG, f"{LOG}?key={CANARY}"]
    result = exact(home)
    assert (result.err, tsv(result)[0][5:7]) == (
        "exact for 1 of 1 answer\n",
        ["0.000024", "exact"],
    )
    age_cache(home, 301)
    chat(home, "hi")
    exact(home)
    others = log_requests(gateway)[2:]
    assert set(others) == {f"{LOG}?key={CANARY}"}  # once it is known, in no other way


@pytest.mark.parametrize("gateway", ["2025-04"], indirect=True)
def test_request_ids_of_an_old_server_are_used(home: Home, gateway: Gateway) -> None:
    chat(home, "hi")
    gateway.rows[0]["request_id"] = "r-1"
    age_cache(home, 301)
    result = exact(home)
    assert (result.err, tsv(result)[0][5:7]) == (
        "exact for 1 of 1 answer\n",
        ["0.000024", "exact"],
    )


def test_the_reasons_for_costs_that_are_not_exact_are_reported(
    home: Home, gateway: Gateway
) -> None:
    chat(home, "hi")
    host = stored_sessions(home)[0].session.host
    here = new_session("here", profile="test", host=host)
    there = new_session("there", profile="test", host="https://other.example/v1")
    old = [Said(days_ago=5, request_id="r-old"), Said(days_ago=2, request_id="r-of-another-key")]
    fill(home, *old, Said(request_id=""), session=here)
    fill(home, Said(request_id="r-1"), session=there)
    three_days_ago = int((datetime.now(UTC) - timedelta(days=3)).timestamp())
    gateway.rows.append(gateway.row("r-0", 1, created_at=three_days_ago))
    age_cache(home, 301)
    assert exact(home).err.strip().split("; ") == [
        "exact for 1 of 5 answers",
        "1 from another gateway",
        "1 without a request ID",
        "1 older than the log, which ends after 1,000 rows",
        "1 not in the log, such as those of other keys",
    ]


def test_turns_of_another_gateway_with_the_same_ids_are_unchanged(
    home: Home, gateway: Gateway
) -> None:
    chat(home, "hi")
    there = new_session(profile="other", host="https://other.example/v1")
    fill(home, Said(request_id="r-1", cost="5", kind="about"), session=there)
    exact(home)
    stored = {each.session.id: each.path[0] for each in stored_sessions(home)}
    assert (stored[there.id].cost, stored[there.id].cost_kind) == ("5", "about")


def test_a_failure_that_was_charged_is_reported(home: Home, gateway: Gateway) -> None:
    headers = [("X-Oneapi-Request-Id", "r-f")]
    gateway.add(*sse(*answer_events("no", finish="content_filter"), headers=headers))
    gateway.rows.append(gateway.row("r-f", 30))
    assert run_newapi("chat", "hi", home=home).code == 6
    age_cache(home, 301)
    assert tsv(exact(home))[0][1:7] == ["0", "1", "9", "3", "0.00006", "exact"]


def test_since_limits_the_counts_of_exact_costs(home: Home, gateway: Gateway) -> None:
    chat(home, "hi")
    fill(home, Said(days_ago=9))
    assert exact(home, "--since", "2d").err == "exact for 1 of 1 answer\n"


def test_exact_costs_are_in_json_and_in_other_groupings(home: Home, gateway: Gateway) -> None:
    chat(home, "hi")
    found = as_json(home, "--exact", "--by", "session")
    assert (found["total"]["cost_usd"], found["total"]["cost_kind"]) == ("0.000024", "exact")


@pytest.mark.parametrize(
    ("path", "refusal", "code", "expected"),
    [
        (LOG, response(401, {"success": False, "message": "无效的令牌"}), 4, "无效的令牌"),
        (LOG, response(429, b""), 7, ""),
        (LOG, response(404, {"error": {"message": "Invalid URL"}}), 6, "Invalid URL"),
        (LOG, response(200, b"<html>", content_type="text/html"), 6, ""),
        (LOG, response(200, {"success": False, "message": "busy"}), 6, ""),
        (LOG, response(502, b"bad gateway"), 6, ""),
        (STATUS, response(404, b""), 6, "nothing at this URL"),
    ],
)
def test_an_unreadable_log_is_an_error_with_a_hint(
    home: Home, gateway: Gateway, path: str, refusal: bytes, code: int, expected: str
) -> None:
    gateway.refusals[path] = refusal
    chat(home, "hi")
    age_cache(home, 301)
    before = last_turn(home)
    result = exact(home, code=code)
    assert result.out == b""
    assert expected in result.err
    assert "`newapi usage` without --exact" in result.err
    assert last_turn(home) == before
    assert len(tsv(usage(home))) == 1


def test_an_unreachable_gateway_is_a_network_error(home: Home, gateway: Gateway) -> None:
    chat(home, "hi")
    age_cache(home, 301)
    gateway.stop()
    result = exact(home, code=5)
    assert "`newapi usage` without --exact" in result.err


def test_without_a_gateway_exact_costs_are_an_error(home: Home) -> None:
    fill(home, Said())
    result = exact(home, code=3)
    assert "no base URL" in result.err
    assert "`newapi usage` without --exact" in result.err


def test_a_log_that_contains_the_key_does_not_reveal_it(home: Home, gateway: Gateway) -> None:
    chat(home, "hi")
    body = {"success": False, "message": f"Invalid token {CANARY}"}
    gateway.refusals[LOG] = response(401, body)
    age_cache(home, 301)
    result = exact(home, code=4)
    assert "Invalid token" in result.err
    gateway.refusals.clear()
    gateway.rows[0] |= {"content": CANARY, "token_name": CANARY, "group": CANARY}
    assert exact(home).err == "exact for 1 of 1 answer\n"


def test_a_terminal_shows_the_site_currency_and_a_pipe_dollars(
    home: Home, gateway: Gateway
) -> None:
    data = {"quota_per_unit": UNIT, "quota_display_type": "CNY", "usd_exchange_rate": 10}
    gateway.refusals[STATUS] = response(200, {"success": True, "data": data})
    chat(home, "hi")
    asked_for = len(gateway.api_requests)
    assert "~¥0.00024" in screen(home)[1]
    assert tsv(usage(home))[0][5] == "0.000024"
    assert len(gateway.api_requests) == asked_for


@pytest.mark.parametrize("ratio", [10**16, 10**32, -1])
def test_an_absurd_price_leaves_the_report_readable(
    home: Home, gateway: Gateway, ratio: int
) -> None:
    price = {"model_name": MODEL, "quota_type": 0, "model_ratio": ratio, "completion_ratio": ratio}
    expected = {"success": True, "data": [price], "group_ratio": {"default": ratio}}
    gateway.refusals[PRICING] = response(200, expected)
    for _ in range(2):
        chat(home, "hi")
    assert tsv(usage(home))[0][5:7] == ["", "unknown"]
    assert tsv(exact(home))[0][5:7] == ["0.00005", "exact"]


# -- the parts --------------------------------------------------------------------------------


def entry(request_id: str, quota: str, at: datetime = NOW) -> LogEntry:
    return LogEntry(request_id, "m", "default", Decimal(quota), 1, 1, at)


def test_turns_get_the_quota_of_their_request_in_dollars() -> None:
    turns = [spent(request_id=name) for name in ("a", "b", "", "c")]
    match = exact_costs(turns, [entry("b", "30"), entry("a", "5")], Decimal(UNIT))
    assert match.changed == [
        turns[0]._replace(cost="0.00001", cost_kind="exact"),
        turns[1]._replace(cost="0.00006", cost_kind="exact"),
    ]


def test_charges_in_parts_are_summed() -> None:
    [found] = exact_costs(
        [spent(request_id="a")], [entry("a", "30"), entry("a", "5")], Decimal(UNIT)
    ).changed
    assert found.cost == "0.00007"


def test_a_turn_with_an_exact_cost_is_not_written_again() -> None:
    turn = spent(request_id="a", cost="0.00006", cost_kind="exact")
    log = [entry("a", "30")]
    assert exact_costs([turn], log, Decimal(UNIT)).changed == []
    for changed in (turn._replace(cost_kind="about"), turn._replace(cost="0.00005")):
        assert len(exact_costs([changed], log, Decimal(UNIT)).changed) == 1


@each("unit", [UNIT, 1, 3, 700_000, 999_983])
@each("quota", ["0", "1", "123456789", "1000000000000"])
def test_a_cost_can_be_exported_and_is_exact_within_its_places(unit: int, quota: str) -> None:
    [found] = exact_costs([spent(request_id="a")], [entry("a", quota)], Decimal(unit)).changed
    assert found.cost is not None
    assert abs(Decimal(found.cost) * unit - Decimal(quota)) < Decimal("1e-11")
    turn = TurnRecord("q", request_id="a", id=1, cost=found.cost, cost_kind=found.cost_kind)
    stored = StoredSession(Session("0123456789ab"), (turn,))
    assert session_from_json(session_to_json(stored)).turns[0].cost == found.cost


def test_dollars_are_written_without_an_exponent() -> None:
    turn = spent(request_id="a")
    costs = [exact_costs([turn], [entry("a", quota)], Decimal(UNIT)).changed[0].cost
             for quota in ("500000000", "0", "1", "6250000")]  # fmt: skip
    assert costs == ["1000", "0", "0.000002", "12.5"]


@pytest.mark.parametrize("quota", ["-1", "1e40", "1e200", "NaN", "1e999999", "500000000000000001"])
def test_an_implausible_sum_is_ignored(quota: str) -> None:
    turn = spent(request_id="a", cost="0.1", cost_kind="about")
    assert exact_costs([turn], [entry("a", quota)], Decimal(UNIT)).changed == []


def no_id(seconds: float = 1.0, use_time_s: int | None = 1, quota: str = "10") -> LogEntry:
    """Return a row without a request id, written some seconds after noon."""
    at = NOW + timedelta(seconds=seconds)
    return LogEntry("", "m", "default", Decimal(quota), 10, 5, at, use_time_s)


def turn_at(seconds: float = 0.0, **given: object) -> TurnFigures:
    """Return a turn of one second that began some seconds after noon."""
    figures = {"prompt_tokens": 10, "completion_tokens": 5, "created_at": NOON + seconds}
    return spent(**figures | given)


@each(
    ("turns", "rows", "costs", "ambiguous"),
    [
        ([{}], [{}], ["0.00002"], 0),
        ([{"request_id": ""}], [{}], ["0.00002"], 0),
        ([{"model": "n"}], [{}], [], 0),
        ([{"prompt_tokens": 11}], [{}], [], 0),
        ([{"completion_tokens": None}], [{}], [], 0),
        ([{"prompt_tokens": None, "completion_tokens": None}], [{}], [], 0),
        ([{"duration_s": 1.9}], [{}], ["0.00002"], 0),
        ([{"duration_s": 0.1}], [{}], ["0.00002"], 0),
        ([{"duration_s": 9.0}], [{"seconds": 9.0}], [], 0),  # the row took one second
        ([{"duration_s": 9.0}], [{"seconds": 9.0, "use_time_s": 8}], ["0.00002"], 0),
        ([{"duration_s": 9.0}], [{"seconds": 9.0, "use_time_s": None}], ["0.00002"], 0),
        ([{}], [{"seconds": 1000.0}], [], 0),
        # Two turns and two rows, far apart and close together.
        ([{}, {"seconds": 60.0}], [{}, {"seconds": 61.0, "quota": "20"}],
         ["0.00002", "0.00004"], 0),
        ([{}, {"seconds": 0.5}], [{}, {"seconds": 1.4}], [], 2),
        ([{}], [{}, {"seconds": 2.0}], [], 1),
        ([{}, {"seconds": 1.0}], [{}], [], 2),
        # The clock of the gateway is 200 seconds ahead, which the first turn shows.
        ([{"prompt_tokens": 99}, {}, {"seconds": 60.0}],
         [{"tokens": 99, "seconds": 201.0}, {"seconds": 201.0}, {"seconds": 261.0, "quota": "20"}],
         ["0.00002", "0.00002", "0.00004"], 0),
    ],
    ids=range(17),
)  # fmt: skip
def test_rows_without_ids_are_matched_by_their_figures_if_only_one_fits(
    turns: list[dict[str, Any]], rows: list[dict[str, Any]], costs: list[str], ambiguous: int
) -> None:
    entries = []
    for row in rows:
        tokens = row.pop("tokens", 10)
        entries.append(no_id(**row)._replace(prompt_tokens=tokens))
    match = exact_costs([turn_at(**turn) for turn in turns], entries, Decimal(UNIT))
    assert [each.cost for each in match.changed] == costs
    assert len(match.ambiguous) == ambiguous


def test_a_row_with_an_id_belongs_to_no_other_turn() -> None:
    row = no_id()._replace(request_id="r-of-another-client")
    match = exact_costs([turn_at()], [row], Decimal(UNIT))
    assert (match.changed, match.ambiguous) == ([], frozenset())


@pytest.mark.parametrize("gateway", ["2025-04"], indirect=True)
def test_ambiguous_answers_are_counted(home: Home, gateway: Gateway) -> None:
    for _ in range(2):
        chat(home, "hi")
    result = exact(home)
    assert result.err == (
        "exact for 0 of 2 answers; 2 ambiguous: several rows of the gateway's log fit,"
        " without request IDs\n"
    )


@pytest.mark.parametrize("gateway", ["2025-04"], indirect=True)
def test_a_conversation_reports_why_costs_are_not_exact(home: Home, gateway: Gateway) -> None:
    with conversation(home, columns=140) as repl:
        for _ in range(2):
            repl.output_of("hi")
        assert "2 ambiguous: several rows" in repl.output_of("/usage exact")
        for row in gateway.rows:
            row["model_name"] = "another"
        age_cache(home, 301)
        assert "exact for 0 of 2 answers; 2 not in the log" in repl.output_of("/usage exact")
        repl.leave()


def test_an_answer_that_is_newer_than_the_cached_log_fetches_it_again(
    home: Home, gateway: Gateway
) -> None:
    for count in (1, 2, 3):
        chat(home, "hi")
        assert exact(home).err.startswith(f"exact for {count} of {count} answer")
        assert exact(home).err.startswith(f"exact for {count} of {count} answer")
    assert gateway.paths().count(LOG) == 4  # after the first answer too


def test_if_the_limit_is_reached_the_cached_log_is_used(home: Home, gateway: Gateway) -> None:
    chat(home, "hi")
    for _ in range(20):
        chat(home, "hi")
        result = exact(home)
    assert gateway.paths().count(LOG) == 10
    assert result.err.startswith("exact for 10 of 21 answers; ")
    assert " newer than the log" in result.err or " not in the log" in result.err  # by the second


HOUR_S = 3600.0
ENTRIES = [entry("r-x", "1", NOW), entry("r-y", "1", NOW - timedelta(hours=2))]


@pytest.mark.parametrize(
    ("turn", "entries", "why"),
    [
        (spent(host="http://b/v1"), ENTRIES, NotExact.OTHER_GATEWAY),
        (spent(request_id=""), ENTRIES, NotExact.NO_REQUEST_ID),
        (spent(request_id=""), [], NotExact.NO_REQUEST_ID),
        (spent(), [], NotExact.EMPTY_LOG),
        (spent(), [entry("", "1")], NotExact.NOT_IN_LOG),
        (spent(created_at=NOON - 3 * HOUR_S), ENTRIES, NotExact.BEFORE_LOG),
        (spent(created_at=NOON + 1), ENTRIES, NotExact.AFTER_LOG),
        (spent(created_at=NOON - HOUR_S), ENTRIES, NotExact.NOT_IN_LOG),
    ],
)
def test_each_reason_is_recognized(
    turn: TurnFigures, entries: list[LogEntry], why: NotExact
) -> None:
    assert exactness([turn], entries, HOST) == Exactness(0, 1, ((why, 1),))


def test_failures_and_copies_are_not_counted_and_exact_ones_need_no_reason() -> None:
    known = spent(cost="1", cost_kind="exact", host="http://b/v1")
    turns = [known, known._replace(id=99), spent(status="error"), spent(), spent()]
    assert exactness(turns, [], HOST) == Exactness(1, 3, ((NotExact.EMPTY_LOG, 2),))


def test_a_read_only_store_is_a_local_error(home: Home, gateway: Gateway) -> None:
    chat(home, "hi")
    change_raw(
        sessions_file(home),
        "CREATE TRIGGER t BEFORE UPDATE ON turns BEGIN SELECT raise(ABORT, 'read-only'); END",
    )
    result = exact(home, code=10)
    assert (result.out, "read-only" in result.err) == (b"", True)
