"""The cost of one answer. Prices that are due are fetched while the answer streams.

Light, as it is made before the request leaves: the gateway's prices are imported when the answer
has begun (16 ms).
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from newapi_cli.app.context import Context
from newapi_cli.app.gateway.gateway import Gateway
from newapi_cli.domain.completion import Usage
from newapi_cli.errors import NewapiError
from newapi_cli.signals import Interrupts

if TYPE_CHECKING:
    from newapi_cli.domain.money import Cost


class Pricer:
    """Calculates what answers of the current gateway cost. Implements `app.protocols.Pricer`."""

    def __init__(self, context: Context, gateway: Gateway) -> None:
        self._context = context
        self._gateway = gateway
        self._thread: threading.Thread | None = None

    def begin(self) -> None:
        """Fetch the prices on a thread if they are due."""
        prices = self._gateway.prices
        if self._thread is not None or not prices.may_fetch_unasked:
            return
        prices.mark_as_new_api()
        if not prices.are_due:
            return
        if not prices.mark_requested():
            return  # else each answer would request them
        try:
            # Signals belong to the answer; prices that do not arrive are due again in an hour.
            client = self._context.client(
                self._context.endpoint(), retries=0, interrupts=Interrupts(())
            )
        except NewapiError:
            return
        self._thread = threading.Thread(
            target=prices.fetch, args=(client,), name="newapi prices", daemon=True
        )
        self._thread.start()

    def is_busy(self, wait_s: float) -> bool:
        """Wait for the prices; return whether they are still being fetched."""
        if self._thread is None or self._context.interrupts.code is not None:
            return False  # after Ctrl-C the user does not want to wait
        self._thread.join(wait_s)
        return self._thread.is_alive()

    def cost(self, model: str, usage: Usage | None) -> Cost | None:
        """Return what an answer cost, None if the server publishes no prices."""
        prices = self._gateway.prices.cached(model)
        if prices is None:
            return None
        return prices.cost(model, usage, self._gateway.key_record.group)
