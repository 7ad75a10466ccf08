"""What the tests of spending share: figures of turns, stores of them, the program over both."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterable
from typing import Any, NamedTuple

from newapi_cli.app.spending import TurnFigures
from newapi_cli.domain.completion import Status, Usage
from newapi_cli.domain.session import Session, TurnRecord
from newapi_cli.store.sessions import SessionStore
from tests.sessions.helpers import sessions_file
from tests.store.stores import Clock, new_session
from tests.support.home import Home
from tests.support.process import Environment, Result, newapi_command, run_newapi
from tests.support.terminal import Terminal

DAY_S = 86_400.0
NOON = 1_795_176_000.0  # 2026-11-20 12:00 UTC
HOST = "http://a/v1"  # of the figures
NUMBERS = itertools.count(1)


def spent(**given: object) -> TurnFigures:
    """Return a complete turn that is not a copy, with the given fields."""
    number = next(NUMBERS)
    base = TurnFigures(
        number,
        "0123456789ab",
        HOST,
        "complete",
        "m",
        0,
        0,
        None,
        "",
        f"r-{number}",
        None,
        1.0,
        NOON,
    )
    return base._replace(**given)  # type: ignore[arg-type]  # names of fields


class Said(NamedTuple):
    """A turn for a store; `days_ago` counts from now."""

    model: str = "gpt"
    days_ago: float = 1.0
    tokens: tuple[int, int] | None = (100, 10)
    cost: str | None = None
    kind: str = ""
    status: Status = Status.COMPLETE
    first_token_s: float | None = 0.5
    request_id: str = ""


def fill(home: Home, *said: Said, session: Session | None = None) -> Session:
    """Store turns as one session of the profile `test`, and return it."""
    session = session or new_session("a title")
    path = sessions_file(home)
    path.parent.mkdir(0o700, parents=True, exist_ok=True)
    clock = Clock()
    with SessionStore(path, clock) as store:
        for each in said:
            clock.now = time.time() - each.days_ago * DAY_S
            turn = TurnRecord("q", model=each.model, profile=session.profile, host=session.host)
            session, turn = store.begin_turn(session, turn, at_leaf=True)
            turn = turn._replace(
                answer="a",
                status=each.status,
                usage=None if each.tokens is None else Usage(*each.tokens),
                cost=each.cost,
                cost_kind=each.kind,
                first_token_s=each.first_token_s,
                request_id=each.request_id,
                duration_s=next(NUMBERS) / 8,
            )
            store.end_turn(turn)
    return session


def usage(home: Home, *args: str, code: int = 0, env: Environment | None = None) -> Result:
    """Run `newapi usage` in a pipe."""
    result = run_newapi("usage", *args, home=home, env=env)
    assert result.code == code, result
    return result


def tsv(result: Result) -> list[list[str]]:
    """Return the fields of each row."""
    return [line.split("\t") for line in result.text.splitlines()]


def as_json(home: Home, *args: str) -> Any:
    """Return the report of `--json`."""
    return json.loads(usage(home, "--json", *args).text)


def names(rows: Iterable[list[str]]) -> list[str]:
    """Return the first field of each row."""
    return [row[0] for row in rows]


def screen(
    home: Home, *args: str, columns: int = 80, rows: int = 24, env: Environment | None = None
) -> list[str]:
    """Return the rows of the screen after `newapi usage` on a terminal."""
    command = newapi_command("usage", *args)
    with Terminal(command, home=home, columns=columns, rows=rows, env=env) as terminal:
        assert terminal.wait_exit() == 0
        return terminal.all_text().split("\n")
