"""`newapi balance`: the balance of the key."""

from collections.abc import Callable
from typing import Annotated

import typer

from newapi_cli.app.context import Context
from newapi_cli.app.gateway.gateway import Gateway
from newapi_cli.cli.options import CONNECTING, command
from newapi_cli.domain.money import Balance
from newapi_cli.render.prices import balance_fields, balance_json, balance_text, details_text
from newapi_cli.render.rows import output_form, write_output
from newapi_cli.render.sanitizer import safe_line


@command(CONNECTING)
def balance(
    context: Context,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object")] = False,
) -> None:
    """Print the balance of the key.

    [dim]newapi balance[/dim]
    [dim]newapi balance --json | jq -r .left[/dim]
    """
    key_balance = _redact_balance(Gateway(context).balance(), context.streams.redact)
    write_output(
        context.streams,
        output_form(context.streams, json=json),
        for_people=lambda: _write_lines(context, key_balance),
        for_machines=lambda: [balance_fields(key_balance)],
        as_json=lambda: balance_json(key_balance),
    )


def _write_lines(context: Context, balance: Balance) -> None:
    lines = [safe_line(text) for text in (balance_text(balance), details_text(balance))]
    context.streams.stdout.write("".join(f"{line}\n" for line in lines if line))


def _redact_balance(balance: Balance, redact: Callable[[str], str]) -> Balance:
    """Return a balance with keys redacted: some gateways repeat them."""
    return balance._replace(
        name=redact(balance.name),
        group=redact(balance.group),
        models=tuple(map(redact, balance.models)),
    )


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("balance")(balance)
