"""`newapi demo`: chat with a gateway inside the program, without a key or a network."""

import os
from typing import TYPE_CHECKING, Annotated

import typer

from newapi_cli.app.chat import ChatOptions
from newapi_cli.app.context import Context
from newapi_cli.cli.chat import run_chat
from newapi_cli.cli.options import DEBUG_HELP, reporting_run
from newapi_cli.config.file import ConfigFile
from newapi_cli.errors import LocalError, UsageError
from newapi_cli.i18n import tr
from newapi_cli.render.renderer import OutputOptions
from newapi_cli.streams import Streams

if TYPE_CHECKING:
    from newapi_cli.demo.server import DemoGateway

TOUR_PROMPT = "Show me the tour"

Prompt = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[PROMPT]...",
        help="Prompt to send; if omitted, show a tour of newapi",
        show_default=False,
    ),
]
Model = Annotated[
    str,
    typer.Option(
        "--model",
        "-m",
        metavar="NAME",
        help="Demo model, such as demo-echo, demo-reasoning or demo-cut",
    ),
]
Verbose = Annotated[
    bool,
    typer.Option(
        "--verbose", "-v", help="Print requests, retries and request IDs on standard error"
    ),
]
Debug = Annotated[bool, typer.Option("--debug", help=DEBUG_HELP)]  # read by `cli.main`


def demo(
    ctx: typer.Context,
    prompt: Prompt = None,
    model: Model = "demo",
    interactive: Annotated[
        bool, typer.Option("--interactive", "-i", help="Start a conversation")
    ] = False,
    raw: Annotated[
        bool, typer.Option("--raw", "-r", help="Print the text without formatting")
    ] = False,
    extract: Annotated[
        bool, typer.Option("--extract", "-x", help="Print only the code blocks")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object")] = False,
    stream: Annotated[
        bool | None,
        typer.Option("--stream/--no-stream", help="Stream the answer, or receive it whole"),
    ] = None,
    serve: Annotated[
        bool, typer.Option("--serve", help="Serve other programs until Ctrl-C")
    ] = False,
    port: Annotated[
        int,
        typer.Option("--port", min=0, max=65535, help="Port to listen on; 0 selects a free one"),
    ] = 0,
    verbose: Verbose = False,
    _debug: Debug = False,
) -> None:
    """Try newapi without a key or a network.

    [dim]newapi demo[/dim]
    [dim]newapi demo -m demo-reasoning "What is a gateway?"[/dim]
    [dim]newapi demo --serve --port 8000[/dim]
    """
    streams: Streams = ctx.obj
    if serve and prompt:
        raise UsageError(tr("--serve does not accept a prompt"), hint="newapi demo --serve")
    with _demo_gateway(port) as gateway:
        if serve:
            _serve(streams, gateway)
            return
        output = OutputOptions(raw=raw, extract=extract, json=json, stream=stream)
        words = tuple(prompt or (() if interactive else (TOUR_PROMPT,)))
        demo_context = _demo_context(streams, gateway.base_url, verbose=verbose)
        with reporting_run(demo_context) as context:
            context.demo_models = _demo_models()
            context.override(model=model, stream=stream, save=False)
            run_chat(context, ChatOptions(words=words, interactive=interactive, output=output))


def _demo_gateway(port: int) -> "DemoGateway":
    """Return the demo gateway, listening on a local port."""
    from newapi_cli.demo.server import DemoGateway  # http.server takes 20 ms

    try:
        return DemoGateway(port=port)
    except OSError as error:
        raise LocalError(
            tr("cannot listen on port {port}", port=port),
            why=os.strerror(error.errno or 0),
            hint=tr("use --port 0 to select a free port"),
        ) from error


def _demo_models() -> tuple[str, ...]:
    from newapi_cli.demo.replies import DEMO_MODELS  # loaded with the gateway

    return tuple(DEMO_MODELS)


def _serve(streams: Streams, gateway: "DemoGateway") -> None:
    """Print the gateway's URL and serve until Ctrl-C."""
    streams.stdout.write(f"{gateway.base_url}\n")
    url = gateway.base_url
    streams.print_err(
        tr("serving the demo gateway at {url}/v1; any key works; press Ctrl-C to stop", url=url)
    )
    command = f"NEWAPI_BASE_URL={url} NEWAPI_API_KEY=demo newapi chat -m demo Hello"
    streams.print_err(tr("  try: {command}", command=command))
    gateway.serve_forever()


def _demo_context(streams: Streams, base_url: str, *, verbose: bool) -> Context:
    """Return a context for the demo gateway, without the user's config file and key."""
    environ = {
        name: value
        for name, value in streams.environ.items()
        if not name.startswith(("NEWAPI_", "OPENAI_")) or name == "NEWAPI_HOME"
    }
    environ |= {"NEWAPI_BASE_URL": base_url, "NEWAPI_API_KEY": "demo"}
    context = Context(streams.with_environ(environ), {"verbose": verbose})
    context.config_file = ConfigFile(context.paths.config_file)
    context.writes_cache = False
    return context


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("demo")(demo)
