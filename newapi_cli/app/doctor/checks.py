"""What `newapi doctor` checks: each room's part, in the order in which one needs the other.

    configuration   configuration, files, base URL    no network
    network         proxy, DNS, TCP, TLS              no request, no key
    server          server, clock                     requests without the key
    key             key, models                       requests with the key
    prices          prices, answer                    the answer costs money
    local           terminal, store                   no network
    checkup         the state that the checks share

Loaded by `cli.context` when it is asked for: it brings nearly every room along.
"""

from __future__ import annotations

from functools import partial

from newapi_cli.app.context import Context
from newapi_cli.app.doctor import configuration, key, local, network, prices, server
from newapi_cli.app.doctor.checkup import Case
from newapi_cli.app.doctor.runner import Check


def checks_of(context: Context, *, may_spend: bool) -> list[Check]:
    """Give all checks of a set-up. The names stand in JSON; `answer` asks the person."""
    case = Case(context, may_spend=may_spend)
    return [
        Check("configuration", partial(configuration.configuration, case)),
        Check("files", partial(configuration.files, case)),
        Check("base URL", partial(configuration.address, case)),
        Check("proxy", partial(network.proxy, case), ("base URL",)),
        Check("DNS", partial(network.name, case), ("base URL", "proxy"), is_slow=True),
        Check("TCP", partial(network.connection, case), ("DNS",), is_slow=True),
        Check("TLS", partial(network.tls, case), ("TCP",), is_slow=True),
        Check("server", partial(server.server, case), ("TLS",), is_slow=True),
        Check("clock", partial(server.clock, case), ("TLS",)),
        Check("key", partial(key.key, case), ("base URL",), is_slow=True),
        Check("models", partial(key.models, case), ("key",)),
        Check("prices", partial(prices.prices, case), ("server",), is_slow=True),
        Check("answer", partial(prices.answer, case), ("key", "models")),
        Check("terminal", partial(local.terminal, case)),
        Check("store", partial(local.store, case), is_slow=True),
    ]
