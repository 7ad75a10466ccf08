"""A turn from its prompt to the screen: the very same for one-shot use and for conversations."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

from newapi_cli.api.codec import request_fields
from newapi_cli.app.chat_options import Call, manner
from newapi_cli.app.context import Context
from newapi_cli.app.error_hints import explain_errors
from newapi_cli.app.fallback import FallbackClient
from newapi_cli.app.gateway.gateway import Gateway
from newapi_cli.app.gateway.pricer import Pricer
from newapi_cli.app.output import create_renderer
from newapi_cli.app.prompt_input import Prompt
from newapi_cli.app.sampling import sampling_of
from newapi_cli.app.sessions.live_session import LiveSession, describe_external_changes
from newapi_cli.app.turn import Turn
from newapi_cli.domain.completion import ChatRequest, CompletionBuilder, Status
from newapi_cli.domain.messages import Message
from newapi_cli.domain.session import TurnRecord
from newapi_cli.errors import NewapiError
from newapi_cli.render.render_loop import play
from newapi_cli.render.status_lines import StatusOptions

if TYPE_CHECKING:
    from newapi_cli.app.attachments import Attacher


class ChatRun:
    """Asks the settings' server and shows what it answers."""

    def __init__(self, context: Context, call: Call) -> None:
        self.call = call
        self.dropped: set[str] = set()  # hashes of attachments that are no longer sent
        self.gateway = Gateway(context)
        self._context = context

    @cached_property
    def attacher(self) -> Attacher:
        """What opens files and URLs for prompts, and reads attachments again for each turn."""
        from newapi_cli.app.attachments import Attacher  # 7 ms

        return Attacher(self._context)

    def request(self, messages: tuple[Message, ...], model: str) -> ChatRequest:
        """Give the request for messages, with the settings' parameters.

        Raises `UsageError` for an attachment that has changed or is gone.
        """
        messages = tuple(map(self._without_dropped, messages))
        return ChatRequest(
            model=model,
            messages=messages,
            sampling=sampling_of(self._context),
            stream=self._context.settings.flag("stream"),
            attached=self._attached(messages),
        )

    @contextmanager
    def turn(
        self,
        live: LiveSession,
        prompt: Prompt,
        model: str,
        after: tuple[TurnRecord, ...] | None = None,
    ) -> Iterator[Turn]:
        """Commit the prompt, let the request leave and give its turn.

        Signals end the turn while the block runs. `after` is a beginning of the path to go on from;
        else the newest turn is.
        """
        context = self._context
        client = context.client()
        settings = context.settings
        live.session = live.session._replace(profile=settings.profile, host=str(context.base_url))
        with explain_errors(context, self.gateway, model), context.interrupts:
            kept = live.begin(
                prompt.text,
                prompt.attachments,
                model=model,
                request=request_fields(sampling_of(context)),
                after=after,
            )
            self._tell_of_others(live)
            turn: Turn | None = None
            problem = "a bug of newapi"
            try:
                turn = Turn(
                    self.request(live.messages(), model),
                    FallbackClient(client, context.model_and_fallbacks[1:]),
                    kept,
                    Pricer(context, self.gateway),
                    require_finish_reason=settings.flag("require_finish_reason"),
                )
                yield turn
            except NewapiError as error:
                problem = error.summary
                raise
            finally:
                if turn is None:
                    kept.end(CompletionBuilder().completion(Status.ERROR), problem)
                else:
                    turn.close()
                live.warn_if_unsaved()

    def show(self, turn: Turn, live: LiveSession) -> None:
        """Play a turn to its end. The renderer is loaded here: the request has left by now."""
        how = manner(self._context, self.call)
        wish = StatusOptions(
            reasoning=how.reasoning,
            usage=how.usage,
            notices=not how.quiet,
            details=self._context.is_verbose,
            model=turn.request.model,
            session=live.session.id if live.is_saved else "",
        )
        renderer = create_renderer(self._context, how.target, wish)
        # What streams becomes garbage; the start's threshold keeps 3 MB of it. No earlier: the
        # first collection takes the 5 ms in which the request leaves.
        gc.set_threshold(5_000)
        play(turn, renderer)

    def _without_dropped(self, message: Message) -> Message:
        """Say in a message's text which of its attachments are no longer sent."""
        gone = [each for each in message.attachments if each.sha256 in self.dropped]
        if not gone:
            return message
        note = "\n".join(f"[{each.name} is no longer attached]" for each in gone)
        left = tuple(each for each in message.attachments if each not in gone)
        return message._replace(content=f"{message.content}\n\n{note}", attachments=left)

    def _attached(self, messages: tuple[Message, ...]) -> dict[str, bytes]:
        if not any(message.attachments for message in messages):
            return {}
        return dict(self.attacher.data_for(messages))

    def _tell_of_others(self, live: LiveSession) -> None:
        """Tell what other processes have done to the session since its last turn."""
        if not self.call.quiet:
            for text in describe_external_changes(live):
                self._context.streams.print_err(text)
