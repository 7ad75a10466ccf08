"""What `newapi doctor` checks: each room's part, in the order in which one needs the other.

    setup     configuration, files, base URL          nothing is asked
    road      proxy, DNS, TCP, TLS                    no request, no key
    server    server, clock                           requests without the key
    key       key, models                             requests with the key
    money     prices, answer                          the answer is paid for
    machine   terminal, store                         nothing is asked
    case      what they know of each other

Loaded by `cli.context` when it is asked for: it brings nearly every room along.
"""

from __future__ import annotations

from functools import partial

from newapi_cli.cli.checks import key, machine, money, road, server, setup
from newapi_cli.cli.checks.case import Case
from newapi_cli.cli.context import Context
from newapi_cli.flows.doctor import Check


def checks_of(context: Context, *, may_spend: bool) -> list[Check]:
    """Give all checks of a set-up. The names stand in JSON; `answer` asks the person."""
    case = Case(context, may_spend=may_spend)
    return [
        Check("configuration", partial(setup.configuration, case)),
        Check("files", partial(setup.files, case)),
        Check("base URL", partial(setup.address, case)),
        Check("proxy", partial(road.proxy, case), ("base URL",)),
        Check("DNS", partial(road.name, case), ("base URL", "proxy"), is_slow=True),
        Check("TCP", partial(road.connection, case), ("DNS",), is_slow=True),
        Check("TLS", partial(road.tls, case), ("TCP",), is_slow=True),
        Check("server", partial(server.server, case), ("TLS",), is_slow=True),
        Check("clock", partial(server.clock, case), ("TLS",)),
        Check("key", partial(key.key, case), ("base URL",), is_slow=True),
        Check("models", partial(key.models, case), ("key",)),
        Check("prices", partial(money.prices, case), ("server",), is_slow=True),
        Check("answer", partial(money.answer, case), ("key", "models")),
        Check("terminal", partial(machine.terminal, case)),
        Check("store", partial(machine.store, case), is_slow=True),
    ]
