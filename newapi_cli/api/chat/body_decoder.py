"""The body of a successful answer: bytes in, chunks out, whichever of its forms the server chose.

The first byte that is no white space decides, not the Content-Type, which New API gets wrong for
errors in both directions: `{` begins a JSON answer, `<` a web page, all else an event stream.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from newapi_cli.api.chat.chunks import chunk_from_json, holds_unread, refusal_in_choice
from newapi_cli.api.chat.deltas import DeltaDecoder
from newapi_cli.api.chat.sse import EventTooLarge, ServerSentEvent, SseDecoder, is_too_wide
from newapi_cli.api.codec import DONE, Refusal, decode_all, refusal_in
from newapi_cli.api.errors.rules import HTML, error_in_stream, html_error, not_understood
from newapi_cli.domain.completion import Chunk
from newapi_cli.errors import NewapiError

MAX_WHOLE_BYTES = 32 * 1024 * 1024
WHOLE_BEGINNINGS = (b"{", b"[", b"<")


class AnswerReader:
    """Reads one body. `is_certain` after `[DONE]` or a whole object; `skipped` counts nonsense.

    All methods that give chunks raise `StreamRefused` at the place of an error object, and
    `GatewayError` for what is no answer at all.
    """

    def __init__(self, request_id: str) -> None:
        self.is_certain = False
        self.skipped = 0
        self._request_id = request_id
        self._sse: SseDecoder | None = None
        self._whole: list[bytes] = []
        self._whole_size = 0
        self._deltas = DeltaDecoder()

    def feed(self, block: bytes) -> Iterator[Chunk]:
        """Take bytes and give the chunks they complete."""
        if self._sse is None and not self._whole:
            block = block.lstrip()  # heartbeats of one-hub stand before the JSON
            if block and block[:1] not in WHOLE_BEGINNINGS:
                self._sse = SseDecoder()
        if self._sse is not None:
            try:
                yield from self._chunks(self._sse.feed(block))
            except EventTooLarge as error:
                raise not_understood(str(error), self._request_id) from error
        elif block:
            self._whole.append(block)
            self._whole_size += len(block)
            if self._whole_size > MAX_WHOLE_BYTES:
                raise not_understood("the answer is larger than 32 MB", self._request_id)

    def end(self) -> Iterator[Chunk]:
        """Take the end of the body: what was pending, what was not streamed, what was stray."""
        if self._sse is None:
            body = b"".join(self._whole)
            self._whole.clear()
            yield from self._whole_answer(body)
        elif not self.is_certain:
            yield from self._chunks(self._sse.end())
            yield from self._stray(self._sse.stray)
        yield from self.held()

    def held(self) -> Iterator[Chunk]:
        """Give what was held back to see how it goes on, when nothing more comes."""
        held = self._deltas.end()
        if held is not None:
            yield held

    def _chunks(self, events: list[ServerSentEvent]) -> Iterator[Chunk]:
        for event in events:
            if self.is_certain:
                return  # what follows [DONE] is no part of the answer
            if event.data.strip() == DONE:
                self.is_certain = True
            elif event.data.strip():
                yield from self._chunk(event.data)

    def _chunk(self, data: str) -> Iterator[Chunk]:
        """Read the JSON objects of one event: one, but for servers that forget the blank line."""
        try:
            for value in decode_all(data):
                if isinstance(value, dict):
                    yield from self._chunks_of_object(value)
                else:
                    yield from self._refuse(refusal_in(value))
                    self.skipped += 1
        except ValueError:
            self.skipped += 1

    def _chunks_of_object(self, value: dict[str, Any]) -> Iterator[Chunk]:
        if "choices" not in value or value.get("error"):
            yield from self._refuse(refusal_in(value))
        chunk = chunk_from_json(value)
        if chunk.finish_reason:  # a choice with an error always has one
            refusal = refusal_in_choice(value)
            if refusal is not None and chunk.has_anything:
                yield self._deltas.feed(chunk)
            yield from self._refuse(refusal)
        if not chunk.has_anything and holds_unread(value):
            self.skipped += 1
        yield self._deltas.feed(chunk)

    def _refuse(self, refusal: Refusal | None) -> Iterator[Chunk]:
        """Raise `StreamRefused` after what was held back, if there is an error."""
        if refusal is not None:
            yield from self.held()
            raise StreamRefused(refusal._replace(request_id=refusal.request_id or self._request_id))

    def _whole_answer(self, body: bytes) -> Iterator[Chunk]:
        if HTML.match(body):
            raise html_error(body, 200, self._request_id)
        if not body.strip():
            return
        if is_too_wide(body):
            size = f"{len(body)} bytes are too many for one answer"
            raise not_understood(size, self._request_id)
        yield from self._chunk(body.decode("utf-8", "replace"))
        if self.skipped:
            raise not_understood("neither an event stream nor a completion", self._request_id)
        self.is_certain = True

    def _stray(self, stray: bytes) -> Iterator[Chunk]:
        """Look at what stood in the stream without being an event: an error, or a whole answer."""
        if HTML.match(stray):
            raise html_error(stray, 200, self._request_id)
        begin = re.search(rb"^[^\S\n]*+\[?\{", stray, re.MULTILINE)
        if begin:
            yield from self._chunk(stray[begin.start() :].decode("utf-8", "replace"))


class StreamRefused(Exception):
    """An error object stood among the events."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal

    def as_error(self) -> NewapiError:
        """Give it as the error that the person is told."""
        return error_in_stream(self.refusal)
