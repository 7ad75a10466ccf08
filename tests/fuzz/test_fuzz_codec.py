"""JSON of any shape through every decoder: our own errors only, and text that can be written."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newapi_cli.api.chat.response_reader import no_answer
from newapi_cli.api.chat.think_tags import TAGS
from newapi_cli.api.errors.body import find_error
from newapi_cli.api.errors.wrappers import read_error
from newapi_cli.api.gateway import key_log, responses
from newapi_cli.api.gateway.responses import fetch_balance
from newapi_cli.api.http.exchange import ResponseHead
from newapi_cli.api.json_values import decode_json
from newapi_cli.domain.completion import TurnEvent
from newapi_cli.domain.rates import rates_from_json, rates_to_json
from newapi_cli.errors import NewapiError
from newapi_cli.render.json_output import completion_json
from newapi_cli.text import well_formed
from tests.fuzz.answers import assert_encodes, read
from tests.fuzz.fuzzing import cut_at, fuzzed
from tests.fuzz.wire_values import (
    CHUNK,
    KEY_USAGE,
    LOG,
    MODELS,
    ODD,
    PRICING,
    RATES,
    REFUSAL,
    STATUS,
    TEXTS,
    as_bytes,
    texts_of,
)

THINK_TAGS = [tag for pair in TAGS.items() for tag in pair]
CUTS = st.lists(st.integers(0, 1 << 16), max_size=6)
ENDS = st.sampled_from(["\n\n", "\r\n\r\n", "\n", "\r\r"])
OTHER_EVENTS = st.sampled_from([": PING\n\n", "data: [DONE]\n\n", "[DONE]\n", "event: x\n\n", "\n"])
EVENTS = st.one_of(
    st.tuples(texts_of(CHUNK, REFUSAL, ODD), ENDS).map(lambda drawn: f"data: {''.join(drawn)}"),
    st.tuples(texts_of(CHUNK), ENDS).map(lambda drawn: f"data: {''.join(drawn)}"),
    texts_of(REFUSAL, CHUNK).map(lambda text: f"{text}\n"),
    OTHER_EVENTS,
)
BODIES = st.one_of(
    st.lists(EVENTS, max_size=8).map("".join),
    texts_of(CHUNK, REFUSAL, ODD),
    TEXTS,
    st.just("<html><title>x</title>"),
).map(as_bytes)


def loaded(text: str) -> object:
    """Parse as the program does; invalid JSON, which the decoders never receive, becomes None."""
    try:
        return decode_json(as_bytes(text))
    except ValueError:
        return None


# -- answers ------------------------------------------------------------------------------------


@fuzzed(250)
@given(BODIES, CUTS)
def test_any_answer_is_read_alike_however_it_is_cut(body: bytes, places: list[int]) -> None:
    whole = read([body])
    assert_encodes(whole)
    assert read(cut_at(body, places)) == whole
    assert read([body[at : at + 1] for at in range(len(body))]) == whole


@fuzzed(150)
@given(BODIES)
def test_any_answer_can_be_told_as_json(body: bytes) -> None:
    value = completion_json(read([body])[0], "m")
    assert json.loads(json.dumps(value, allow_nan=False, ensure_ascii=False).encode()) == value


@fuzzed(150)
@given(st.lists(TEXTS, min_size=1, max_size=6))
def test_the_arguments_of_a_tool_call_come_whole_from_any_pieces(pieces: list[str]) -> None:
    head = {"index": 0, "id": "a", "function": {"name": "f", "arguments": ""}}
    calls = [head, *({"index": 0, "function": {"arguments": piece}} for piece in pieces)]
    chunks = [{"choices": [{"delta": {"tool_calls": [call]}}]} for call in calls]
    stream = b"".join(b"data: %s\n\n" % json.dumps(chunk).encode() for chunk in chunks)
    [call] = read([stream])[0].tool_calls
    sent = well_formed("".join(pieces))
    is_repaired = {"{}": not sent.strip(), well_formed(pieces[-1]): loaded(sent) is None}
    assert (
        call.arguments == sent or is_repaired.get(call.arguments) or loaded(sent) == call.arguments
    )


@fuzzed(150)
@given(st.lists(TEXTS, min_size=1, max_size=6))
def test_no_character_of_an_answer_is_lost_between_deltas(pieces: list[str]) -> None:
    """All of it arrives as answer or reasoning, except think tags and the space around them."""
    pieces = [*pieces, "the end"]  # so that no delta before it repeats the whole answer
    chunks = [{"choices": [{"delta": {"content": piece}}]} for piece in pieces]
    stream = b"".join(b"data: %s\n\n" % json.dumps(chunk).encode() for chunk in chunks)
    completion, _ = read([stream])
    sent = well_formed("".join(pieces))
    received = completion.reasoning + completion.content
    if any(tag in sent for tag in THINK_TAGS):
        assert without_tags(received) == without_tags(sent)
    else:
        assert received == sent


def without_tags(text: str) -> str:
    """Return a text without think tags and white space."""
    for tag in THINK_TAGS:
        text = text.replace(tag, "")
    return "".join(text.split())


# -- refusals -----------------------------------------------------------------------------------


@fuzzed(250)
@given(
    st.one_of(texts_of(REFUSAL, CHUNK, ODD).map(as_bytes), st.binary(max_size=30)),
    st.one_of(st.integers(300, 599), st.sampled_from([100, 199, 600, 999])),
    st.dictionaries(
        st.sampled_from(["location", "retry-after", "retry-after-ms", "date", "x-request-id"]),
        st.one_of(st.text(st.characters(max_codepoint=255), max_size=8), st.just("1e999")),
        max_size=3,
    ),
)
def test_any_refusal_becomes_an_error_of_ours(
    body: bytes, status: int, headers: dict[str, str]
) -> None:
    error = no_answer(ResponseHead(status, headers), body).error
    assert 3 <= error.exit_code <= 9
    assert error.retry_after_s is None or error.retry_after_s >= 0
    assert_encodes([error.message, error.why, error.hint, error.request_id])


@fuzzed(150)
@given(texts_of(REFUSAL, CHUNK, ODD))
def test_any_error_object_can_be_written(text: str) -> None:
    value = loaded(text)
    assert_encodes([find_error(value), read_error(value)])


# -- what the gateway tells beside answers ------------------------------------------------------

DECODERS: dict[str, tuple[st.SearchStrategy[object], Callable[[object], object]]] = {
    "models": (MODELS, responses.models_from_json),
    "currency": (STATUS, responses.currency_from_json),
    "quota": (STATUS, responses.quota_per_unit_from_json),
    "prices": (
        PRICING,
        lambda value: responses.price_list_from_json({"data": {"quota_per_unit": 500000}}, value),
    ),
    "key": (KEY_USAGE, responses.key_usage_from_json),
    "log": (LOG, key_log.log_from_json),
    "log kept": (LOG, lambda value: key_log.log_from_json(_cached(value))),
    "rates": (LOG, key_log.rates_from_log),
    "rates kept": (LOG, lambda value: rates_from_json(_cached_rates(value))),
    "rates damaged": (RATES, rates_from_json),
}


def _cached(value: object) -> object:
    """Return a log as it is read back from the cache."""
    return json.loads(json.dumps(key_log.without_details(value)))


def _cached_rates(value: object) -> object:
    """Return rates as they are read from the cache; they are those of the log."""
    rates = key_log.rates_from_log(value)
    kept = json.loads(json.dumps(rates_to_json(rates)))
    assert rates_from_json(kept) == rates
    return kept


@pytest.mark.parametrize(("shape", "decode"), DECODERS.values(), ids=DECODERS)
def test_any_json_is_passed_over_or_understood(
    shape: st.SearchStrategy[object], decode: Callable[[object], object]
) -> None:
    @fuzzed(100)
    @given(texts_of(shape, ODD))
    def check(text: str) -> None:
        assert_encodes(decode(loaded(text)))

    check()


@fuzzed(100)
@given(st.one_of(STATUS, ODD), st.one_of(PRICING, ODD))
def test_any_prices_of_any_site_can_be_written(status: object, pricing: object) -> None:
    assert_encodes(responses.price_list_from_json(status, pricing))
    assert_encodes(responses.currency_from_json(status))


class FakeClient:
    """A client that receives these values, one after the other."""

    def __init__(self, *values: object) -> None:
        self._values = list(values)

    def fetch_json(self, path: str) -> Generator[TurnEvent, None, object]:
        """Return the next value for any path."""
        assert path.startswith("/")
        yield from ()
        return self._values.pop(0)


@fuzzed(100)
@given(st.dictionaries(st.sampled_from(["hard_limit_usd", "access_until"]), ODD), ODD)
def test_any_balance_is_a_balance_or_an_error_of_ours(granted: object, spent: object) -> None:
    with suppress(NewapiError):
        for _ in fetch_balance(FakeClient(granted, {"total_usage": spent})):
            pass
