"""The prices for one answer: fetched while it streams, if that is due, else from the cache.

Light, as it is loaded before the request leaves: what fetches and calculates is loaded by the
gateway room when the answer has begun.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from newapi_cli.domain.completion import Usage
from newapi_cli.errors import NewapiError
from newapi_cli.signals import Interrupts

if TYPE_CHECKING:
    from newapi_cli.api.chat.client import Client
    from newapi_cli.app.context import Context
    from newapi_cli.domain.money import Cost


class Pricer:
    """Knows what the present gateway's answers cost. Keeps to `flows.ports.Pricer`."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._fetching: threading.Thread | None = None

    def begin(self) -> None:
        """Fetch the prices on a thread of its own, where that is due."""
        gateway = self._context.gateway
        if self._fetching is not None or not gateway.may_look_up:
            return
        gateway.note_family()
        if not gateway.prices_are_due:
            return
        if not gateway.begin_fetching():
            return  # they would be asked for after each answer
        try:
            # Signals are the answer's; prices that do not come are asked for again in an hour.
            client = self._context.client(with_key=False, retries=0, interrupts=Interrupts(()))
        except NewapiError:
            return
        self._fetching = threading.Thread(
            target=self._fetch, args=(client,), name="newapi prices", daemon=True
        )
        self._fetching.start()

    def is_busy(self, wait_s: float) -> bool:
        """Wait for the prices; say whether they are still being fetched."""
        if self._fetching is None or self._context.interrupts.code is not None:
            return False  # after Ctrl-C nobody wants to wait
        self._fetching.join(wait_s)
        return self._fetching.is_alive()

    def cost(self, model: str, usage: Usage | None) -> Cost | None:
        """Give what an answer cost, None where the server publishes no prices."""
        gateway = self._context.gateway
        prices = gateway.prices(model)
        return None if prices is None else prices.cost(model, usage, gateway.record.group)

    def _fetch(self, client: Client) -> None:
        self._context.gateway.fetch_site(client)
