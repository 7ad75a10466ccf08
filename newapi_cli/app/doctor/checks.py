"""The list of all checks, in the order in which they depend on one another.

    configuration   configuration, files, base URL    no network
    network         proxy, DNS, TCP, TLS              no request, no key
    server          server, clock                     requests without the key
    key             key, models                       requests with the key
    prices          prices, answer                    the answer costs money
    local           terminal, store                   no network

`runner` runs them, `checkup` holds what they share. Loads nearly every package of the program.
"""

from __future__ import annotations

from functools import partial

from newapi_cli.app.context import Context
from newapi_cli.app.doctor import configuration, key, local, network, prices, server
from newapi_cli.app.doctor.checkup import Checkup
from newapi_cli.app.doctor.runner import Check


def all_checks(context: Context, *, may_spend: bool) -> list[Check]:
    """Return the checks; `answer` asks before it spends money, unless it may.

    Scripts read the names in TSV and JSON.
    """
    checkup = Checkup(context, may_spend=may_spend)
    return [
        Check("configuration", partial(configuration.check_configuration, checkup)),
        Check("files", partial(configuration.check_files, checkup)),
        Check("base URL", partial(configuration.check_base_url, checkup)),
        Check("proxy", partial(network.check_proxy, checkup), ("base URL",)),
        Check("DNS", partial(network.check_dns, checkup), ("base URL", "proxy"), is_slow=True),
        Check("TCP", partial(network.check_tcp, checkup), ("DNS",), is_slow=True),
        Check("TLS", partial(network.check_tls, checkup), ("TCP",), is_slow=True),
        Check("server", partial(server.check_server, checkup), ("TLS",), is_slow=True),
        Check("clock", partial(server.check_clock, checkup), ("TLS",)),
        Check("key", partial(key.check_key, checkup), ("base URL",), is_slow=True),
        Check("models", partial(key.check_models, checkup), ("key",)),
        Check("prices", partial(prices.check_prices, checkup), ("server",), is_slow=True),
        Check("answer", partial(prices.check_answer, checkup), ("key", "models")),
        Check("terminal", partial(local.check_terminal, checkup)),
        Check("store", partial(local.check_store, checkup), is_slow=True),
    ]
