"""Request ids and Retry-After in the headers of responses."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from newapi_cli.api.http.exchange import request_id_in
from newapi_cli.api.http.retry import retry_after_s
from tests.support.cases import each
from tests.support.scale import REPEAT, SEED

DATE = datetime(2026, 8, 8, 12, 0, 0, tzinfo=UTC)


def http_date(after: timedelta) -> str:
    return format_datetime(DATE + after, usegmt=True)


@each(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": " 3 "}, 3.0),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after": "3600"}, 3600.0),
        ({"retry-after-ms": "250"}, 0.25),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after-ms": "soon", "retry-after": "9"}, 9.0),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "-inf"}, None),
        ({"retry-after": "1e400"}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "9" * 5000}, None),
        ({"retry-after": http_date(timedelta(seconds=90)), "date": http_date(timedelta())}, 90.0),
        ({"retry-after": http_date(timedelta(hours=-1)), "date": http_date(timedelta())}, None),
        ({"retry-after": "Sat, 99 Aug 2026 99:00:00 GMT"}, None),
        ({"retry-after": "Sat, 08 Aug 2026 12:00:09 -0000", "date": http_date(timedelta())}, None),
    ],
)
def test_each_form_of_retry_after_is_read_and_an_invalid_one_is_none(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert retry_after_s(headers) == seconds


def test_a_date_is_compared_with_our_clock_if_the_server_sends_none() -> None:
    until = datetime.now(UTC) + timedelta(seconds=30)
    for headers in ({}, {"date": "yesterday"}):
        seconds = retry_after_s({**headers, "retry-after": format_datetime(until, usegmt=True)})
        assert seconds is not None
        assert 20 < seconds <= 30


def test_any_text_is_read_or_ignored() -> None:
    chance = random.Random(SEED)
    words = ["Sat", ",", " ", "08", "Aug", "2026", "12:00", ":", "-", "+0000", "GMT", "99999", "é"]
    for _ in range(20_000):
        text = "".join(chance.choices(words, k=chance.randrange(9)))
        other = "".join(chance.choices(words, k=chance.randrange(9)))
        seconds = retry_after_s({"retry-after": text, "date": other, "retry-after-ms": other})
        assert seconds is None or seconds >= 0, (REPEAT, text, other)


@pytest.mark.parametrize(
    ("headers", "request_id"),
    [
        ({"x-oneapi-request-id": "a", "x-request-id": "b"}, "a"),
        ({"x-oneapi-request-id": "", "x-request-id": "b"}, "b"),
        ({"cf-ray": "c"}, "c"),
        ({"date": "today"}, ""),
    ],
)
def test_the_gateways_own_request_id_comes_first(headers: dict[str, str], request_id: str) -> None:
    assert request_id_in(headers) == request_id
