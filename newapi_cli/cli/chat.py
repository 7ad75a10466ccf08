"""`newapi chat`: one answer, or a conversation where nothing was asked on a terminal."""

from typing import NamedTuple

import typer

from newapi_cli.api.codec import CHAT_COMPLETIONS, encode_chat
from newapi_cli.cli.answering import Answering, Manner
from newapi_cli.cli.chat_options import (
    CurlOption,
    EditOption,
    EffortOption,
    ExtractOption,
    FileOption,
    FrequencyPenaltyOption,
    InteractiveOption,
    JsonOption,
    MaxTokensOption,
    ModelOption,
    OptionsOption,
    PresencePenaltyOption,
    PromptArgument,
    QuietOption,
    RawOption,
    ReasoningOption,
    SeedOption,
    StopOption,
    StreamOption,
    SystemOption,
    TemperatureOption,
    TopPOption,
    UsageOption,
)
from newapi_cli.cli.context import Context
from newapi_cli.cli.curl import curl_command
from newapi_cli.cli.inputs import gather_prompt, option_fields, system_text
from newapi_cli.cli.options import command
from newapi_cli.domain.conversation import Conversation
from newapi_cli.errors import UsageProblem
from newapi_cli.render.target import Target, Wish, choose_target
from newapi_cli.streams import Streams


@command
def chat(
    context: Context,
    prompt: PromptArgument = None,
    system: SystemOption = None,
    file: FileOption = None,
    edit: EditOption = False,
    interactive: InteractiveOption = False,
    model: ModelOption = None,
    temperature: TemperatureOption = None,
    top_p: TopPOption = None,
    max_tokens: MaxTokensOption = None,
    frequency_penalty: FrequencyPenaltyOption = None,
    presence_penalty: PresencePenaltyOption = None,
    stop: StopOption = None,
    seed: SeedOption = None,
    effort: EffortOption = None,
    options: OptionsOption = None,
    raw: RawOption = False,
    extract: ExtractOption = False,
    json: JsonOption = False,
    stream: StreamOption = None,
    reasoning: ReasoningOption = None,
    usage: UsageOption = None,
    quiet: QuietOption = False,
    curl: CurlOption = False,
) -> None:
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
