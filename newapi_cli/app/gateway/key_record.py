"""What a gateway keeps of a key: its record and its log, by the endpoints of the tight limiter.

They allow 20 calls in 20 minutes to all behind one address (contract, section 5.4): newapi makes 10
at most, and asks for the same thing once in five minutes.
"""

from __future__ import annotations

from collections.abc import Generator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from newapi_cli.api.errors.rules import not_understood
from newapi_cli.api.gateway.billing import fetch_key_log, fetch_key_usage
from newapi_cli.api.gateway.responses import key_usage_from_json, log_from_json
from newapi_cli.domain.billing import KeyUsage, LogEntry
from newapi_cli.domain.completion import TurnEvent
from newapi_cli.domain.profile import Timeouts
from newapi_cli.errors import (
    AuthenticationError,
    GatewayError,
    Interrupted,
    LimitError,
    NewapiError,
)

if TYPE_CHECKING:
    from newapi_cli.app.context import Context
    from newapi_cli.app.gateway.lookup import Lookup

RECORD_AGE_S, DAY_S, MONTH_S = 300.0, 86_400.0, 30 * 86_400.0
HASTY = Timeouts(3, 5, 5, 5, 5, 8)  # for what a person waits for beside an error
TIGHT_SPAN_S, TIGHT_CALLS = 1_200.0, 10


class KeyRecord:
    """The record of the present settings' key. Methods that ask raise `NewapiError`."""

    def __init__(self, context: Context, asking: Lookup) -> None:
        self._context = context
        self._asking = asking

    @property
    def group(self) -> str:
        """Give the group of the key by the settings, or as its log told it; else nothing."""
        kept = self._asking.key.get("group", MONTH_S)
        told = kept.value if kept is not None else ""
        return self._context.settings.text("group") or (told if isinstance(told, str) else "")

    def usage(self) -> KeyUsage:
        """Give the record of the key. By the tight limiter: at most once in five minutes."""
        value = self._tight("record", fetch_key_usage(self._asking.brief_client()))
        found = key_usage_from_json(value)
        if found is None:
            raise not_understood("it is no record of a key")
        return found

    def log(self, newer_than_s: float = RECORD_AGE_S) -> list[LogEntry]:
        """Give the key's charged calls, newest first; learns the key's group. Tight limiter.

        One that was told less than `newer_than_s` ago is good enough.
        """
        max_age_s = min(max(newer_than_s, 0.0), RECORD_AGE_S)
        found = self._log_by_header(max_age_s)
        is_old = self._asking.is_new_api and not self._asking.names_version
        if not found and is_old:
            client = self._asking.brief_client()
            asking = fetch_key_log(client, key_in_query=self._context.api_key)
            found = log_from_json(self._tight("log by query", asking, max_age_s)) or []
        group = next((entry.group for entry in found if entry.group), "")
        if group:
            self._asking.key.put("group", group)
        return found

    def _log_by_header(self, max_age_s: float) -> list[LogEntry]:
        client = self._asking.brief_client()
        try:
            value = self._tight("log", fetch_key_log(client), max_age_s)
        except (AuthenticationError, GatewayError):
            if self._asking.names_version or not self._asking.is_new_api:
                raise
            return []
        return log_from_json(value) or []

    def learn_group(self) -> None:
        """Let the key's log tell its group, at most once a day. Tight limiter.

        A log without calls tells nothing yet, and is asked again with the next occasion.
        """
        key = self._asking.key
        if self.group or not self._asking.is_new_api or key.get("group asked", DAY_S) is not None:
            return
        entries: list[LogEntry] | None
        try:
            entries = self.log()
        except Interrupted:
            raise
        except NewapiError:
            entries = None
        if entries != []:
            key.put("group asked", None)

    def after_refusal(self) -> KeyUsage | None:
        """Give the record of a key that was refused, asked for at most once a day."""
        if not self._asking.may_look_up:
            return None
        kept = self._asking.key.get("record after a refusal", DAY_S)
        if kept is not None:
            return key_usage_from_json(kept.value)
        if not self._asking.key.put("record after a refusal", None):
            return None  # it would be asked for each time
        try:
            client = self._asking.brief_client(timeouts=HASTY)
            value = self._tight("record", fetch_key_usage(client), max_age_s=0)
        except Interrupted:
            raise
        except NewapiError:
            return None
        self._asking.key.put("record after a refusal", value)
        return key_usage_from_json(value)

    def _tight(
        self,
        name: str,
        asking: Generator[TurnEvent, None, object],
        max_age_s: float = RECORD_AGE_S,
    ) -> object:
        """Ask an endpoint of the tight limiter, unless it told lately, or too often was asked."""
        kept = self._asking.key.get(name, max_age_s)
        if kept is not None:
            return kept.value
        now = datetime.now(UTC).timestamp()
        marks = self._asking.marks.get("tight calls", TIGHT_SPAN_S)
        told = marks.value if marks is not None and isinstance(marks.value, list) else []
        calls = [at for at in told if isinstance(at, int | float) and 0 <= now - at < TIGHT_SPAN_S]
        if len(calls) >= TIGHT_CALLS:
            minutes = (TIGHT_SPAN_S - (now - min(calls))) / 60
            raise LimitError(
                f"newapi has asked for keys {len(calls)} times in 20 minutes",
                why="the gateway allows 20 calls to all behind one address",
                hint=f"try again in {minutes:.0f} minutes",
            )
        if not self._asking.marks.put("tight calls", [*calls, now]):
            raise LimitError(
                "the calls to this gateway cannot be counted, and too many would be refused",
                why=f"{self._context.paths.cache_dir} cannot be written",
            )
        value = self._asking.ask(asking)
        self._asking.key.put(name, value)
        return value
