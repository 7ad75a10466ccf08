"""Each timeout expires at its time, and at no other. All times are invented."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from newapi_cli.api.http.reader import AFTER_FINISH_S, Deadlines
from newapi_cli.domain.settings import Timeouts
from newapi_cli.errors import DeadlineError

OFF = Timeouts(0, 0, 0, 0, 0, 0)
START = 1000.0
LIMIT_S = 7.0
Make = Callable[[Timeouts], Deadlines]


def deadlines(timeouts: Timeouts, *, stream: bool = True) -> Deadlines:
    return Deadlines(timeouts, stream=stream, now=START)


def connected(timeouts: Timeouts, *, stream: bool = True) -> Deadlines:
    made = deadlines(timeouts, stream=stream)
    made.record_connection(START + 1)
    return made


def answering(timeouts: Timeouts) -> Deadlines:
    made = connected(timeouts)
    made.record_byte(START + 2)
    made.record_content(START + 3)
    return made


def assert_expires(watched: Deadlines, at: float, what: str) -> None:
    """Assert that the next deadline is `at`, and that none expires before it."""
    assert watched.remaining_s(at - 0.5) == pytest.approx(0.5)
    assert watched.remaining_s(at - 0.001) == pytest.approx(0.001)
    with pytest.raises(DeadlineError, match=f"^{what}"):
        watched.remaining_s(at)
    with pytest.raises(DeadlineError):
        watched.remaining_s(at + 1000)


def test_the_connection_must_open_in_time() -> None:
    assert_expires(
        deadlines(OFF._replace(connect_s=LIMIT_S)), START + 7, "no connection within 7 s$"
    )


def test_the_connect_timeout_ends_with_the_connection() -> None:
    watched = deadlines(OFF._replace(connect_s=LIMIT_S))
    watched.record_connection(START + 6)
    assert watched.remaining_s(START + 1e6) == math.inf


def test_the_first_byte_must_arrive_in_time_after_the_connection() -> None:
    watched = connected(OFF._replace(first_byte_s=LIMIT_S))
    assert_expires(watched, START + 1 + 7, "no response within 7 s$")


def test_the_first_byte_timeout_does_not_run_before_the_connection() -> None:
    assert deadlines(OFF._replace(first_byte_s=LIMIT_S)).remaining_s(START + 1e6) == math.inf


def test_the_first_byte_timeout_ends_with_the_first_byte() -> None:
    watched = connected(OFF._replace(first_byte_s=LIMIT_S))
    watched.record_byte(START + 2)
    assert watched.remaining_s(START + 1e6) == math.inf


def test_an_answer_without_streaming_has_the_first_content_timeout() -> None:
    timeouts = OFF._replace(first_byte_s=1, first_content_s=LIMIT_S)
    watched = connected(timeouts, stream=False)
    assert_expires(watched, START + 1 + 7, "no response within 7 s$")


def test_bytes_must_follow_each_other_in_time() -> None:
    watched = connected(OFF._replace(idle_s=LIMIT_S))
    watched.record_byte(START + 2)
    watched.record_byte(START + 8)
    assert_expires(watched, START + 8 + 7, "no data for 7 s$")


def test_the_first_content_must_arrive_in_time() -> None:
    watched = connected(OFF._replace(first_content_s=LIMIT_S))
    assert_expires(watched, START + 1 + 7, "no answer within 7 s$")


def test_pings_are_not_content() -> None:
    watched = connected(OFF._replace(first_content_s=LIMIT_S, idle_s=LIMIT_S))
    for second in range(2, 8):
        watched.record_byte(START + second)
    assert_expires(watched, START + 1 + 7, "no answer within 7 s$")


def test_the_first_content_timeout_ends_with_the_first_content() -> None:
    assert answering(OFF._replace(first_content_s=LIMIT_S)).remaining_s(START + 1e6) == math.inf


def test_parts_must_follow_each_other_in_time() -> None:
    watched = answering(OFF._replace(content_idle_s=LIMIT_S, idle_s=LIMIT_S))
    for second in range(4, 10):
        watched.record_byte(START + second)
    assert_expires(watched, START + 3 + 7, "no new text for 7 s$")


def test_each_part_restarts_the_timeout() -> None:
    watched = answering(OFF._replace(content_idle_s=LIMIT_S))
    watched.record_content(START + 9)
    assert_expires(watched, START + 9 + 7, "no new text for 7 s$")


@pytest.mark.parametrize("make", [deadlines, connected, answering])
def test_the_total_timeout_always_runs(make: Make) -> None:
    assert_expires(
        make(OFF._replace(total_s=LIMIT_S)), START + 7, "response not complete within 7 s$"
    )


def test_after_the_finish_reason_only_a_short_timeout_applies() -> None:
    watched = answering(Timeouts(1, 1, 1, 1, 1, 1))
    watched.record_finish(START + 4)
    assert watched.remaining_s(START + 4) == AFTER_FINISH_S
    assert watched.remaining_s(START + 4 + AFTER_FINISH_S - 0.5) == pytest.approx(0.5)
    with pytest.raises(DeadlineError):
        watched.remaining_s(START + 4 + AFTER_FINISH_S)


@pytest.mark.parametrize("make", [deadlines, connected, answering])
def test_timeouts_of_zero_never_expire(make: Make) -> None:
    assert make(OFF).remaining_s(START + 1e9) == math.inf


def test_the_nearest_deadline_is_returned() -> None:
    watched = answering(Timeouts(idle_s=60, content_idle_s=300, total_s=20))
    assert watched.remaining_s(START + 3) == pytest.approx(17)


def test_the_silence_begins_with_the_last_part() -> None:
    watched = connected(OFF)
    assert watched.silent_s(START + 5) == 5
    watched.record_byte(START + 6)
    assert watched.silent_s(START + 7) == 7
    watched.record_content(START + 8)
    assert watched.silent_s(START + 10) == 2


def with_a_byte(timeouts: Timeouts) -> Deadlines:
    made = connected(timeouts)
    made.record_byte(START + 2)
    return made


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("connect_s", deadlines),
        ("first_byte_s", connected),
        ("first_content_s", connected),
        ("idle_s", with_a_byte),
        ("content_idle_s", answering),
        ("total_s", answering),
    ],
)
def test_every_timeout_has_a_hint(name: str, make: Make) -> None:
    with pytest.raises(DeadlineError) as caught:
        make(OFF._replace(**{name: LIMIT_S})).remaining_s(START + 1e6)
    assert caught.value.hint


RUNNING = {
    "connect_s": (deadlines, START + 7),
    "total_s": (deadlines, START + 7),
    "first_byte_s": (connected, START + 8),
    "first_content_s": (connected, START + 8),
    "idle_s": (answering, START + 9),
    "content_idle_s": (answering, START + 10),
}


@pytest.mark.parametrize("name", RUNNING)
def test_no_timeout_counts_the_time_without_listening(name: str) -> None:
    make, ends_at = RUNNING[name]
    watched = make(OFF._replace(**{name: LIMIT_S}))
    silent_s = watched.silent_s(START + 5)
    watched.exclude(100)
    assert watched.silent_s(START + 105) == silent_s
    assert watched.remaining_s(ends_at + 99.5) == pytest.approx(0.5)
    with pytest.raises(DeadlineError):
        watched.remaining_s(ends_at + 100)


def test_bytes_after_a_pause_restart_the_timeouts() -> None:
    watched = answering(OFF._replace(idle_s=LIMIT_S))
    watched.exclude(100)
    watched.record_byte(START + 105)
    assert_expires(watched, START + 112, "no data for 7 s$")
