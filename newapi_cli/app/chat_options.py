"""What one run of `chat` is to do, and how its answers are shown."""

from __future__ import annotations

from typing import NamedTuple

from newapi_cli.app.context import Context
from newapi_cli.render.output_options import Target, Wish, choose_target


class Call(NamedTuple):
    """What the command line asks for, beside settings. `session` is the name after -S."""

    words: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    edit: bool = False
    interactive: bool = False
    quiet: bool = False
    curl: bool = False
    wish: Wish = Wish()
    continue_last: bool = False
    session: str = ""

    @property
    def holds_a_prompt(self) -> bool:
        """Say whether the command line says what to ask, or where it is written."""
        return bool(self.words or self.files or self.edit)


class Manner(NamedTuple):
    """How answers are shown, decided from flags, settings and streams."""

    target: Target
    reasoning: bool
    usage: bool
    quiet: bool


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
