"""`newapi chat`: one answer, or a conversation."""

import typer

from newapi_cli.app.chat import ChatOptions, ChatRun, require_model
from newapi_cli.app.context import Context
from newapi_cli.app.editor import save_unsent_text
from newapi_cli.app.prompt import Prompt
from newapi_cli.app.sessions.live_session import (
    LiveSession,
    new_live_session,
    warn_about_unfinished_answers,
)
from newapi_cli.app.sessions.resume import checked_session_name, resume_command, resume_session
from newapi_cli.cli import options as opt
from newapi_cli.cli.options import CONNECTING, command, fields_from_options, reporting_run
from newapi_cli.domain.completion import Status
from newapi_cli.errors import Interrupted, NewapiError, NextStep, UsageError, conflicting_options
from newapi_cli.i18n import reword, tr
from newapi_cli.render.renderer import OutputOptions
from newapi_cli.render.status_lines import print_attachments, print_dim
from newapi_cli.streams import Streams


@command(CONNECTING)
def chat(
    context: Context,
    prompt: opt.Prompt = None,
    system: opt.System = None,
    file: opt.File = None,
    edit: opt.Edit = False,
    interactive: opt.Interactive = False,
    model: opt.Model = None,
    temperature: opt.Temperature = None,
    top_p: opt.TopP = None,
    max_tokens: opt.MaxTokens = None,
    frequency_penalty: opt.FrequencyPenalty = None,
    presence_penalty: opt.PresencePenalty = None,
    stop: opt.Stop = None,
    seed: opt.Seed = None,
    effort: opt.Effort = None,
    fields: opt.Fields = None,
    raw: opt.Raw = False,
    extract: opt.Extract = False,
    json: opt.Json = False,
    stream: opt.Stream = None,
    reasoning: opt.Reasoning = None,
    usage: opt.Usage = None,
    quiet: opt.Quiet = False,
    curl: opt.Curl = False,
    continue_last: opt.ContinueLast = False,
    session: opt.Session = None,
    no_save: opt.NoSave = False,
) -> None:
    """Ask a model: one answer, or a conversation.

    [dim]newapi chat "Why is the sky blue?"[/dim]
    [dim]git diff | newapi chat "review this"[/dim]
    [dim]newapi chat -x "a script that counts lines" > count.sh[/dim]
    """
    context.override(
        system=system, model=model, temperature=temperature, top_p=top_p, max_tokens=max_tokens,
        frequency_penalty=frequency_penalty, presence_penalty=presence_penalty, stop=stop or None,
        seed=seed, effort=effort, options=fields_from_options(fields or []) or None, stream=stream,
        reasoning=reasoning, usage=False if quiet else usage, save=False if no_save else None,
    )  # fmt: skip
    output = OutputOptions(raw=raw, extract=extract, json=json, stream=stream)
    if continue_last and session is not None:
        raise conflicting_options("--continue", "--session")
    name = "" if session is None else checked_session_name(session, hint="-S NAME")
    chat_options = ChatOptions(
        words=tuple(prompt or ()), files=tuple(file or ()), edit=edit, interactive=interactive,
        quiet=quiet, curl=curl, output=output, continue_last=continue_last, session=name,
    )  # fmt: skip
    run_chat(context, chat_options)


def run_chat(context: Context, options: ChatOptions) -> None:
    """Answer once, start a conversation, or print the request."""
    is_new_conversation = not options.has_prompt and context.streams.are_interactive
    converses = options.interactive or is_new_conversation
    _ensure_consistent(context, options, converses=converses)
    chat_run = ChatRun(context, options)
    prompt, live = None, None
    if options.edit and not options.curl:
        context.client()  # raises if something is missing, before the user writes
    if not is_new_conversation:
        prompt = chat_run.read_prompt()
    try:
        if not (options.quiet or options.curl):
            warn_about_unfinished_answers(context)
        if options.continue_last or options.session:
            live = resume_session(context, options)
        else:
            live = new_live_session(context, is_saved=not options.curl)
        if converses:
            from newapi_cli.repl.loop import converse  # prompt_toolkit: 80 ms

            converse(chat_run, live, prompt)
        elif prompt is not None:
            answer_once(chat_run, live, prompt)
    except NewapiError:
        if options.edit and prompt is not None and not _is_stored(prompt, live):
            save_unsent_text(context, prompt.text)
        raise


def _ensure_consistent(context: Context, options: ChatOptions, *, converses: bool) -> None:
    """Raise `UsageError` for options that cannot be used together."""
    output = options.output
    if converses and (output.json or output.extract or options.curl):
        raise UsageError(tr("--json, --extract and --curl are not supported in a conversation"))
    if output.json and output.extract:
        raise conflicting_options("--json", "--extract")
    if converses and not context.streams.are_interactive:
        raise UsageError(tr("a conversation needs a terminal"))


def _is_stored(prompt: Prompt, live: LiveSession | None) -> bool:
    """Return whether the prompt is in the store."""
    last = live.last if live is not None and live.is_saved else None
    return last is not None and last.prompt == prompt.text


def answer_once(chat_run: ChatRun, live: LiveSession, prompt: Prompt) -> None:
    """Send one prompt, or print the request as a curl command."""
    context, options = chat_run.context, chat_run.options
    model = require_model(context, live.session.model)
    if options.curl:
        chat_run.print_as_curl(live, prompt, model)
        return
    if not options.quiet:
        _print_what_is_sent(context, live, prompt)
    with chat_run.turn(live, prompt, model) as turn:
        try:
            chat_run.show(turn, live)
        except Interrupted as interrupted:
            if turn.completion.content and live.is_saved:
                command = resume_command(context, live.session)
                if turn.completion.status is Status.COMPLETE:
                    message = tr("stopped; the answer is saved; resume: {command}", command=command)
                else:
                    message = tr(
                        "stopped; the partial answer is saved; resume: {command}", command=command
                    )
                raise Interrupted(interrupted.code, message) from interrupted
            raise
        except NewapiError as error:
            error.with_hint(_hint_to_resume(error, context, live))
            raise


def _hint_to_resume(error: NewapiError, context: Context, live: LiveSession) -> str:
    """Return the hint of an error, with the command that resumes the session if it is stored."""
    if not live.is_saved:
        return error.hint
    command = resume_command(context, live.session)
    steps: dict[object, str] = {
        NextStep.RESEND_OR_CONTINUE: tr(
            "send the prompt again, or continue with `{command}`", command=command
        )
    }
    if len(live.path) > 1:
        steps[NextStep.SHORTEN] = tr(
            "{shorten}, leave out earlier turns with `{command}`",
            shorten=NextStep.SHORTEN,
            command=command,
        )
    return reword(error.hint, steps)


def _print_what_is_sent(context: Context, live: LiveSession, prompt: Prompt) -> None:
    """Print which session is continued and, on a terminal, what is attached."""
    if live.path:
        session = live.session
        text = tr("session: {title} ({id})", title=session.title, id=session.short_id)
        print_dim(context.streams, text)
    if prompt.attachments:
        print_attachments(context.streams, prompt.attachments)


def run_alone(streams: Streams) -> None:
    """Start a conversation: `newapi` without a command, on a terminal."""
    with reporting_run(Context(streams, {})) as context:
        run_chat(context, ChatOptions())


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("chat")(chat)
