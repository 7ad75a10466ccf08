"""`newapi demo`: the same chat against a gateway inside the program; no key, no network."""

from typing import TYPE_CHECKING, Annotated

import typer

from newapi_cli.cli.chat import run_chat
from newapi_cli.cli.context import Context
from newapi_cli.cli.manner import Call
from newapi_cli.config.file import ConfigFile
from newapi_cli.demo.site import Age, Currency, PricingAccess, Site
from newapi_cli.errors import UsageProblem
from newapi_cli.render.target import Wish
from newapi_cli.streams import Streams

if TYPE_CHECKING:
    from newapi_cli.demo.server import DemoGateway

TOUR = "Show me the tour"


def demo(
    ctx: typer.Context,
    prompt: Annotated[
        list[str] | None,
        typer.Argument(help="the question; without one: a tour", show_default=False),
    ] = None,
    model: Annotated[
        str,
        typer.Option("--model", "-m", metavar="NAME",
                     help="one of the demo's models; demo-echo, demo-reasoning, demo-cut, …"),
    ] = "demo",
    interactive: Annotated[
        bool, typer.Option("--interactive", "-i", help="answer, then stay for a conversation")
    ] = False,
    raw: Annotated[bool, typer.Option("--raw", "-r", help="the text as it comes")] = False,
    extract: Annotated[bool, typer.Option("--extract", "-x", help="only the code blocks")] = False,
    json: Annotated[bool, typer.Option("--json", help="one JSON object")] = False,
    stream: Annotated[
        bool | None, typer.Option("--stream/--no-stream", help="in pieces or whole")
    ] = None,
    serve: Annotated[
        bool, typer.Option("--serve", help="only serve, until Ctrl-C, for other programs")
    ] = False,
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="the port to serve on; 0: a free one")
    ] = 0,
    age: Annotated[
        Age, typer.Option("--age", help="the server of August 2026 or of April 2025")
    ] = "2026-08",
    pricing: Annotated[
        PricingAccess, typer.Option("--pricing", help="who may read the prices")
    ] = "public",
    currency: Annotated[
        Currency,
        typer.Option("--currency", metavar="UNIT",
                     help="what balances are shown in: USD, CNY, TOKENS or CUSTOM"),
    ] = "USD",
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="tell what is sent")] = False,
) -> None:  # fmt: skip
    """Try newapi without a key and without a network.

    [dim]newapi demo[/dim]
    [dim]newapi demo -m demo-reasoning "What is a gateway?"[/dim]
    [dim]newapi demo --serve --port 8000[/dim]
    """
    streams: Streams = ctx.obj
    if serve and prompt:
        raise UsageProblem("--serve asks nothing itself", hint="newapi demo --serve")
    site = Site(age=age, pricing=pricing, currency=currency)
    with Context(streams, {}).demo_gateway(port, site) as gateway:
        if serve:
            _serve(streams, gateway)
            return
        wish = Wish(raw=raw, extract=extract, json=json, stream=stream)
        words = tuple(prompt or (() if interactive else (TOUR,)))
        with _demo_context(streams, gateway.base_url, verbose=verbose) as context:
            context.override(model=model, stream=stream, save=False)
            run_chat(context, Call(words=words, interactive=interactive, wish=wish))


def _serve(streams: Streams, gateway: "DemoGateway") -> None:
    """Tell others where the gateway is, and serve until Ctrl-C."""
    streams.stdout.write(f"{gateway.base_url}\n")
    streams.tell(
        f"serving the demo at {gateway.base_url}/v1 with any key; Ctrl-C ends it\n"
        f"  try: NEWAPI_BASE_URL={gateway.base_url} NEWAPI_API_KEY=demo"
        " newapi chat -m demo Hello"
    )
    gateway.serve_forever()


def _demo_context(streams: Streams, base_url: str, *, verbose: bool) -> Context:
    """Give a context that knows the demo gateway only: no file, no key of the person's."""
    environ = {
        name: value
        for name, value in streams.environ.items()
        if not name.startswith(("NEWAPI_", "OPENAI_")) or name == "NEWAPI_HOME"
    }
    environ |= {"NEWAPI_BASE_URL": base_url, "NEWAPI_API_KEY": "demo"}
    context = Context(streams.with_environ(environ), {"verbose": verbose})
    context.config_file = ConfigFile(context.paths.config_file)
    context.keeps_cache = False
    return context


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("demo")(demo)
