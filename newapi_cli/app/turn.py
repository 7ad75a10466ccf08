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
from collections.abc import Callable, Generator, Iterator

from newapi_cli.app.protocols import ChatClient, Pricer, Recorder
from newapi_cli.domain.completion import (
    ChatRequest,
    Chunk,
    Completion,
    CompletionBuilder,
    FallbackUsed,
    Notice,
    ResponseStarted,
    Status,
    StreamEnd,
    Tick,
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

KEEP_CHARACTERS = 4096
KEEP_S = 2.0  # an answer is kept at least so often while it comes
MIN_KEEP_S = 0.25  # and no oftener, nor for more than a tenth of the time
KEEP_SHARE = 0.1
PRICES_WAIT_S = 1.0  # for prices that are fetched for the first time in a day
FRAME_S = 0.04
# In characters, with the reasoning and the tool calls: what comes beyond is left, for a server that
# writes for ever would take all memory. A model writes some 0.5 MB of text (128,000 tokens).
MAX_SIZE = 16 * 1024 * 1024
CUT_HINT = "ask again, or ask it to continue"
OTHER_WORDS_HINT = "ask in other words"
FAILURE_REASONS = {  # finish reasons that tell of no answer's end, with what to do
    "content_filter": OTHER_WORDS_HINT,
    "sensitive": OTHER_WORDS_HINT,
    "abort": CUT_HINT,
    "network_error": CUT_HINT,
    "error": CUT_HINT,
}


class Turn:
    """One request under way. Iterate it once; `completion` tells at any time what has come."""

    def __init__(
        self,
        request: ChatRequest,
        client: ChatClient,
        recorder: Recorder | None = None,
        pricer: Pricer | None = None,
        *,
        require_finish_reason: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Let the request leave. What comes of it goes to the recorder, as do all ways out."""
        self.request = request
        self._recorder = recorder
        self._pricer = pricer
        self._has_prices = False  # the server is one that may publish some
        self._prices_are_due = False
        self._require_finish_reason = require_finish_reason
        self._clock = clock
        self._started = clock()
        self._first_token_s: float | None = None
        self._builder = CompletionBuilder()
        self._builder.requested_model = request.model
        self._status = Status.INTERRUPTED
        self._duration_s: float | None = None
        self._is_closed = False
        self._is_certain = False
        self._error = ""
        self._unkept = 0  # characters that the recorder has not seen
        self._kept_at = self._next_keep_at = self._started
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

    def __iter__(self) -> Generator[TurnEvent, None, None]:
        """Give the events of the turn; raise what ended it early, after all that came.

        Closing it ends the turn as interrupted.
        """
        try:
            yield from self._judged_events()
            self._status = Status.COMPLETE
        except Interrupted:
            raise
        except NewapiError as error:
            self._error = error.summary
            raise
        finally:
            self.close()

    def close(self) -> None:
        """Break the request off, if it still runs, and tell the recorder how the turn ended."""
        if self._is_closed:
            return
        self._is_closed = True
        self._events.close()
        self._end_time()
        try:
            if self._pricer is not None and self._has_prices and self._builder.has_anything:
                self._builder.cost = self._pricer.cost(
                    self._builder.requested_model, self._builder.usage
                )
        finally:  # whatever becomes of the price, the answer is kept
            if self._recorder is not None:
                self._recorder.end(self.completion, self._error)

    def _end_time(self) -> None:
        if self._duration_s is None:
            self._duration_s = self._clock() - self._started

    def _judged_events(self) -> Iterator[TurnEvent]:
        try:
            yield from self._all_events()
            self._end_time()
            yield from self._prices_to_come()
            yield from self._verdict()
        except (IncompleteCompletion, NetworkError, DeadlineError) as error:
            has_begun = self._builder.has_anything
            self._status = Status.INCOMPLETE if has_begun else Status.ERROR
            raise self._cut(error) if has_begun else error from error.__cause__
        except Interrupted:
            raise
        except NewapiError:
            self._status = Status.ERROR
            raise

    def _all_events(self) -> Iterator[TurnEvent]:
        try:
            for event in self._events:
                self._end_if_too_long(event)
                self._take(event)
                yield event
                if self._prices_are_due and self._pricer is not None:
                    self._prices_are_due = False
                    self._pricer.begin()  # after the first text has been shown
                if self._unkept:
                    self._keep_if_due()
        except (NetworkError, DeadlineError):
            if self._builder.finish_reason is None:
                raise  # else the answer is whole, whatever became of the connection after it

    def _prices_to_come(self) -> Iterator[Tick]:
        """Wait a little for prices that are on their way; what came is painted meanwhile."""
        until = self._clock() + PRICES_WAIT_S
        while self._pricer is not None and self._clock() < until and self._pricer.is_busy(FRAME_S):
            yield Tick(0.0)

    def _take(self, event: TurnEvent) -> None:
        if isinstance(event, Chunk):
            self._builder.add(event)
            self._unkept += len(event.content) + len(event.reasoning)
            if self._first_token_s is None and self._builder.has_anything:
                self._first_token_s = self._clock() - self._started
                self._prices_are_due = self._has_prices and self._pricer is not None
        elif isinstance(event, ResponseStarted):
            self._builder.request_id = event.request_id
            self._has_prices = event.is_new_api
        elif isinstance(event, FallbackUsed):
            self._builder.requested_model = event.next_model
            self._builder.tried += ((event.model, event.why),)
        elif isinstance(event, StreamEnd):
            self._is_certain = event.is_certain

    def _keep_if_due(self) -> None:
        """Hand what has come to the recorder: often enough to lose little, seldom enough to pay."""
        now = self._clock()
        if now < self._next_keep_at or self._recorder is None:
            return
        if self._unkept < KEEP_CHARACTERS and now < self._kept_at + KEEP_S:
            return
        self._unkept = 0
        self._recorder.keep(self.completion)
        self._kept_at = self._clock()
        pause_s = max(MIN_KEEP_S, (self._kept_at - now) / KEEP_SHARE)
        self._next_keep_at = self._kept_at + min(pause_s, KEEP_S)

    def _end_if_too_long(self, event: TurnEvent) -> None:
        """Raise `IncompleteCompletion` for more of an answer that is too long already."""
        if self._builder.size > MAX_SIZE and isinstance(event, Chunk) and event.has_anything:
            raise IncompleteCompletion(
                f"the answer was cut off after {self._builder.characters} characters:"
                " it is longer than any may be",
                hint="does the server ever end an answer?",
                request_id=self._builder.request_id,
            )

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
        if reason in FAILURE_REASONS:
            raise GatewayError(
                f"the answer was stopped by the server: {reason}",
                hint=FAILURE_REASONS[reason],
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
