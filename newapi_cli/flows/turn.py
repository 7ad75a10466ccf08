"""One prompt to one completion: the same for one-shot, pipelines and conversations.

The end of a stream is judged by evidence, because `[DONE]` alone proves nothing (New API writes it
after its own timeouts too) and a missing one disproves nothing:

    a finish reason                           complete
    [DONE] without one, some text             incomplete, unless the profile waives it
    neither                                   incomplete
    no text, no tool call                     an empty answer, which is an error
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from newapi_cli.domain.completion import (
    Accepted,
    ChatRequest,
    Chunk,
    Completion,
    CompletionBuilder,
    Notice,
    Status,
    StreamEnd,
    TurnEvent,
)
from newapi_cli.errors import (
    DeadlineError,
    GatewayError,
    IncompleteCompletion,
    Interrupted,
    NetworkError,
    NewapiError,
)
from newapi_cli.flows.ports import ChatClient

CUT_HINT = "ask again, or ask it to continue"
FILTER_REASONS = {"content_filter", "sensitive", "abort", "network_error"}


class Turn:
    """One request under way. Iterate it once; `completion` tells at any time what has come."""

    def __init__(
        self,
        request: ChatRequest,
        client: ChatClient,
        *,
        require_finish_reason: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.request = request
        self._require_finish_reason = require_finish_reason
        self._clock = clock
        self._started = clock()
        self._first_token_s: float | None = None
        self._builder = CompletionBuilder()
        self._status = Status.INTERRUPTED
        self._duration_s: float | None = None
        self._is_certain = False
        self._events = client.start_chat(request)

    @property
    def completion(self) -> Completion:
        """Give what has come so far, with how it ended; interrupted where it has not ended."""
        duration_s = self._duration_s
        return self._builder.completion(
            self._status,
            first_token_s=self._first_token_s,
            duration_s=self._clock() - self._started if duration_s is None else duration_s,
        )

    def __iter__(self) -> Iterator[TurnEvent]:
        """Give the events of the turn; raise what ended it early, after all that came."""
        try:
            yield from self._all_events()
            yield from self._verdict()
            self._status = Status.COMPLETE
        except (IncompleteCompletion, NetworkError, DeadlineError) as error:
            has_begun = self._builder.has_anything
            self._status = Status.INCOMPLETE if has_begun else Status.ERROR
            raise self._cut(error) if has_begun else error from error.__cause__
        except Interrupted:
            raise
        except NewapiError:
            self._status = Status.ERROR
            raise
        finally:
            self._events.close()
            self._duration_s = self._clock() - self._started

    def _all_events(self) -> Iterator[TurnEvent]:
        try:
            for event in self._events:
                self._take(event)
                yield event
        except (NetworkError, DeadlineError):
            if self._builder.finish_reason is None:
                raise  # else the answer is whole, whatever became of the connection after it

    def _take(self, event: TurnEvent) -> None:
        if isinstance(event, Chunk):
            self._builder.add(event)
            if self._first_token_s is None and self._builder.has_anything:
                self._first_token_s = self._clock() - self._started
        elif isinstance(event, Accepted):
            self._builder.request_id = event.request_id
        elif isinstance(event, StreamEnd):
            self._is_certain = event.is_certain

    def _cut(self, error: NewapiError) -> NewapiError:
        """Say of a failure in the midst of an answer how much of it came."""
        if isinstance(error, IncompleteCompletion):
            return error
        return IncompleteCompletion(
            f"the answer was cut off after {self._builder.characters} characters: {error.message}",
            why=error.why,
            hint=CUT_HINT,
            request_id=error.request_id or self._builder.request_id,
        )

    def _verdict(self) -> Iterator[Notice]:
        builder = self._builder
        reason = builder.finish_reason
        if reason in FILTER_REASONS:
            raise GatewayError(
                f"the answer was stopped by the server: {reason}",
                hint="what came is printed; ask in other words",
                request_id=builder.request_id,
            )
        if not builder.has_answer and reason != "length":
            raise self._empty()
        if reason == "length":
            yield Notice("the answer stopped at the token limit (finish reason: length)")
        elif reason is None and not (self._is_certain and not self._require_finish_reason):
            raise self._unfinished()

    def _empty(self) -> NewapiError:
        return GatewayError(
            "the server sent an empty answer",
            why="only reasoning came" if self._builder.has_anything else "",
            hint="ask again; if it stays so, try another model (`newapi models`)",
            request_id=self._builder.request_id,
        )

    def _unfinished(self) -> NewapiError:
        characters = self._builder.characters
        if self._is_certain:
            return IncompleteCompletion(
                "the gateway ended the stream without a finish reason; the answer may be cut off"
                f" (after {characters} characters)",
                hint=f"{CUT_HINT}; for a provider that never sends one: "
                "`newapi config set require_finish_reason false`",
                request_id=self._builder.request_id,
            )
        return IncompleteCompletion(
            f"the answer was cut off after {characters} characters: the connection ended",
            hint=CUT_HINT,
            request_id=self._builder.request_id,
        )
