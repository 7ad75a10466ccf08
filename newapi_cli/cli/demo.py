"""`newapi demo`: the same chat against a gateway inside the program; no key, no network."""

from typing import Annotated

import typer

from newapi_cli.cli.chat import run_chat
from newapi_cli.cli.context import Context
from newapi_cli.cli.manner import Call
from newapi_cli.config.file import ConfigFile
from newapi_cli.render.target import Wish
from newapi_cli.streams import Streams

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
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="tell what is sent")] = False,
) -> None:  # fmt: skip
    """Try newapi without a key and without a network.

    [dim]newapi demo[/dim]
    [dim]newapi demo -m demo-reasoning "What is a gateway?"[/dim]
    [dim]newapi demo --serve --port 8000[/dim]
    """
    streams: Streams = ctx.obj
    opener = Context(streams, {})
    with opener.demo_gateway(port) as gateway:
        if serve:
            streams.stdout.write(f"{gateway.base_url}\n")
            streams.tell(
                f"serving the demo at {gateway.base_url}/v1 with any key; Ctrl-C ends it\n"
                f"  try: NEWAPI_BASE_URL={gateway.base_url} NEWAPI_API_KEY=demo"
                " newapi chat -m demo Hello"
            )
            gateway.serve_forever()
            return
        context = _demo_context(streams, gateway.base_url, verbose=verbose)
        context.override(model=model, stream=stream, save=False)
        wish = Wish(raw=raw, extract=extract, json=json, stream=stream)
        words = tuple(prompt or (() if interactive else (TOUR,)))
        run_chat(context, Call(words=words, interactive=interactive, wish=wish))


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
    return context


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("demo")(demo)
