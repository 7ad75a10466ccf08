"""More help for an error than its own words give: near names of models, the record of a key.

Light, as it is loaded before the request leaves; the gateway's room is opened when an error wants
it. Only what the gateway's family said leads to a request, and that to one a key and day: nothing
may be asked of a plain server that it was not asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from newapi_cli.api.errors.rules import is_of_the_model, leaves_the_key_open, row_named
from newapi_cli.errors import Interrupted, NewapiError
from newapi_cli.text import near_names

if TYPE_CHECKING:
    from newapi_cli.app.context import Context
    from newapi_cli.domain.billing import KeyUsage

MAX_NAME = 128
MAX_NAMES = 5000  # 0.1 s to look through
MOST_NEAR = 3
FIRST_WORD = r"[A-Za-z]{2,20}"
LISTED_HINT = (
    "the gateway listed this model before, so its channels may be down:"
    " ask again in a while, or try another model: -m NAME"
)
GOOD_HINT = (
    "by the gateway's record the key is good, neither expired nor used up: ask again; if it stays"
    " so, a gateway behind this one refuses, and who runs it can mend that"
)
SUFFIX_HINT = (
    "no gateway's key has a `-` after `sk-`, what follows counts as a channel's number, and keys of"
    " other providers (sk-proj-…) are none of a gateway's: `newapi login` stores another"
)


@contextmanager
def explain_errors(context: Context, model: str = "") -> Iterator[None]:
    """Give errors of the block more help; `model` is the one asked for, if one was.

    Stands around the block in which signals are caught, as the key's record is asked for in such
    a block of its own.
    """
    try:
        yield
    except NewapiError as error:
        told = explain_error(context, error, model)
        if told is error:
            raise
        raise told from error


def explain_error(context: Context, error: NewapiError, model: str = "") -> NewapiError:
    """Give an error back with more help, or as it is: never raises.

    A signal that comes while the gateway is asked gives `Interrupted`, as it would have otherwise.
    """
    try:
        if model and is_of_the_model(error):
            _help_with_name(context, error, model)
        elif leaves_the_key_open(error):
            error = _of_the_key(context, error)
        _name_the_source(context, error)
    except Interrupted as interrupted:  # a second press of Ctrl-C
        return interrupted
    except Exception:  # noqa: BLE001  # help that fails is no reason to lose the error
        return error
    return error


def _help_with_name(context: Context, error: NewapiError, model: str) -> None:
    """Name models that are called nearly so, as far as they are known without asking."""
    known, asked = context.gateway.known_names(), _failed_model(context, error, model)
    if asked in known:
        error.hint = LISTED_HINT if error.status != 403 else error.hint
        return
    redact = context.streams.redact
    near = near_names(asked, (name for name in known if redact(name) == name))
    if near:
        word = re.search(FIRST_WORD, near[0].rpartition("/")[2])
        listing = f"newapi models {word.group()}" if word else "newapi models"
        error.hint = f"did you mean {' or '.join(near)}? `{listing}` lists what there is"


def _failed_model(context: Context, error: NewapiError, model: str) -> str:
    """Give the name that was refused: of several models asked in turn the gateway names it."""
    asked = [model, *context.models_to_ask[1:]]
    named = [name for name in asked if name in error.why]
    return max(named, key=len) if named else asked[-1]


def _name_the_source(context: Context, error: NewapiError) -> None:
    """Say where the key to be checked came from: a forgotten variable rules over the profile."""
    key = context.settings.key
    if key is not None:
        error.hint = error.hint.replace(
            "check the key with", f"check the key from {key.origin} with", 1
        )


def _of_the_key(context: Context, error: NewapiError) -> NewapiError:
    """Say of a refused key what its record says, where the gateway tells."""
    if "-" in context.api_key.reveal().removeprefix("sk-"):
        error.hint = SUFFIX_HINT
        return error
    record = context.gateway.record.after_refusal()
    if context.interrupts.code is not None:
        return Interrupted(context.interrupts.code)
    return error if record is None else _by_record(error, record, datetime.now(UTC))


def _by_record(error: NewapiError, record: KeyUsage, now: datetime) -> NewapiError:
    state = record.state(now).value
    if state == "expired" and record.expires_at is not None:
        row = row_named("KEY_EXPIRED")._replace(
            message=f"the key expired on {record.expires_at.astimezone():%Y-%m-%d}"
        )
    elif state == "exhausted":
        row = row_named("KEY_EXHAUSTED")
    else:
        error.hint = GOOD_HINT
        return error
    told = row.made(error.status, error.why, error.request_id)
    told.status = error.status
    return told
