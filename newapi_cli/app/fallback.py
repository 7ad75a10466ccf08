"""Fallback models: if one fails before any text, the next one gets the same request.

A model with a fallback is tried once, without retries; only the last one is retried. An empty
answer is a failure, too. Errors that every model would have (the key, the request itself, the
network) end the turn at once: `NewapiError.can_fall_back` is false for them.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence

from newapi_cli.app.protocols import AnswerStream, RetryingClient
from newapi_cli.domain.completion import (
    ChatRequest,
    Chunk,
    CompletionBuilder,
    FallbackUsed,
    Notice,
    ResponseStarted,
    StreamEnd,
    TurnEvent,
)
from newapi_cli.errors import DeadlineError, NewapiError
from newapi_cli.i18n import tr


class FallbackClient:
    """Sends a request to its model, then to the fallback models. A `protocols.ChatClient`."""

    def __init__(self, client: RetryingClient, others: Sequence[str]) -> None:
        self._client = client
        self._others = tuple(others)

    def start_chat(self, request: ChatRequest) -> AnswerStream:
        """Send the request now and return the events of the model that answers."""
        others = tuple(name for name in self._others if name != request.model)
        if not others:
            return self._client.start_chat(request)
        first = self._client.start_chat(request, with_retries=False)
        return _Chain(self._client, request, others, first)


class _Chain:
    """The events of the first model that begins to answer, or else of the last one."""

    def __init__(
        self,
        client: RetryingClient,
        request: ChatRequest,
        others: tuple[str, ...],
        first: AnswerStream,
    ) -> None:
        self._client = client
        self._request = request
        self._others = others
        self._stream = first
        self._has_text = False
        self._events = self._chained()

    def __iter__(self) -> Iterator[TurnEvent]:
        return self._events

    def close(self) -> None:
        """Cancel the request, even if iteration has not begun."""
        self._events.close()
        self._stream.close()

    def _chained(self) -> Generator[TurnEvent, None, None]:
        model = self._request.model
        for number, following in enumerate(self._others, 1):
            try:
                yield from self._until_text()
                return
            except NewapiError as error:
                is_timeout = isinstance(error, DeadlineError)
                if self._has_text or not (is_timeout or error.can_fall_back):
                    raise
                why = error.summary
            yield Notice(tr("{model}: {why}; trying {next}", model=model, why=why, next=following))
            yield FallbackUsed(model, following, why)
            self._stream.close()
            model = following
            request = self._request._replace(model=following)
            is_last = number == len(self._others)
            self._stream = self._client.start_chat(request, with_retries=is_last)
        yield from self._stream

    def _until_text(self) -> Iterator[TurnEvent]:
        builder = CompletionBuilder()  # of what arrives before the first text
        for event in self._stream:
            if isinstance(event, Chunk) and not self._has_text:
                self._has_text = event.has_anything
                builder.add(event)
            elif isinstance(event, ResponseStarted):
                builder.request_id = event.request_id
            elif isinstance(event, StreamEnd) and not self._has_text:
                _raise_if_empty(builder, event)
            yield event


def _raise_if_empty(builder: CompletionBuilder, end: StreamEnd) -> None:
    """Raise the error for an answer that ended without a text, unless its token limit was 0."""
    from newapi_cli.app.answer_outcome import check_ended  # not before the request leaves

    is_confirmed = end.is_end_confirmed
    for _ in check_ended(builder, is_end_confirmed=is_confirmed, require_finish_reason=True):
        pass  # a notice, which the turn will yield
