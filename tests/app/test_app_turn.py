"""How a turn ends: complete, incomplete or failed, decided by evidence."""

from __future__ import annotations

from collections.abc import Generator, Iterator

import pytest

from newapi_cli.app.turn import Turn
from newapi_cli.domain.completion import (
    ChatRequest,
    Chunk,
    Notice,
    ResponseStarted,
    Status,
    StreamEnd,
    Tick,
    ToolCallDelta,
    TurnEvent,
    Usage,
)
from newapi_cli.domain.messages import Message, Role
from newapi_cli.errors import (
    AuthenticationError,
    ConfigError,
    DeadlineError,
    ExitCode,
    GatewayError,
    IncompleteCompletion,
    Interrupted,
    LimitError,
    NetworkError,
    NewapiError,
)
from tests.support.cases import each

REQUEST = ChatRequest("m", (Message(Role.USER, "hi"),))
TEXT, MORE = Chunk("Par"), Chunk("is")
THOUGHT = Chunk(reasoning="hm")
CALL = Chunk(tool_calls=(ToolCallDelta(0, "c", "f", "{}"),))
STOP = Chunk(finish_reason="stop")
USAGE = Chunk(usage=Usage(1, 2, 3))
DONE, EOF = StreamEnd(is_end_confirmed=True), StreamEnd(is_end_confirmed=False)
ACCEPTED = ResponseStarted("rid")

Script = tuple[TurnEvent | BaseException, ...]


class ScriptedClient:
    """Yields the events of a script, raises its exceptions, and records how it was used."""

    def __init__(self, *script: TurnEvent | BaseException) -> None:
        self.requests: list[ChatRequest] = []
        self.is_closed = False
        self._script = script

    def start_chat(self, request: ChatRequest) -> Generator[TurnEvent, None, None]:
        """Record the request and return the script."""
        self.requests.append(request)
        return self._events()

    def _events(self) -> Generator[TurnEvent, None, None]:
        try:
            for step in self._script:
                if isinstance(step, BaseException):
                    raise step
                yield step
        finally:
            self.is_closed = True


class Clock:
    """A clock that advances by a second at each call."""

    def __init__(self) -> None:
        self._ticks: Iterator[float] = iter(float(n) for n in range(1000))

    def __call__(self) -> float:
        return next(self._ticks)


def turn_of(*script: TurnEvent | BaseException, require_finish_reason: bool = True) -> Turn:
    return Turn(REQUEST, ScriptedClient(*script), require_finish_reason=require_finish_reason)


def failure_of(turn: Turn) -> NewapiError:
    with pytest.raises(NewapiError) as caught:
        list(turn)
    return caught.value


# -- complete -----------------------------------------------------------------------------------

COMPLETE: dict[str, Script] = {
    "finish reason and DONE": (ACCEPTED, TEXT, STOP, USAGE, DONE),
    "finish reason without DONE": (ACCEPTED, TEXT, STOP, EOF),
    "finish reason and then a broken connection": (TEXT, STOP, NetworkError("reset")),
    "finish reason and then a silence": (TEXT, STOP, DeadlineError("no end")),
    "the finish reason of a template": (TEXT, Chunk(finish_reason="<|eot_id|>"), DONE),
    "another word for it": (TEXT, Chunk(finish_reason="end"), EOF),
    "a finish reason with the last text": (Chunk("Par", finish_reason="stop"), EOF),
    "a tool call without text": (CALL, Chunk(finish_reason="tool_calls"), DONE),
    "reasoning and text": (THOUGHT, TEXT, STOP, DONE),
    "a whole answer": (Chunk("Paris", finish_reason="stop", usage=Usage(1, 2, 3)), DONE),
}


@each("script", COMPLETE.values(), ids=COMPLETE)
def test_a_finish_reason_makes_an_answer_complete(script: Script) -> None:
    turn = turn_of(*script)
    events = list(turn)
    assert turn.completion.status == Status.COMPLETE
    assert events == [step for step in script if not isinstance(step, BaseException)]


LIMITS = """
    length max_tokens MAX_TOKENS max-tokens maxTokens max_output_tokens token_limit ERROR_LIMIT
    model_length model_context_window_exceeded context_length_exceeded FINISH_REASON_MAX_TOKENS
    """


@pytest.mark.parametrize("end", [DONE, EOF, NetworkError("reset")])
@pytest.mark.parametrize("content", ["Par", ""])
@each("word", LIMITS.split())
def test_an_answer_at_the_token_limit_is_complete_with_a_notice(
    content: str, end: TurnEvent | BaseException, word: str
) -> None:
    turn = turn_of(Chunk(content, finish_reason=word), end)
    notices = [event for event in turn if isinstance(event, Notice)]
    assert turn.completion.status == Status.COMPLETE
    assert len(notices) == 1
    assert "token limit" in notices[0].text
    assert not notices[0].is_detail


def test_an_unknown_finish_reason_is_complete_and_reported_with_v() -> None:
    turn = turn_of(TEXT, Chunk(finish_reason="pause_turn"), DONE)
    [notice] = [event for event in turn if isinstance(event, Notice)]
    assert "pause_turn" in notice.text
    assert notice.is_detail
    assert (turn.completion.status, turn.completion.finish_reason) == (
        Status.COMPLETE,
        "pause_turn",
    )


def test_reasoning_that_used_all_tokens_is_reported_as_that() -> None:
    turn = turn_of(THOUGHT, Chunk(finish_reason="MAX_TOKENS"), DONE)
    [notice] = [event for event in turn if isinstance(event, Notice)]
    assert "reasoning" in notice.text
    assert "MAX_TOKENS" in notice.text
    assert "max_tokens" in notice.text
    assert turn.completion.finish_reason == "length"


def test_a_missing_finish_reason_can_be_allowed() -> None:
    turn = turn_of(TEXT, DONE, require_finish_reason=False)
    assert list(turn) == [TEXT, DONE]
    assert turn.completion.status == Status.COMPLETE
    assert turn.completion.finish_reason is None


# -- incomplete ---------------------------------------------------------------------------------

INCOMPLETE: dict[str, Script] = {
    "DONE without a finish reason": (ACCEPTED, TEXT, MORE, DONE),
    "DONE and usage without a finish reason": (ACCEPTED, TEXT, MORE, USAGE, DONE),
    "the end without either": (ACCEPTED, TEXT, MORE, EOF),
    "a broken connection": (ACCEPTED, TEXT, MORE, NetworkError("reset")),
    "a silence": (ACCEPTED, TEXT, MORE, DeadlineError("no further content for 300 s")),
    "a tool call that is cut": (ACCEPTED, Chunk("Paris"), CALL, EOF),
}


@pytest.mark.parametrize("script", INCOMPLETE.values(), ids=INCOMPLETE)
def test_an_answer_without_evidence_is_incomplete(script: Script) -> None:
    turn = turn_of(*script)
    found = failure_of(turn)
    assert type(found) is IncompleteCompletion
    assert "after 5 characters" in found.message
    assert found.hint
    assert found.request_id == "rid"
    assert turn.completion.status == Status.INCOMPLETE
    assert turn.completion.content == "Paris"


def test_all_events_are_yielded_before_the_verdict() -> None:
    events = []
    with pytest.raises(IncompleteCompletion):
        for event in turn_of(TEXT, MORE, EOF):
            events.append(event)
    assert events == [TEXT, MORE, EOF]


def test_the_setting_accepts_done_and_nothing_else() -> None:
    assert isinstance(failure_of(turn_of(TEXT, EOF, require_finish_reason=False)),
                      IncompleteCompletion)  # fmt: skip


def test_a_missing_finish_reason_differs_from_a_lost_connection() -> None:
    ended, cut = failure_of(turn_of(TEXT, DONE)), failure_of(turn_of(TEXT, EOF))
    assert "require_finish_reason" in ended.hint
    assert "require_finish_reason" not in cut.hint
    assert ended.message != cut.message


def test_an_answer_that_was_cut_off_has_its_cause() -> None:
    found = failure_of(turn_of(TEXT, NetworkError("the connection broke", why="reset by peer")))
    assert "the connection broke" in found.message
    assert found.why == "reset by peer"


def test_reasoning_that_is_cut_off_is_incomplete_too() -> None:
    turn = turn_of(THOUGHT, NetworkError("reset"))
    assert isinstance(failure_of(turn), IncompleteCompletion)
    assert turn.completion.reasoning == "hm"


# -- errors -------------------------------------------------------------------------------------

EMPTY: dict[str, Script] = {
    "nothing at all": (EOF,),
    "DONE only": (DONE,),
    "usage only": (USAGE, DONE),
    "a finish reason only": (STOP, DONE),
    "reasoning only": (THOUGHT, STOP, DONE),
}


@pytest.mark.parametrize("script", EMPTY.values(), ids=EMPTY)
def test_an_empty_answer_is_an_error_of_the_gateway(script: Script) -> None:
    turn = turn_of(ACCEPTED, *script)
    found = failure_of(turn)
    assert type(found) is GatewayError
    assert "empty" in found.message
    assert found.request_id == "rid"
    assert turn.completion.status == Status.ERROR


@pytest.mark.parametrize("require", [True, False])
def test_an_empty_answer_is_an_error_with_either_setting(require: bool) -> None:
    assert type(failure_of(turn_of(DONE, require_finish_reason=require))) is GatewayError


def test_an_answer_in_the_reasoning_is_where_the_hint_points() -> None:
    found = failure_of(turn_of(THOUGHT, STOP, DONE))
    assert "reasoning" in found.why
    assert "sessions show --reasoning" in found.hint


@each(
    ("script", "why"),
    [
        ((StreamEnd(False),), "the response ended before any text"),
        ((THOUGHT, StreamEnd(False)), "the response ended during the reasoning"),
        ((DONE,), ""),
        ((THOUGHT, DONE), "only reasoning was sent"),
    ],
)
def test_an_empty_answer_that_was_cut_off_is_reported_as_that(script: Script, why: str) -> None:
    assert failure_of(turn_of(*script)).why == why


def test_tool_calls_that_were_not_sent_are_named() -> None:
    found = failure_of(turn_of(Chunk(finish_reason="tool_calls"), DONE))
    assert "tool_calls" in found.why


FILTERED = """
    content_filter sensitive SAFETY RECITATION PROHIBITED_CONTENT BLOCKLIST SPII IMAGE_SAFETY
    refusal ERROR_TOXIC guardrail_intervened content_filtered contentFilter content-filter
    FinishReason.SAFETY FINISH_REASON_SAFETY
    """
FAILED = """
    abort network_error error ERROR insufficient_system_resource cancelled canceled timeout
    MALFORMED_FUNCTION_CALL UNEXPECTED_TOOL_CALL USER_CANCEL network-error
    """


@each("reason", [*FILTERED.split(), *FAILED.split()])
@each("text", [(), (TEXT,)])
def test_an_answer_that_the_server_stopped_is_an_error(reason: str, text: Script) -> None:
    turn = turn_of(ACCEPTED, *text, Chunk(finish_reason=reason), DONE)
    found = failure_of(turn)
    assert type(found) is GatewayError
    assert reason in found.message
    assert ("rephrase" in found.hint) == (reason in FILTERED.split())
    assert turn.completion.status == Status.ERROR
    assert turn.completion.content == "".join(c.content for c in text if isinstance(c, Chunk))


ERRORS = [
    ConfigError("x"),
    AuthenticationError("x"),
    NetworkError("x"),
    GatewayError("x"),
    LimitError("x"),
    DeadlineError("x"),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_error_before_any_text_is_raised_unchanged(error: NewapiError) -> None:
    turn = turn_of(ACCEPTED, Tick(1.0), error)
    assert failure_of(turn) is error
    assert turn.completion.status == Status.ERROR


def test_an_error_during_an_answer_keeps_the_text_and_the_exit_code() -> None:
    error = GatewayError("in the middle of the answer")
    turn = turn_of(TEXT, error)
    assert failure_of(turn) is error
    assert (turn.completion.status, turn.completion.content) == (Status.ERROR, "Par")


def test_an_error_after_the_finish_reason_is_still_an_error() -> None:
    turn = turn_of(TEXT, STOP, GatewayError("in the middle of the answer"))
    assert isinstance(failure_of(turn), GatewayError)
    assert turn.completion.status == Status.ERROR


# -- interruptions ------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [ExitCode.SIGINT, ExitCode.SIGTERM, ExitCode.SIGHUP])
def test_an_interrupted_turn_keeps_the_part_and_the_signal(code: ExitCode) -> None:
    turn = turn_of(TEXT, Interrupted(code))
    with pytest.raises(Interrupted) as caught:
        list(turn)
    assert caught.value.code == code
    assert (turn.completion.status, turn.completion.content) == (Status.INTERRUPTED, "Par")


def test_an_abandoned_turn_is_interrupted() -> None:
    client = ScriptedClient(TEXT, MORE, STOP, DONE)
    turn = Turn(REQUEST, client)
    events = iter(turn)
    assert next(events) == TEXT
    assert turn.completion.status == Status.INTERRUPTED
    del events
    assert client.is_closed
    assert (turn.completion.status, turn.completion.content) == (Status.INTERRUPTED, "Par")


# -- the rest -----------------------------------------------------------------------------------


def test_the_request_leaves_when_the_turn_is_made() -> None:
    client = ScriptedClient()
    Turn(REQUEST, client)
    assert client.requests == [REQUEST]


@pytest.mark.parametrize("script", [(TEXT, STOP, DONE), (TEXT, EOF), (TEXT, GatewayError("x"))])
def test_the_events_are_closed_however_the_turn_ends(script: Script) -> None:
    client = ScriptedClient(*script)
    turn = Turn(REQUEST, client)
    try:
        list(turn)
    except NewapiError as error:
        assert error.exit_code in (6, 9)
    assert client.is_closed


def test_times_are_measured_from_the_request_to_the_first_token_and_the_end() -> None:
    client = ScriptedClient(ACCEPTED, Tick(0.0), THOUGHT, TEXT, STOP, DONE)
    turn = Turn(REQUEST, client, clock=Clock())
    list(turn)
    first, whole = turn.completion.first_token_s, turn.completion.duration_s
    assert first is not None
    assert 0 < first < whole
    assert turn.completion.duration_s == whole


def test_a_turn_without_text_has_no_first_token() -> None:
    turn = turn_of(USAGE, DONE)
    failure_of(turn)
    assert turn.completion.first_token_s is None


def test_a_completion_contains_what_the_server_sent() -> None:
    turn = turn_of(ACCEPTED, Chunk("a", model="served", id="i"), STOP, USAGE, DONE)
    list(turn)
    done = turn.completion
    assert (done.model, done.id, done.request_id) == ("served", "i", "rid")
    assert (done.finish_reason, done.usage) == ("stop", Usage(1, 2, 3))
