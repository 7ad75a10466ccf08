"""The body of a successful response: bytes in, chunks out, streamed or whole.

The first byte that is not white space decides, not the Content-Type, which New API may set wrongly
for errors: `{` begins a JSON response, `<` a web page, anything else an event stream.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from newapi_cli.api.chat.chunks import find_error_in_choice, has_unread_content
from newapi_cli.api.chat.folding import AnswerFolder
from newapi_cli.api.chat.sse import (
    EventTooLarge,
    ServerSentEvent,
    SseDecoder,
    is_done,
    is_too_wide,
)
from newapi_cli.api.errors.body import PLAIN, find_error
from newapi_cli.api.errors.error_object import ErrorObject, is_html
from newapi_cli.api.errors.explain import (
    error_in_stream,
    html_error,
    invalid_response,
    outside_protocol,
)
from newapi_cli.api.json_values import decode_json_values
from newapi_cli.domain.completion import AnswerEvent
from newapi_cli.errors import NewapiError
from newapi_cli.i18n import tr

OK = 200
MAX_WHOLE_BYTES = 32 * 1024 * 1024
WHOLE_BEGINNINGS = (b"{", b"[", b"<")
ERROR_EVENTS = ("error", "exception", "failed", "failure", "fail")  # ends of their types
REPEATED_NAME = re.compile(r"(?:data:[ \t]*+)++")
MAX_KEPT = 4  # objects without anything of an answer


class BodyDecoder:
    """Decodes one body. `status` is only set if it is a success other than 200.

    `is_end_confirmed` is set by `[DONE]` or by a whole object; `skipped` counts malformed events.
    Methods that yield chunks raise `NewapiError` at an error object, which is then `refusal`, and
    for a body that is not an answer.
    """

    def __init__(self, request_id: str, status: int = 0) -> None:
        self.is_end_confirmed = False
        self.skipped = 0
        self.refusal: ErrorObject | None = None
        self._request_id = request_id
        self._status = status
        self._sse: SseDecoder | None = None
        self._whole: list[bytes] = []
        self._whole_size = 0
        self._folder = AnswerFolder()
        self._has_answer = False  # or a part of it, or of its reasoning
        self._is_finished = False
        self._has_choices = False
        self._kept: list[object] = []  # the first values without anything of an answer
        self._text = ""  # the first text that is no JSON
        self._last: dict[str, Any] | None = None  # an object that may be an error, after all text

    @property
    def skipped_parts(self) -> dict[str, int]:
        """The number of parts of the answer that cannot be shown, by type."""
        return self._folder.skipped

    def feed(self, block: bytes) -> Iterator[AnswerEvent]:
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

    def end(self) -> Iterator[AnswerEvent]:
        """Yield the chunks that the end of the body completes."""
        if self._sse is None:
            body = b"".join(self._whole)
            self._whole.clear()
            yield from self._whole_answer(body)
        else:
            if not self.is_end_confirmed:
                yield from self._chunks(self._sse.end())
            if not self._is_finished:
                yield from self._stray(self._sse.stray)
        yield from self.held()
        yield from self._check_answer()

    def held(self) -> Iterator[AnswerEvent]:
        """Yield what was held back until its continuation, when nothing more arrives."""
        held = self._folder.end()
        yield from self._events()
        if held is not None:
            yield held

    def _chunks(self, events: list[ServerSentEvent]) -> Iterator[AnswerEvent]:
        for event in events:
            if self.is_end_confirmed:
                return  # what follows [DONE] does not belong to the answer
            data = event.data
            if is_done(data):
                self.is_end_confirmed = True
            elif event.type != "message" and event.type.lower().endswith(ERROR_EVENTS):
                yield from self._error_event(data)
            elif "\n" in data or data[:1] != "{":
                yield from self._lines(data.split("\n"))
            else:
                yield from self._chunk(data)

    def _lines(self, lines: list[str]) -> Iterator[AnswerEvent]:
        """Decode the lines of an event: some servers send comments (`data: : PING`) as data.

        Others send no blank lines, so that an event holds the whole stream. Proxies that wrap the
        events of another stream repeat the name (`data: data: {…}`).
        """
        lines = [REPEATED_NAME.sub("", line) for line in lines]
        lines = [line for line in lines if not line.lstrip().startswith((":", "event:", "id:"))]
        end = next((number for number, line in enumerate(lines) if is_done(line)), None)
        if data := "\n".join(lines[:end]).strip():
            yield from self._chunk(data)
        self.is_end_confirmed = end is not None

    def _chunk(self, data: str) -> Iterator[AnswerEvent]:
        """Decode the JSON of an event: one object, or more if the server omits the blank line."""
        try:
            for value in decode_json_values(data):
                if isinstance(value, dict):
                    yield from self._chunks_of_object(value)
                else:
                    self._keep(value)
                    yield from self._check(find_error(value))
                    self.skipped += 1
        except ValueError:
            self._text = self._text or data
            self._has_choices |= '"choices"' in data
            self.skipped += 1

    def _chunks_of_object(self, value: dict[str, Any]) -> Iterator[AnswerEvent]:
        choices = value.get("choices")
        if not choices or value.get("error"):
            yield from self._check(find_error(value))
            if not value.keys() <= PLAIN:
                self._last = value
        chunk = self._folder.fold(value)
        self._has_choices |= "choices" in value
        if self._folder.has_read:
            self._has_answer, self._last = True, None
        else:
            self._keep(value)
            self.skipped += not self._folder.has_skipped and has_unread_content(value)
        if self._folder.events:
            yield from self._events()
        if chunk.finish_reason:  # a choice with an error always has one
            self._is_finished = True
            error = find_error_in_choice(value)
            if error is None and "base_resp" in value:  # MiniMax ends each answer with it
                error = find_error(value)
            if error is not None and chunk.has_anything:
                yield chunk
            yield from self._check(error)
        yield chunk

    def _events(self) -> Iterator[AnswerEvent]:
        events, self._folder.events = self._folder.events, []
        return iter(events)

    def _keep(self, value: object) -> None:
        if len(self._kept) < MAX_KEPT:
            self._kept.append(value)

    def _error_event(self, data: str) -> Iterator[AnswerEvent]:
        from newapi_cli.api.errors import wrappers  # noqa: PLC0415  # 3 ms, at an error only

        error = wrappers.read_text(data)
        yield from self._check(error._replace(message=data.strip()) if error.is_empty else error)

    def _check(self, error: ErrorObject | None) -> Iterator[AnswerEvent]:
        """Raise an error, if there is one, after yielding what was held back."""
        if error is not None:
            yield from self.held()
            self.refusal = error.with_id(self._request_id)
            raise error_in_stream(self.refusal, self._status, has_text=self._has_answer)

    def _check_answer(self) -> Iterator[AnswerEvent]:
        """Raise the error for a body that ended without an answer, and not just empty.

        A message without the mark of an error is one if nothing of an answer follows.
        """
        is_cut_off = not self._is_finished and bool(self._text or self._last is not None)
        if self._has_answer and not is_cut_off:
            return
        values = [] if self._has_answer else list(self._kept)
        values += [] if self._last is None else [self._last]
        if not (self._text or values):
            return
        from newapi_cli.api.errors import outside  # noqa: PLC0415  # 3 ms, if nothing arrived

        has_choices = self._has_choices or self._has_answer
        finding = outside.find_no_answer(values, self._text, has_choices=has_choices)
        if finding is None:
            return
        yield from self._check(finding.error)
        raise outside_protocol(finding.api, finding.words, self._request_id, self._status)

    def _whole_answer(self, body: bytes) -> Iterator[AnswerEvent]:
        if is_html(body):
            raise html_error(body, self._status or OK, self._request_id)
        if not body.strip():
            return
        if is_too_wide(body):
            raise self._invalid(tr("a non-ASCII response of {n:,} bytes is too large", n=len(body)))
        text = body.decode("utf-8", "replace")
        yield from self._chunk(text)
        self._text = text
        if self.skipped:
            yield from self._check_answer()
            raise self._invalid(tr("it is neither an event stream nor a completion"))
        self.is_end_confirmed = True

    def _stray(self, stray: bytes) -> Iterator[AnswerEvent]:
        """Decode lines that are not part of any event: an error, or a whole answer."""
        if not stray:
            return
        if is_html(stray):
            raise html_error(stray, self._status or OK, self._request_id)
        from newapi_cli.api.errors import outside  # noqa: PLC0415  # 3 ms, rarely needed

        text = stray.decode("utf-8", "replace")
        yield from self._check(outside.error_in_stray(text))
        begin = re.search(r"^[^\S\n]*+\[?\{", text, re.MULTILINE)
        if begin:
            yield from self._chunk(text[begin.start() :])
        elif not self._has_choices:
            self._text = self._text or text

    def _invalid(self, why: str) -> NewapiError:
        return invalid_response(why, self._request_id, self._status)
