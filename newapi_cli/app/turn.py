"""One prompt and its completion, for one-shot use, pipelines and conversations alike.

`app.answer_outcome` decides whether the answer is complete.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from functools import cached_property

from newapi_cli.app.answer_outcome import check_ended, check_size, cut_off_error
from newapi_cli.app.protocols import ChatClient, Pricer, Recorder
from newapi_cli.domain.completion import (
    FRAME_S,
    ChatRequest,
    Chunk,
    Completion,
    CompletionBuilder,
    FallbackUsed,
    ReasoningEnded,
    ResponseStarted,
    Sources,
    Status,
    StreamEnd,
    Tick,
    TurnEvent,
)
from newapi_cli.errors import (
    DeadlineError,
    IncompleteCompletion,
    Interrupted,
    NetworkError,
    NewapiError,
)

# An answer is saved while it arrives: after this many characters, or this long after the last time.
SAVE_AFTER_CHARACTERS = 4096
SAVE_AFTER_S = 2.0
# But not more often than this, and not for more than a tenth of the time.
MIN_SAVE_INTERVAL_S = 0.25
MAX_SAVE_SHARE = 0.1
PRICES_WAIT_S = 1.0  # at the end of an answer, for prices that are still being fetched
SEARCH_OPTION = "web_search_options"  # of a request


class Turn:
    """One request in progress. Iterate it once; `completion` is what has arrived at any time."""

    def __init__(
        self,
        request: ChatRequest,
        client: ChatClient,
        recorder: Recorder | None = None,
        make_pricer: Callable[[], Pricer] | None = None,
        *,
        require_finish_reason: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Send the request. The recorder stores what arrives and how the turn ends.

        The pricer is made only if the server may publish prices, or may charge a stopped answer.
        """
        self.request = request
        self._recorder = recorder
        self._make_pricer = make_pricer
        self._response: ResponseStarted | None = None
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
        self._was_stopped = False  # by the user or by a timeout of ours
        self._is_end_confirmed = False
        self._error = ""
        self._unsaved = 0  # characters
        self._saved_at = self._next_save_at = self._started
        self._events = client.start_chat(request)
        if tools := request.sampling.options.get("tools"):
            self._builder.offered_tools = _tool_names(tools)

    @property
    def completion(self) -> Completion:
        """What has arrived so far and how it ended; interrupted if it has not ended."""
        duration_s = self._duration_s
        return self._builder.completion(
            self._status,
            first_token_s=self._first_token_s,
            duration_s=self._clock() - self._started if duration_s is None else duration_s,
        )

    def __iter__(self) -> Generator[TurnEvent, None, None]:
        """Yield the events of the turn, then raise what ended it early.

        Closing the iterator ends the turn as interrupted.
        """
        try:
            yield from self._checked_events()
            self._status = Status.COMPLETE
        except Interrupted:
            self._was_stopped = True
            raise
        except NewapiError as error:
            self._error = error.summary
            raise
        finally:
            self.close()

    def close(self) -> None:
        """Cancel the request if it still runs, and store how the turn ended."""
        if self._is_closed:
            return
        self._is_closed = True
        self._events.close()
        self._end_time()
        try:
            self._add_cost()
        finally:  # the answer is stored even if its price fails
            if self._recorder is not None:
                self._recorder.end(self.completion, self._error)

    def _add_cost(self) -> None:
        """Add the cost. An answer without text is charged too if tokens were counted."""
        builder = self._builder
        is_charged = builder.has_anything or builder.usage is not None
        if self._has_prices and is_charged and self._pricer:
            searches = SEARCH_OPTION in self.request.sampling.options
            usage = builder.usage
            builder.cost = self._pricer.cost(builder.requested_model, usage, searches=searches)
        if self._was_stopped and builder.finish_reason is None and self._pricer:
            is_stream = self.request.stream
            builder.may_cost_more = self._pricer.may_charge_rest(
                self._response, is_stream=is_stream
            )

    @cached_property
    def _pricer(self) -> Pricer | None:
        return None if self._make_pricer is None else self._make_pricer()

    @property
    def _has_prices(self) -> bool:
        """Whether the server may publish prices."""
        return self._response is not None and self._response.is_new_api

    def _end_time(self) -> None:
        if self._duration_s is None:
            self._duration_s = self._clock() - self._started

    def _checked_events(self) -> Iterator[TurnEvent]:
        try:
            yield from self._observed_events()
            self._end_time()
            yield from self._wait_for_prices()
            yield from check_ended(
                self._builder,
                is_end_confirmed=self._is_end_confirmed,
                require_finish_reason=self._require_finish_reason,
            )
        except (IncompleteCompletion, NetworkError, DeadlineError) as error:
            self._was_stopped = isinstance(error, DeadlineError)
            if not self._builder.has_anything:
                self._status = Status.ERROR
                raise
            self._status = Status.INCOMPLETE
            raise cut_off_error(self._builder, error) from error.__cause__
        except Interrupted:
            raise
        except NewapiError:
            self._status = Status.ERROR
            raise

    def _observed_events(self) -> Iterator[TurnEvent]:
        try:
            for event in self._events:
                check_size(self._builder, event)
                self._observe(event)
                yield event
                if self._prices_are_due:
                    self._prices_are_due = False
                    self._begin_pricing()  # after the first text has been shown
                if self._unsaved:
                    self._save_if_due()
        except (NetworkError, DeadlineError):
            if self._builder.finish_reason is None:
                raise  # else the answer is complete, and the connection broke after it

    def _wait_for_prices(self) -> Iterator[Tick]:
        """Wait briefly for prices that are being fetched; ticks let the screen update."""
        if not self._has_prices or self._pricer is None:
            return
        if self._builder.usage is not None:
            self._begin_pricing()  # an empty answer is charged too
        self._pricer.end()
        until = self._clock() + PRICES_WAIT_S
        while self._clock() < until and self._pricer.is_busy(FRAME_S):
            yield Tick(0.0)

    def _begin_pricing(self) -> None:
        if self._response is not None and self._pricer is not None:
            self._pricer.begin(self._response)

    def _observe(self, event: TurnEvent) -> None:
        if isinstance(event, Chunk):
            self._builder.add(event)
            self._unsaved += len(event.content) + len(event.reasoning)
            if self._first_token_s is None and self._builder.has_anything:
                self._first_token_s = self._clock() - self._started
                self._prices_are_due = self._has_prices
        elif isinstance(event, ResponseStarted):
            self._builder.request_id = event.request_id
            self._response = event
        elif isinstance(event, FallbackUsed):
            self._builder.fall_back(event)
            self._is_end_confirmed = False
        elif isinstance(event, StreamEnd):
            self._is_end_confirmed = event.is_end_confirmed
        elif isinstance(event, Sources | ReasoningEnded):
            self._builder.add(event)

    def _save_if_due(self) -> None:
        """Save what has arrived, often enough to lose little and rarely enough to be cheap."""
        now = self._clock()
        if now < self._next_save_at or self._recorder is None:
            return
        if self._unsaved < SAVE_AFTER_CHARACTERS and now < self._saved_at + SAVE_AFTER_S:
            return
        self._unsaved = 0
        self._recorder.save_partial(self.completion)
        self._saved_at = self._clock()
        pause_s = max(MIN_SAVE_INTERVAL_S, (self._saved_at - now) / MAX_SAVE_SHARE)
        self._next_save_at = self._saved_at + min(pause_s, SAVE_AFTER_S)


def _tool_names(tools: object) -> list[str]:
    """Return the names in the list of tools of a request; the user may have sent anything."""
    functions = (each.get("function") for each in _dicts(tools))
    return [name for each in _dicts(functions) if isinstance(name := each.get("name"), str)]


def _dicts(values: object) -> Iterator[Mapping[str, object]]:
    if isinstance(values, Iterable) and not isinstance(values, str | Mapping):
        yield from (value for value in values if isinstance(value, Mapping))
