"""Errors of a gateway with better hints. What finds them is loaded only when there is an error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from newapi_cli.app.context import Context
from newapi_cli.app.gateway.gateway import Gateway
from newapi_cli.errors import NewapiError

FIRST_SERVER_ERROR = 500


@contextmanager
def explained_errors(context: Context, gateway: Gateway, model: str = "") -> Iterator[None]:
    """Improve the hints of errors raised in the block; `model` is the requested one, if any.

    Goes around the block that catches signals, as the key's record is fetched in a block of its
    own.
    """
    try:
        yield
    except NewapiError as error:
        from newapi_cli.app.error_hints import explain_error

        explained = explain_error(context, gateway, error, model)
        if model and explained.status >= FIRST_SERVER_ERROR:
            from newapi_cli.app.outage_hints import explain_outage

            explained = explain_outage(context, gateway.health, gateway.models, explained, model)
        if explained is error:
            raise
        raise explained from error
