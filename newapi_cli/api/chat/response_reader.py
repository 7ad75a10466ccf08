"""One exchange read to its end: events in, turn events (or a whole body) out.

The clocks run here and signals are looked at here, between two events.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator

from newapi_cli.api import codec
from newapi_cli.api.chat.body_decoder import AnswerReader, StreamRefused
from newapi_cli.api.errors.rules import (
    error_from_answer,
    html_error,
    is_of_the_model,
    is_of_the_models_provider,
    no_answer,
    not_understood,
)
from newapi_cli.api.http import retry as retries
from newapi_cli.api.http.deadlines import Deadlines
from newapi_cli.api.http.worker import (
    Connected,
    Exchange,
    ExchangeEvent,
    RequestFailed,
    ResponseEnd,
    ResponseHead,
)
from newapi_cli.domain.completion import Chunk, Notice, ResponseStarted, StreamEnd, Tick, TurnEvent
from newapi_cli.domain.profile import Timeouts
from newapi_cli.errors import DeadlineError, LimitError, NewapiError
from newapi_cli.signals import Interrupts
from newapi_cli.text import shorten

ANSWERS = 200
FRAME_S = 0.04
FAREWELL_S = 0.02  # to read the end after [DONE]; New API logs an earlier close as client_gone
MAX_ERROR_BYTES = 1024 * 1024
BAD_REQUESTS = {  # answered with 500, and so by every model
    "invalid_request",
    "sensitive_words_detected",
    "convert_request_failed",
    "count_token_failed",
    "bad_request_body",
    "invalid_api_type",
    "json_marshal_failed",
    "gen_relay_info_failed",
}
MODELS_STATUSES = (402, 404, 408, 429)  # what a model or its provider is the cause of
NO_PRICE = "model_price_error"
FEE = "violation_fee"  # begins the codes of refusals that cost something each time
MAX_BODY_BYTES = 16 * 1024 * 1024  # of lists; prices of a thousand models have 1 MB


class Refused(Exception):
    """An exchange ended before any answer. `wish_s` is the pause that the server asks for."""

    def __init__(
        self, error: NewapiError, *, status: int = 0, may_retry: bool, wish_s: float | None = None
    ) -> None:
        super().__init__(error.message)
        self.error = error
        self.status = status
        self.may_retry = may_retry
        self.wish_s = wish_s


class Reading:
    """Reads one exchange. Raises `Refused` before an answer, our own errors in the midst of one."""

    def __init__(
        self, exchange: Exchange, timeouts: Timeouts, interrupts: Interrupts, *, is_stream: bool
    ) -> None:
        self._exchange = exchange
        self._interrupts = interrupts
        self._left_at = time.monotonic()  # when it last stopped listening
        self._deadlines = Deadlines(timeouts, stream=is_stream, now=self._left_at)
        self._has_content = False

    def answer(self) -> Iterator[TurnEvent]:
        """Read a chat completion in whichever form it comes."""
        head = yield from self._head()
        request_id = codec.request_id_in(head.headers)
        kind = head.headers.get("content-type", "no content type")
        yield Notice(f"HTTP {head.status}, {kind}", is_detail=True)
        yield _accepted(head)
        reader = AnswerReader(request_id)
        try:
            for block in self._blocks():
                if isinstance(block, Tick):
                    yield block
                    continue
                yield from self._noted(reader.feed(block))
                if reader.is_certain:
                    self._say_farewell()
                    break
            yield from self._noted(reader.end())
        except StreamRefused as refused:
            error = _with_odd_status(refused.as_error(), head.status)
            error.can_fall_back = True  # the status was a success: its provider failed
            raise error from None
        except NewapiError as error:
            yield from self._noted(reader.held())
            raise _with_odd_status(error, head.status) from error.__cause__
        self._ensure_content(head)
        if reader.skipped:
            events = "event" if reader.skipped == 1 else "events"
            yield Notice(f"skipped {reader.skipped} malformed {events} of the stream")
        yield StreamEnd(reader.is_certain)

    def json_value(self) -> Generator[ResponseStarted | Tick, None, object]:
        """Read a body that is one JSON value, and return it."""
        head = yield from self._head()
        request_id = codec.request_id_in(head.headers)
        yield _accepted(head)
        body = yield from self._whole(MAX_BODY_BYTES)
        if head.status != ANSWERS and not body:
            raise no_answer(head.status, "", request_id)
        if len(body) > MAX_BODY_BYTES:
            raise not_understood("it is larger than 16 MB", request_id)
        try:
            value = codec.decode_json(body)
        except ValueError:
            if body.lstrip().startswith(b"<"):
                raise html_error(body, head.status, request_id) from None
            raise not_understood("it is no JSON", request_id) from None
        refusal = codec.refusal_in(value)
        if refusal is not None:
            refusal = refusal._replace(request_id=refusal.request_id or request_id)
            raise error_from_answer(head.status, refusal, body)
        return value

    def _head(self) -> Generator[Tick, None, ResponseHead]:
        while not isinstance(event := self._next(), ResponseHead):
            if isinstance(event, RequestFailed):
                if not isinstance(event.error, NewapiError):
                    raise event.error
                raise Refused(event.error, may_retry=event.is_transient)
            if isinstance(event, Tick):
                yield event
        request_id = codec.request_id_in(event.headers)
        encoding = event.headers.get("content-encoding", "identity").lower()
        is_plain = encoding == "identity"
        if not 200 <= event.status < 300:
            body = (yield from self._whole(MAX_ERROR_BYTES)) if is_plain else b""
            raise _refused(event, body)
        if is_plain:
            return event
        if event.headers.get("content-type", "").startswith("text/html"):
            raise html_error(b"", event.status, request_id)
        raise not_understood(f"its encoding “{encoding}” was not asked for", request_id)

    def _blocks(self) -> Iterator[bytes | Tick]:
        while not isinstance(event := self._next(), ResponseEnd):
            if isinstance(event, RequestFailed):
                raise event.error
            if isinstance(event, bytes | Tick):
                yield event

    def _whole(self, limit_bytes: int) -> Generator[Tick, None, bytes]:
        """Read a body to its end; of one that is too long or breaks off, what is there."""
        blocks: list[bytes] = []
        size = 0
        while size <= limit_bytes and not isinstance(
            event := self._next(), ResponseEnd | RequestFailed
        ):
            if isinstance(event, Tick):
                yield event
            elif isinstance(event, bytes):
                blocks.append(event)
                size += len(event)
        return b"".join(blocks)

    def _next(self) -> ExchangeEvent | Tick:
        """Wait for what happens next, a frame at most. Raises `DeadlineError`, `Interrupted`."""
        asked_at = time.monotonic()
        self._deadlines.deaf(asked_at - self._left_at)
        try:
            wait_s = min(FRAME_S, self._deadlines.remaining_s(asked_at))
        except DeadlineError as error:
            error.why = error.why or self._exchange.pending_step
            raise
        event = self._exchange.next(wait_s)
        self._left_at = now = time.monotonic()
        self._deadlines.deaf(max(0.0, now - asked_at - wait_s))  # the whole program was stopped
        self._interrupts.check()
        if event is None:
            return Tick(self._deadlines.silent_s(now))
        if isinstance(event, Connected):
            self._deadlines.connected(now)
        elif not isinstance(event, RequestFailed):
            self._deadlines.byte(now)
        return event

    def _noted(self, chunks: Iterator[Chunk]) -> Iterator[Chunk]:
        for chunk in chunks:
            if chunk.has_anything:
                self._has_content = True
                self._deadlines.content(time.monotonic())
            if chunk.finish_reason is not None:
                self._deadlines.finished(time.monotonic())
            yield chunk

    def _ensure_content(self, head: ResponseHead) -> None:
        """Raise where nothing came with a status that announces that: 204, 205, and their like."""
        if head.status != ANSWERS and not self._has_content:
            raise no_answer(head.status, "", codec.request_id_in(head.headers))

    def _say_farewell(self) -> None:
        until = time.monotonic() + FAREWELL_S
        while (left_s := until - time.monotonic()) > 0:
            if isinstance(self._exchange.next(left_s), ResponseEnd | RequestFailed):
                return


def _with_odd_status(error: NewapiError, status: int) -> NewapiError:
    """Name a status that is a success, but not the one that answers have."""
    if status != ANSWERS:
        error.message = f"{error.message.removesuffix(f' (HTTP {ANSWERS})')} (HTTP {status})"
    return error


def _accepted(head: ResponseHead) -> ResponseStarted:
    return ResponseStarted(
        codec.request_id_in(head.headers),
        is_new_api=codec.REQUEST_ID_HEADER in head.headers,
        names_version=codec.VERSION_HEADER in head.headers,
    )


def _refused(head: ResponseHead, body: bytes) -> Refused:
    try:
        value = codec.decode_json(body)
        # “404 page not found” begins with a JSON number.
        is_error = isinstance(value, dict) or codec.refusal_in(value) is not None
        refusal = codec.refusal_from_body(value) if is_error else codec.Refusal(_plain_words(body))
    except ValueError:
        refusal = codec.Refusal(_plain_words(body))
    request_id = refusal.request_id or codec.request_id_in(head.headers)
    refusal = refusal._replace(request_id=request_id)
    location = head.headers.get("location", "")
    error = error_from_answer(head.status, refusal, body, location=location)
    error.status = head.status
    error.can_fall_back = _can_fall_back(error, refusal)
    return Refused(
        error,
        status=head.status,
        may_retry=retries.is_worth_a_retry(head.status, refusal),
        wish_s=retries.wished_pause_s(head.headers),
    )


def _can_fall_back(error: NewapiError, refusal: codec.Refusal) -> bool:
    """Say whether the same question may be asked of another; never where the key is at fault."""
    is_bad_request = refusal.code in BAD_REQUESTS or refusal.code.startswith(FEE)
    return (
        isinstance(error, LimitError)
        or error.status in MODELS_STATUSES
        or (error.status >= 500 and not is_bad_request)
        or refusal.code == NO_PRICE
        or is_of_the_model(error)
        or is_of_the_models_provider(error)
    )


def _plain_words(body: bytes) -> str:
    """Give the words of a short error text that is neither JSON nor a web page."""
    text = " ".join(body.decode("utf-8", "replace").split())
    return "" if text.startswith("<") else shorten(text, 300)
