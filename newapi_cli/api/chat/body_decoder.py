"""The body of a successful response: bytes in, chunks out, streamed or whole.

The first byte that is not white space decides, not the Content-Type, which New API may set wrongly
for errors: `{` begins a JSON response, `<` a web page, anything else an event stream.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from newapi_cli.api.chat.chunks import chunk_from_json, find_error_in_choice, has_unread_content
from newapi_cli.api.chat.split_text import DeltaDecoder
from newapi_cli.api.chat.sse import DONE, EventTooLarge, ServerSentEvent, SseDecoder, is_too_wide
from newapi_cli.api.errors.body import ErrorObject, find_error, is_html
from newapi_cli.api.errors.explain import error_in_stream, html_error, invalid_response
from newapi_cli.api.json_values import decode_json_values
from newapi_cli.domain.completion import Chunk
from newapi_cli.errors import NewapiError
from newapi_cli.i18n import tr

OK = 200
MAX_WHOLE_BYTES = 32 * 1024 * 1024
WHOLE_BEGINNINGS = (b"{", b"[", b"<")


class BodyDecoder:
    """Decodes one body. `status` is only set if it is a success other than 200.

    `is_end_confirmed` is set by `[DONE]` or by a whole object; `skipped` counts malformed events.
    Methods that yield chunks raise `NewapiError` at an error object, and for a body that is not an
    answer.
    """

    def __init__(self, request_id: str, status: int = 0) -> None:
        self.is_end_confirmed = False
        self.skipped = 0
        self._request_id = request_id
        self._status = status
        self._sse: SseDecoder | None = None
        self._whole: list[bytes] = []
        self._whole_size = 0
        self._deltas = DeltaDecoder()

    def feed(self, block: bytes) -> Iterator[Chunk]:
        """Yield the chunks that the next bytes complete."""
        if self._sse is None and not self._whole:
            block = block.lstrip()  # one-hub sends heartbeats before the JSON
            if block and block[:1] not in WHOLE_BEGINNINGS:
                self._sse = SseDecoder()
        if self._sse is not None:
            try:
                yield from self._chunks(self._sse.feed(block))
            except EventTooLarge as error:
                raise self._invalid(error.why) from error
        elif block:
            self._whole.append(block)
            self._whole_size += len(block)
            if self._whole_size > MAX_WHOLE_BYTES:
                raise self._invalid(tr("it is larger than 32 MB"))

    def end(self) -> Iterator[Chunk]:
        """Yield the chunks that the end of the body completes."""
        if self._sse is None:
            body = b"".join(self._whole)
            self._whole.clear()
            yield from self._whole_answer(body)
        elif not self.is_end_confirmed:
            yield from self._chunks(self._sse.end())
            yield from self._stray(self._sse.stray)
        yield from self.held()

    def held(self) -> Iterator[Chunk]:
        """Yield what was held back until its continuation, when nothing more arrives."""
        held = self._deltas.end()
        if held is not None:
            yield held

    def _chunks(self, events: list[ServerSentEvent]) -> Iterator[Chunk]:
        for event in events:
            if self.is_end_confirmed:
                return  # what follows [DONE] does not belong to the answer
            if event.data.strip() == DONE:
                self.is_end_confirmed = True
            elif event.data.strip():
                yield from self._chunk(event.data)

    def _chunk(self, data: str) -> Iterator[Chunk]:
        """Decode the JSON of an event: one object, or more if the server omits the blank line."""
        try:
            for value in decode_json_values(data):
                if isinstance(value, dict):
                    yield from self._chunks_of_object(value)
                else:
                    yield from self._check(find_error(value))
                    self.skipped += 1
        except ValueError:
            self.skipped += 1

    def _chunks_of_object(self, value: dict[str, Any]) -> Iterator[Chunk]:
        if "choices" not in value or value.get("error"):
            yield from self._check(find_error(value))
        chunk = chunk_from_json(value)
        if chunk.finish_reason:  # a choice with an error always has one
            error = find_error_in_choice(value)
            if error is not None and chunk.has_anything:
                yield self._deltas.feed(chunk)
            yield from self._check(error)
        if not chunk.has_anything and has_unread_content(value):
            self.skipped += 1
        yield self._deltas.feed(chunk)

    def _check(self, error: ErrorObject | None) -> Iterator[Chunk]:
        """Raise an error, if there is one, after yielding what was held back."""
        if error is not None:
            yield from self.held()
            request_id = error.request_id or self._request_id
            raise error_in_stream(error._replace(request_id=request_id), self._status)

    def _whole_answer(self, body: bytes) -> Iterator[Chunk]:
        if is_html(body):
            raise html_error(body, self._status or OK, self._request_id)
        if not body.strip():
            return
        if is_too_wide(body):
            raise self._invalid(tr("a non-ASCII response of {n:,} bytes is too large", n=len(body)))
        yield from self._chunk(body.decode("utf-8", "replace"))
        if self.skipped:
            raise self._invalid(tr("it is neither an event stream nor a completion"))
        self.is_end_confirmed = True

    def _stray(self, stray: bytes) -> Iterator[Chunk]:
        """Decode lines that are not part of any event: an error, or a whole answer."""
        if is_html(stray):
            raise html_error(stray, self._status or OK, self._request_id)
        begin = re.search(rb"^[^\S\n]*+\[?\{", stray, re.MULTILINE)
        if begin:
            yield from self._chunk(stray[begin.start() :].decode("utf-8", "replace"))

    def _invalid(self, why: str) -> NewapiError:
        return invalid_response(why, self._request_id, self._status)
