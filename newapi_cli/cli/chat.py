"""`newapi chat`: one answer, or a conversation where nothing was asked on a terminal."""

from typing import Annotated, Any, NamedTuple

import typer

from newapi_cli.api.codec import CHAT_COMPLETIONS, encode_chat
from newapi_cli.cli.answering import Answering, Manner
from newapi_cli.cli.context import Context
from newapi_cli.cli.curl import curl_command
from newapi_cli.cli.inputs import gather_prompt, option_fields, system_text
from newapi_cli.cli.options import command, model_names, setting
from newapi_cli.domain.conversation import Conversation
from newapi_cli.errors import UsageProblem
from newapi_cli.render.target import Target, Wish, choose_target
from newapi_cli.streams import Streams

PROMPT, MODEL, OUTPUT = "Prompt", "Model", "Output"


def option(*declarations: str, panel: str, help: str, metavar: str | None = None) -> Any:
    """Give an option that is no setting."""
    return typer.Option(
        *declarations, rich_help_panel=panel, help=help, metavar=metavar, show_default=False
    )


@command
def chat(
    context: Context,
    prompt: Annotated[
        list[str] | None,
        typer.Argument(help="the question; without one, on a terminal: a conversation",
                       show_default=False, metavar="[PROMPT]..."),
    ] = None,
    system: Annotated[
        str | None, setting("system", "--system", "-s", panel=PROMPT, metavar="TEXT|@FILE")
    ] = None,
    file: Annotated[
        list[str] | None,
        option("--file", "-f", panel=PROMPT, metavar="PATH|-",
               help="a text file for the prompt, or - for standard input; may be repeated"),
    ] = None,
    edit: Annotated[
        bool, option("--edit", "-e", panel=PROMPT, help="write the prompt in $VISUAL or $EDITOR")
    ] = False,
    interactive: Annotated[
        bool,
        option("--interactive", "-i", panel=PROMPT, help="answer, then stay for a conversation"),
    ] = False,
    model: Annotated[
        str | None,
        setting("model", "--model", "-m", panel=MODEL, metavar="NAME", values=model_names),
    ] = None,
    temperature: Annotated[
        float | None, setting("temperature", "--temperature", "-t", panel=MODEL)
    ] = None,
    top_p: Annotated[float | None, setting("top_p", panel=MODEL)] = None,
    max_tokens: Annotated[int | None, setting("max_tokens", panel=MODEL)] = None,
    frequency_penalty: Annotated[float | None, setting("frequency_penalty", panel=MODEL)] = None,
    presence_penalty: Annotated[float | None, setting("presence_penalty", panel=MODEL)] = None,
    stop: Annotated[list[str] | None, setting("stop", panel=MODEL, metavar="TEXT")] = None,
    seed: Annotated[int | None, setting("seed", panel=MODEL, metavar="N")] = None,
    effort: Annotated[str | None, setting("effort", panel=MODEL, metavar="LEVEL")] = None,
    options: Annotated[
        list[str] | None,
        option("--option", "-o", panel=MODEL, metavar="NAME=JSON",
               help="any other field of the request body; may be repeated"),
    ] = None,
    raw: Annotated[
        bool, option("--raw", "-r", panel=OUTPUT, help="the text as it comes, no markdown")
    ] = False,
    extract: Annotated[
        bool, option("--extract", "-x", "--code", panel=OUTPUT, help="only the code blocks")
    ] = False,
    json: Annotated[
        bool,
        option("--json", panel=OUTPUT, help="one JSON object; with --stream a line for each delta"),
    ] = False,
    stream: Annotated[
        bool | None,
        option("--stream/--no-stream", panel=OUTPUT, help="ask for the answer in pieces (default)"),
    ] = None,
    reasoning: Annotated[
        str | None, setting("reasoning", panel=OUTPUT, metavar="show|hide")
    ] = None,
    usage: Annotated[
        bool | None,
        option("--usage/--no-usage", "-u", panel=OUTPUT,
               help="tell tokens and time after the answer (default on a terminal)"),
    ] = None,
    quiet: Annotated[
        bool, option("--quiet", "-q", panel=OUTPUT, help="nothing but the answer, and errors")
    ] = False,
    curl: Annotated[
        bool,
        option("--curl", panel=OUTPUT, help="print the request as a curl command, send nothing"),
    ] = False,
) -> None:  # fmt: skip
    """Ask a model: one answer, or a conversation.

    [dim]newapi chat "Why is the sky blue?"[/dim]
    [dim]git diff | newapi chat "review this"[/dim]
    [dim]newapi chat -x "a script that counts lines" > count.sh[/dim]
    """
    context.override(
        system=system, model=model, temperature=temperature, top_p=top_p, max_tokens=max_tokens,
        frequency_penalty=frequency_penalty, presence_penalty=presence_penalty, stop=stop or None,
        seed=seed, effort=effort, options=option_fields(options or []) or None, stream=stream,
        reasoning=reasoning, usage=False if quiet else usage,
    )  # fmt: skip
    wish = Wish(raw=raw, extract=extract, json=json, stream=stream)
    call = Call(tuple(prompt or ()), tuple(file or ()), edit, interactive, quiet, curl, wish)
    run_chat(context, call)


class Call(NamedTuple):
    """What one run of `chat` is to do, beside its settings."""

    words: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    edit: bool = False
    interactive: bool = False
    quiet: bool = False
    curl: bool = False
    wish: Wish = Wish()

    @property
    def holds_a_prompt(self) -> bool:
        """Say whether the command line says what to ask, or where it is written."""
        return bool(self.words or self.files or self.edit)


def run_chat(context: Context, call: Call) -> None:
    """Answer once, converse, or print the request."""
    converses = not call.holds_a_prompt and context.streams.are_interactive
    if (call.interactive or converses) and (call.wish.json or call.wish.extract or call.curl):
        raise UsageProblem("a conversation has no --json, --extract or --curl")
    prompt = "" if converses else gather_prompt(context, call.words, call.files, edit=call.edit)
    conversation = Conversation(system_text(context.settings.text("system")) or "")
    answering = Answering(context, manner(context, call))
    if call.interactive or converses:
        context.ask_allowed("the next question")
        context.converse(answering, conversation, prompt)
        return
    request = answering.request(conversation.asking(prompt), context.model)
    if call.curl:
        command_line = curl_command(context.base_url, CHAT_COMPLETIONS, encode_chat(request))
        context.streams.stdout.write(f"{command_line}\n")
        return
    with answering.turn(request) as turn:
        answering.show(turn)


def manner(context: Context, call: Call) -> Manner:
    """Decide how answers are shown in this run."""
    wish = call.wish
    streams, settings = context.streams, context.settings
    target = choose_target(
        Wish(wish.raw, wish.extract, wish.json, wish.stream, settings.flag("markdown")),
        is_terminal=streams.stdout.is_terminal,
        is_dumb=streams.terminal_is_dumb or streams.stdout.is_tiny,
    )
    for_people = target in (Target.MARKDOWN, Target.PLAIN) and streams.stderr.is_terminal
    asked_for_reasoning = "reasoning" in context.overrides or streams.stderr.is_terminal
    usage = settings.values.get("usage")
    return Manner(
        target=target,
        reasoning=settings.text("reasoning") == "show" and asked_for_reasoning and not call.quiet,
        usage=usage if isinstance(usage, bool) else for_people,
        quiet=call.quiet,
    )


def run_alone(streams: Streams) -> None:
    """Converse: `newapi` without a command, on a terminal."""
    run_chat(Context(streams, {}), Call())


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("chat")(chat)
