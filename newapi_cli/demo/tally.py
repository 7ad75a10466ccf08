"""Counting one call while it is answered, and charging it once."""

from __future__ import annotations

import time

from newapi_cli.demo.account import Accounts, LogRow
from newapi_cli.demo.chat_call import ChatCall
from newapi_cli.demo.prices import GROUP_RATIOS, Counts, Price, price_of, quota_for, tier_name
from newapi_cli.demo.replies import Reply
from newapi_cli.demo.site import Site
from newapi_cli.demo.stream import counts_of


class Tally:
    """The bill of one call. `key` is as `keys.key_in` gives it.

    A client that leaves a stream pays for the prompt and for what it was sent; one that leaves
    any other call pays for all of it, and so did everybody in April 2025 (contract 2.6).
    """

    def __init__(self, key: str, call: ChatCall, reply: Reply, request_id: str) -> None:
        self._key = key
        self._call = call
        self._reply = reply
        self._request_id = request_id
        self._began_s = time.monotonic()
        self._first_sent_s: float | None = None
        self._sent_tokens = 0
        self._is_charged = False

    def add(self, tokens: int) -> None:
        """Count what is being sent; the first tokens end the wait."""
        if tokens and self._first_sent_s is None:
            self._first_sent_s = time.monotonic()
        self._sent_tokens += tokens

    def charge(self, accounts: Accounts, site: Site, *, is_whole: bool = True) -> None:
        """Write the call into the key's log and take its price; a second time does nothing."""
        if self._is_charged:
            return
        self._is_charged = True
        counts = counts_of(self._reply, self._call)
        if not is_whole and self._call.is_stream and not site.is_old:
            counts = self._sent_part(counts)
        group = accounts.statement(self._key).terms.group
        price = price_of(self._call.model, site)
        row = LogRow(
            number=accounts.next_number(),
            created_at=int(site.clock()),
            request_id=self._request_id,
            model=self._call.model,
            quota=quota_for(counts, price, group, site.quota_per_unit),
            prompt_tokens=counts.prompt,
            completion_tokens=counts.completion,
            use_time_s=int(time.monotonic() - self._began_s),
            is_stream=self._call.is_stream,
            group=group,
            other=self._other(counts, price, group, is_whole=is_whole, site=site),
        )
        accounts.charge(self._key, row)

    def _sent_part(self, counts: Counts) -> Counts:
        sent = min(self._sent_tokens, counts.completion)  # the last piece may be a short one
        reasoning = min(sent, counts.reasoning)
        return counts._replace(content=sent - reasoning, reasoning=reasoning)

    def _other(
        self, counts: Counts, price: Price, group: str, *, is_whole: bool, site: Site
    ) -> dict[str, object]:
        first_sent_s = self._first_sent_s or time.monotonic()
        other: dict[str, object] = {
            "model_ratio": price.model_ratio,
            "group_ratio": GROUP_RATIOS[group],
            "completion_ratio": price.completion_ratio,
            "cache_tokens": counts.cached,
            "cache_ratio": 1 if price.cache_ratio is None else price.cache_ratio,
            "model_price": -1 if price.model_price is None else price.model_price,
            "frt": int((first_sent_s - self._began_s) * 1000),
        }
        if site.is_old:
            return other
        other |= {"user_group_ratio": -1, "request_path": "/v1/chat/completions"}
        if price.is_tiered:
            other |= {"billing_mode": "tiered_expr", "matched_tier": tier_name(counts)}
        if self._call.is_stream:
            reason, status = ("done", "ok") if is_whole else ("client_gone", "error")
            other["stream_status"] = {"status": status, "end_reason": reason}
        return other
