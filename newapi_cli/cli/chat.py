"""`newapi chat`: one answer, or a conversation where nothing was asked on a terminal."""

from contextlib import suppress

import typer

from newapi_cli.api.codec import CHAT_COMPLETIONS, encode_chat
from newapi_cli.app.chat import ChatRun
from newapi_cli.app.chat_options import Call
from newapi_cli.app.context import Context
from newapi_cli.app.curl import curl_command, tell_left_out
from newapi_cli.app.editor import leave_text
from newapi_cli.app.inputs import gather_prompt, option_fields
from newapi_cli.app.prompt_input import Prompt
from newapi_cli.app.sessions.live_session import LiveSession
from newapi_cli.app.sessions.resume import open_session, warn_about_killed_answers
from newapi_cli.cli.chat_options import (
    ContinueOption,
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
    NoSaveOption,
    OptionsOption,
    PresencePenaltyOption,
    PromptArgument,
    QuietOption,
    RawOption,
    ReasoningOption,
    SeedOption,
    SessionOption,
    StopOption,
    StreamOption,
    SystemOption,
    TemperatureOption,
    TopPOption,
    UsageOption,
)
from newapi_cli.cli.options import command
from newapi_cli.config.paths import create_for_folder_owner, ensure_private_dir
from newapi_cli.domain.session import MAX_TITLE
from newapi_cli.errors import ConfigError, Interrupted, NewapiError, UsageError
from newapi_cli.i18n import tr
from newapi_cli.render.output_options import Wish
from newapi_cli.render.status_lines import print_attachments, print_dim
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
    continue_last: ContinueOption = False,
    session: SessionOption = None,
    no_save: NoSaveOption = False,
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
        reasoning=reasoning, usage=False if quiet else usage, save=False if no_save else None,
    )  # fmt: skip
    wish = Wish(raw=raw, extract=extract, json=json, stream=stream)
    if continue_last and session is not None:
        raise UsageError("--continue and --session each name a session", hint="give one of them")
    call = Call(
        tuple(prompt or ()), tuple(file or ()), edit, interactive, quiet, curl, wish, continue_last,
        _checked_name(session),
    )  # fmt: skip
    run_chat(context, call)


def run_chat(context: Context, call: Call) -> None:
    """Answer once, start a conversation, or print the request."""
    is_new_conversation = not call.holds_a_prompt and context.streams.are_interactive
    converses = call.interactive or is_new_conversation
    _ensure_consistent(context, call, converses=converses)
    run = ChatRun(context, call)
    prompt, live = None, None
    if call.edit and not call.curl:
        context.client()  # raises if something is missing, before the user writes
    if not is_new_conversation:
        prompt = gather_prompt(context, run, call.words, call.files, edit=call.edit)
    try:
        if not (call.quiet or call.curl):
            warn_about_killed_answers(context)
        live = open_session(context, call)
        if converses:
            _converse(context, run, live, prompt)
        elif prompt is not None:
            answer_once(context, run, live, prompt)
    except NewapiError:
        if call.edit and prompt is not None and not _is_kept(prompt, live):
            leave_text(context, prompt.text)
        raise


def _ensure_consistent(context: Context, call: Call, *, converses: bool) -> None:
    """Raise `UsageError` for options that exclude each other."""
    if converses and (call.wish.json or call.wish.extract or call.curl):
        raise UsageError(tr("--json, --extract and --curl are not supported in a conversation"))
    if call.wish.json and call.wish.extract:
        raise UsageError(
            tr("--json and --extract exclude each other"), hint=tr("use only one of them")
        )
    if converses and not context.streams.are_interactive:
        raise UsageError(tr("a conversation needs a terminal"))


def _converse(context: Context, run: ChatRun, live: LiveSession, first: Prompt | None) -> None:
    """Run the conversation until the user leaves."""
    from newapi_cli.app.input_history import FILE
    from newapi_cli.cli.desk import Desk
    from newapi_cli.repl.conversation import Talk
    from newapi_cli.repl.loop import Loop
    from newapi_cli.repl.reader import open_reader

    past_file = None
    if context.settings.flag("save"):
        with suppress(ConfigError):  # the session has already reported that there is no folder
            ensure_private_dir(context.paths.data_dir)
            past_file = create_for_folder_owner(context.paths.data_dir / FILE)
    context.streams.keeps_typeahead = True
    desk = Desk(context, run)
    reader = open_reader(
        context.streams, past_file, desk.values, vi=context.settings.text("editing_mode") == "vi"
    )
    Loop(Talk(context.streams, reader, desk, live), reader).run(first)


def _is_kept(prompt: Prompt, live: LiveSession | None) -> bool:
    """Say whether the store has what was written."""
    last = live.last if live is not None and live.is_saved else None
    return last is not None and last.prompt == prompt.text


def answer_once(context: Context, run: ChatRun, live: LiveSession, prompt: Prompt) -> None:
    """Ask once, or print the request as a command."""
    model = live.session.model or context.model
    call = run.call
    if call.curl:
        messages = live.conversation.messages_for(prompt.text, prompt.attachments)
        request = run.request(messages, model)
        body = encode_chat(request, without_data=True)
        command_line = curl_command(context.base_url, CHAT_COMPLETIONS, body)
        context.streams.stdout.write(f"{command_line}\n")
        tell_left_out(context.streams, request)
        return
    if not call.quiet:
        _tell_what_is_sent(context, live, prompt)
    with run.turn(live, prompt, model) as turn:
        try:
            run.show(turn, live)
        except Interrupted as stopped:
            if turn.completion.content and live.is_saved:
                stopped.message = "stopped; what came is kept: `newapi chat -c` goes on"
            raise


def _tell_what_is_sent(context: Context, live: LiveSession, prompt: Prompt) -> None:
    """Tell which session goes on, and on a terminal what is attached."""
    if live.path:
        print_dim(context.streams, f"session: {live.session.title} ({live.session.short_id})")
    print_attachments(context.streams, prompt.attachments)


def _checked_name(session: str | None) -> str:
    """Give the name after -S. Raises `UsageError` for one that is no name."""
    if session is None:
        return ""
    name = " ".join(session.split())
    if not name.isascii() and any("\ud800" <= character <= "\udfff" for character in name):
        raise UsageError("the session name is not UTF-8 text", hint="-S NAME")
    if not name or len(name) > MAX_TITLE:
        raise UsageError(f"a session name has 1 to {MAX_TITLE} characters", hint="-S NAME")
    return name


def run_alone(streams: Streams) -> None:
    """Converse: `newapi` without a command, on a terminal."""
    with Context(streams, {}) as context:
        run_chat(context, Call())


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("chat")(chat)
