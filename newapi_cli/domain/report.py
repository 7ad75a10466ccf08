"""The results of `newapi doctor` and the spending report of `newapi usage`."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from newapi_cli.domain.money import Cost
from newapi_cli.errors import ExitCode


class Verdict(StrEnum):
    """The result of a check. The values are part of the JSON output."""

    OK = "ok"
    WARNING = "warning"  # works, but needs attention
    FAILED = "failed"
    SKIPPED = "skipped"  # not run; the text says why


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
    """Usage and cost of the answers of one model, day or session.

    `cost` is None if the gateway publishes no prices; `unpriced` counts the answers that it does
    not include. `first_token_s` is the median, None if no answer had a first token.
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
    """Spending since a time (None: always), grouped by one property, and in total."""

    by: str
    since: datetime | None
    rows: tuple[Spending, ...]
    total: Spending


class NotExact(StrEnum):
    """Why the cost of an answer is not exact."""

    OTHER_GATEWAY = "other_gateway"
    NO_REQUEST_ID = "no_request_id"
    EMPTY_LOG = "empty_log"
    AMBIGUOUS = "ambiguous"
    BEFORE_LOG = "before_log"
    AFTER_LOG = "after_log"
    NOT_IN_LOG = "not_in_log"


class Exactness(NamedTuple):
    """How many answers have an exact cost, and how many others have not, by reason."""

    exact: int
    answers: int
    others: tuple[tuple[NotExact, int], ...] = ()
