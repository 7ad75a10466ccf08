"""The response to one request: turn events of a chat completion, or a JSON value."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Mapping

from newapi_cli.api.errors.body import find_error, parse_error_body, readable_error
from newapi_cli.api.errors.error_object import ErrorObject
from newapi_cli.api.errors.explain import (
    error_from_response,
    html_error,
    invalid_response,
    named_status,
    unexpected_status,
)
from newapi_cli.api.http.exchange import (
    REQUEST_ID_HEADER,
    VERSION_HEADER,
    RequestFailed,
    ResponseHead,
)
from newapi_cli.api.http.reader import ExchangeReader
from newapi_cli.api.http.retry import is_transient_status, rejects_stream_options, retry_after_s
from newapi_cli.api.json_values import decode_json
from newapi_cli.domain.completion import (
    AnswerEvent,
    Chunk,
    Notice,
    ResponseStarted,
    StreamEnd,
    Tick,
    TurnEvent,
)
from newapi_cli.errors import NewapiError
from newapi_cli.i18n import ntr, tr
from newapi_cli.text import shorten

OK = 200
AWAIT_END_S = 0.02  # after [DONE]; New API logs an earlier close as client_gone
MAX_ERROR_BYTES = 1024 * 1024
MAX_TYPE = 40  # characters of the type of a part
MAX_JSON_BYTES = 16 * 1024 * 1024  # the prices of a thousand models have 1 MB


class NoAnswer(Exception):
    """A request failed before any answer; `is_transient`: a retry may succeed.

    `rejects_stream_options`: a request without `stream_options` may succeed.
    """

    def __init__(
        self, error: NewapiError, *, is_transient: bool, rejects_stream_options: bool = False
    ) -> None:
        super().__init__(error.message)
        self.error = error
        self.is_transient = is_transient
        self.rejects_stream_options = rejects_stream_options


class ResponseReader:
    """Reads one response.

    Raises `NoAnswer` before an answer, `NewapiError` within one.
    """

    def __init__(self, reader: ExchangeReader) -> None:
        self._reader = reader
        self._has_content = False

    def completion(self) -> Iterator[TurnEvent]:
        """Yield the events of a chat completion, streamed or whole."""
        # 2 ms, in which the request leaves.
        from newapi_cli.api.chat.body_decoder import BodyDecoder  # noqa: PLC0415

        head = yield from self._head()
        content_type = head.headers.get("content-type", tr("no content type"))
        notice = tr("HTTP {status}, {content_type}", status=head.status, content_type=content_type)
        yield Notice(notice, is_detail=True)
        yield _response_started(head)
        decoder = BodyDecoder(head.request_id, 0 if head.status == OK else head.status)
        try:
            for block in self._reader.blocks():
                if isinstance(block, Tick):
                    yield block
                    continue
                yield from self._recorded(decoder.feed(block))
                if decoder.is_end_confirmed:
                    self._reader.await_end(AWAIT_END_S)
                    break
            yield from self._recorded(decoder.end())
        except NewapiError as error:
            yield from self._recorded(decoder.held())
            if decoder.refusal is None or self._has_content:
                raise
            raise no_answer_in_stream(head, decoder.refusal, error) from error
        if head.status != OK and not self._has_content:  # 204, 205 and similar
            raise unexpected_status(head.status, "", head.request_id)
        if decoder.skipped or decoder.skipped_parts:
            yield Notice(_skipped_text(decoder.skipped, decoder.skipped_parts))
        yield StreamEnd(decoder.is_end_confirmed)

    def json_value(self) -> Generator[ResponseStarted | Tick, None, object]:
        """Read a body that is one JSON value, and return the value."""
        head = yield from self._head(names_model=False)
        yield _response_started(head)
        body = yield from self._reader.body(MAX_JSON_BYTES)
        if head.status != OK and not body:
            raise unexpected_status(head.status, "", head.request_id)
        if len(body) > MAX_JSON_BYTES:
            raise invalid_response(tr("it is larger than 16 MB"), head.request_id)
        try:
            value = decode_json(body)
        except ValueError:
            if body.lstrip().startswith(b"<"):
                raise html_error(body, head.status, head.request_id) from None
            raise invalid_response(tr("it is not JSON"), head.request_id) from None
        error = find_error(value)
        if error is not None:
            error = error.with_id(head.request_id)
            raise error_from_response(head.status, error, body, names_model=False)
        return value

    def _head(self, *, names_model: bool = True) -> Generator[Tick, None, ResponseHead]:
        head = yield from self._reader.head()
        if isinstance(head, RequestFailed):
            if not isinstance(head.error, NewapiError):
                raise head.error
            raise NoAnswer(head.error, is_transient=head.is_transient)
        encoding = head.headers.get("content-encoding", "identity").lower()
        is_plain = encoding == "identity"
        if not 200 <= head.status < 300:
            body = yield from self._reader.body(MAX_ERROR_BYTES)
            raise no_answer(head, body, names_model=names_model)
        if is_plain:
            return head
        if head.headers.get("content-type", "").startswith("text/html"):
            raise html_error(b"", head.status, head.request_id)
        why = tr('the content encoding "{encoding}" was not requested', encoding=encoding)
        raise invalid_response(why, head.request_id)

    def _recorded(self, events: Iterator[AnswerEvent]) -> Iterator[AnswerEvent]:
        deadlines = self._reader.deadlines
        for event in events:
            if isinstance(event, Chunk):
                if event.has_anything:
                    self._has_content = True
                    deadlines.record_content(time.monotonic())
                if event.finish_reason is not None:
                    deadlines.record_finish(time.monotonic())
            yield event


def _skipped_text(events: int, parts: Mapping[str, int]) -> str:
    """Return what of the response was skipped: malformed events, and parts by their types."""
    skipped_events = ntr(
        "skipped {n} malformed event of the stream",
        "skipped {n:,} malformed events of the stream",
        events,
    )
    types = ", ".join(shorten(type_, MAX_TYPE) for type_ in parts)
    skipped_parts = ntr(
        "skipped {n} part of the answer that cannot be shown: {types}",
        "skipped {n:,} parts of the answer that cannot be shown: {types}",
        sum(parts.values()),
        types=types,
    )
    return "; ".join([skipped_events] * bool(events) + [skipped_parts] * bool(parts))


def no_answer(head: ResponseHead, body: bytes, *, names_model: bool = True) -> NoAnswer:
    """Return the exception for a response whose status is not a success."""
    body = readable_error(body, head.headers)
    error = parse_error_body(body, head.headers).with_id(head.request_id)
    location = head.headers.get("location", "")
    ours = error_from_response(head.status, error, body, location=location, names_model=names_model)
    is_transient = is_transient_status(head.status, error)
    return _no_answer(head, head.status, error, ours, is_transient=is_transient)


def no_answer_in_stream(head: ResponseHead, error: ErrorObject, ours: NewapiError) -> NoAnswer:
    """Return the exception for an error before any text in a response that was a success."""
    status = named_status(error)
    is_transient = is_transient_status(status, error, in_stream=True)
    return _no_answer(head, status, error, ours, is_transient=is_transient)


def _no_answer(
    head: ResponseHead, status: int, error: ErrorObject, ours: NewapiError, *, is_transient: bool
) -> NoAnswer:
    ours.retry_after_s = retry_after_s(head.headers, status, error)
    return NoAnswer(
        ours,
        is_transient=is_transient,
        rejects_stream_options=rejects_stream_options(status, error),
    )


def _response_started(head: ResponseHead) -> ResponseStarted:
    return ResponseStarted(
        head.request_id,
        is_new_api=REQUEST_ID_HEADER in head.headers,
        version=head.headers.get(VERSION_HEADER, ""),
    )
