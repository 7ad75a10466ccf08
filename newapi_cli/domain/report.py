"""What a check-up and a spending report tell. Values only."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from newapi_cli.domain.money import Cost
from newapi_cli.errors import ExitCode


class Verdict(StrEnum):
    """How a check came out; the values stand in JSON."""

    OK = "ok"
    WARNING = "warning"  # works, but should be looked at
    FAILED = "failed"
    SKIPPED = "skipped"  # could not be tried, for a reason that is told


class CheckResult(NamedTuple):
    """The result of one check, displayed as one line that joins `parts`.

    `hint` is what to type next; `code` is the exit code if the check failed.
    """

    name: str
    verdict: Verdict
    parts: tuple[str, ...]
    hint: str = ""
    code: ExitCode = ExitCode.COMPLETE


class Spending(NamedTuple):
    """What the answers of one model, day or session took.

    `cost` is None where the gateway publishes no prices; `unpriced` counts the answers whose cost
    is not in it. `first_token_s` is the median, None where no answer had a first token.
    """

    name: str
    answers: int
    failures: int
    prompt_tokens: int
    completion_tokens: int
    cost: Cost | None
    unpriced: int
    first_token_s: float | None


class SpendingReport(NamedTuple):
    """Spending since a time (None: since ever), by one key, and in all."""

    by: str
    since: datetime | None
    rows: tuple[Spending, ...]
    total: Spending


class NotExact(StrEnum):
    """Why the cost of an answer is not exact."""

    OTHER_GATEWAY = "other_gateway"
    NO_REQUEST_ID = "no_request_id"
    EMPTY_LOG = "empty_log"
    LOG_WITHOUT_IDS = "log_without_ids"
    BEFORE_LOG = "before_log"
    AFTER_LOG = "after_log"
    NOT_IN_LOG = "not_in_log"


class Exactness(NamedTuple):
    """How many answers have an exact cost, and how many others have not, by reason."""

    exact: int
    answers: int
    others: tuple[tuple[NotExact, int], ...] = ()
