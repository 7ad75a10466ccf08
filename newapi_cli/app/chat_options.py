"""The options of one run of `chat`, and how its answers are displayed."""

from __future__ import annotations

from typing import NamedTuple

from newapi_cli.app.context import Context
from newapi_cli.render.output_options import OutputOptions, Target, choose_target


class ChatOptions(NamedTuple):
    """The options of `newapi chat` that are not settings. `session` is the name after -S."""

    words: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    edit: bool = False
    interactive: bool = False
    quiet: bool = False
    curl: bool = False
    output: OutputOptions = OutputOptions()
    continue_last: bool = False
    session: str = ""

    @property
    def has_prompt(self) -> bool:
        """Whether the command line contains a prompt, or says where to find it."""
        return bool(self.words or self.files or self.edit)


class AnswerDisplay(NamedTuple):
    """How answers are displayed, from options, settings and streams."""

    target: Target
    reasoning: bool
    usage: bool
    quiet: bool


def answer_display(context: Context, options: ChatOptions) -> AnswerDisplay:
    """Return how answers are displayed in this run."""
    streams, settings = context.streams, context.settings
    target = choose_target(
        options.output._replace(markdown=settings.flag("markdown")),
        is_terminal=streams.stdout.is_terminal,
        is_dumb=streams.terminal_is_dumb or streams.stdout.is_tiny,
    )
    is_for_people = target in (Target.MARKDOWN, Target.PLAIN) and streams.stderr.is_terminal
    has_reasoning_reader = "reasoning" in context.overrides or streams.stderr.is_terminal
    usage = settings.values.get("usage")
    return AnswerDisplay(
        target=target,
        reasoning=settings.text("reasoning") == "show"
        and has_reasoning_reader
        and not options.quiet,
        usage=usage if isinstance(usage, bool) else is_for_people,
        quiet=options.quiet,
    )
